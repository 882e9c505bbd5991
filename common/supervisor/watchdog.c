/* watchdog.c - see watchdog.h. */
#include "watchdog.h"

#include "backoff.h"
#include "log.h"
#include "process.h"

/* Silence counts by the time in which the watchdog has turned: a worker that stood still along with
 * it, for the machine or the whole daemon was stopped, does not hang. */
static void
listen_for_beats(struct watchdog *w, uint64_t now)
{
	uint64_t since = now - w->turned, most = (uint64_t)2 * WATCHDOG_MS;

	w->awake += since < most ? since : most;
	w->turned = now;
	for (unsigned i = 0; i < w->set->slots; i++) {
		struct child *c = &w->set->child[i];
		uint64_t beat = counter_get(&scoreboard_peek(w->scoreboard, i)->heartbeat);

		if (beat != c->beat)
			c->beat_seen = w->awake;
		c->beat = beat;
	}
}

/* Its loop has not turned for too long, or the kernel has stopped it. */
static bool
hangs(const struct watchdog *w, const struct child *c)
{
	uint64_t timeout = w->set->conf.worker_timeout;

	return timeout > 0 && c->state == SLOT_READY && w->awake - c->beat_seen > timeout;
}

static const char *
why_recycle(const struct watchdog *w, const struct child *c)
{
	const struct scoreboard_row *row = scoreboard_peek(w->scoreboard, c->index);
	uint64_t memory = w->set->conf.worker_max_memory;
	struct procstat p;

	if (c->state != SLOT_READY || !c->wanted)
		return NULL;
	if (c->request_limit > 0 &&
	    counter_told(&row->requests) + counter_told(&row->errors) >= c->request_limit)
		return "worker_max_requests";
	if (memory > 0 && procstat_read(c->pid, &p) == 0 && p.resident > memory)
		return "worker_max_memory";
	return NULL;
}

/* One at a time, and only when all are well. */
static bool
may_recycle(const struct child_set *s)
{
	return s->phase == PHASE_RUNNING && !s->exits.degraded && !s->renewal.on &&
	       child_set_count(s, SLOT_READY) == s->target &&
	       child_set_count(s, SLOT_VACANT) == s->slots - s->target;
}

static void
watch(struct watchdog *w, struct child *c)
{
	const char *why;

	if (hangs(w, c)) {
		log_event(LOG_ERROR, "worker hangs", "worker=%u worker_pid=%d", c->index,
			  (int)c->pid);
		c->hung = true;
		child_happen(c, SLOT_TIMED_OUT);
	} else if (may_recycle(w->set) && (why = why_recycle(w, c)) != NULL) {
		log_event(LOG_INFO, "worker recycled", "worker=%u why=%s", c->index, why);
		if (child_set_recycle(w->set, c->index) < 0)
			log_errno(LOG_WARN, "cannot recycle a worker", "worker=%u", c->index);
	}
}

void
watchdog_turn(struct watchdog *w, uint64_t now)
{
	listen_for_beats(w, now);
	for (unsigned i = 0; i < w->set->slots; i++)
		watch(w, &w->set->child[i]);
}

bool
watchdog_all_hang(const struct watchdog *w, uint64_t ms)
{
	unsigned live = 0, hang = 0;

	for (unsigned i = 0; i < w->set->slots; i++) {
		const struct child *c = &w->set->child[i];
		bool serves = c->pid > 0 && c->beat > 0;
		live += serves;
		hang += serves && w->awake - c->beat_seen > ms;
	}
	return ms > 0 && live > 0 && hang == live;
}

uint64_t
watchdog_draw_limit(uint64_t limit)
{
	uint64_t tenth = limit / 10;

	return tenth == 0 ? limit : limit - tenth + backoff_random() % (2 * tenth + 1);
}
