/* child_set.c - see child_set.h. */
#include "child_set.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

enum {
	RENEWAL_TRIES = 5, /* failures to start until a new generation is given up */
	ALONE_SHARE = 10   /* of the longest pause, while nobody serves */
};

/* ---- counting ---- */

unsigned
child_set_count(const struct child_set *s, enum slot_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->slots; i++)
		n += s->child[i].state == state;
	return n;
}

static bool
is_current(const struct child_set *s, const struct child *c)
{
	return c->generation == s->generation;
}

static unsigned
count_ready(const struct child_set *s, unsigned generation)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->slots; i++)
		n += s->child[i].state == SLOT_READY && s->child[i].generation == generation;
	return n;
}

unsigned
child_set_serving(const struct child_set *s)
{
	return count_ready(s, s->renewal.on ? s->renewal.generation_before : s->generation);
}

unsigned
child_set_former(const struct child_set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->slots; i++)
		n += s->child[i].state != SLOT_VACANT && !is_current(s, &s->child[i]);
	return n;
}

unsigned
child_set_most(const struct child_set *s)
{
	return s->slots > 1 ? s->slots - 1 : 1;
}

struct child *
child_set_find(struct child_set *s, pid_t pid)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->child[i].pid == pid)
			return &s->child[i];
	return NULL;
}

/* Is another one starting, or about to within ms? */
static bool
another_tries(const struct child_set *s, const struct child *c, uint32_t ms)
{
	uint64_t until = clock_ms() + ms;

	for (unsigned i = 0; i < s->slots; i++) {
		const struct child *o = &s->child[i];
		if (o != c &&
		    (o->state == SLOT_STARTING || (o->state == SLOT_COOLING && o->due <= until)))
			return true;
	}
	return false;
}

uint32_t
child_set_longest_pause(const struct child_set *s, const struct child *c)
{
	uint32_t alone = s->conf.pause_max / ALONE_SHARE;

	if (alone < s->conf.pause_min)
		alone = s->conf.pause_min;
	if (child_set_count(s, SLOT_READY) > 0 || another_tries(s, c, alone))
		return s->conf.pause_max;
	return alone;
}

/* A renewal that fails says so itself and leaves the workers before as they were: those that it
 * could not start don't count. */
void
child_set_watch_degraded(struct child_set *s)
{
	bool all_up = child_set_count(s, SLOT_READY) >= s->target;
	unsigned deaths;

	if (s->renewal.on || !exit_history_turns(&s->exits, all_up, clock_ms(), &deaths))
		return;
	if (s->exits.degraded)
		log_event(LOG_ERROR, "degraded: workers die while starting", "deaths=%u serving=%u",
			  deaths, child_set_serving(s));
	else
		log_event(LOG_INFO, "no longer degraded", NULL);
}

/* ---- how many ---- */

static bool
is_successor(const struct child *c)
{
	return c->replaces >= 0;
}

static struct child *
find_vacant(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->child[i].state == SLOT_VACANT)
			return &s->child[i];
	return NULL;
}

static void
want(struct child_set *s, struct child *c)
{
	c->wanted = true;
	c->generation = s->generation;
	child_happen(c, SLOT_WANTED);
}

static void
unwant(struct child *c)
{
	c->wanted = false;
	c->replaces = -1;
	child_happen(c, SLOT_UNWANTED);
}

static void
tell_to_yield(struct child *c)
{
	if (child_send(c, CHANNEL_YIELD, span_of(NULL, 0), -1) < 0 && errno != ESRCH)
		log_errno(LOG_WARN, "cannot tell a worker that others accept", "worker=%u",
			  c->index);
}

/* The same while others serve: it need not take what they can, and cut it short. */
static void
unwant_beside_others(struct child_set *s, struct child *c)
{
	if (c->state == SLOT_READY && child_set_count(s, SLOT_READY) > 1)
		tell_to_yield(c);
	unwant(c);
}

/* Of the generation in force or on its way up; successors are beyond the number. */
static bool
counts(const struct child_set *s, const struct child *c)
{
	return c->wanted && is_current(s, c) && !is_successor(c);
}

