/* acl.c - see acl.h. */
#include "acl.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate_limit.h"

struct networks {
	struct addr_net *net;
	size_t n;
};

/* What holds for a policy. */
struct rules {
	char policy[PACKET_ID_MAX + 1]; /* empty: all that have no rules of their own */
	struct networks allow, deny;
	struct rate_limit *by_address, *by_srcid; /* NULL: no limit */
};

struct acl {
	size_t n;
	struct rules rules[]; /* the first is for all, the others by policy */
};

/* ---- making ---- */

/* The items have been judged. */
static int
read_networks(struct networks *out, const struct conf_list *list)
{
	const char *why;

	out->net = calloc(list->n + 1, sizeof *out->net);
	if (out->net == NULL)
		return -1;
	for (; out->n < list->n; out->n++)
		if (addr_net_parse(&out->net[out->n], list->item[out->n], &why) < 0)
			return -1;
	return 0;
}

static int
open_limiter(struct rate_limit **out, unsigned rate, unsigned burst, struct rate_limit *former)
{
	if (rate == 0)
		return 0;
	if (former != NULL && rate_limit_is(former, rate, burst))
		*out = rate_limit_ref(former);
	else
		*out = rate_limit_new(rate, burst, RATE_LIMIT_SHARED);
	return *out == NULL ? -1 : 0;
}

static bool
is_off(const struct policy_conf *c)
{
	return c->allow.n == 0 && c->deny.n == 0 && c->rate_per_address == 0 &&
	       c->rate_per_srcid == 0;
}

static bool
all_off(const struct proxy_conf *c)
{
	bool off = is_off(&c->policy);

	for (size_t i = 0; i < c->sections.n; i++)
		off = off && is_off(c->sections.section[i].settings);
	return off;
}

/* Is the value the rules' own?  Those of all have nothing but their own. */
#define GIVES(section, member) \
	((section) == NULL ||  \
	 conf_section_gives(&c->sections, (section), offsetof(struct policy_conf, member)))

static int
compare(const void *policy, const void *rules)
{
	const struct span *wanted = policy;
	struct span has = span_str(((const struct rules *)rules)->policy);
	int r = memcmp(wanted->p, has.p, wanted->n < has.n ? wanted->n : has.n);

	return r != 0 ? r : (wanted->n > has.n) - (wanted->n < has.n);
}

/* The rules of a policy, which are those of all where it has none of its own. */
static const struct rules *
rules_of(const struct acl *a, struct span policy)
{
	const struct rules *own = NULL;

	if (a->n > 1 && policy.n > 0)
		own = bsearch(&policy, a->rules + 1, a->n - 1, sizeof *own, compare);
	return own != NULL ? own : a->rules;
}

/* The rates of a section that gives none are the accounts of all. */
static int
open_rates(struct rules *r, const struct policy_conf *c, const struct rules *all, bool own_address,
	   bool own_srcid, const struct rules *former)
{
	if (!own_address && all->by_address != NULL)
		r->by_address = rate_limit_ref(all->by_address);
	if (!own_srcid && all->by_srcid != NULL)
		r->by_srcid = rate_limit_ref(all->by_srcid);
	if (own_address && open_limiter(&r->by_address, c->rate_per_address, c->burst_per_address,
					former != NULL ? former->by_address : NULL) < 0)
		return -1;
	if (own_srcid && open_limiter(&r->by_srcid, c->rate_per_srcid, c->burst_per_srcid,
				      former != NULL ? former->by_srcid : NULL) < 0)
		return -1;
	return 0;
}

/* section: NULL for the rules of all. */
static int
open_rules(struct acl *a, const struct proxy_conf *c, const struct conf_section *section,
	   const struct acl *former)
{
	const struct policy_conf *p = section != NULL ? section->settings : &c->policy;
	const struct rules *before = NULL;
	struct rules *r = &a->rules[a->n++];

	if (former != NULL)
		before = rules_of(former, span_str(section != NULL ? section->title : ""));
	if (before != NULL && section != NULL && before == former->rules)
		before = NULL;
	if (section != NULL)
		(void)snprintf(r->policy, sizeof r->policy, "%s", section->title);
	if (read_networks(&r->allow, &p->allow) < 0 || read_networks(&r->deny, &p->deny) < 0)
		return -1;
	return open_rates(r, p, a->rules,
			  GIVES(section, rate_per_address) || GIVES(section, burst_per_address),
			  GIVES(section, rate_per_srcid) || GIVES(section, burst_per_srcid),
			  before);
}

int
acl_open(struct acl **out, const struct proxy_conf *c, const struct acl *former)
{
	struct acl *a;
	int r;

	*out = NULL;
	if (all_off(c))
		return 0;
	a = calloc(1, sizeof *a + (c->sections.n + 1) * sizeof *a->rules);
	if (a == NULL)
		return -1;
	r = open_rules(a, c, NULL, former);
	for (size_t i = 0; r == 0 && i < c->sections.n; i++)
		r = open_rules(a, c, &c->sections.section[i], former);
	if (r < 0)
		acl_free(a);
	else
		*out = a;
	return r;
}

void
acl_free(struct acl *a)
{
	for (size_t i = 0; a != NULL && i < a->n; i++) {
		rate_limit_free(a->rules[i].by_address);
		rate_limit_free(a->rules[i].by_srcid);
		free(a->rules[i].allow.net);
		free(a->rules[i].deny.net);
	}
	free(a);
}

/* ---- judging ---- */

static bool
holds(const struct networks *networks, const struct addr_peer *client)
{
	for (size_t i = 0; i < networks->n; i++)
		if (addr_peer_in_net(client, &networks->net[i]))
			return true;
	return false;
}

/* What is denied for all is so for each policy, whatever its section says. */
static bool
is_welcome(const struct acl *a, const struct rules *r, const struct addr_peer *client)
{
	return !holds(&a->rules[0].deny, client) && !holds(&r->deny, client) &&
	       (r->allow.n == 0 || holds(&r->allow, client));
}

static bool
within(struct rate_limit *l, struct span key, uint64_t now, enum worker_stats_gate by,
       const char *why, struct acl_refusal *refusal)
{
	uint64_t wait = l == NULL ? 0 : rate_limit_take(l, key, now);

	if (wait == 0)
		return true;
	*refusal = (struct acl_refusal){PACKET_OVERLOADED, why, (unsigned)(wait / 1000 + 1), by};
	return false;
}

bool
acl_admits(struct acl *a, const struct addr_peer *client, struct span policy, struct span srcid,
	   uint64_t now, struct acl_refusal *refusal)
{
	const struct rules *r = rules_of(a, policy);
	char space[16];

	if (!is_welcome(a, r, client)) {
		*refusal = (struct acl_refusal){PACKET_DENIED,
						"requests are not taken from this address", 0,
						WORKER_STATS_GATE_networks};
		return false;
	}
	return within(r->by_address, addr_peer_key(client, space), now,
		      WORKER_STATS_GATE_rate_per_address, "too many requests from this address",
		      refusal) &&
	       within(r->by_srcid, srcid, now, WORKER_STATS_GATE_rate_per_srcid,
		      "too many requests of this srcid", refusal);
}
