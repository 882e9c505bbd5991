/* health.c - see health.h. */
#include "health.h"

#include <assert.h>
#include <stdlib.h>

enum {
	AGAIN = 200
}; /* ms between the probes that a return takes, and after one that was put off */

struct row {
	bool used, checked;
	bool recalled; /* PROBING for being remembered, not for having failed */
	bool failing, kept, reasoned;
	enum health_state state;
	enum incident_cause cause;
	unsigned policy;
	unsigned incidents;	 /* in a row */
	unsigned ejections;	 /* remembered */
	uint64_t ejected;	 /* how often */
	unsigned passed, missed; /* probes in a row */
	uint64_t since;
	uint64_t burst;	   /* when the last incident began, 0: none */
	uint64_t until;	   /* EJECTED */
	uint64_t ramp;	   /* SLOW: the ramp's start */
	uint64_t fresh;	   /* what happened before says nothing of it as it is now */
	uint64_t calm;	   /* ejections are forgotten from here on */
	uint64_t probe_at; /* 0: no probe is to be started */
	uint64_t probed;   /* the last probe's result, 0: there was none */
};

struct health {
	const struct health_conf *conf;
	struct verdicts *verdicts;
	const struct health_ops *ops;
	void *ctx;
	unsigned servers, end; /* rows in use are below end */
	struct row *row;
	bool *panic; /* by policy */
};

struct health *
health_new(unsigned servers, unsigned policies, const struct health_conf *conf,
	   struct verdicts *verdicts, const struct health_ops *ops, void *ctx)
{
	struct health *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	*h = (struct health){
		.conf = conf, .verdicts = verdicts, .ops = ops, .ctx = ctx, .servers = servers};
	h->row = calloc(servers, sizeof *h->row);
	h->panic = calloc(policies, sizeof *h->panic);
	if (h->row == NULL || h->panic == NULL) {
		health_free(h);
		return NULL;
	}
	return h;
}

void
health_free(struct health *h)
{
	if (h == NULL)
		return;
	free(h->row);
	free(h->panic);
	free(h);
}

static struct row *
row_of(const struct health *h, unsigned server)
{
	assert(server < h->servers);
	return &h->row[server];
}

static bool
is_out(const struct row *r)
{
	return r->state == HEALTH_EJECTED || r->state == HEALTH_PROBING;
}

void
health_look(const struct health *h, unsigned server, struct health_view *v)
{
	const struct row *r = row_of(h, server);

	*v = (struct health_view){.state = r->state,
				  .failing = r->failing,
				  .kept = r->kept,
				  .panic = r->used && h->panic[r->policy],
				  .reasoned = r->reasoned,
				  .cause = r->cause,
				  .since = r->since,
				  .until = r->until,
				  .probed = r->probed,
				  .passed = r->missed == 0,
				  .ejections = r->ejections,
				  .ejected = r->ejected};
}

const char *
health_word(const struct health_view *v)
{
#define HEALTH_TEXT(name, text) [name] = text,
	static const char *const words[] = {HEALTH_STATES(HEALTH_TEXT)};
#undef HEALTH_TEXT

	if (v->failing)
		return incident_kind(v->cause) == INCIDENT_LOCAL ? "down" : "suspect";
	return words[v->state];
}

/* ---- what workers are told ---- */

static void
publish(struct health *h, const struct row *r)
{
	unsigned server = (unsigned)(r - h->row);

	if (r->used && is_out(r) && !h->panic[r->policy])
		verdict_set(h->verdicts, server, VERDICT_SHUT, 0);
	else if (r->used && r->state == HEALTH_SLOW)
		verdict_set(h->verdicts, server, VERDICT_RAMP, r->ramp);
	else
		verdict_set(h->verdicts, server, VERDICT_OPEN, 0);
}

struct census {
	unsigned all, out, bad; /* servers; ejected or probed; these and those that just fail */
};

static struct census
census_of(const struct health *h, unsigned policy)
{
	struct census c = {0, 0, 0};

	for (unsigned i = 0; i < h->end; i++) {
		const struct row *r = &h->row[i];
		if (!r->used || r->policy != policy)
			continue;
		c.all++;
		c.out += is_out(r);
		c.bad += is_out(r) || r->kept || (r->failing && r->state == HEALTH_NEW);
	}
	return c;
}

/* Somebody of the policy has changed: does health count in it? */
static void
weigh(struct health *h, unsigned policy)
{
	struct census c = census_of(h, policy);
	bool panic = c.out > 0 && c.bad == c.all;

	if (panic == h->panic[policy])
		return;
	h->panic[policy] = panic;
	for (unsigned i = 0; i < h->end; i++)
		if (h->row[i].used && h->row[i].policy == policy)
			publish(h, &h->row[i]);
	if (c.all > 0)
		h->ops->on_panic(policy, panic, h->ctx);
}

