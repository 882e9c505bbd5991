/* supervisor.c - see supervisor.h.  How a worker lives is slot.c's to say and member.c's to carry
 * out; here is how many there are to be, and what becomes of the whole. */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "member.h"
#include "notify.h"
#include "procstat.h"
#include "proctitle.h"
#include "pulse.h"

enum {
	FIRST_TRIES = 5,     /* deaths a slot may have before the daemon has ever been up */
	AT_ONCE_MS = 500,    /* what is left to a worker of stop_timeout when stopping at once */
	HUNG_MS = 1000,	     /* what a worker that hangs has to end by itself */
	WATCH_MS = 250,	     /* how often workers are looked at */
	DEGRADED_DEATHS = 5, /* so many deaths while starting ... */
	DEGRADED_MS = 10000  /* ... within this time */
};

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_LEAVING, PHASE_STOPPING };
enum { SIGNALS = 7 };

struct supervisor {
	struct event_base *base;
	struct supervisor_conf conf;
	const struct supervisor_ops *ops;
	void *ctx;
	struct scoreboard *scoreboard;
	enum phase phase;
	bool at_once, degraded;
	int status;
	unsigned target; /* workers wanted */
	uint64_t started;
	struct event *signal[SIGNALS], *leave_clock, *watch;
	struct pulse pulse;
	struct member_host host;
	struct member *member; /* conf.slots */
	struct supervisor_death death[SUPERVISOR_DEATHS];
	unsigned deaths; /* ever; death[deaths % SUPERVISOR_DEATHS] is the next */
};

static unsigned
count_state(const struct supervisor *s, enum slot_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.slots; i++)
		n += s->member[i].state == state;
	return n;
}

static struct member *
find_vacant(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].state == SLOT_VACANT)
			return &s->member[i];
	return NULL;
}

static void
want(struct member *m)
{
	m->wanted = true;
	member_happen(m, SLOT_WANTED);
}

static void
unwant(struct member *m)
{
	m->wanted = false;
	member_happen(m, SLOT_UNWANTED);
}

/* ---- deaths ---- */

const struct supervisor_death *
supervisor_death(const struct supervisor *s, unsigned i)
{
	if (i >= SUPERVISOR_DEATHS || i >= s->deaths)
		return NULL;
	return &s->death[(s->deaths - 1 - i) % SUPERVISOR_DEATHS];
}

#define END_TEXT(name, text) text,

const char *
supervisor_end_text(enum supervisor_end e)
{
	static const char *const text[] = {SUPERVISOR_ENDS(END_TEXT)};

	return text[e];
}

static enum supervisor_end
how_it_ended(const struct member *m, bool asked)
{
	if (m->hung)
		return END_HUNG;
	if (asked)
		return END_ASKED;
	return m->was_ready ? END_DIED : END_DIED_STARTING;
}

