/* registry, roster, journal, permits and watch together: random sequences of what can happen to a
 * pool, each step checked against a plain model. */
#include "registry.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conn_limit.h"
#include "health_monitor.h"
#include "log.h"
#include "registry_dump.h"
#include "registry_snapshot.h"

enum {
	SEQUENCES = 10000,
	STEPS = 24,
	SERVERS = 6,
	POLICIES = 3,
	IDS = 8,   /* more than there is room for */
	NAMES = 5, /* the same of policies */
	WORKERS = 3
};

/* ---- what is tested ---- */

static struct registry *reg;
static struct registry_snapshot *ros;
static struct permits *permits, *of_probes; /* those of probes are not modelled */
static struct verdicts *verdicts;
static struct counters *tally;
static struct health_monitor *watch;
static struct event_base *base;
static char empty[1], proxy_id[] = "proxy";
static struct proxy_conf conf = {.policy = {.eject_after = 3,
					    .eject_share = 50,
					    .eject_time = 1000,
					    .eject_max = 10000,
					    .slow_start = 1000,
					    .check_interval = 1000,
					    .check_timeout = 1000,
					    .check_rise = 1,
					    .check_fall = 1},
				 .server = {.name = empty},
				 .id = proxy_id};

/* ---- the model ---- */

struct model_server {
	bool used, unproved;
	char id[8], policy[8];
	uint16_t port, slots;
	uint64_t lease, lease_end, order, joined, incarnation;
	enum registry_admin admin;
};

static struct model_server model[SERVERS];
static char policy_at[POLICIES][8]; /* empty: none yet */
static uint64_t tickets[POLICIES];
static uint64_t orders, now;
static int owner[SERVERS][CONN_LIMIT_MAX]; /* worker + 1, by the registry's index */
static unsigned seed, sequence, step;

#define WHERE "sequence %u, step %u, seed 2026", sequence, step

static unsigned
roll(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static struct model_server *
find(const char *id)
{
	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && strcmp(model[i].id, id) == 0)
			return &model[i];
	return NULL;
}

static bool
policy_serves(const char *name)
{
	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && strcmp(model[i].policy, name) == 0)
			return true;
	return false;
}

static int
policy_place(const char *name)
{
	for (int i = 0; i < POLICIES; i++)
		if (strcmp(policy_at[i], name) == 0)
			return i;
	for (int i = 0; i < POLICIES; i++)
		if (policy_at[i][0] == '\0')
			return i;
	for (int i = 0; i < POLICIES; i++)
		if (!policy_serves(policy_at[i]))
			return i;
	return -1;
}

static void
admit_policy(int at, const char *name)
{
	if (strcmp(policy_at[at], name) == 0)
		return;
	(void)snprintf(policy_at[at], sizeof policy_at[at], "%s", name);
	tickets[at] = 0;
}

static struct model_server *
free_server(void)
{
	for (int i = 0; i < SERVERS; i++)
		if (!model[i].used)
			return &model[i];
	return NULL;
}

static enum registry_change
model_join(const char *id, const char *policy, uint16_t port, uint16_t slots, unsigned lease)
{
	struct model_server *m = find(id), was;
	bool known = m != NULL;
	int place = policy_place(policy);

	if (!known)
		m = free_server();
	if (m == NULL || place < 0)
		return REGISTRY_FULL;
	was = *m;
	if (!known)
		*m = (struct model_server){.used = true};
	(void)snprintf(m->id, sizeof m->id, "%s", id);
	m->lease = lease * 1000;
	m->lease_end = lease > 0 ? now + m->lease : 0;
	m->unproved = false;
	if (known && strcmp(was.policy, policy) == 0 && was.port == port && was.slots == slots)
		return REGISTRY_RENEWED;
	if (!known || strcmp(was.policy, policy) != 0)
		m->order = ++orders;
	(void)snprintf(m->policy, sizeof m->policy, "%s", policy);
	m->port = port;
	m->slots = slots;
	m->joined = now;
	m->incarnation++;
	admit_policy(place, policy);
	return known ? REGISTRY_REPLACED : REGISTRY_JOINED;
}

/* ---- comparing ---- */

