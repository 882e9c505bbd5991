/* supervisor.c - see supervisor.h.  How a worker lives is slot.c's to say and child.c's to carry
 * out, which are wanted child_set.c's, which are not well watchdog.c's, what signals ask for
 * supervisor_signals.c's; here is what becomes of the whole. */
#include "supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process_init.h"
#include "proctitle.h"
#include "sd_notify.h"
#include "supervisor_internal.h"

enum {
	FIRST_TRIES = 5,   /* starts of a slot that may fail before the daemon has ever been up */
	FIRST_KILLED = 100 /* and that others may have killed */
};

/* ---- what children need ---- */

static uint32_t
longest_pause(const struct child *c, void *ctx)
{
	const struct supervisor *s = ctx;

	return child_set_longest_pause(&s->set, c);
}

static void
on_end(const struct exit_record *r, void *ctx)
{
	struct supervisor *s = ctx;

	exit_history_add(&s->set.exits, r);
}

static void
free_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

/* Of a worker too, which has none of them. */
static void
release_events(struct supervisor *s)
{
	for (size_t i = 0; i < SUPERVISOR_SIGNALS; i++)
		free_event(&s->signal[i]);
	free_event(&s->leave_clock);
	free_event(&s->watch);
	child_set_release(&s->set);
}

static void
be_worker(struct child *c, int channel, pid_t master, void *ctx)
{
	struct supervisor *s = ctx;
	unsigned slot = c->index;

	/* A new epoll set first: deleting events from the one shared with the master would delete
	 * the master's. */
	if (event_reinit(s->base) < 0)
		_exit(1);
	release_events(s);
	if (counters_enter(s->scoreboard, slot) < 0)
		_exit(1);
	if (s->ops->after_fork != NULL)
		s->ops->after_fork(slot, s->ctx);
	/* A worker has a base of its own: its successor is forked from within the master's loop,
	 * and a loop can't be entered twice. */
	event_base_free(s->base);
	proctitle_set("worker %u", slot);
	exit(worker_run(&(struct worker_place){.slot = slot,
					       .channel = channel,
					       .master = master,
					       .scoreboard = s->scoreboard,
					       .keep = s->ops->keep,
					       .isolation = &s->set.conf.isolation,
					       .sandbox = s->ops->sandbox,
					       .scheduling = s->set.conf.scheduling,
					       .busy_poll = s->set.conf.busy_poll},
			&s->ops->worker, s->ctx));
}

static void
before_fork(struct child *c, void *ctx)
{
	struct supervisor *s = ctx;

	if (s->ops->before_fork != NULL)
		s->ops->before_fork(c->index, s->ctx);
}

static void
on_message(struct child *c, struct span body, void *ctx)
{
	struct supervisor *s = ctx;

	s->ops->from_worker(c->index, body, s->ctx);
}

static void
tell_room(const struct supervisor *s)
{
	if (s->set.phase == PHASE_RUNNING && s->ops->on_room != NULL)
		s->ops->on_room(s->ctx);
}

/* Up for the first time, there is also room for what was asked for before that. */
static void
on_ready(struct supervisor *s, struct child *c)
{
	child_set_ready(&s->set, c);
	if (s->set.phase == PHASE_STARTING &&
	    child_set_count(&s->set, SLOT_READY) >= s->set.target) {
		s->set.phase = PHASE_RUNNING;
		s->ops->on_up(s->ctx);
		tell_room(s);
	}
}

static void
give_up(struct supervisor *s, const struct child *c, const char *why)
{
	log_event(LOG_ERROR, "workers do not start; giving up", "worker=%u tries=%u why=%s",
		  c->index, c->failures + c->killed, log_quoted(why));
	s->status = 1;
	supervisor_stop_workers(s);
}

/* A worker died and is to be tried again: unless none has ever come up. */
static void
on_pause(struct supervisor *s, const struct child *c)
{
	child_set_failed(&s->set, c);
	if (s->set.phase == PHASE_STARTING &&
	    (c->failures >= FIRST_TRIES || c->killed >= FIRST_KILLED))
		give_up(s, c, exit_cause_text((enum exit_cause)c->last_cause));
}

void
supervisor_refuse_start(struct supervisor *s, unsigned slot, const char *why)
{
	struct child *c = &s->set.child[slot];

	if (c->state != SLOT_STARTING)
		return;
	if (s->set.phase == PHASE_STARTING)
		give_up(s, c, why);
	else if (s->set.renewal.on && c->generation == s->set.generation)
		child_set_abort_renewal(&s->set, why);
	else
		child_happen(c, SLOT_TIMED_OUT);
}

