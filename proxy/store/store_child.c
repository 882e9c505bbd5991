/* store_child.c - see store_child.h. */
#include "store_child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backoff.h"
#include "channel.h"
#include "channel_queue.h"
#include "clock.h"
#include "exit_history.h"
#include "log.h"
#include "process.h"
#include "proctitle.h"
#include "store_process.h"

enum {
	PAUSE_MIN_MS = 200,
	PAUSE_MAX_MS = 10000,
	LONG_ENOUGH_MS = 10000, /* it lived for so long: the next pause is short again */
	END_MS = 2000,
	MESSAGES_A_WAKE = 256
};

struct store_child {
	struct store_child_env env;
	pid_t owner; /* a forked child has a copy, whose process is not its to end */
	pid_t pid;   /* 0: none */
	uint64_t born;
	int channel; /* the master's end, or -1 */
	struct channel_queue *outbox;
	struct event *readable, *clock;
	struct backoff pause;
	unsigned deaths;
	bool ending;
	struct buf message;
	char space[CHANNEL_MAX + 1];
};

static void
arm(struct store_child *c, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(c->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the store process's clock", NULL);
}

static void
close_channel(struct store_child *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	c->readable = NULL;
	channel_queue_free(c->outbox);
	c->outbox = NULL;
	if (c->channel >= 0)
		(void)close(c->channel);
	c->channel = -1;
}

static void
shoot(const struct store_child *c)
{
	if (c->pid > 0 && kill(c->pid, SIGKILL) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot end the store process", "store_pid=%d", (int)c->pid);
}

/* ---- what it says ---- */

static bool
is_to_be_told(const struct store_msg *m)
{
	return m->kind >= STORE_MSG_ROW;
}

static void
take(struct store_child *c, struct span body)
{
	struct store_msg m;

	if (store_msg_get(body, &m) == 0 && is_to_be_told(&m))
		c->env.on_message(&m, c->env.ctx);
	else
		log_limited(LOG_WARN, "the store process said what nobody understands", "bytes=%zu",
			    body.n);
}

static void
listen_to(struct store_child *c)
{
	enum channel_tag tag;
	struct span body;

	for (int i = 0; i < MESSAGES_A_WAKE && !c->ending; i++)
		switch (channel_receive(c->channel, c->space, &tag, &body)) {
		case CHANNEL_MESSAGE:
			if (tag == CHANNEL_DATA)
				take(c, body);
			break;
		case CHANNEL_FAILED:
			log_errno(LOG_ERROR, "cannot read what the store process says", NULL);
			shoot(c);
			(void)event_del(c->readable);
			return;
		case CHANNEL_ENDED: (void)event_del(c->readable); return; /* SIGCHLD follows */
		case CHANNEL_EMPTY: return;
		}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_to(arg);
}

/* ---- its process ---- */

static int
open_channel(struct store_child *c, int *theirs)
{
	int fd[2];

	if (channel_pair(fd) < 0)
		return -1;
	c->channel = fd[0];
	c->readable = event_new(c->env.base, fd[0], EV_READ | EV_PERSIST, on_readable, c);
	c->outbox = channel_queue_new(c->env.base, fd[0], "store process");
	if (c->outbox != NULL && c->readable != NULL && event_add(c->readable, NULL) == 0) {
		*theirs = fd[1];
		return 0;
	}
	(void)close(fd[1]);
	close_channel(c);
	errno = ENOMEM;
	return -1;
}

/* A new set of events first: deleting from the one shared with the master would delete the
 * master's.  A base that is left would keep its hand on signals. */
static NORETURN void
be_process(struct store_child *c, int channel, pid_t master)
{
	const struct store_child_env e = c->env;

	if (event_reinit(e.base) < 0)
		_exit(1);
	close_channel(c);
	event_free(c->clock);
	e.after_fork(e.ctx);
	event_base_free(e.base);
	proctitle_set("store");
	exit(store_process_run(&(struct store_process_place){.channel = channel,
							     .master = master,
							     .conf = e.conf,
							     .isolation = e.isolation,
							     .cluster = e.cluster,
							     .id = e.id,
							     .boot = e.boot,
							     .address = e.address}));
}

/* 0, or -1 with errno and nothing left open. */
static int
fork_process(struct store_child *c)
{
	pid_t master = getpid();
	int theirs, saved;

	if (open_channel(c, &theirs) < 0)
		return -1;
	c->pid = process_fork_blocked();
	if (c->pid == 0)
		be_process(c, theirs, master);
	saved = errno;
	(void)close(theirs);
	if (c->pid > 0)
		return 0;
	c->pid = 0;
	close_channel(c);
	errno = saved;
	return -1;
}

static void
try_again(struct store_child *c)
{
	arm(c, backoff_next(&c->pause, backoff_random()));
}

void
store_child_begin(struct store_child *c)
{
	c->born = clock_ms();
	if (fork_process(c) < 0) {
		log_errno(LOG_ERROR, "cannot fork the store process", NULL);
		try_again(c);
		return;
	}
	log_event(LOG_VERBOSE, "store process forked", "store_pid=%d", (int)c->pid);
	c->env.on_started(c->env.ctx);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_child *c = arg;

	(void)fd;
	(void)what;
	if (!c->ending)
		store_child_begin(c);
	else if (c->pid > 0)
		shoot(c);
	else
		c->env.on_ended(c->env.ctx);
}

bool
store_child_reaped(struct store_child *c, pid_t pid, int status)
{
	char text[EXIT_STATUS_TEXT];

	if (pid != c->pid || pid == 0)
		return false;
	log_event(c->ending ? LOG_VERBOSE : LOG_WARN, "store process ended", "store_pid=%d exit=%s",
		  (int)pid, log_quoted(exit_status_text(status, text)));
	if (c->readable != NULL)
		listen_to(c); /* what it said before counts */
	close_channel(c);
	c->pid = 0;
	if (c->ending) {
		(void)event_del(c->clock);
		c->env.on_ended(c->env.ctx);
		return true;
	}
	c->deaths++;
	if (clock_ms() - c->born > LONG_ENOUGH_MS)
		backoff_reset(&c->pause);
	try_again(c);
	return true;
}

/* ---- to it ---- */

int
store_child_send(struct store_child *c, const struct store_msg *m)
{
	buf_clear(&c->message);
	if (store_msg_put(&c->message, m) < 0)
		return -1;
	if (c->outbox == NULL || c->ending)
		return 0;
	if (channel_queue_send(c->outbox, CHANNEL_DATA, buf_span(&c->message), -1) == 0)
		return 0;
	if (errno == EPIPE)
		return 0; /* it has ended, which is told soon */
	log_errno(LOG_ERROR, "the store process does not read: it is killed", "store_pid=%d",
		  (int)c->pid);
	shoot(c);
	return 0;
}

/* Told from the loop also where there is no process: the caller is not called back from within. */
void
store_child_end(struct store_child *c, bool revoke)
{
	const struct store_msg m = {.kind = STORE_MSG_END, .revoke = revoke};

	if (c->ending)
		return;
	if (c->pid > 0 && store_child_send(c, &m) < 0)
		shoot(c);
	c->ending = true;
	arm(c, c->pid > 0 ? END_MS : 0);
}

void
store_child_reopen(struct store_child *c)
{
	if (c->outbox != NULL && log_file() >= 0 &&
	    channel_queue_send(c->outbox, CHANNEL_LOG, span_of(NULL, 0), log_file()) < 0)
		log_errno(LOG_ERROR, "cannot pass the log to the store process", NULL);
}

/* ---- the whole ---- */

struct store_child *
store_child_new(const struct store_child_env *env)
{
	struct store_child *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	*c = (struct store_child){.env = *env,
				  .owner = getpid(),
				  .channel = -1,
				  .pause = {.min = PAUSE_MIN_MS, .max = PAUSE_MAX_MS}};
	c->clock = evtimer_new(env->base, on_clock, c);
	if (c->clock != NULL)
		return c;
	free(c);
	return NULL;
}

void
store_child_free(struct store_child *c)
{
	if (c == NULL)
		return;
	if (c->owner == getpid())
		shoot(c);
	close_channel(c);
	event_free(c->clock);
	buf_release(&c->message);
	free(c);
}

pid_t
store_child_pid(const struct store_child *c)
{
	return c->pid;
}

unsigned
store_child_deaths(const struct store_child *c)
{
	return c->deaths;
}