static bool
share_is_left(const struct health *h, unsigned policy)
{
	struct census c = census_of(h, policy);
	unsigned most = (unsigned)((uint64_t)c.all * h->conf->eject_share / 100);

	if (most == 0 && c.all > 1 && h->conf->eject_share > 0)
		most = 1;
	return c.out < most;
}

/* ---- moving ---- */

/* The only place where state and failing change. */
static void
move(struct health *h, struct row *r, enum health_state to, bool failing, uint64_t now)
{
	enum health_state from = r->state;
	struct health_view v;

	if (from == to && r->failing == failing)
		return;
	r->state = to;
	r->failing = failing;
	r->since = now;
	publish(h, r);
	weigh(h, r->policy);
	health_look(h, (unsigned)(r - h->row), &v);
	h->ops->on_change((unsigned)(r - h->row), from, &v, h->ctx);
}

static void
blame(struct row *r, enum incident_cause cause)
{
	r->cause = cause;
	r->reasoned = true;
}

static void
clear(struct row *r)
{
	r->incidents = r->missed = 0;
	r->kept = false;
}

/* A quarter less at most, so that those ejected together do not return together. */
static uint64_t
jittered(const struct health *h, uint64_t ms)
{
	return ms - ((ms / 4 * h->conf->random()) >> 32);
}

static uint64_t
check_pause(const struct health *h)
{
	return jittered(h, h->conf->check_interval);
}

static void
eject(struct health *h, struct row *r, uint64_t now)
{
	uint64_t pause = h->conf->eject_time;

	clear(r);
	r->ejections++;
	r->ejected++;
	pause = r->ejections > h->conf->eject_max / pause ? h->conf->eject_max
							  : pause * r->ejections;
	r->until = now + jittered(h, pause);
	r->passed = 0;
	r->probe_at = 0;
	move(h, r, HEALTH_EJECTED, false, now);
}

/* It has failed too often: out, unless too many are. */
static void
condemn(struct health *h, struct row *r, uint64_t now)
{
	struct health_view v;

	if (share_is_left(h, r->policy)) {
		eject(h, r, now);
		return;
	}
	move(h, r, r->state, true, now);
	if (r->kept)
		return;
	r->kept = true;
	weigh(h, r->policy);
	health_look(h, (unsigned)(r - h->row), &v);
	h->ops->on_kept((unsigned)(r - h->row), &v, h->ctx);
}

static void
probe(struct health *h, struct row *r, uint64_t now)
{
	r->passed = 0;
	r->probe_at = now;
	move(h, r, HEALTH_PROBING, false, now);
}

static void
bring_back(struct health *h, struct row *r, uint64_t now)
{
	clear(r);
	r->burst = 0;
	r->calm = r->fresh = r->ramp = now;
	r->probe_at = r->checked ? now + check_pause(h) : 0;
	move(h, r, h->conf->slow_start > 0 && !r->recalled ? HEALTH_SLOW : HEALTH_UP, false, now);
	r->recalled = false;
}

/* ---- what is told ---- */

void
health_begin(struct health *h, unsigned server, unsigned policy, bool checked,
	     enum health_origin origin, uint64_t now)
{
	struct row *r = row_of(h, server);
	unsigned before = r->policy;
	bool replaced = r->used;

	*r = (struct row){.used = true,
			  .checked = checked,
			  .policy = policy,
			  .since = now,
			  .ejections = replaced ? r->ejections : 0,
			  .ejected = replaced ? r->ejected : 0,
			  .fresh = now,
			  .calm = now};
	if (server >= h->end)
		h->end = server + 1;
	if (origin == HEALTH_RECALLED) {
		r->state = HEALTH_PROBING;
		r->recalled = true;
		r->probe_at = now;
	} else if (checked) {
		r->probe_at = now + check_pause(h);
	}
	publish(h, r);
	weigh(h, policy);
	if (replaced && before != policy)
		weigh(h, before);
}

void
health_end(struct health *h, unsigned server)
{
	struct row *r = row_of(h, server);
	unsigned policy = r->policy;

	if (!r->used)
		return;
	*r = (struct row){.used = false};
	publish(h, r);
	weigh(h, policy);
}

void
health_set_checked(struct health *h, unsigned server, bool checked, uint64_t now)
{
	struct row *r = row_of(h, server);

	if (!r->used || r->checked == checked)
		return;
	r->checked = checked;
	if (!is_out(r))
		r->probe_at = checked ? now + check_pause(h) : 0;
}