static void
on_step(struct child *c, enum slot_action action, void *ctx)
{
	struct supervisor *s = ctx;

	if (action == SLOT_FORK) {
		c->request_limit = watchdog_draw_limit(s->set.conf.worker_max_requests);
		if (c->pid > 0 && s->ops->on_forked != NULL)
			s->ops->on_forked(c->index, s->ctx);
	} else if (action == SLOT_COUNT) {
		on_ready(s, c);
	} else if (action == SLOT_PAUSE) {
		on_pause(s, c);
	} else if (action == SLOT_RELEASE) {
		child_set_top_up(&s->set);
		tell_room(s);
	}
	if (s->set.phase == PHASE_STOPPING && child_set_count(&s->set, SLOT_VACANT) == s->set.slots)
		(void)event_base_loopbreak(s->base);
}

/* ---- the watchdog ---- */

/* Where nothing else says how long a turn of a worker's loop may take, the service manager's
 * patience does. */
static void
tell_manager(struct supervisor *s, uint64_t now)
{
	uint64_t limit = s->set.conf.worker_timeout > 0 ? s->set.conf.worker_timeout
							: sd_notify_watchdog();
	struct supervisor_view v;

	supervisor_snapshot(s, &v);
	sd_notify_turn(&(struct sd_notify_view){.state = v.state,
						.wanted = v.wanted,
						.ready = v.ready,
						.trouble = s->ops->trouble == NULL
								   ? NULL
								   : s->ops->trouble(s->ctx),
						.all_hang = watchdog_all_hang(&s->watchdog, limit)},
		       now);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	supervisor_reap(s); /* lest a SIGCHLD that got lost make the daemon wait for ever */
	log_report_suppressed();
	watchdog_turn(&s->watchdog, now);
	if (s->set.exits.degraded)
		child_set_watch_degraded(&s->set);
	if (s->ops->on_look != NULL)
		s->ops->on_look(s->ctx);
	tell_manager(s, now);
}

/* ---- commands ---- */

static int
send_to(struct supervisor *s, unsigned slot, enum channel_tag tag, struct span body, int fd)
{
	if (slot < s->set.slots)
		return child_send(&s->set.child[slot], tag, body, fd);
	errno = ESRCH;
	return -1;
}

int
supervisor_send(struct supervisor *s, unsigned slot, struct span message)
{
	return send_to(s, slot, CHANNEL_DATA, message, -1);
}

int
supervisor_pass_to(struct supervisor *s, unsigned slot, struct span body, int fd)
{
	return send_to(s, slot, CHANNEL_FILE, body, fd);
}

void
supervisor_pass(struct supervisor *s, int fd)
{
	child_set_pass(&s->set, CHANNEL_FILE, fd);
}

/* The workers open nothing: they are given the master's new descriptor. */
int
supervisor_reopen(struct supervisor *s)
{
	int rc = log_reopen(), error = errno;

	if (rc < 0)
		log_errno(LOG_ERROR, "cannot reopen the log", NULL);
	else if (log_file() >= 0)
		child_set_pass(&s->set, CHANNEL_LOG, log_file());
	if (s->ops->on_reopen != NULL)
		s->ops->on_reopen(s->ctx);
	errno = error;
	return rc;
}

int
supervisor_scale(struct supervisor *s, unsigned workers)
{
	return child_set_scale(&s->set, workers);
}

int
supervisor_recycle(struct supervisor *s, unsigned slot)
{
	return child_set_recycle(&s->set, slot);
}

bool
supervisor_may_renew(const struct supervisor *s, unsigned workers)
{
	return child_set_may_renew(&s->set, workers);
}

int
supervisor_renew(struct supervisor *s, const struct supervisor_conf *conf,
		 supervisor_renewed_fn *done, void *ctx)
{
	return child_set_renew(&s->set, conf, done, ctx);
}

void
supervisor_retire(struct supervisor *s, bool yield)
{
	child_set_retire(&s->set, yield);
}

void
supervisor_yield(struct supervisor *s)
{
	child_set_yield(&s->set);
	supervisor_stop_workers(s);
}

/* ---- the supervisor itself ---- */

static int
init_children(struct supervisor *s, const struct supervisor_conf *conf)
{
	s->host = (struct child_host){.base = s->base,
				      .before_fork = before_fork,
				      .pause_ms = longest_pause,
				      .on_end = on_end,
				      .be_worker = be_worker,
				      .on_message = on_message,
				      .on_step = on_step,
				      .ctx = s};
	if (child_set_init(&s->set, conf, &s->host) < 0)
		return -1;
	s->scoreboard = scoreboard_new(s->set.slots);
	s->watchdog = (struct watchdog){.set = &s->set, .scoreboard = s->scoreboard};
	return s->scoreboard == NULL ? -1 : 0;
}

