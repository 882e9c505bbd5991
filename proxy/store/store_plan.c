/* store_plan.c - see store_plan.h. */
#include "store_plan.h"

static uint64_t
revision_of(const struct store_row *r)
{
	return r->there ? r->mod_rev : 0;
}

static bool
is_as_wanted(const struct store_row *r)
{
	return r->there && r->hash == r->value_hash;
}

/* This proxy has put it: under the lease that it has, or one that it had. */
static bool
is_ours(const struct store_row *r, uint64_t lease)
{
	return r->there && (r->lease == lease || r->hash == r->put_hash);
}

static bool
may_replace(const struct store_row *r, uint64_t lease)
{
	return is_ours(r, lease) || (r->over != 0 && r->mod_rev == r->over);
}

/* Where another has the same value each would move it to its own lease for ever. */
static bool
is_to_be_moved(const struct store_row *r, uint64_t lease)
{
	return r->lease != lease && r->moved != lease;
}

static enum store_step
plan_kept(const struct store_row *r, uint64_t lease)
{
	if (!r->there)
		return STORE_STEP_PUT;
	if (is_as_wanted(r))
		return is_to_be_moved(r, lease) ? STORE_STEP_PUT : STORE_STEP_NONE;
	return may_replace(r, lease) ? STORE_STEP_PUT : STORE_STEP_NONE;
}

static enum store_step
plan_once(const struct store_row *r, uint64_t lease)
{
	if (r->want == STORE_WANT_REMOVED)
		return is_ours(r, lease) ? STORE_STEP_REMOVE : STORE_STEP_OVER;
	if (is_as_wanted(r))
		return STORE_STEP_OVER;
	return !r->there || may_replace(r, lease) ? STORE_STEP_PUT : STORE_STEP_OVER;
}

enum store_step
store_plan(const struct store_row *r, uint64_t lease, uint64_t now, uint64_t *expected,
	   uint64_t *again)
{
	enum store_step step;

	*expected = revision_of(r);
	*again = r->held_until > r->not_before ? r->held_until : r->not_before;
	if (r->want == STORE_WANT_NOTHING)
		return STORE_STEP_NONE;
	if (r->in_flight) /* its answer wakes whoever asks */
		return STORE_STEP_NONE;
	if (r->held_until > now)
		return STORE_STEP_WAIT;
	step = r->want == STORE_WANT_KEPT ? plan_kept(r, lease) : plan_once(r, lease);
	if (step == STORE_STEP_PUT && r->not_before > now)
		return STORE_STEP_WAIT;
	return step;
}

unsigned
store_plan_try(struct store_row *r)
{
	r->in_flight = true;
	r->tried = revision_of(r);
	if (r->want != STORE_WANT_REMOVED)
		r->put_hash = r->value_hash;
	return r->serial;
}

/* The watch may have told of it before its answer came. */
void
store_plan_tried(struct store_row *r, bool did, unsigned serial, uint64_t lease, uint64_t now)
{
	bool heard = revision_of(r) != r->tried;

	r->in_flight = false;
	r->held_until = heard ? 0 : now + STORE_PLAN_HOLD_MS;
	r->written = did && !heard && serial == r->serial;
	if (did && serial == r->serial && r->want == STORE_WANT_KEPT)
		r->moved = lease;
}

void
store_plan_heard(struct store_row *r, uint64_t now, uint32_t jitter)
{
	r->held_until = 0;
	r->written = false;
	if (!r->there)
		r->not_before = now + jitter % (STORE_PLAN_JITTER_MS + 1);
}

bool
store_plan_is_missing(const struct store_row *r)
{
	return r->want == STORE_WANT_KEPT && !r->there && !r->written;
}
