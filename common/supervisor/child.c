/* child.c - see child.h. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process.h"

enum {
	MESSAGES_A_WAKE = 64,
	HUNG_MS = 1000 /* what a worker that hangs has to end by itself */
};

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	child_happen(arg, SLOT_TIMED_OUT);
}

int
child_init(struct child *c, unsigned index, struct child_host *host)
{
	*c = (struct child){.host = host,
			    .index = index,
			    .channel = -1,
			    .last_status = -1,
			    .last_cause = -1,
			    .replaces = -1};
	c->pause = (struct backoff){.min = host->pause_min, .max = host->pause_max};
	c->clock = event_new(host->base, -1, 0, on_clock, c);
	return c->clock == NULL ? -1 : 0;
}

static void
close_channel(struct child *c)
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

void
child_release(struct child *c)
{
	close_channel(c);
	if (c->clock != NULL)
		event_free(c->clock);
	c->clock = NULL;
}

/* ---- what it says ---- */

/* A worker that can't be heard is no use: it is replaced. */
static void
give_up(struct child *c)
{
	log_errno(LOG_ERROR, "cannot read what a worker says", "worker=%u worker_pid=%d", c->index,
		  (int)c->pid);
	(void)event_del(c->readable);
	child_happen(c, SLOT_KILL);
}

static enum channel_result
listen_to(struct child *c)
{
	enum channel_result r;
	enum channel_tag tag;
	struct span body;

	for (int i = 0; i < MESSAGES_A_WAKE; i++) {
		r = channel_receive(c->channel, c->host->space, &tag, &body);
		if (r != CHANNEL_MESSAGE)
			return r;
		if (tag == CHANNEL_READY)
			child_happen(c, SLOT_SAID_READY);
		else if (tag == CHANNEL_DATA)
			c->host->on_message(c, body, c->host->ctx);
	}
	return CHANNEL_MESSAGE;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	switch (listen_to(c)) {
	case CHANNEL_FAILED: give_up(c); break;
	case CHANNEL_ENDED: (void)event_del(c->readable); break; /* SIGCHLD follows */
	case CHANNEL_EMPTY:
	case CHANNEL_MESSAGE: break;
	}
}

/* ---- its clock ---- */

static void
arm(struct child *c, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(c->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a worker's clock", "worker=%u", c->index);
}

static void
disarm(struct child *c)
{
	(void)event_del(c->clock);
}

/* ---- how it ends ---- */

/* One that is killed though it is wanted was not ready in time. */
static bool
was_asked(const struct child *c)
{
	if (c->state == SLOT_KILLED)
		return c->was_ready || !c->wanted;
	return c->state == SLOT_DRAINING;
}

static enum exit_cause
why_ended(const struct child *c, int status, bool asked)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return EXIT_SANDBOX;
	if (c->hung)
		return EXIT_HUNG;
	if (asked)
		return EXIT_ASKED;
	if (c->was_ready)
		return EXIT_DIED;
	if (c->state == SLOT_KILLED)
		return EXIT_LATE;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? EXIT_KILLED_STARTING
								  : EXIT_DIED_STARTING;
}

static void
record_end(struct child *c, int status, enum exit_cause cause)
{
	uint64_t now = clock_ms();
	struct exit_record r = {.at = now,
				.age = now - c->born,
				.slot = c->index,
				.pid = c->pid,
				.status = status,
				.served = c->was_ready,
				.cause = cause};

	c->last_status = status;
	c->last_cause = (int)cause;
	c->host->on_end(&r, c->host->ctx);
}

static void
count_end(struct child *c, bool asked)
{
	c->deaths += !asked || c->hung;
	c->by_others = c->last_cause == EXIT_KILLED_STARTING;
	if (c->by_others)
		c->killed++;
	else if (!asked && !c->was_ready)
		c->failures++;
}

void
child_reaped(struct child *c, int status)
{
	bool asked = was_asked(c);
	enum exit_cause cause = why_ended(c, status, asked);
	char text[EXIT_STATUS_TEXT];

	log_event(cause == EXIT_ASKED ? LOG_VERBOSE : LOG_WARN, "worker ended",
		  "worker=%u worker_pid=%d why=%s exit=%s", c->index, (int)c->pid,
		  log_quoted(exit_cause_text(cause)), log_quoted(exit_status_text(status, text)));
	record_end(c, status, cause);
	disarm(c);
	if (c->readable != NULL)
		(void)listen_to(c); /* what it said before it died still counts */
	close_channel(c);
	c->pid = 0;
	count_end(c, asked);
	/* Only those that die while starting are held back more and more: a worker that has served
	 * is replaced after the shortest pause, however often it dies. */
	if (c->was_ready)
		backoff_reset(&c->pause);
}

