/* generation.c - who is wanted: how many workers, of which settings, one in another's place; see
 * supervisor_state.h.
 *
 * Workers of a generation were forked with the same settings.  A renewal brings up a new generation
 * beside the one in force, which then leaves; if it does not come up, the one in force stays. */
#include <errno.h>

#include "clock.h"
#include "log.h"
#include "supervisor_state.h"

enum { RENEWAL_TRIES = 5 }; /* failures to start until a new generation is given up */

unsigned
supervisor_count(const struct supervisor *s, enum slot_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.slots; i++)
		n += s->member[i].state == state;
	return n;
}

bool
supervisor_is_current(const struct supervisor *s, const struct member *m)
{
	return m->generation == s->generation;
}

static unsigned
count_ready(const struct supervisor *s, unsigned generation)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.slots; i++)
		n += s->member[i].state == SLOT_READY && s->member[i].generation == generation;
	return n;
}

unsigned
supervisor_serving(const struct supervisor *s)
{
	return count_ready(s, s->renewal.on ? s->renewal.generation_before : s->generation);
}

static bool
is_successor(const struct member *m)
{
	return m->replaces >= 0;
}

static struct member *
find_vacant(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].state == SLOT_VACANT)
			return &s->member[i];
	return NULL;
}

void
supervisor_want(struct supervisor *s, struct member *m)
{
	m->wanted = true;
	m->generation = s->generation;
	member_happen(m, SLOT_WANTED);
}

void
supervisor_unwant(struct member *m)
{
	m->wanted = false;
	m->replaces = -1;
	member_happen(m, SLOT_UNWANTED);
}

/* Wanted and of the generation in force or on its way up; successors are beyond the number. */
static unsigned
count_wanted(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.slots; i++)
		n += s->member[i].wanted && supervisor_is_current(s, &s->member[i]) &&
		     !is_successor(&s->member[i]);
	return n;
}

void
supervisor_top_up(struct supervisor *s)
{
	struct member *m;

	while (s->phase < PHASE_LEAVING && count_wanted(s) < s->target &&
	       (m = find_vacant(s)) != NULL)
		supervisor_want(s, m);
}

/* ---- one for another ---- */

int
supervisor_recycle(struct supervisor *s, unsigned slot)
{
	struct member *m, *successor = find_vacant(s);

	if (slot >= s->conf.slots || s->member[slot].state != SLOT_READY) {
		errno = ESRCH;
		return -1;
	}
	m = &s->member[slot];
	if (successor == NULL || s->phase != PHASE_RUNNING || s->renewal.on || !m->wanted ||
	    !supervisor_is_current(s, m)) {
		errno = EBUSY;
		return -1;
	}
	/* Should the successor never come up, this one stays: it is not wanted twice. */
	successor->replaces = (int)slot;
	supervisor_want(s, successor);
	return 0;
}

static bool
has_successor(const struct supervisor *s, unsigned slot)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].replaces == (int)slot)
			return true;
	return false;
}

/* ---- how many ---- */

/* The last of those wanted that neither replaces another nor is being replaced. */
static struct member *
last_wanted(struct supervisor *s)
{
	for (unsigned i = s->conf.slots; i-- > 0;)
		if (s->member[i].wanted && supervisor_is_current(s, &s->member[i]) &&
		    !is_successor(&s->member[i]) && !has_successor(s, i))
			return &s->member[i];
	return NULL;
}

int
supervisor_scale(struct supervisor *s, unsigned workers)
{
	struct member *m;

	if (s->phase >= PHASE_LEAVING || s->renewal.on) {
		errno = EBUSY;
		return -1;
	}
	if (workers < 1 || workers > supervisor_most_workers(s)) {
		errno = ERANGE;
		return -1;
	}
	log_event(LOG_INFO, "number of workers changed", "from=%u to=%u", s->target, workers);
	s->target = workers;
	supervisor_top_up(s);
	while (count_wanted(s) > s->target && (m = last_wanted(s)) != NULL)
		supervisor_unwant(m);
	return 0;
}

/* ---- a new generation ---- */

bool
supervisor_may_renew(const struct supervisor *s, unsigned workers)
{
	unsigned others = s->conf.slots - supervisor_count(s, SLOT_VACANT),
		 room = s->conf.slots - s->target;

	if (s->phase != PHASE_RUNNING || s->renewal.on)
		return false;
	return s->conf.slots - others >= (workers < room ? workers : room);
}

