/* health.c - what is told of a server, and what follows; see health.h. */
#include <stdlib.h>

#include "health_internal.h"

enum { PROBE_LATE = 100 }; /* ms after which a probe's result is bad news already */

struct health *
health_new(unsigned servers, unsigned policies, const struct policy_conf *conf,
	   uint32_t (*random)(void), struct verdicts *verdicts, const struct health_ops *ops,
	   void *ctx)
{
	struct health *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	*h = (struct health){
		.random = random, .verdicts = verdicts, .ops = ops, .ctx = ctx, .servers = servers};
	h->row = calloc(servers, sizeof *h->row);
	h->mood = calloc(policies, sizeof *h->mood);
	if (h->row == NULL || h->mood == NULL) {
		health_free(h);
		return NULL;
	}
	for (unsigned i = 0; i < policies; i++)
		h->mood[i].conf = conf;
	return h;
}

void
health_set_policy(struct health *h, unsigned policy, const struct policy_conf *conf)
{
	h->mood[policy].conf = conf;
}

void
health_free(struct health *h)
{
	if (h == NULL)
		return;
	free(h->row);
	free(h->mood);
	free(h);
}

#define HEALTH_TEXT(name, text) [name] = text,
const char *const health_words[] = {HEALTH_STATES(HEALTH_TEXT) "down", "suspect", NULL};
#undef HEALTH_TEXT

const char *
health_word(const struct health_view *v)
{
	if (v->failing)
		return failure_kind(v->cause) == FAILURE_LOCAL ? "down" : "suspect";
	return health_words[v->state];
}

/* ---- what is told ---- */

void
health_begin(struct health *h, unsigned server, unsigned policy, bool checked,
	     enum health_origin origin, uint64_t now)
{
	struct health_row *r = health_row(h, server);
	unsigned before = r->policy;
	bool replaced = r->used;

	*r = (struct health_row){.used = true,
				 .checked = checked,
				 .unproved = true,
				 .policy = policy,
				 .since = now,
				 .announced = now,
				 .ejections = replaced ? r->ejections : 0,
				 .ejected = replaced ? r->ejected : 0,
				 .fresh = now,
				 .calm = now};
	if (server >= h->end)
		h->end = server + 1;
	if (origin == HEALTH_RECALLED) {
		r->state = HEALTH_PROBING;
		r->announced = now > HEALTH_GRACE ? now - HEALTH_GRACE : 0;
		r->probe_at = now;
	} else if (checked) {
		r->probe_at = now + health_check_pause(h, r);
	}
	health_publish(h, r);
	health_weigh(h, policy);
	if (replaced && before != policy)
		health_weigh(h, before);
}

void
health_end(struct health *h, unsigned server)
{
	struct health_row *r = health_row(h, server);
	unsigned policy = r->policy;

	if (!r->used)
		return;
	*r = (struct health_row){.used = false};
	health_publish(h, r);
	health_weigh(h, policy);
}

void
health_set_checked(struct health *h, unsigned server, bool checked, uint64_t now)
{
	struct health_row *r = health_row(h, server);

	if (!r->used || r->checked == checked)
		return;
	r->checked = checked;
	if (r->state < HEALTH_EJECTED && !r->failing)
		r->probe_at = checked ? now + health_check_pause(h, r) : 0;
}

void
health_announced(struct health *h, unsigned server, uint64_t now)
{
	struct health_row *r = health_row(h, server);
	bool lost = r->cause == CAUSE_CLOSED || r->cause == CAUSE_RESET || r->cause == CAUSE_CUT ||
		    failure_kind(r->cause) == FAILURE_LOCAL;

	if (!r->used)
		return;
	r->announced = now;
	r->dead = 0; /* anew, if it fails still */
	if (r->state == HEALTH_EJECTED && lost)
		health_probe(h, r, now);
	else if (r->state == HEALTH_PROBING && r->probe_at > now)
		r->probe_at = now;
}

void
health_incident(struct health *h, unsigned server, enum failure_cause cause, uint64_t at,
		uint64_t reached)
{
	struct health_row *r = health_row(h, server);
	bool lie = failure_kind(cause) == FAILURE_LIE;

	if (!r->used || health_is_out_of_use(r) || at < r->fresh)
		return;
	if (!lie && r->burst != 0 && at < r->burst + FAILURE_BURST)
		return;
	if (reached > r->burst) {
		health_clear(r);
		health_weigh(h, r->policy);
	}
	r->burst = at;
	r->incidents++;
	health_fail(r, cause, at);
	if (r->state == HEALTH_PROBING) {
		health_distrust(h, r, at);
	} else if (health_is_excused(r, cause, at)) {
		health_schedule(r, at + health_probe_pause(h, r, true));
		health_move(h, r, r->state, true, at);
	} else if (health_conf(h, r)->eject_after > 0 &&
		   (lie || r->incidents + r->missed >= health_conf(h, r)->eject_after)) {
		health_condemn(h, r, at);
	} else {
		r->asked = true;
		health_schedule(r, at);
		health_move(h, r, r->state, true, at);
	}
	if (r->unproved && !health_is_excused(r, cause, at))
		health_doubt(h, r->policy, at);
}

void
health_ask(struct health *h, unsigned server, uint64_t now)
{
	struct health_row *r = health_row(h, server);

	if (!r->used)
		return;
	if (!health_is_out_of_use(r))
		r->asked = true;
	health_schedule(r, now);
}

