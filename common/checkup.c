/* checkup.c - workers that hang, and those whose time is over; see supervisor_state.h. */
#include <errno.h>

#include "clock.h"
#include "log.h"
#include "notify.h"
#include "procstat.h"
#include "supervisor_state.h"

uint64_t
supervisor_draw_limit(uint64_t limit)
{
	uint64_t tenth = limit / 10;

	return tenth == 0 ? limit : limit - tenth + backoff_random() % (2 * tenth + 1);
}

/* Silence counts by the time in which the watch has turned: whoever stood still along with it, for
 * the machine or the whole daemon was stopped, does not hang. */
static void
listen_for_beats(struct supervisor *s, uint64_t now)
{
	uint64_t since = now - s->looked, most = (uint64_t)2 * SUPERVISOR_WATCH_MS;

	s->awake += since < most ? since : most;
	s->looked = now;
	for (unsigned i = 0; i < s->conf.slots; i++) {
		struct member *m = &s->member[i];
		uint64_t beat = scoreboard_get(&scoreboard_row(s->scoreboard, i)->heartbeat);

		if (beat != m->beat)
			m->beat_seen = s->awake;
		m->beat = beat;
	}
}

/* Its loop has not turned for too long, or the kernel has stopped it. */
static bool
is_hung(const struct supervisor *s, const struct member *m)
{
	if (s->conf.worker_timeout == 0 || m->state != SLOT_READY)
		return false;
	return s->awake - m->beat_seen > s->conf.worker_timeout;
}

/* Is there no worker left whose loop turns?  Where nothing else says how long a turn may take, the
 * service manager's patience does. */
static bool
all_hang(const struct supervisor *s)
{
	uint64_t limit = s->conf.worker_timeout > 0 ? s->conf.worker_timeout : notify_watchdog();
	unsigned live = 0, hang = 0;

	for (unsigned i = 0; i < s->conf.slots; i++) {
		const struct member *m = &s->member[i];
		bool serves = m->pid > 0 && m->beat > 0;
		live += serves;
		hang += serves && s->awake - m->beat_seen > limit;
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
					.all_hang = all_hang(s)},
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
	return s->phase == PHASE_RUNNING && !s->degraded && !s->renewal.on &&
	       supervisor_count(s, SLOT_READY) == s->target &&
	       supervisor_count(s, SLOT_VACANT) == s->conf.slots - s->target;
}

void
supervisor_watch(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;
	uint64_t now = clock_ms();
	const char *why;

	(void)fd;
	(void)what;
	listen_for_beats(s, now);
	for (unsigned i = 0; i < s->conf.slots; i++) {
		struct member *m = &s->member[i];
		if (is_hung(s, m)) {
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
		supervisor_judge_degraded(s);
	tell_manager(s, now);
}