void
health_announced(struct health *h, unsigned server, uint64_t now)
{
	struct row *r = row_of(h, server);
	bool lost = r->cause == CAUSE_CLOSED || r->cause == CAUSE_RESET || r->cause == CAUSE_CUT ||
		    incident_kind(r->cause) == INCIDENT_LOCAL;

	if (r->used && r->state == HEALTH_EJECTED && lost)
		probe(h, r, now);
	else if (r->used && r->state == HEALTH_PROBING && r->probe_at > now)
		r->probe_at = now;
}

void
health_incident(struct health *h, unsigned server, enum incident_cause cause, uint64_t at,
		uint64_t reached)
{
	struct row *r = row_of(h, server);
	bool lie = incident_kind(cause) == INCIDENT_LIE;

	if (!r->used || is_out(r) || at < r->fresh)
		return;
	if (!lie && r->burst != 0 && at < r->burst + HEALTH_BURST)
		return;
	if (reached > r->burst) {
		clear(r);
		weigh(h, r->policy);
	}
	r->burst = at;
	r->incidents++;
	blame(r, cause);
	if (r->state == HEALTH_NEW && incident_kind(cause) == INCIDENT_LOCAL)
		move(h, r, HEALTH_NEW, true, at);
	else if (h->conf->eject_after > 0 && (lie || r->incidents >= h->conf->eject_after))
		condemn(h, r, at);
	else
		move(h, r, r->state, true, at);
}

void
health_success(struct health *h, unsigned server, uint64_t at)
{
	struct row *r = row_of(h, server);

	if (!r->used || at <= r->burst)
		return;
	if (is_out(r)) {
		if (h->panic[r->policy] && at > r->since)
			bring_back(h, r, at);
		return;
	}
	clear(r);
	move(h, r, r->state == HEALTH_NEW ? HEALTH_UP : r->state, false, at);
}

void
health_passed(struct health *h, unsigned server, bool whole, uint64_t now)
{
	struct row *r = row_of(h, server);

	r->missed = 0;
	r->probed = now;
	if (!r->used || r->state == HEALTH_EJECTED)
		return;
	if (r->state == HEALTH_PROBING) {
		if (++r->passed >= h->conf->check_rise)
			bring_back(h, r, now);
		else
			r->probe_at = now + AGAIN;
		return;
	}
	if (r->checked)
		r->probe_at = now + check_pause(h);
	/* That it can be connected to says nothing against a bad answer. */
	if (whole || !r->failing || incident_kind(r->cause) == INCIDENT_LOCAL)
		health_success(h, server, now);
}

void
health_missed(struct health *h, unsigned server, enum incident_cause cause, uint64_t now)
{
	struct row *r = row_of(h, server);

	r->probed = now;
	if (!r->used || r->state == HEALTH_EJECTED)
		return;
	r->passed = 0;
	r->missed++;
	r->probe_at = r->checked || is_out(r) ? now + check_pause(h) : 0;
	r->recalled = false;
	blame(r, cause);
	if (r->state == HEALTH_NEW)
		move(h, r, HEALTH_NEW, true, now);
	else if (!is_out(r) && h->conf->eject_after > 0 && r->missed >= h->conf->check_fall)
		condemn(h, r, now);
}

static void
tick_one(struct health *h, struct row *r, uint64_t now)
{
	if (r->state == HEALTH_EJECTED && now >= r->until)
		probe(h, r, now);
	if (r->state == HEALTH_SLOW && now >= r->ramp + h->conf->slow_start)
		move(h, r, HEALTH_UP, r->failing, now);
	if (r->ejections > 0 && !is_out(r) && now >= r->calm + h->conf->eject_max) {
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

/* ---- probes ---- */

bool
health_is_due(const struct health *h, unsigned server, uint64_t now)
{
	const struct row *r = row_of(h, server);

	return r->used && r->probe_at != 0 && now >= r->probe_at;
}

void
health_started(struct health *h, unsigned server)
{
	row_of(h, server)->probe_at = 0;
}

void
health_postpone(struct health *h, unsigned server, uint64_t now)
{
	struct row *r = row_of(h, server);

	if (r->used && (r->checked || r->state == HEALTH_PROBING))
		r->probe_at = now + AGAIN;
}

bool
health_is_waiting(const struct health *h, unsigned server)
{
	const struct row *r = row_of(h, server);

	return r->used && (r->state == HEALTH_NEW || r->failing || r->kept ||
			   (is_out(r) && h->panic[r->policy]));
}
