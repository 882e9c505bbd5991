/* health_panic.c - what holds for all servers of a policy: whether health counts at all, how many
 * may be ejected, and the verdict that workers read of each; see health.h and health_internal.h. */
#include "health_internal.h"

static enum server_health_kind
verdict_of(const struct health *h, const struct health_row *r)
{
	const struct health_mood *mood = &h->mood[r->policy];
	bool left_alone = mood->good && r->failing && mood->conf->eject_after > 0;

	if (!r->used)
		return SERVER_HEALTH_OPEN;
	if (health_is_out(r) && !mood->panic &&
	    (r->state == HEALTH_EJECTED || !r->unproved || mood->good))
		return SERVER_HEALTH_SHUT;
	if (r->unproved)
		return left_alone ? SERVER_HEALTH_LAST : SERVER_HEALTH_TRIAL;
	if (r->state == HEALTH_SLOW)
		return SERVER_HEALTH_RAMP;
	return left_alone ? SERVER_HEALTH_LAST : SERVER_HEALTH_OPEN;
}

void
health_publish(struct health *h, const struct health_row *r)
{
	server_health_set(h->verdicts, (unsigned)(r - h->row), verdict_of(h, r), r->ramp);
}

struct census {
	unsigned all;
	unsigned ejected; /* and not back yet */
	unsigned out;	  /* these, and those held until they have passed a probe */
	unsigned bad;	  /* these, once a probe was missed, and those that just fail */
	unsigned good;	  /* known to be well */
};

static struct census
census_of(const struct health *h, unsigned policy)
{
	struct census c = {.all = 0};

	for (unsigned i = 0; i < h->end; i++) {
		const struct health_row *r = &h->row[i];
		bool unknown = r->unproved && r->missed == 0;
		if (!r->used || r->policy != policy)
			continue;
		c.all++;
		c.ejected += r->state >= HEALTH_EJECTED && r->ejections > 0;
		c.out += health_is_out(r);
		c.bad += r->state == HEALTH_EJECTED || (r->held && !unknown) || r->kept ||
			 (r->failing && r->state == HEALTH_NEW);
		c.good += (r->state == HEALTH_UP || r->state == HEALTH_SLOW) && !r->failing;
	}
	return c;
}

/* A server of the policy has changed: does health count in it, and is any of them well? */
void
health_weigh(struct health *h, unsigned policy)
{
	struct census c = census_of(h, policy);
	struct health_mood *mood = &h->mood[policy];
	struct health_mood now = {mood->conf, c.out > 0 && c.bad == c.all, c.good > 0};
	bool panic_changed = now.panic != mood->panic;

	if (!panic_changed && now.good == mood->good)
		return;
	*mood = now;
	for (unsigned i = 0; i < h->end; i++)
		if (h->row[i].used && h->row[i].policy == policy)
			health_publish(h, &h->row[i]);
	if (panic_changed && c.all > 0)
		h->ops->on_panic(policy, now.panic, h->ctx);
}

bool
health_share_is_left(const struct health *h, unsigned policy)
{
	struct census c = census_of(h, policy);
	unsigned most = (unsigned)((uint64_t)c.all * h->mood[policy].conf->eject_share / 100);

	if (most == 0 && c.all > 1 && h->mood[policy].conf->eject_share > 0)
		most = 1;
	return c.ejected < most;
}