static void
remember(struct supervisor *s, const struct member *m, int status, bool asked)
{
	struct supervisor_death *d = &s->death[s->deaths++ % SUPERVISOR_DEATHS];
	uint64_t now = clock_ms();

	*d = (struct supervisor_death){.at = now,
				       .age = now - m->born,
				       .slot = m->index,
				       .pid = m->pid,
				       .status = status,
				       .end = how_it_ended(m, asked)};
	log_event(d->end == END_ASKED ? LOG_VERBOSE : LOG_WARN, "worker ended",
		  "worker=%u worker_pid=%d why=%s %s=%d", m->index, (int)m->pid,
		  log_quoted(supervisor_end_text(d->end)), WIFSIGNALED(status) ? "signal" : "code",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static unsigned
recent_start_deaths(const struct supervisor *s, uint64_t now)
{
	const struct supervisor_death *d;
	unsigned n = 0;

	for (unsigned i = 0; (d = supervisor_death(s, i)) != NULL && now - d->at < DEGRADED_MS; i++)
		n += d->end == END_DIED_STARTING;
	return n;
}

/* Workers that can't start: said, and tried again ever more rarely; the daemon goes on with the
 * others. */
static void
judge_degraded(struct supervisor *s)
{
	unsigned n = recent_start_deaths(s, clock_ms());
	bool all_up = count_state(s, SLOT_READY) >= s->target;

	if (!s->degraded && n >= DEGRADED_DEATHS) {
		s->degraded = true;
		log_event(LOG_ERROR, "degraded: workers die while starting", "deaths=%u", n);
	} else if (s->degraded && all_up && n == 0) {
		s->degraded = false;
		log_event(LOG_INFO, "no longer degraded", NULL);
	}
}

/* ---- what members tell ---- */

static uint64_t
stop_ms(const struct member *m, void *ctx)
{
	const struct supervisor *s = ctx;

	if (s->at_once)
		return AT_ONCE_MS;
	return m->hung && HUNG_MS < s->conf.stop_timeout ? HUNG_MS : s->conf.stop_timeout;
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
	for (size_t i = 0; i < SIGNALS; i++)
		event_free(s->signal[i]);
	event_free(s->leave_clock);
	event_free(s->watch);
	for (unsigned i = 0; i < s->conf.slots; i++)
		member_after_fork(&s->member[i]);
	if (s->ops->after_fork != NULL)
		s->ops->after_fork(s->ctx);
	/* A base of its own: a worker's successor is forked from within the master's loop, and a
	 * loop can't be entered twice. */
	event_base_free(s->base);
	proctitle_set("worker %u", slot);
	base = event_base_new();
	if (base == NULL)
		_exit(1);
	status = worker_run(base, slot, channel, master, scoreboard_row(s->scoreboard, slot),
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

/* 10 % more or less, so that workers born together are not recycled together. */
static uint64_t
draw_limit(uint64_t limit)
{
	uint64_t tenth = limit / 10;

	return tenth == 0 ? limit : limit - tenth + backoff_random() % (2 * tenth + 1);
}

static void
on_ready(struct supervisor *s, struct member *m)
{
	int old = m->replaces;

	m->replaces = -1;
	if (old >= 0 && s->phase < PHASE_LEAVING)
		unwant(&s->member[old]);
	judge_degraded(s);
	if (s->phase == PHASE_STARTING && count_state(s, SLOT_READY) >= s->target) {
		s->phase = PHASE_RUNNING;
		s->ops->on_up(s->ctx);
	}
}

/* A worker died and is to be tried again: unless none has ever come up. */
static void
on_pause(struct supervisor *s, struct member *m)
{
	judge_degraded(s);
	if (s->phase != PHASE_STARTING || m->deaths < FIRST_TRIES)
		return;
	log_event(LOG_ERROR, "workers do not start; giving up", "worker=%u tries=%u", m->index,
		  m->deaths);
	s->status = 1;
	supervisor_stop_workers(s);
}

static void
on_step(struct member *m, enum slot_action action, void *ctx)
{
	struct supervisor *s = ctx;

	if (action == SLOT_FORK)
		m->request_limit = draw_limit(s->conf.worker_max_requests);
	else if (action == SLOT_COUNT)
		on_ready(s, m);
	else if (action == SLOT_PAUSE)
		on_pause(s, m);
	if (s->phase == PHASE_STOPPING && count_state(s, SLOT_VACANT) == s->conf.slots)
		(void)event_base_loopbreak(s->base);
}

/* ---- watching ---- */

/* Its loop has not turned for too long, or the kernel has stopped it. */
static bool
is_hung(const struct supervisor *s, const struct member *m, uint64_t now)
{
	uint64_t beat = scoreboard_get(&scoreboard_row(s->scoreboard, m->index)->heartbeat);

	if (s->conf.worker_timeout == 0 || m->state != SLOT_READY)
		return false;
	return now > beat && now - beat > s->conf.worker_timeout;
}

/* Is there no worker left whose loop turns?  Where nothing else says how long a turn may take, the
 * service manager's patience does. */
static bool
all_hang(const struct supervisor *s, uint64_t now)
{
	uint64_t limit = s->conf.worker_timeout > 0 ? s->conf.worker_timeout : notify_watchdog();
	unsigned live = 0, hang = 0;

	for (unsigned i = 0; i < s->conf.slots; i++) {
		uint64_t beat = scoreboard_get(&scoreboard_row(s->scoreboard, i)->heartbeat);
		bool serves = s->member[i].pid > 0 && beat > 0;
		live += serves;
		hang += serves && now > beat && now - beat > limit;
	}
	return live > 0 && hang == live;
}

static void
tell_manager(struct supervisor *s, uint64_t now)
{
	struct supervisor_view v;

	supervisor_look(s, &v);
	pulse_turn(&s->pulse,
		   &(struct pulse_view){.state = v.state,
					.wanted = v.wanted,
					.ready = v.ready,
					.all_hang = all_hang(s, now)},
		   now);
}

static const char *
why_recycle(const struct supervisor *s, const struct member *m)
{
	const struct scoreboard_row *row = scoreboard_row(s->scoreboard, m->index);
	struct procstat p;

	if (m->state != SLOT_READY || !m->wanted)
		return NULL;
	if (m->request_limit > 0 &&
	    scoreboard_get(&row->requests) + scoreboard_get(&row->errors) >= m->request_limit)
		return "worker_max_requests";
	if (s->conf.worker_max_memory > 0 && procstat_read(m->pid, &p) == 0 &&
	    p.resident > s->conf.worker_max_memory)
		return "worker_max_memory";
	return NULL;
}

/* One at a time, and only when all are well. */
static bool
may_recycle(const struct supervisor *s)
{
	return s->phase == PHASE_RUNNING && !s->degraded &&
	       count_state(s, SLOT_READY) == s->target &&
	       count_state(s, SLOT_VACANT) == s->conf.slots - s->target;
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;
	uint64_t now = clock_ms();
	const char *why;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->conf.slots; i++) {
		struct member *m = &s->member[i];
		if (is_hung(s, m, now)) {
			log_event(LOG_ERROR, "worker hangs", "worker=%u worker_pid=%d", i,
				  (int)m->pid);
			m->hung = true;
			member_happen(m, SLOT_TIMED_OUT);
		} else if (may_recycle(s) && (why = why_recycle(s, m)) != NULL) {
			log_event(LOG_INFO, "worker recycled", "worker=%u why=%s", i, why);
			if (supervisor_recycle(s, i) < 0)
				log_errno(LOG_WARN, "cannot recycle a worker", "worker=%u", i);
		}
	}
	if (s->degraded)
		judge_degraded(s);
	tell_manager(s, now);
}

/* ---- orders ---- */

int
supervisor_recycle(struct supervisor *s, unsigned slot)
{
	struct member *m, *successor = find_vacant(s);

	if (slot >= s->conf.slots || s->member[slot].state != SLOT_READY) {
		errno = ESRCH;
		return -1;
	}
	m = &s->member[slot];
	if (successor == NULL || s->phase != PHASE_RUNNING || !m->wanted) {
		errno = EBUSY;
		return -1;
	}
	/* Should the successor never come up, this one stays: it is not wanted twice. */
	successor->replaces = (int)slot;
	want(successor);
	return 0;
}

static bool
is_successor(const struct member *m)
{
	return m->replaces >= 0;
}

static bool
has_successor(const struct supervisor *s, unsigned slot)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].replaces == (int)slot)
			return true;
	return false;
}