static int
init_events(struct supervisor *s)
{
	struct timeval tv = clock_timeval(WATCHDOG_MS);

	if (supervisor_listen_to_signals(s) < 0)
		return -1;
	s->watch = event_new(s->base, -1, EV_PERSIST, on_watch, s);
	return s->watch == NULL ? -1 : event_add(s->watch, &tv);
}

struct supervisor *
supervisor_new(struct event_base *base, const struct supervisor_conf *conf,
	       const struct supervisor_ops *ops, void *ctx)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->base = base;
	s->ops = ops;
	s->ctx = ctx;
	s->started = clock_ms();
	if (init_children(s, conf) < 0 || init_events(s) < 0) {
		supervisor_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

void
supervisor_succeeded_by(struct supervisor *s, const struct supervisor_succession *succession,
			void *ctx)
{
	s->succession = succession;
	s->succession_ctx = ctx;
}

void
supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	release_events(s);
	free(s->set.child);
	counters_free(s->scoreboard);
	free(s);
}

int
supervisor_run(struct supervisor *s)
{
	process_release_signals();
	if (!s->scoreboard->rows.sealed)
		log_event(LOG_WARN,
			  "no sealed memory can be had: a worker that is taken over could change "
			  "what others count",
			  NULL);
	child_set_top_up(&s->set);
	while (s->set.phase != PHASE_STOPPING ||
	       child_set_count(&s->set, SLOT_VACANT) < s->set.slots ||
	       (s->ops->lingers != NULL && s->ops->lingers(s->ctx)) ||
	       (s->succession != NULL && s->succession->waits(s->succession_ctx)))
		if (event_base_dispatch(s->base) < 0)
			log_errno(LOG_ERROR, "event loop failed", NULL);
	/* What was answered in the turn that ended the loop is on its way. */
	if (event_base_loop(s->base, EVLOOP_NONBLOCK) < 0)
		log_errno(LOG_ERROR, "event loop failed", NULL);
	log_report_suppressed();
	return s->status;
}

/* ---- looking in ---- */

struct counters *
supervisor_scoreboard(struct supervisor *s)
{
	return s->scoreboard;
}

void
supervisor_sum(struct supervisor *s, struct scoreboard_row *out)
{
	counters_sum(s->scoreboard, 0, out);
	counter_add(&out->log_lines_dropped, log_lost());
	counter_add(&out->log_lines_suppressed, log_suppressed());
}

unsigned
supervisor_slots(const struct supervisor *s)
{
	return s->set.slots;
}

unsigned
supervisor_former(const struct supervisor *s)
{
	return child_set_former(&s->set);
}

const struct exit_history *
supervisor_exits(const struct supervisor *s)
{
	return &s->set.exits;
}

unsigned
supervisor_most_workers(const struct supervisor *s)
{
	return child_set_most(&s->set);
}

bool
supervisor_stopping(const struct supervisor *s)
{
	return s->set.phase >= PHASE_LEAVING;
}

struct event_base *
supervisor_base(const struct supervisor *s)
{
	return s->base;
}

void
supervisor_snapshot(const struct supervisor *s, struct supervisor_view *v)
{
	static const char *const text[] = {"starting", "running", "leaving", "stopping"};

	*v = (struct supervisor_view){.state = text[s->set.phase],
				      .started = s->started,
				      .wanted = s->set.target,
				      .generation = s->set.generation,
				      .start_timeout = s->set.conf.start_timeout,
				      .stop_timeout = s->set.conf.stop_timeout,
				      .at_once = s->host.at_once,
				      .ready = child_set_serving(&s->set)};
	if (s->set.renewal.on)
		v->state = "reloading";
	if (s->set.exits.degraded && s->set.phase < PHASE_LEAVING)
		v->state = "degraded";
}

void
supervisor_child_snapshot(const struct supervisor *s, unsigned slot, struct supervisor_child *v)
{
	const struct child *c = &s->set.child[slot];

	*v = (struct supervisor_child){.pid = c->pid,
				       .state = c->state,
				       .born = c->born,
				       .generation = c->generation,
				       .replaces = c->replaces,
				       .deaths = c->deaths,
				       .last_status = c->last_status,
				       .last_cause = c->last_cause};
}