static unsigned
count_wanted(const struct child_set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->slots; i++)
		n += counts(s, &s->child[i]);
	return n;
}

void
child_set_top_up(struct child_set *s)
{
	struct child *c;

	while (s->phase < PHASE_LEAVING && count_wanted(s) < s->target &&
	       (c = find_vacant(s)) != NULL)
		want(s, c);
}

static bool
has_successor(const struct child_set *s, unsigned slot)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->child[i].replaces == (int)slot)
			return true;
	return false;
}

/* The last of those wanted that neither replaces another nor is being replaced. */
static struct child *
last_wanted(struct child_set *s)
{
	for (unsigned i = s->slots; i-- > 0;)
		if (counts(s, &s->child[i]) && !has_successor(s, i))
			return &s->child[i];
	return NULL;
}

int
child_set_scale(struct child_set *s, unsigned workers)
{
	struct child *c;

	if (s->phase >= PHASE_LEAVING || s->renewal.on) {
		errno = EBUSY;
		return -1;
	}
	if (workers < 1 || workers > child_set_most(s)) {
		errno = ERANGE;
		return -1;
	}
	log_event(LOG_INFO, "number of workers changed", "from=%u to=%u", s->target, workers);
	s->target = workers;
	child_set_top_up(s);
	while (count_wanted(s) > s->target && (c = last_wanted(s)) != NULL)
		unwant_beside_others(s, c);
	return 0;
}

/* ---- one for another ---- */

int
child_set_recycle(struct child_set *s, unsigned slot)
{
	struct child *c, *successor = find_vacant(s);

	if (slot >= s->slots || s->child[slot].state != SLOT_READY) {
		errno = ESRCH;
		return -1;
	}
	c = &s->child[slot];
	if (successor == NULL || s->phase != PHASE_RUNNING || s->renewal.on || !c->wanted ||
	    !is_current(s, c)) {
		errno = EBUSY;
		return -1;
	}
	/* Should the successor never come up, this one stays: it is not wanted twice. */
	successor->replaces = (int)slot;
	want(s, successor);
	return 0;
}

/* ---- a new generation ---- */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

bool
child_set_may_renew(const struct child_set *s, unsigned workers)
{
	return s->phase == PHASE_RUNNING && !s->renewal.on &&
	       child_set_count(s, SLOT_VACANT) >= least(workers, s->slots - s->target);
}

/* Of the generation that did not come up, or of those before the one in force. */
static void
dismiss(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->child[i].wanted && !is_current(s, &s->child[i]))
			unwant(&s->child[i]);
}

static void
use_conf(struct child_set *s, const struct supervisor_conf *conf)
{
	s->conf = *conf;
	s->host->start_timeout = conf->start_timeout;
	s->host->stop_timeout = conf->stop_timeout;
}

static void
renewal_ends(struct child_set *s, bool up, const char *why)
{
	struct renewal *r = &s->renewal;

	r->on = false;
	(void)event_del(r->clock);
	if (!up) {
		use_conf(s, &r->conf_before);
		s->target = r->target_before;
		s->generation = r->generation_before;
		s->exits.since = clock_ms();
		dismiss(s);
	}
	r->done(up, why, r->ctx);
	if (!up)
		child_set_top_up(s);
}

static void
on_renewal_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	renewal_ends(arg, false, "the new workers were not ready in time");
}

/* Those that died and were to be replaced by one of the same generation. */
static void
forget_cooling(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->child[i].state == SLOT_COOLING)
			unwant(&s->child[i]);
}

/* The clocks and limits of before are in force for nobody any more: those that leave leave by the
 * new ones. */