void
health_late(struct health *h, unsigned server, uint64_t at)
{
	struct health_row *r = health_row(h, server);

	if (!r->used || health_is_out(r) || at < r->fresh)
		return;
	r->asked = true;
	health_schedule(r, at);
	if (r->unproved)
		health_doubt(h, r->policy, at);
}

void
health_success(struct health *h, unsigned server, uint64_t at)
{
	struct health_row *r = health_row(h, server);

	if (!r->used || at <= r->burst || at <= r->missed_at || at < r->fresh)
		return;
	if (r->state >= HEALTH_EJECTED) {
		if ((r->state == HEALTH_PROBING && r->unproved) ||
		    (h->mood[r->policy].panic && at > r->since))
			health_bring_back(h, r, at);
		return;
	}
	if (r->failing && !r->checked)
		r->probe_at = 0;
	health_revive(r);
	health_move(h, r, r->state == HEALTH_NEW ? HEALTH_UP : r->state, false, at);
}

/* ---- what probes say ---- */

/* That it can be connected to says nothing against a bad answer; and answering a probe nothing
 * against failing requests time and again. */
static void
passed_in_use(struct health *h, struct health_row *r, bool whole, uint64_t now)
{
	unsigned incidents = r->asked ? r->incidents : 0;

	r->asked = false;
	r->probe_at = r->checked ? now + health_check_pause(h, r) : 0;
	if (!whole && r->failing && failure_kind(r->cause) != FAILURE_LOCAL) {
		health_schedule(r, now + health_check_pause(h, r));
		return;
	}
	if (r->burst >= now)
		r->burst = now - 1; /* the probe was started after it */
	health_success(h, (unsigned)(r - h->row), now);
	r->incidents = incidents;
}

void
health_passed(struct health *h, unsigned server, bool whole, uint64_t now)
{
	struct health_row *r = health_row(h, server);

	r->probing = false;
	r->missed = 0;
	r->dead = r->missed_at = 0;
	r->waited = 0;
	r->probed = now;
	if (!r->used || r->state == HEALTH_EJECTED)
		return;
	if (r->state != HEALTH_PROBING)
		passed_in_use(h, r, whole, now);
	else if (++r->passed >= (health_never_failed(r) ? 1 : health_conf(h, r)->check_rise))
		health_bring_back(h, r, now);
	else
		r->probe_at = now + HEALTH_AGAIN;
}

/* In use, and a probe was missed. */
static void
missed_in_use(struct health *h, struct health_row *r, enum failure_cause cause, uint64_t now)
{
	bool excused = health_is_excused(r, cause, now);
	bool enough = r->missed >= health_conf(h, r)->check_fall ||
		      (r->asked && r->incidents + r->missed >= health_conf(h, r)->eject_after);

	if (!excused && enough && health_conf(h, r)->eject_after > 0)
		health_condemn(h, r, now);
	else if (r->state == HEALTH_NEW || r->asked || r->failing)
		health_move(h, r, r->state, true, now);
	if (r->state == HEALTH_EJECTED)
		return;
	if (r->asked && !r->kept && !excused)
		health_schedule(r, now + HEALTH_AGAIN);
	else if (r->checked || r->failing)
		health_schedule(r, now + health_probe_pause(h, r, excused));
}

void
health_missed(struct health *h, unsigned server, enum failure_cause cause, uint64_t now)
{
	struct health_row *r = health_row(h, server);

	r->probing = false;
	r->waited = 0;
	r->probed = now;
	if (!r->used || r->state == HEALTH_EJECTED)
		return;
	r->passed = 0;
	r->missed++;
	r->missed_at = now;
	health_fail(r, cause, now);
	if (r->state != HEALTH_PROBING) {
		missed_in_use(h, r, cause, now);
		return;
	}
	health_schedule(r, now + health_probe_pause(h, r, health_is_excused(r, cause, now)));
	r->held = true;
	health_publish(h, r);
	health_weigh(h, r->policy);
}

/* ---- what time brings ---- */

/* Of a server that is used though nothing is known of it the first probe is soon over, or it is as
 * good as missed. */
static void
wait_for_probe(struct health *h, struct health_row *r, uint64_t now)
{
	if (r->waited == 0)
		r->waited = now;
	else if (now >= r->waited + PROBE_LATE)
		health_doubt(h, r->policy, now);
}

static void
tick_one(struct health *h, struct health_row *r, uint64_t now)
{
	if (r->state == HEALTH_EJECTED && now >= r->until)
		health_probe(h, r, now);
	if (r->state == HEALTH_PROBING && !r->held && r->probing)
		wait_for_probe(h, r, now);
	if (r->state == HEALTH_SLOW && now >= r->ramp + health_conf(h, r)->slow_start)
		health_move(h, r, HEALTH_UP, r->failing, now);
	if (r->ejections > 0 && r->state < HEALTH_EJECTED &&
	    now >= r->calm + health_conf(h, r)->eject_max) {
		r->ejections--;
		r->calm = now;
	}
}

void
health_tick(struct health *h, uint64_t now)
{
	for (unsigned i = 0; i < h->end; i++)
		if (h->row[i].used)
			tick_one(h, &h->row[i], now);
}

bool
health_is_waiting(const struct health *h, unsigned server)
{
	const struct health_row *r = health_row(h, server);

	return r->used && (r->unproved || r->failing || r->kept || r->incidents > 0 ||
			   (health_is_out(r) && h->mood[r->policy].panic));
}
