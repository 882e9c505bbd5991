/* member.c - see member.h. */
#include "member.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { MESSAGES_A_WAKE = 64 };

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	member_happen(arg, SLOT_TIMED_OUT);
}

int
member_init(struct member *m, unsigned index, struct member_host *host)
{
	*m = (struct member){.host = host,
			     .index = index,
			     .channel = -1,
			     .last_status = -1,
			     .last_end = -1,
			     .replaces = -1};
	m->pause = (struct backoff){.min = host->pause_min, .max = host->pause_max};
	m->clock = event_new(host->base, -1, 0, on_clock, m);
	return m->clock == NULL ? -1 : 0;
}

static void
close_channel(struct member *m)
{
	if (m->readable != NULL)
		event_free(m->readable);
	m->readable = NULL;
	if (m->channel >= 0)
		(void)close(m->channel);
	m->channel = -1;
}

void
member_release(struct member *m)
{
	close_channel(m);
	if (m->clock != NULL)
		event_free(m->clock);
	m->clock = NULL;
}

void
member_after_fork(struct member *m)
{
	member_release(m);
}

/* ---- what it says ---- */

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct member *m = arg;
	enum channel_tag tag;
	struct span body;

	(void)what;
	for (int i = 0; i < MESSAGES_A_WAKE; i++) {
		switch (channel_receive(fd, m->host->space, &tag, &body)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_ENDED: (void)event_del(m->readable); return; /* SIGCHLD follows */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_READY)
			member_happen(m, SLOT_SAID_READY);
		else if (tag == CHANNEL_DATA)
			m->host->on_message(m, body, m->host->ctx);
	}
}

/* ---- carrying out ---- */

static void
arm(struct member *m, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(m->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a worker's clock", "worker=%u", m->index);
}

static void
disarm(struct member *m)
{
	(void)event_del(m->clock);
}

static int
open_channel(struct member *m, int *theirs)
{
	int fd[2];

	if (channel_pair(fd) < 0)
		return -1;
	m->channel = fd[0];
	m->readable = event_new(m->host->base, fd[0], EV_READ | EV_PERSIST, on_channel, m);
	if (m->readable != NULL && event_add(m->readable, NULL) == 0) {
		*theirs = fd[1];
		return 0;
	}
	(void)close(fd[1]);
	close_channel(m);
	errno = ENOMEM;
	return -1;
}

/* 0, or -1 with errno and nothing left open. */
static int
fork_worker(struct member *m)
{
	sigset_t all, before;
	pid_t master = getpid();
	int theirs, saved;

	if (open_channel(m, &theirs) < 0)
		return -1;
	/* Blocked, so that no signal meant for the child is told to the master's loop before the
	 * child has a loop of its own. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	m->pid = fork();
	if (m->pid == 0) {
		m->host->be_worker(m, theirs, master, m->host->ctx);
		abort(); /* it does not return */
	}
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)close(theirs);
	if (m->pid > 0)
		return 0;
	m->pid = 0;
	close_channel(m);
	errno = saved;
	return -1;
}

static void
do_fork(struct member *m)
{
	m->born = clock_ms();
	m->was_ready = m->hung = false;
	if (fork_worker(m) < 0) {
		log_errno(LOG_ERROR, "cannot fork a worker", "worker=%u", m->index);
		member_happen(m, SLOT_EXITED);
		return;
	}
	arm(m, m->host->start_timeout);
	log_event(LOG_VERBOSE, "worker forked", "worker=%u worker_pid=%d", m->index, (int)m->pid);
}

static void
do_pause(struct member *m)
{
	uint32_t ms = backoff_next(&m->pause, backoff_random());

	arm(m, ms);
	log_event(LOG_INFO, "worker will be replaced", "worker=%u in_ms=%u", m->index, ms);
}

static void
do_signal(struct member *m, int sig)
{
	if (member_signal(m, sig) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot signal a worker", "worker=%u signal=%d", m->index,
			  sig);
}

static void
carry_out(struct member *m, enum slot_action action)
{
	switch (action) {
	case SLOT_NOTHING: break;
	case SLOT_FORK: do_fork(m); break;
	case SLOT_COUNT:
		m->was_ready = true;
		disarm(m);
		break;
	case SLOT_ASK:
		arm(m, m->host->stop_ms(m, m->host->ctx));
		do_signal(m, SIGTERM);
		break;
	case SLOT_SHOOT:
		disarm(m);
		log_event(LOG_WARN, "worker killed", "worker=%u worker_pid=%d", m->index,
			  (int)m->pid);
		do_signal(m, SIGKILL);
		break;
	case SLOT_PAUSE: do_pause(m); break;
	case SLOT_RELEASE: disarm(m); break;
	case SLOT_ACTION_COUNT: abort();
	}
}

void
member_happen(struct member *m, enum slot_event event)
{
	struct slot_step step = slot_step(m->state, event, m->wanted);

	m->state = step.next;
	carry_out(m, step.action);
	m->host->on_step(m, step.action, m->host->ctx);
}

void
member_reaped(struct member *m, int status)
{
	disarm(m);
	if (m->readable != NULL)
		on_channel(m->channel, EV_READ, m); /* what it said before it died still counts */
	close_channel(m);
	m->last_status = status;
	m->pid = 0;
	/* Only those that die while starting are held back more and more: a worker that has served
	 * is replaced after the shortest pause, however often it dies. */
	if (m->was_ready)
		backoff_reset(&m->pause);
}

int
member_tell(struct member *m, enum channel_tag tag, struct span body)
{
	if (m->channel < 0) {
		errno = ESRCH;
		return -1;
	}
	return channel_send(m->channel, tag, body);
}

int
member_pass(struct member *m, enum channel_tag tag, int fd)
{
	if (m->channel < 0) {
		errno = ESRCH;
		return -1;
	}
	return channel_send_with(m->channel, tag, span_of(NULL, 0), fd);
}

int
member_signal(const struct member *m, int sig)
{
	if (m->pid > 0)
		return kill(m->pid, sig);
	errno = ESRCH;
	return -1;
}
