/* worker.c - see worker.h. */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "channel_queue.h"
#include "clock.h"
#include "log.h"
#include "worker_loop.h"

enum { HEARTBEAT_MS = 500, MESSAGES_A_WAKE = 64 };

struct worker {
	struct event_base *base;
	unsigned slot;
	int channel;
	struct channel_queue *outbox; /* to the master */
	struct counters *scoreboard;
	struct scoreboard_row *row;
	const struct worker_ops *ops;
	void *ctx;
	void *state; /* of the program, from ops->start */
	int status;  /* to exit with */
	bool draining, yields;
	struct heap_trim memory;
	struct sched_policy scheduling;
	struct fd_keep kept; /* descriptors that the master and others have too */
	struct event *on_channel, *on_term, *on_quit, *heartbeat;
	char space[CHANNEL_MAX + 1];
};

static void
stop_loop(struct worker *w, int status)
{
	w->status = status;
	(void)event_base_loopbreak(w->base);
}

static void
on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	counter_set(&w->row->heartbeat, clock_ms());
	log_report_suppressed();
	heap_trim(&w->memory, counter_get(&w->row->bytes_in));
	sched_policy_tick(&w->scheduling, clock_ms());
}

static void
on_quit(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	stop_loop(arg, 0);
}

static void
take_file(struct worker *w, struct span body, int fd)
{
	if (w->ops->on_file != NULL)
		w->ops->on_file(w->state, body, fd);
	else
		(void)close(fd);
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	enum channel_tag tag;
	struct span body;
	int passed;

	(void)what;
	for (int i = 0; i < MESSAGES_A_WAKE; i++) {
		switch (channel_receive_with(fd, w->space, &tag, &body, &passed)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_FAILED:
			log_errno(LOG_ERROR, "cannot read what the master says", NULL);
			stop_loop(w, 1);
			return;
		case CHANNEL_ENDED: stop_loop(w, 1); return; /* the master is gone */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_LOG && passed >= 0)
			log_take_file(passed);
		else if (tag == CHANNEL_FILE && passed >= 0)
			take_file(w, body, passed);
		else if (tag == CHANNEL_YIELD)
			w->yields = true;
		else if (tag == CHANNEL_DATA)
			w->ops->on_message(w->state, body);
	}
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	struct worker *w = arg;

	(void)sig;
	(void)what;
	if (w->draining)
		return;
	on_channel(w->channel, EV_READ, w); /* what was said before the signal */
	w->draining = true;
	w->ops->drain(w->state);
}

static int
set_signals(struct worker *w)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGPIPE};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		if (sigaction(ignored[i], &ignore, NULL) < 0)
			return -1;
	w->on_term = evsignal_new(w->base, SIGTERM, on_term, w);
	w->on_quit = evsignal_new(w->base, SIGQUIT, on_quit, w);
	if (w->on_term == NULL || w->on_quit == NULL || event_add(w->on_term, NULL) < 0 ||
	    event_add(w->on_quit, NULL) < 0)
		return -1;
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
set_events(struct worker *w)
{
	struct timeval beat = clock_timeval(HEARTBEAT_MS);

	w->outbox = channel_queue_new(w->base, w->channel, "master");
	w->on_channel = event_new(w->base, w->channel, EV_READ | EV_PERSIST, on_channel, w);
	w->heartbeat = event_new(w->base, -1, EV_PERSIST, on_heartbeat, w);
	if (w->outbox == NULL || w->on_channel == NULL || w->heartbeat == NULL ||
	    event_add(w->on_channel, NULL) < 0 || event_add(w->heartbeat, &beat) < 0)
		return -1;
	return set_signals(w);
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

static void
release(struct worker *w)
{
	free_event(w->on_channel);
	free_event(w->on_term);
	free_event(w->on_quit);
	free_event(w->heartbeat);
	sched_policy_close(&w->scheduling);
	channel_queue_free(w->outbox);
	(void)close(w->channel);
	if (w->base != NULL)
		event_base_free(w->base);
	fd_keep_release(&w->kept);
	free(w);
}

/* The signal covers a worker that hangs, the check a master that died before this.  The kernel
 * forgets the signal when the process changes its user: so after that. */
static int
die_with_master(pid_t master)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master ? -1 : 0;
}

