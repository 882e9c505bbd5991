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
		supervisor_judge_degraded(s);
	tell_manager(s, now);
}