static int
by_order(const void *a, const void *b)
{
	const struct model_server *x = *(struct model_server *const *)a,
				  *y = *(struct model_server *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static void
compare_server(const struct model_server *m, unsigned at)
{
	const struct registry_server *s = registry_snapshot_server(ros, at);

	cr_assert(s->used, WHERE);
	cr_assert_str_eq(s->id, m->id, WHERE);
	cr_assert_eq(addr_port(&s->addr), m->port, WHERE);
	cr_assert_eq(s->slots, m->slots, WHERE);
	cr_assert_eq(s->admin, m->admin, WHERE);
	cr_assert_eq(s->unproved, m->unproved, WHERE);
	cr_assert_eq(registry_tenure_of(reg, at)->lease, m->lease, WHERE);
	cr_assert_eq(registry_tenure_of(reg, at)->lease_end, m->lease_end, WHERE);
	cr_assert_eq(registry_tenure_of(reg, at)->joined, m->joined, WHERE);
	cr_assert_eq(registry_find(reg, m->id), (int)at, WHERE);
}

static void
compare_policy(int at)
{
	struct model_server *of[SERVERS];
	const struct registry_snapshot_policy *p = registry_snapshot_find(ros,
									  span_str(policy_at[at]));
	unsigned n = 0;

	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && strcmp(model[i].policy, policy_at[at]) == 0)
			of[n++] = &model[i];
	qsort(of, n, sizeof of[0], by_order);
	cr_assert_not_null(p, WHERE);
	cr_assert_eq(p->index, (unsigned)at, WHERE);
	cr_assert_eq(p->n, n, WHERE);
	cr_assert_eq(registry_turn_next(reg, (unsigned)at), tickets[at], WHERE);
	for (unsigned i = 0; i < n; i++)
		compare_server(of[i], p->server[i]);
}

static void
compare_all(void)
{
	unsigned used = 0, in_roster = 0;

	(void)registry_snapshot_refresh(ros);
	for (int i = 0; i < POLICIES; i++)
		if (policy_at[i][0] != '\0')
			compare_policy(i);
	for (int i = 0; i < SERVERS; i++)
		used += model[i].used;
	for (unsigned i = 0; i < registry_snapshot_server_end(ros); i++)
		in_roster += registry_snapshot_server(ros, i)->used;
	cr_assert_eq(in_roster, used, WHERE);
	for (unsigned i = 0; i < SERVERS; i++) {
		unsigned held = 0;
		for (int k = 0; k < CONN_LIMIT_MAX; k++)
			held += owner[i][k] != 0;
		cr_assert_eq(conn_limit_held(permits, i), held, WHERE);
	}
}

/* ---- what can happen ---- */

static void
happen_join(const char *id)
{
	struct packet_announcement a = {.keepalive = false, .pipeline = 1};
	struct addr at;
	char policy[8];
	uint64_t before = 0;
	int index;

	a.lease = roll(4);
	a.slots = 1 + roll(3);
	a.port = (uint16_t)(1 + roll(2));
	(void)snprintf(policy, sizeof policy, "p%u", roll(NAMES));
	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", a.port), 0);
	index = registry_find(reg, id);
	if (index >= 0)
		before = registry_server(reg, (unsigned)index)->incarnation;
	enum registry_change change = registry_join(reg, &a, &at, now);
	cr_assert_eq(change, model_join(id, policy, a.port, (uint16_t)a.slots, a.lease), WHERE);
	if (change == REGISTRY_FULL)
		return;
	index = registry_find(reg, id);
	cr_assert_eq(registry_server(reg, (unsigned)index)->incarnation == before,
		     change == REGISTRY_RENEWED, WHERE);
}

static void
happen_leave(const char *id)
{
	struct model_server *m = find(id);
	char policy[8];
	bool right;

	(void)snprintf(policy, sizeof policy, "p%u", roll(NAMES));
	if (m != NULL && roll(2))
		(void)snprintf(policy, sizeof policy, "%s", m->policy);
	right = m != NULL && strcmp(m->policy, policy) == 0;
	cr_assert_eq(registry_leave(reg, id, policy), right, WHERE);
	if (right)
		m->used = false;
}

static unsigned gone_n;

static void
count_gone(const struct registry_server *s, unsigned index, void *ctx)
{
	(void)ctx;
	cr_assert_eq(registry_server(reg, index), s, WHERE);
	gone_n++;
}

static void
happen_expire(void)
{
	unsigned wanted = 0;

	gone_n = 0;
	now += roll(1500);
	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && model[i].lease_end != 0 && model[i].lease_end <= now) {
			model[i].used = false;
			wanted++;
		}
	registry_expire(reg, now, count_gone, NULL);
	cr_assert_eq(gone_n, wanted, WHERE);
}

