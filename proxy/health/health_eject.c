/* health_eject.c - a server's state and its transitions: ejected, held back, doubted, probed,
 * brought back; see health.h and health_internal.h. */
#include "health_internal.h"

void
health_snapshot(const struct health *h, unsigned server, struct health_view *v)
{
	const struct health_row *r = health_row(h, server);

	*v = (struct health_view){.state = r->state,
				  .failing = r->failing,
				  .kept = r->kept,
				  .panic = r->used && h->mood[r->policy].panic,
				  .unproved = r->unproved,
				  .held = r->held,
				  .asked = r->asked,
				  .dead = r->dead,
				  .reasoned = r->reasoned,
				  .cause = r->cause,
				  .since = r->since,
				  .until = r->until,
				  .probed = r->probed,
				  .passed = r->missed == 0,
				  .ejections = r->ejections,
				  .ejected = r->ejected};
}

/* The only place where state and failing change. */
void
health_move(struct health *h, struct health_row *r, enum health_state to, bool failing,
	    uint64_t now)
{
	enum health_state from = r->state;
	struct health_view v;

	if (from == to && r->failing == failing)
		return;
	r->state = to;
	r->failing = failing;
	r->since = now;
	health_publish(h, r);
	health_weigh(h, r->policy);
	health_snapshot(h, (unsigned)(r - h->row), &v);
	h->ops->on_change((unsigned)(r - h->row), from, &v, h->ctx);
}

void
health_clear(struct health_row *r)
{
	r->incidents = r->missed = 0;
	r->kept = r->asked = false;
}

/* It lives. */
void
health_revive(struct health_row *r)
{
	health_clear(r);
	r->unproved = r->held = false;
	r->dead = 0;
}

void
health_fail(struct health_row *r, enum failure_cause cause, uint64_t at)
{
	r->cause = cause;
	r->reasoned = true;
	if (r->dead == 0)
		r->dead = at;
}

static void
eject(struct health *h, struct health_row *r, uint64_t now)
{
	uint64_t pause = health_conf(h, r)->eject_time;

	health_clear(r);
	r->ejections++;
	r->ejected++;
	pause = r->ejections > health_conf(h, r)->eject_max / pause ? health_conf(h, r)->eject_max
								    : pause * r->ejections;
	r->until = now + health_jittered(h, pause);
	r->passed = 0;
	r->probe_at = 0;
	r->held = false;
	health_move(h, r, HEALTH_EJECTED, false, now);
}

/* It has failed too often: out, unless too many are. */
void
health_condemn(struct health *h, struct health_row *r, uint64_t now)
{
	struct health_view v;

	if (health_share_is_left(h, r->policy)) {
		eject(h, r, now);
		return;
	}
	health_move(h, r, r->state, true, now);
	if (r->kept)
		return;
	r->kept = true;
	health_weigh(h, r->policy);
	health_snapshot(h, (unsigned)(r - h->row), &v);
	h->ops->on_kept((unsigned)(r - h->row), &v, h->ctx);
}

void
health_probe(struct health *h, struct health_row *r, uint64_t now)
{
	r->passed = 0;
	r->held = true;
	health_schedule(r, now);
	health_move(h, r, HEALTH_PROBING, false, now);
}

/* It has answered no request yet, and there is reason to see first whether it does. */
void
health_distrust(struct health *h, struct health_row *r, uint64_t now)
{
	if (health_is_out(r))
		return;
	r->held = r->asked = true;
	health_schedule(r, now);
	health_publish(h, r);
	health_weigh(h, r->policy);
}

/* One of those that have answered no request yet is bad or late: so may the others be. */
void
health_doubt(struct health *h, unsigned policy, uint64_t now)
{
	for (unsigned i = 0; i < h->end; i++) {
		struct health_row *r = &h->row[i];
		if (r->used && r->policy == policy && r->unproved && !r->failing)
			health_distrust(h, r, now);
	}
}

/* It is out only because nothing is known of it yet. */
bool
health_never_failed(const struct health_row *r)
{
	return r->unproved && r->ejections == 0;
}

void
health_bring_back(struct health *h, struct health_row *r, uint64_t now)
{
	bool ramps = health_conf(h, r)->slow_start > 0 && !health_never_failed(r);

	r->burst = 0;
	r->calm = r->fresh = r->ramp = now;
	r->probe_at = r->checked ? now + health_check_pause(h, r) : 0;
	health_revive(r);
	health_move(h, r, ramps ? HEALTH_SLOW : HEALTH_UP, false, now);
}