/* Of the generation that did not come up, or of those before the one in force. */
static void
dismiss(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].wanted && !supervisor_is_current(s, &s->member[i]))
			supervisor_unwant(&s->member[i]);
}

static void
renewal_ends(struct supervisor *s, bool up, const char *why)
{
	struct renewal *r = &s->renewal;

	r->on = false;
	(void)event_del(r->clock);
	if (!up) {
		s->conf = r->conf_before;
		s->target = r->target_before;
		s->generation = r->generation_before;
		dismiss(s);
	}
	r->done(up, why, r->ctx);
	if (!up)
		supervisor_top_up(s);
}

static void
on_renewal_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	renewal_ends(arg, false, "the new workers were not ready in time");
}

int
supervisor_renewal_init(struct supervisor *s)
{
	s->renewal.clock = event_new(s->base, -1, 0, on_renewal_clock, s);
	return s->renewal.clock == NULL ? -1 : 0;
}

/* The clocks and limits of before are in force for nobody any more: those who leave leave by the
 * new ones. */
static void
take_conf(struct supervisor *s, const struct supervisor_conf *conf)
{
	unsigned slots = s->conf.slots, most = supervisor_most_workers(s);

	s->conf = *conf;
	s->conf.slots = slots;
	s->target = conf->workers < most ? conf->workers : most;
}

/* Who has died and was to be replaced by one of the same generation. */
static void
forget_cooling(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		if (s->member[i].state == SLOT_COOLING)
			supervisor_unwant(&s->member[i]);
}

int
supervisor_renew(struct supervisor *s, const struct supervisor_conf *conf,
		 supervisor_renewed_fn *done, void *ctx)
{
	struct renewal *r = &s->renewal;
	struct timeval tv = clock_timeval(2 * s->conf.start_timeout);

	if (!supervisor_may_renew(s, conf->workers)) {
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
	take_conf(s, conf);
	r->batch = supervisor_count(s, SLOT_VACANT);
	if (r->batch > s->target)
		r->batch = s->target;
	s->generation = ++s->generations;
	forget_cooling(s);
	supervisor_top_up(s);
	return 0;
}

static void
tell_to_yield(struct member *m)
{
	if (member_tell(m, CHANNEL_YIELD, span_of(NULL, 0)) < 0 && errno != ESRCH)
		log_errno(LOG_WARN, "cannot tell a worker that others accept", "worker=%u",
			  m->index);
}

void
supervisor_yield(struct supervisor *s)
{
	for (unsigned i = 0; i < s->conf.slots; i++)
		tell_to_yield(&s->member[i]);
	supervisor_stop_workers(s);
}

void
supervisor_retire(struct supervisor *s, bool yield)
{
	for (unsigned i = 0; yield && i < s->conf.slots; i++)
		if (!supervisor_is_current(s, &s->member[i]))
			tell_to_yield(&s->member[i]);
	dismiss(s);
	supervisor_top_up(s);
}

unsigned
supervisor_former(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->conf.slots; i++)
		n += s->member[i].state != SLOT_VACANT && !supervisor_is_current(s, &s->member[i]);
	return n;
}

void
supervisor_renewal_abort(struct supervisor *s, const char *why)
{
	if (s->renewal.on)
		renewal_ends(s, false, why);
}

/* ---- what befalls workers ---- */

void
supervisor_member_ready(struct supervisor *s, struct member *m)
{
	int old = m->replaces;

	m->replaces = -1;
	if (old >= 0 && s->phase < PHASE_LEAVING)
		supervisor_unwant(&s->member[old]);
	if (s->renewal.on && count_ready(s, s->generation) >= s->renewal.batch)
		renewal_ends(s, true, NULL);
}

void
supervisor_member_failed(struct supervisor *s, const struct member *m)
{
	if (!s->renewal.on || !supervisor_is_current(s, m) || m->was_ready)
		return;
	if (++s->renewal.failures >= RENEWAL_TRIES)
		renewal_ends(s, false, "the new workers do not start");
}

void
supervisor_member_ended(struct supervisor *s, struct member *m)
{
	/* Another generation takes over; the settings of this one's are no more. */
	if (!supervisor_is_current(s, m))
		m->wanted = false;
	if (!is_successor(m))
		return;
	/* One that can't even start does not become anybody's successor: the old one stays. */
	m->replaces = -1;
	m->wanted = false;
	log_event(LOG_WARN, "a successor did not start; the worker before it stays", "worker=%u",
		  m->index);
}
