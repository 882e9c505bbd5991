/* supervisor.c - see supervisor.h.  How a worker lives is slot.c's to say and member.c's to carry
 * out; who is wanted is generation.c's, what the master is told by signals.c's; here is what
 * becomes of the whole. */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "notify.h"
#include "proctitle.h"
#include "supervisor_state.h"

enum {
	FIRST_TRIES = 5,  /* deaths a slot may have before the daemon has ever been up */
	AT_ONCE_MS = 500, /* what is left to a worker of stop_timeout when stopping at once */
	HUNG_MS = 1000,	  /* what a worker that hangs has to end by itself */
};

/* ---- what members tell ---- */

static uint64_t
stop_ms(const struct member *m, void *ctx)
{
	const struct supervisor *s = ctx;

	if (s->at_once)
		return AT_ONCE_MS;
	return m->hung && HUNG_MS < s->conf.stop_timeout ? HUNG_MS : s->conf.stop_timeout;
}

/* In the child: what the master has open is none of its business. */
static void
keep_only(const struct supervisor *s, int channel)
{
	int log[LOG_DESCRIPTORS];
	struct keep k = {0};

	if (!s->conf.isolation.close_descriptors)
		return;
	log_descriptors(log);
	for (int i = 0; i < LOG_DESCRIPTORS; i++)
		keep_add(&k, log[i]);
	keep_add(&k, channel);
	if (s->ops->keep != NULL)
		s->ops->keep(&k, s->ctx);
	if (keep_close_others(&k) < 0) {
		log_errno(LOG_ERROR, "worker cannot close the master's descriptors", NULL);
		_exit(1);
	}
	keep_release(&k);
}

static void
be_worker(struct member *m, int channel, pid_t master, void *ctx)
{
	struct supervisor *s = ctx;
	struct event_base *base;
	unsigned slot = m->index;
	int status;

	/* A new epoll set first: deleting events from the one shared with the master would delete
	 * the master's. */
	if (event_reinit(s->base) < 0)
		_exit(1);
	supervisor_signals_free(s);
	event_free(s->leave_clock);
	event_free(s->watch);
	event_free(s->renewal.clock);
	for (unsigned i = 0; i < s->conf.slots; i++)
		member_after_fork(&s->member[i]);
	if (s->ops->after_fork != NULL)
		s->ops->after_fork(s->ctx);
	/* A base of its own: a worker's successor is forked from within the master's loop, and a
	 * loop can't be entered twice. */
	event_base_free(s->base);
	proctitle_set("worker %u", slot);
	keep_only(s, channel);
	base = event_base_new();
	if (base == NULL)
		_exit(1);
	status = worker_run(&(struct worker_place){.base = base,
						   .slot = slot,
						   .channel = channel,
						   .master = master,
						   .scoreboard = s->scoreboard,
						   .isolation = &s->conf.isolation,
						   .sandbox = s->ops->sandbox,
						   .sandbox_mode = s->conf.sandbox,
						   .scheduling = s->conf.scheduling,
						   .busy_poll = s->conf.busy_poll},
			    &s->ops->worker, s->ctx);
	event_base_free(base);
	exit(status);
}

static void
on_message(struct member *m, struct span body, void *ctx)
{
	struct supervisor *s = ctx;

	s->ops->from_worker(m->index, body, s->ctx);
}

static void
tell_room(const struct supervisor *s)
{
	if (s->phase == PHASE_RUNNING && s->ops->on_room != NULL)
		s->ops->on_room(s->ctx);
}

/* Up for the first time, there is also room for what was asked for before that. */
static void
on_ready(struct supervisor *s, struct member *m)
{
	supervisor_member_ready(s, m);
	supervisor_judge_degraded(s);
	if (s->phase == PHASE_STARTING && supervisor_count(s, SLOT_READY) >= s->target) {
		s->phase = PHASE_RUNNING;
		s->ops->on_up(s->ctx);
		tell_room(s);
	}
}