static void
happen_order(const char *id)
{
	enum registry_admin admin = (enum registry_admin)roll(REGISTRY_ADMIN_COUNT);
	struct model_server *m = find(id);

	if (m == NULL)
		return;
	cr_assert_eq(registry_set_admin(reg, (unsigned)registry_find(reg, id), admin, now),
		     m->admin != admin, WHERE);
	m->admin = admin;
}

static void
happen_remove(const char *id)
{
	struct model_server *m = find(id);

	if (m == NULL)
		return;
	registry_remove(reg, (unsigned)registry_find(reg, id));
	m->used = false;
}

static void
happen_turn(void)
{
	int at = (int)roll(POLICIES);

	if (policy_at[at][0] != '\0')
		cr_assert_eq(registry_turn(reg, (unsigned)at), tickets[at]++, WHERE);
}

static void
happen_prove(const char *id)
{
	struct model_server *m = find(id);

	if (m == NULL)
		return;
	registry_prove(reg, (unsigned)registry_find(reg, id));
	m->unproved = false;
}

/* ---- permits ---- */

static void
happen_take(const char *id)
{
	unsigned worker = roll(WORKERS), slots, held = 0;
	int at = registry_find(reg, id), wanted = CONN_LIMIT_NONE;

	if (at < 0)
		return;
	slots = registry_server(reg, (unsigned)at)->slots;
	for (unsigned k = 0; k < CONN_LIMIT_MAX; k++)
		held += owner[at][k] != 0;
	if (held < slots)
		wanted = CONN_LIMIT_TAKEN;
	cr_assert_eq(conn_limit_take(permits, (unsigned)at, slots, worker), wanted, WHERE);
	if (wanted == CONN_LIMIT_NONE) {
		conn_limit_forget(permits, (unsigned)at, worker);
		return;
	}
	for (unsigned k = 0; k < CONN_LIMIT_MAX; k++)
		if (owner[at][k] == 0) {
			owner[at][k] = (int)worker + 1;
			return;
		}
}

static void
happen_give(void)
{
	unsigned at = roll(SERVERS), k = roll(3);

	if (owner[at][k] == 0)
		return;
	conn_limit_give(permits, at, (int)k, (unsigned)owner[at][k] - 1);
	owner[at][k] = 0;
}

static void
happen_death(void)
{
	unsigned worker = roll(WORKERS);

	conn_limit_release_all(permits, worker);
	permits_admit(permits, worker); /* its successor */
	for (int i = 0; i < SERVERS; i++)
		for (int k = 0; k < CONN_LIMIT_MAX; k++)
			if (owner[i][k] == (int)worker + 1)
				owner[i][k] = 0;
}

/* ---- ejection ---- */

static unsigned
count_ejected(const char *policy, unsigned *all)
{
	struct health_view v;
	unsigned n = 0;

	*all = 0;
	for (int i = 0; i < SERVERS; i++) {
		if (!model[i].used || strcmp(model[i].policy, policy) != 0)
			continue;
		health_monitor_snapshot(watch, (unsigned)registry_find(reg, model[i].id), &v);
		n += v.state == HEALTH_EJECTED;
		++*all;
	}
	return n;
}

/* One that lied is ejected, as far as the share of its policy allows; reports of one that is no
 * more are not heard. */
static void
happen_eject(const char *id)
{
	const struct model_server *m = find(id);
	struct health_view before, after;
	unsigned all, ejected, at;
	bool stale = roll(4) == 0;

	if (m == NULL)
		return;
	at = (unsigned)registry_find(reg, id);
	health_monitor_snapshot(watch, at, &before);
	struct worker_msg_failure news = {.kind = WORKER_MSG_FAILURE,
					  .server = at,
					  .incarnation = registry_server(reg, at)->incarnation -
							 stale,
					  .at = clock_ms(),
					  .cause = CAUSE_WRONG_DIGEST};
	health_monitor_incident(watch, &news);
	health_monitor_snapshot(watch, at, &after);
	if (stale)
		cr_assert_eq(after.state, before.state, WHERE);
	if (after.state != HEALTH_EJECTED || before.state == HEALTH_EJECTED)
		return;
	ejected = count_ejected(m->policy, &all);
	cr_assert(all > 1 && ejected <= (all < 4 ? 1 : all / 2), WHERE);
}

