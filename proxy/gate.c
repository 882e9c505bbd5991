/* gate.c - see gate.h. */
#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "bypolicy.h"
#include "limiter.h"

/* A network of clients, for one policy or (empty) for all. */
struct rule {
	char policy[PACKET_ID_MAX + 1];
	struct addr_net net;
};

struct rules {
	struct rule *rule;
	size_t n;
};

struct gate {
	struct rules allow, deny;
	struct limiter *by_address, *by_srcid; /* NULL: no limit */
};

/* ---- making ---- */

/* The items have been judged. */
static int
read_rules(struct rules *out, const struct conf_list *list)
{
	const char *why;

	out->rule = calloc(list->n + 1, sizeof *out->rule);
	if (out->rule == NULL)
		return -1;
	for (; out->n < list->n; out->n++) {
		struct rule *r = &out->rule[out->n];
		const char *item = list->item[out->n], *net = bypolicy_value(item);
		if (net > item) /* what stands before the = */
			memcpy(r->policy, item, (size_t)(net - item) - 1);
		if (addr_net_parse(&r->net, net, &why) < 0)
			return -1;
	}
	return 0;
}

static int
open_limiter(struct limiter **out, unsigned rate, unsigned burst, struct limiter *former)
{
	if (rate == 0)
		return 0;
	if (former != NULL && limiter_is(former, rate, burst))
		*out = limiter_hold(former);
	else
		*out = limiter_new(rate, burst);
	return *out == NULL ? -1 : 0;
}

static bool
is_off(const struct proxy_conf *c)
{
	return c->allow.n == 0 && c->deny.n == 0 && c->rate_per_address == 0 &&
	       c->rate_per_srcid == 0;
}

int
gate_open(struct gate **out, const struct proxy_conf *c, const struct gate *former)
{
	struct gate *a;

	*out = NULL;
	if (is_off(c))
		return 0;
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return -1;
	if (read_rules(&a->allow, &c->allow) < 0 || read_rules(&a->deny, &c->deny) < 0 ||
	    open_limiter(&a->by_address, c->rate_per_address, c->burst_per_address,
			 former != NULL ? former->by_address : NULL) < 0 ||
	    open_limiter(&a->by_srcid, c->rate_per_srcid, c->burst_per_srcid,
			 former != NULL ? former->by_srcid : NULL) < 0) {
		gate_free(a);
		return -1;
	}
	*out = a;
	return 0;
}

void
gate_free(struct gate *a)
{
	if (a == NULL)
		return;
	limiter_free(a->by_address);
	limiter_free(a->by_srcid);
	free(a->allow.rule);
	free(a->deny.rule);
	free(a);
}

/* ---- judging ---- */

/* Does a rule of exactly that policy hold the address?  *any: is there a rule of it at all. */
static bool
holds(const struct rules *rules, struct span policy, const struct addr *client, bool *any)
{
	bool found = false;

	*any = false;
	for (size_t i = 0; i < rules->n && !found; i++) {
		if (!span_eq_str(policy, rules->rule[i].policy))
			continue;
		*any = true;
		found = addr_in_net(client, &rules->rule[i].net);
	}
	return found;
}

/* A policy with networks of its own is for those alone. */
static bool
is_allowed(const struct rules *allow, struct span policy, const struct addr *client)
{
	bool any, found = holds(allow, policy, client, &any);

	if (any)
		return found;
	found = holds(allow, span_of(NULL, 0), client, &any);
	return found || !any;
}

static bool
is_denied(const struct rules *deny, struct span policy, const struct addr *client)
{
	bool any;

	return holds(deny, span_of(NULL, 0), client, &any) || holds(deny, policy, client, &any);
}

static bool
within(struct limiter *l, struct span key, uint64_t now, enum meter_gate by, const char *why,
       struct gate_refusal *refusal)
{
	uint64_t wait = l == NULL ? 0 : limiter_take(l, key, now);

	if (wait == 0)
		return true;
	*refusal = (struct gate_refusal){PACKET_OVERLOADED, why, (unsigned)(wait / 1000 + 1), by};
	return false;
}

bool
gate_admits(struct gate *a, const struct addr *client, struct span policy, struct span srcid,
	    uint64_t now, struct gate_refusal *refusal)
{
	char space[16];

	if (is_denied(&a->deny, policy, client) || !is_allowed(&a->allow, policy, client)) {
		*refusal = (struct gate_refusal){PACKET_DENIED,
						 "requests are not taken from this address", 0,
						 METER_GATE_networks};
		return false;
	}
	return within(a->by_address, limiter_key(client, space), now, METER_GATE_rate_per_address,
		      "too many requests from this address", refusal) &&
	       within(a->by_srcid, srcid, now, METER_GATE_rate_per_srcid,
		      "too many requests of this srcid", refusal);
}