int
child_set_renew(struct child_set *s, const struct supervisor_conf *conf,
		supervisor_renewed_fn *done, void *ctx)
{
	struct renewal *r = &s->renewal;
	struct timeval tv = clock_timeval(2 * conf->start_timeout);

	if (!child_set_may_renew(s, conf->workers)) {
		errno = EBUSY;
		return -1;
	}
	if (event_add(r->clock, &tv) < 0)
		return -1;
	*r = (struct renewal){.on = true,
			      .clock = r->clock,
			      .conf_before = s->conf,
			      .target_before = s->target,
			      .generation_before = s->generation,
			      .done = done,
			      .ctx = ctx};
	use_conf(s, conf);
	s->target = least(conf->workers, child_set_most(s));
	r->batch = least(s->target, child_set_count(s, SLOT_VACANT));
	s->generation = ++s->generations;
	forget_cooling(s);
	child_set_top_up(s);
	return 0;
}

void
child_set_abort_renewal(struct child_set *s, const char *why)
{
	if (s->renewal.on)
		renewal_ends(s, false, why);
}

void
child_set_retire(struct child_set *s, bool yield)
{
	for (unsigned i = 0; yield && i < s->slots; i++)
		if (!is_current(s, &s->child[i]))
			tell_to_yield(&s->child[i]);
	dismiss(s);
	child_set_top_up(s);
}

/* ---- what befalls one ---- */

void
child_set_ready(struct child_set *s, struct child *c)
{
	int old = c->replaces;

	c->replaces = -1;
	if (old >= 0 && s->phase < PHASE_LEAVING)
		unwant_beside_others(s, &s->child[old]);
	if (s->renewal.on && count_ready(s, s->generation) >= s->renewal.batch)
		renewal_ends(s, true, NULL);
	child_set_watch_degraded(s);
}

void
child_set_failed(struct child_set *s, const struct child *c)
{
	child_set_watch_degraded(s);
	/* Those that others kill can start; the renewal's clock bounds the trying. */
	if (!s->renewal.on || !is_current(s, c) || c->was_ready || c->by_others)
		return;
	if (++s->renewal.failures >= RENEWAL_TRIES)
		renewal_ends(s, false, "the new workers do not start");
}

void
child_set_ended(struct child_set *s, struct child *c)
{
	/* Another generation takes over; the settings of this one's are no more. */
	if (!is_current(s, c))
		c->wanted = false;
	if (is_successor(c)) {
		/* One that can't even start replaces nobody: the old one stays. */
		c->replaces = -1;
		c->wanted = false;
		log_event(LOG_WARN, "a successor did not start; the worker before it stays",
			  "worker=%u", c->index);
	}
	child_happen(c, SLOT_EXITED);
}

/* ---- all of them ---- */

void
child_set_stop(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		s->child[i].wanted = false;
	for (unsigned i = 0; i < s->slots; i++)
		child_happen(&s->child[i], SLOT_UNWANTED);
}

void
child_set_kill(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		child_happen(&s->child[i], SLOT_KILL);
}

void
child_set_pass(struct child_set *s, enum channel_tag tag, int fd)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (child_send(&s->child[i], tag, span_of(NULL, 0), fd) < 0 && errno != ESRCH)
			log_errno(LOG_WARN, "cannot give a worker its log", "worker=%u", i);
}

void
child_set_yield(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		tell_to_yield(&s->child[i]);
}

int
child_set_init(struct child_set *s, const struct supervisor_conf *conf, struct child_host *host)
{
	unsigned slots = conf->slots < conf->workers ? conf->workers : conf->slots;

	*s = (struct child_set){.host = host,
				.child = calloc(slots, sizeof *s->child),
				.target = conf->workers,
				.generation = 1,
				.generations = 1};
	s->renewal.clock = event_new(host->base, -1, 0, on_renewal_clock, s);
	if (s->renewal.clock == NULL || s->child == NULL)
		return -1;
	host->pause_min = conf->pause_min;
	host->pause_max = conf->pause_max;
	use_conf(s, conf);
	for (; s->slots < slots; s->slots++)
		if (child_init(&s->child[s->slots], s->slots, host) < 0)
			return -1;
	return 0;
}

void
child_set_release(struct child_set *s)
{
	for (unsigned i = 0; i < s->slots; i++)
		child_release(&s->child[i]);
	if (s->renewal.clock != NULL)
		event_free(s->renewal.clock);
}