/* The last of those wanted that neither replaces another nor is being replaced. */
static struct member *
last_wanted(struct supervisor *s)
{
	for (unsigned i = s->conf.slots; i-- > 0;)
		if (s->member[i].wanted && !is_successor(&s->member[i]) && !has_successor(s, i))
			return &s->member[i];
	return NULL;
}

int
supervisor_scale(struct supervisor *s, unsigned workers)
{
	struct member *m;

	if (workers < 1 || workers > supervisor_most_workers(s) || s->phase >= PHASE_LEAVING) {
		errno = s->phase >= PHASE_LEAVING ? EBUSY : ERANGE;
		return -1;
	}
	log_event(LOG_INFO, "number of workers changed", "from=%u to=%u", s->target, workers);
	for (; s->target < workers && (m = find_vacant(s)) != NULL; s->target++)
		want(m);
	for (; s->target > workers && (m = last_wanted(s)) != NULL; s->target--)
		unwant(m);
	if (s->target == workers)
		return 0;
	errno = EBUSY;
	return -1;
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

/* The workers open nothing: they are given the master's new descriptor. */
void
supervisor_reopen(struct supervisor *s)
{
	if (log_reopen() < 0) {
		log_errno(LOG_ERROR, "cannot reopen the log", NULL);
		return;
	}
	for (unsigned i = 0; log_file() >= 0 && i < s->conf.slots; i++)
		if (member_pass(&s->member[i], CHANNEL_LOG, log_file()) < 0 && errno != ESRCH)
			log_errno(LOG_WARN, "cannot give a worker its log", "worker=%u", i);
}

/* ---- stopping ---- */

void
supervisor_stop_workers(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING)
		return;
	s->phase = PHASE_STOPPING;
	(void)event_del(s->leave_clock);
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

/* ---- signals ---- */

static void
on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	bool at_once = sig != SIGTERM || s->phase >= PHASE_LEAVING;

	(void)what;
	log_event(LOG_INFO, "stopping", "signal=%d at_once=%d", (int)sig, at_once);
	supervisor_stop(s, at_once);
}