/* ---- carrying out ---- */

static int
open_channel(struct child *c, int *theirs)
{
	int fd[2];

	if (channel_pair(fd) < 0)
		return -1;
	c->channel = fd[0];
	c->readable = event_new(c->host->base, fd[0], EV_READ | EV_PERSIST, on_channel, c);
	c->outbox = channel_queue_new(c->host->base, fd[0], "worker");
	if (c->outbox != NULL && c->readable != NULL && event_add(c->readable, NULL) == 0) {
		*theirs = fd[1];
		return 0;
	}
	(void)close(fd[1]);
	close_channel(c);
	errno = ENOMEM;
	return -1;
}

/* 0, or -1 with errno and nothing left open. */
static int
fork_worker(struct child *c)
{
	pid_t master = getpid();
	int theirs, saved;

	if (open_channel(c, &theirs) < 0)
		return -1;
	c->host->before_fork(c, c->host->ctx);
	c->pid = process_fork_blocked();
	if (c->pid == 0) {
		c->host->be_worker(c, theirs, master, c->host->ctx);
		abort(); /* it does not return */
	}
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
do_fork(struct child *c)
{
	c->born = clock_ms();
	c->was_ready = c->hung = c->by_others = false;
	if (fork_worker(c) < 0) {
		log_errno(LOG_ERROR, "cannot fork a worker", "worker=%u", c->index);
		c->failures++;
		record_end(c, -1, EXIT_NO_FORK);
		child_happen(c, SLOT_EXITED);
		return;
	}
	arm(c, c->host->start_timeout);
	log_event(LOG_VERBOSE, "worker forked", "worker=%u worker_pid=%d", c->index, (int)c->pid);
}

/* Workers that are killed from outside can start: their pauses do not grow. */
static void
do_pause(struct child *c)
{
	uint32_t ms = c->by_others ? c->pause.min : backoff_next(&c->pause, backoff_random()),
		 most = c->host->pause_ms(c, c->host->ctx);

	if (ms > most)
		ms = most;
	c->due = clock_ms() + ms;
	arm(c, ms);
	log_event(LOG_INFO, "worker will be replaced", "worker=%u in_ms=%u", c->index, ms);
}

static void
do_signal(struct child *c, int sig)
{
	if (c->pid > 0 && kill(c->pid, sig) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot signal a worker", "worker=%u signal=%d", c->index,
			  sig);
}

static uint64_t
stop_ms(const struct child *c)
{
	uint64_t ms = c->host->stop_timeout;

	if (c->host->at_once)
		return CHILD_AT_ONCE_MS;
	return c->hung && HUNG_MS < ms ? HUNG_MS : ms;
}

static void
carry_out(struct child *c, enum slot_action action)
{
	switch (action) {
	case SLOT_NOTHING: break;
	case SLOT_FORK: do_fork(c); break;
	case SLOT_COUNT:
		c->was_ready = true;
		c->failures = c->killed = 0;
		disarm(c);
		break;
	case SLOT_ASK:
		arm(c, stop_ms(c));
		do_signal(c, SIGTERM);
		break;
	case SLOT_SHOOT:
		disarm(c);
		log_event(LOG_WARN, "worker killed", "worker=%u worker_pid=%d", c->index,
			  (int)c->pid);
		do_signal(c, SIGKILL);
		break;
	case SLOT_PAUSE: do_pause(c); break;
	case SLOT_RELEASE: disarm(c); break;
	case SLOT_ACTION_COUNT: abort();
	}
}

void
child_happen(struct child *c, enum slot_event event)
{
	struct slot_step step = slot_step(c->state, event, c->wanted);

	c->state = step.next;
	carry_out(c, step.action);
	c->host->on_step(c, step.action, c->host->ctx);
}

int
child_send(struct child *c, enum channel_tag tag, struct span body, int fd)
{
	if (c->channel >= 0)
		return channel_queue_send(c->outbox, tag, body, fd);
	errno = ESRCH;
	return -1;
}