/* What the master has open is none of its business. */
static int
close_descriptors(struct worker *w, const struct worker_place *p)
{
	int log[LOG_DESCRIPTORS];

	log_descriptors(log);
	for (int i = 0; i < LOG_DESCRIPTORS; i++)
		fd_keep_add(&w->kept, log[i]);
	fd_keep_add(&w->kept, w->channel);
	if (p->keep != NULL)
		p->keep(&w->kept, w->ctx);
	if (p->isolation->level == ISOLATION_NONE || fd_keep_close_others(&w->kept) == 0)
		return 0;
	log_errno(LOG_ERROR, "worker cannot close the master's descriptors", NULL);
	return -1;
}

/* What needs files is opened before. */
static int
confine(struct worker *w, const struct worker_place *p)
{
	log_confine();
	log_count_into(&w->row->log_lines_dropped, &w->row->log_lines_suppressed);
	sched_policy_open(&w->scheduling, p->scheduling);
	if (privdrop_apply(p->isolation) < 0 || die_with_master(p->master) < 0)
		return -1;
	return sandbox_apply(p->sandbox, p->isolation->level,
			     &(struct sandbox_shared){w->kept.fd, w->kept.n});
}

/* Returns the exit status. */
static int
serve(struct worker *w, const struct worker_place *p)
{
	struct busy_poll look = {.limit_us = p->busy_poll};

	if (close_descriptors(w, p) < 0)
		return 1;
	w->base = event_base_new();
	if (w->base == NULL || set_events(w) < 0 || confine(w, p) < 0)
		return 1;
	heap_trim_init();
	counter_set(&w->row->heartbeat, clock_ms());
	w->state = w->ops->start(w, w->ctx);
	if (w->state == NULL)
		return 1;
	if (worker_loop(w->base, &look, w->ops->expects, w->state) < 0) {
		log_errno(LOG_ERROR, "event loop failed", NULL);
		w->status = 1;
	}
	w->ops->end(w->state);
	log_report_suppressed();
	return w->status;
}

int
worker_run(const struct worker_place *p, const struct worker_ops *ops, void *ctx)
{
	struct worker *w = calloc(1, sizeof *w);
	int status;

	if (w == NULL)
		return 1;
	*w = (struct worker){.slot = p->slot,
			     .channel = p->channel,
			     .scoreboard = p->scoreboard,
			     .row = scoreboard_row(p->scoreboard, p->slot),
			     .ops = ops,
			     .ctx = ctx,
			     .scheduling.fd = -1};
	status = serve(w, p);
	release(w);
	return status;
}

struct event_base *
worker_base(struct worker *w)
{
	return w->base;
}

unsigned
worker_slot(const struct worker *w)
{
	return w->slot;
}

struct counters *
worker_scoreboard(struct worker *w)
{
	return w->scoreboard;
}

struct scoreboard_row *
worker_row(struct worker *w)
{
	return w->row;
}

void
worker_ready(struct worker *w)
{
	if (channel_queue_send(w->outbox, CHANNEL_READY, span_of(NULL, 0), -1) < 0)
		log_errno(LOG_ERROR, "cannot tell the master that this worker is ready", NULL);
}

bool
worker_yields(const struct worker *w)
{
	return w->yields;
}

static void
on_all_told(void *arg)
{
	stop_loop(arg, 0);
}

void
worker_done(struct worker *w)
{
	channel_queue_when_empty(w->outbox, on_all_told, w);
}

int
worker_send(struct worker *w, struct span message)
{
	return channel_queue_send(w->outbox, CHANNEL_DATA, message, -1);
}