/* A worker died and is to be tried again: unless none has ever come up. */
static void
on_pause(struct supervisor *s, struct member *m)
{
	supervisor_judge_degraded(s);
	supervisor_member_failed(s, m);
	if (s->phase != PHASE_STARTING || m->deaths < FIRST_TRIES)
		return;
	log_event(LOG_ERROR, "workers do not start; giving up", "worker=%u tries=%u", m->index,
		  m->deaths);
	s->status = 1;
	supervisor_stop_workers(s);
}

static void
on_release(struct supervisor *s)
{
	supervisor_top_up(s);
	tell_room(s);
}

static void
on_step(struct member *m, enum slot_action action, void *ctx)
{
	struct supervisor *s = ctx;

	if (action == SLOT_FORK)
		m->request_limit = supervisor_draw_limit(s->conf.worker_max_requests);
	else if (action == SLOT_COUNT)
		on_ready(s, m);
	else if (action == SLOT_PAUSE)
		on_pause(s, m);
	else if (action == SLOT_RELEASE)
		on_release(s);
	if (s->phase == PHASE_STOPPING && supervisor_count(s, SLOT_VACANT) == s->conf.slots)
		(void)event_base_loopbreak(s->base);
}

int
supervisor_signal(struct supervisor *s, unsigned slot, int sig)
{
	if (slot < s->conf.slots)
		return member_signal(&s->member[slot], sig);
	errno = ESRCH;
	return -1;
}

int
supervisor_tell(struct supervisor *s, unsigned slot, struct span message)
{
	if (slot < s->conf.slots)
		return member_tell(&s->member[slot], CHANNEL_DATA, message);
	errno = ESRCH;
	return -1;
}

static void
pass_to_all(struct supervisor *s, enum channel_tag tag, int fd)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (member_pass(&s->member[i], tag, fd) < 0 && errno != ESRCH)
			log_errno(LOG_WARN, "cannot give a worker its log", "worker=%u", i);
}

void
supervisor_pass(struct supervisor *s, int fd)
{
	pass_to_all(s, CHANNEL_FILE, fd);
}

/* The workers open nothing: they are given the master's new descriptor. */
int
supervisor_reopen(struct supervisor *s)
{
	int rc = log_reopen(), error = errno;

	if (rc < 0)
		log_errno(LOG_ERROR, "cannot reopen the log", NULL);
	else if (log_file() >= 0)
		pass_to_all(s, CHANNEL_LOG, log_file());
	if (s->ops->on_reopen != NULL)
		s->ops->on_reopen(s->ctx);
	errno = error;
	return rc;
}

/* ---- stopping ---- */

void
supervisor_stop_workers(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING)
		return;
	s->phase = PHASE_STOPPING;
	(void)event_del(s->leave_clock);
	supervisor_renewal_abort(s, "the daemon stops");
	for (unsigned i = 0; i < s->conf.slots; i++)
		s->member[i].wanted = false;
	for (unsigned i = 0; i < s->conf.slots; i++)
		member_happen(&s->member[i], SLOT_UNWANTED);
}

static void
kill_all(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		member_happen(&s->member[i], SLOT_KILL);
}