/* Whoever is new at its index, or another than before, is not taken for the one before. */
static void
check_newcomers(const uint64_t *incarnation)
{
	struct health_view v;

	health_monitor_registry(watch);
	for (unsigned i = 0; i < registry_server_end(reg); i++) {
		const struct registry_server *s = registry_server(reg, i);
		if (!s->used || s->incarnation == incarnation[i])
			continue;
		health_monitor_snapshot(watch, i, &v);
		cr_assert_neq(v.state, HEALTH_EJECTED, WHERE);
	}
}

/* ---- beginning anew ---- */

static void
close_pool(void)
{
	health_monitor_free(watch);
	registry_snapshot_free(ros);
	registry_free(reg);
	permits_free(permits);
	permits_free(of_probes);
	verdicts_free(verdicts);
}

static const struct proxy_conf *
conf_in_force(void *ctx)
{
	(void)ctx;
	return &conf;
}

static void
open_pool(void)
{
	reg = registry_new(SERVERS, POLICIES);
	ros = registry_snapshot_new(reg);
	permits = permits_new(SERVERS, WORKERS);
	of_probes = permits_new(SERVERS, WORKERS);
	verdicts = verdicts_new(SERVERS);
	struct health_monitor_env env = {.base = base,
					 .conf = conf_in_force,
					 .registry = reg,
					 .permits = of_probes,
					 .tally = tally,
					 .verdicts = verdicts,
					 .worker = WORKERS - 1};
	watch = health_monitor_new(&env);
	cr_assert(reg != NULL && ros != NULL && permits != NULL && watch != NULL);
	for (unsigned w = 0; w < WORKERS; w++)
		permits_admit(permits, w);
	memset(owner, 0, sizeof owner);
}

/* A master ends, and another finds its journal or is handed it. */
static void
happen_successor(void)
{
	struct buf text = BUF_INIT;
	char why[REGISTRY_DUMP_WHY];
	bool found = roll(2);
	uint64_t saved;

	cr_assert_eq(registry_dump_write(&text, reg, now, 7), 0);
	close_pool();
	open_pool();
	cr_assert_eq(registry_dump_read(reg, buf_span(&text),
					found ? REGISTRY_DUMP_FOUND : REGISTRY_DUMP_HANDED_OVER,
					now, 0, &saved, why),
		     0, "%s", why);
	buf_release(&text);
	cr_assert_eq(saved, 7);
	for (int i = 0; i < SERVERS; i++) {
		struct model_server *m = &model[i];
		m->unproved = m->unproved || found;
		if (m->lease > 0 && found)
			m->lease_end = now + m->lease;
		else if (m->lease > 0 && m->lease_end < now)
			m->lease_end = now; /* it is over, and nobody has looked yet */
	}
}

/* ---- sequences ---- */

static void
happen_something(void)
{
	char id[8];

	(void)snprintf(id, sizeof id, "s%u", roll(IDS));
	now += roll(300);
	switch (roll(16)) {
	case 0:
	case 1:
	case 2:
	case 3: happen_join(id); break;
	case 4: happen_leave(id); break;
	case 5: happen_expire(); break;
	case 6: happen_order(id); break;
	case 7: happen_remove(id); break;
	case 8: happen_turn(); break;
	case 9: happen_prove(id); break;
	case 10:
	case 11: happen_take(id); break;
	case 12: happen_give(); break;
	case 13: happen_death(); break;
	case 14: happen_eject(id); break;
	default: happen_successor();
	}
}

static void
run_sequence(void)
{
	uint64_t incarnation[SERVERS];

	memset(model, 0, sizeof model);
	memset(policy_at, 0, sizeof policy_at);
	memset(tickets, 0, sizeof tickets);
	orders = 0;
	now = 100000;
	open_pool();
	for (step = 0; step < STEPS; step++) {
		for (unsigned i = 0; i < SERVERS; i++)
			incarnation[i] = registry_server(reg, i)->incarnation;
		happen_something();
		check_newcomers(incarnation);
		compare_all();
	}
	close_pool();
}

Test(registry_random, ten_thousand_sequences_agree_with_a_model, .timeout = 300)
{
	struct log_options quiet = {.program = "test", .target = "/dev/null", .level = LOG_ERROR};

	cr_assert_eq(log_open(&quiet), 0);
	seed = 2026;
	base = event_base_new();
	tally = server_stats_new(WORKERS, SERVERS);
	for (sequence = 0; sequence < SEQUENCES; sequence++)
		run_sequence();
	counters_free(tally);
	event_base_free(base);
}