static void
on_reopen_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	supervisor_reopen(arg);
}

static void
on_scale_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	unsigned to = sig == SIGTTIN ? s->target + 1 : s->target - 1;

	(void)what;
	if (supervisor_scale(s, to) < 0)
		log_errno(LOG_WARN, "the number of workers stays", "workers=%u wanted=%u",
			  s->target, to);
}

static void
reaped(struct supervisor *s, struct member *m, int status)
{
	bool asked = m->state == SLOT_DRAINING || m->state == SLOT_KILLED;

	remember(s, m, status, asked);
	member_reaped(m, status);
	scoreboard_clear(s->scoreboard, m->index);
	if (s->ops->on_exit != NULL)
		s->ops->on_exit(m->index, s->ctx);
	if (!asked)
		m->deaths++;
	/* One that can't even start does not become anybody's successor: the old one stays. */
	if (is_successor(m)) {
		m->replaces = -1;
		m->wanted = false;
		log_event(LOG_WARN, "a successor did not start; the worker before it stays",
			  "worker=%u", m->index);
	}
	member_happen(m, SLOT_EXITED);
}

static void
on_child(evutil_socket_t sig, short what, void *arg)
{
	struct supervisor *s = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < s->conf.slots; i++)
			if (s->member[i].pid == pid)
				reaped(s, &s->member[i], status);
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
	static const struct {
		int sig;
		event_callback_fn fn;
	} row[SIGNALS] = {{SIGCHLD, on_child},	       {SIGTERM, on_stop_signal},
			  {SIGINT, on_stop_signal},    {SIGQUIT, on_stop_signal},
			  {SIGUSR1, on_reopen_signal}, {SIGTTIN, on_scale_signal},
			  {SIGTTOU, on_scale_signal}};
	struct timeval tv = clock_timeval(WATCH_MS);

	for (size_t i = 0; i < SIGNALS; i++) {
		s->signal[i] = evsignal_new(s->base, row[i].sig, row[i].fn, s);
		if (s->signal[i] == NULL || event_add(s->signal[i], NULL) < 0)
			return -1;
	}
	s->leave_clock = event_new(s->base, -1, 0, on_leave_clock, s);
	s->watch = event_new(s->base, -1, EV_PERSIST, on_watch, s);
	if (s->leave_clock == NULL || s->watch == NULL || event_add(s->watch, &tv) < 0)
		return -1;
	return 0;
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
	for (size_t i = 0; i < SIGNALS; i++)
		free_event(s->signal[i]);
	free_event(s->leave_clock);
	free_event(s->watch);
	free(s->member);
	scoreboard_free(s->scoreboard);
	free(s);
}

int
supervisor_run(struct supervisor *s)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	for (unsigned i = 0; i < s->target; i++)
		want(&s->member[i]);
	while (s->phase != PHASE_STOPPING || count_state(s, SLOT_VACANT) < s->conf.slots)
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

void
supervisor_look(const struct supervisor *s, struct supervisor_view *v)
{
	static const char *const text[] = {"starting", "running", "leaving", "stopping"};

	*v = (struct supervisor_view){.state = text[s->phase],
				      .started = s->started,
				      .wanted = s->target,
				      .ready = count_state(s, SLOT_READY)};
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
					.deaths = m->deaths,
					.last_status = m->last_status};
}