void
supervisor_stop(struct supervisor *s, bool at_once)
{
	struct timeval tv;

	s->at_once = s->at_once || at_once;
	if (s->phase == PHASE_STOPPING) {
		if (at_once)
			kill_all(s);
		return;
	}
	if (s->phase == PHASE_LEAVING) {
		if (at_once)
			supervisor_stop_workers(s);
		return;
	}
	tv = clock_timeval(at_once ? AT_ONCE_MS : s->conf.leave_timeout);
	s->phase = PHASE_LEAVING;
	notify_stopping();
	supervisor_renewal_abort(s, "the daemon stops");
	if (event_add(s->leave_clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the leave clock", NULL);
	s->ops->on_stop(at_once, s->ctx);
}

static void
on_leave_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	supervisor_stop_workers(arg);
}

/* ---- the supervisor itself ---- */

static int
init_members(struct supervisor *s)
{
	s->host = (struct member_host){.base = s->base,
				       .start_timeout = s->conf.start_timeout,
				       .pause_min = s->conf.pause_min,
				       .pause_max = s->conf.pause_max,
				       .stop_ms = stop_ms,
				       .be_worker = be_worker,
				       .on_message = on_message,
				       .on_step = on_step,
				       .ctx = s};
	s->member = calloc(s->conf.slots, sizeof *s->member);
	if (s->member == NULL)
		return -1;
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (member_init(&s->member[i], i, &s->host) < 0)
			return -1;
	return 0;
}

static int
init_events(struct supervisor *s)
{
	struct timeval tv = clock_timeval(SUPERVISOR_WATCH_MS);

	if (supervisor_signals_init(s) < 0)
		return -1;
	s->leave_clock = event_new(s->base, -1, 0, on_leave_clock, s);
	s->watch = event_new(s->base, -1, EV_PERSIST, supervisor_watch, s);
	if (s->leave_clock == NULL || s->watch == NULL || event_add(s->watch, &tv) < 0)
		return -1;
	return supervisor_renewal_init(s);
}

struct supervisor *
supervisor_new(struct event_base *base, const struct supervisor_conf *conf,
	       const struct supervisor_ops *ops, void *ctx)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->base = base;
	s->conf = *conf;
	if (s->conf.slots < conf->workers)
		s->conf.slots = conf->workers;
	s->target = conf->workers;
	s->generation = s->generations = 1;
	s->ops = ops;
	s->ctx = ctx;
	s->started = clock_ms();
	s->scoreboard = scoreboard_new(s->conf.slots);
	if (s->scoreboard == NULL || init_members(s) < 0 || init_events(s) < 0) {
		supervisor_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

void
supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; s->member != NULL && i < s->conf.slots; i++)
		member_release(&s->member[i]);
	supervisor_signals_free(s);
	free_event(s->leave_clock);
	free_event(s->watch);
	free_event(s->renewal.clock);
	free(s->member);
	scoreboard_free(s->scoreboard);
	free(s);
}

int
supervisor_run(struct supervisor *s)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	supervisor_top_up(s);
	while (s->phase != PHASE_STOPPING || supervisor_count(s, SLOT_VACANT) < s->conf.slots)
		if (event_base_dispatch(s->base) < 0)
			log_errno(LOG_ERROR, "event loop failed", NULL);
	return s->status;
}

/* ---- looking in ---- */

struct scoreboard *
supervisor_scoreboard(struct supervisor *s)
{
	return s->scoreboard;
}

unsigned
supervisor_slots(const struct supervisor *s)
{
	return s->conf.slots;
}

/* One slot stays free for a successor. */
unsigned
supervisor_most_workers(const struct supervisor *s)
{
	return s->conf.slots > 1 ? s->conf.slots - 1 : 1;
}

bool
supervisor_stopping(const struct supervisor *s)
{
	return s->phase >= PHASE_LEAVING;
}

struct event_base *
supervisor_base(const struct supervisor *s)
{
	return s->base;
}

void
supervisor_look(const struct supervisor *s, struct supervisor_view *v)
{
	static const char *const text[] = {"starting", "running", "leaving", "stopping"};

	*v = (struct supervisor_view){.state = text[s->phase],
				      .started = s->started,
				      .wanted = s->target,
				      .generation = s->generation,
				      .start_timeout = s->conf.start_timeout,
				      .stop_timeout = s->conf.stop_timeout,
				      .ready = supervisor_serving(s)};
	if (s->renewal.on)
		v->state = "reloading";
	if (s->degraded && s->phase < PHASE_LEAVING)
		v->state = "degraded";
}

void
supervisor_look_at(const struct supervisor *s, unsigned slot, struct supervisor_member *v)
{
	const struct member *m = &s->member[slot];

	*v = (struct supervisor_member){.pid = m->pid,
					.state = m->state,
					.born = m->born,
					.generation = m->generation,
					.replaces = m->replaces,
					.deaths = m->deaths,
					.last_status = m->last_status,
					.last_end = m->last_end};
}
