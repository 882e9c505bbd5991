/* registry and roster: joins, leaves, leases, against a plain model; copies that are never torn. */
#include "registry.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "registry_snapshot.h"

enum { SERVERS = 12, POLICIES = 5 };

static struct registry *reg;
static struct registry_snapshot *ros;

static void
open_registry(void)
{
	reg = registry_new(SERVERS, POLICIES);
	ros = registry_snapshot_new(reg);
	cr_assert(reg != NULL && ros != NULL);
}

static void
close_registry(void)
{
	registry_snapshot_free(ros);
	registry_free(reg);
}

TestSuite(registry, .init = open_registry, .fini = close_registry);

static struct packet_announcement
announcement(const char *id, const char *policy, unsigned lease)
{
	struct packet_announcement a = {
		.port = 1, .lease = lease, .keepalive = true, .pipeline = 8, .slots = 4};

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	return a;
}

static enum registry_change
join_at(const char *id, const char *policy, uint16_t port, unsigned lease, uint64_t now)
{
	struct packet_announcement a = announcement(id, policy, lease);
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", port), 0);
	return registry_join(reg, &a, &at, now);
}

/* The ids of a policy in the order of their turns, "a,b,". */
static const char *
turns(const char *policy)
{
	static char text[256];
	const struct registry_snapshot_policy *p;

	(void)registry_snapshot_refresh(ros);
	text[0] = '\0';
	p = registry_snapshot_find(ros, span_str(policy));
	for (unsigned i = 0; p != NULL && i < p->n; i++) {
		size_t n = strlen(text);
		(void)snprintf(text + n, sizeof text - n, "%s,",
			       registry_snapshot_server(ros, p->server[i])->id);
	}
	return text;
}

static unsigned gone_n;

static void
count_gone(const struct registry_server *s, unsigned index, void *ctx)
{
	cr_assert_eq(registry_server(reg, index), s);
	cr_assert_null(ctx);
	gone_n++;
}

Test(registry, servers_take_turns_in_the_order_in_which_they_came)
{
	cr_assert_eq(join_at("b", "p", 1, 0, 0), REGISTRY_JOINED);
	cr_assert_eq(join_at("a", "p", 2, 0, 0), REGISTRY_JOINED);
	cr_assert_eq(join_at("c", "q", 3, 0, 0), REGISTRY_JOINED);
	cr_assert_str_eq(turns("p"), "b,a,");
	cr_assert_str_eq(turns("q"), "c,");
	cr_assert_null(registry_snapshot_find(ros, span_str("nobody")));
}

Test(registry, a_renewal_changes_nothing_but_the_lease)
{
	uint32_t before;

	cr_assert_eq(join_at("a", "p", 1, 5, 1000), REGISTRY_JOINED);
	before = registry_generation(reg);
	cr_assert_eq(registry_tenure_of(reg, 0)->lease_end, 6000);
	cr_assert_eq(join_at("a", "p", 1, 5, 3000), REGISTRY_RENEWED);
	cr_assert_eq(registry_generation(reg), before);
	cr_assert_eq(registry_tenure_of(reg, 0)->lease_end, 8000);
	cr_assert_eq(registry_tenure_of(reg, 0)->joined, 1000);
	(void)registry_snapshot_refresh(ros);
	cr_assert(!registry_snapshot_refresh(ros), "copied for nothing");
}

Test(registry, a_newer_announcement_takes_the_older_ones_turn)
{
	uint64_t before;

	cr_assert_eq(join_at("a", "p", 1, 0, 0), REGISTRY_JOINED);
	cr_assert_eq(join_at("b", "p", 2, 0, 0), REGISTRY_JOINED);
	before = registry_server(reg, 0)->incarnation;
	cr_assert_eq(join_at("a", "p", 9, 0, 50), REGISTRY_REPLACED);
	cr_assert_str_eq(turns("p"), "a,b,");
	cr_assert_neq(registry_server(reg, 0)->incarnation, before);
	cr_assert_eq(addr_port(&registry_server(reg, 0)->addr), 9);
	cr_assert_eq(join_at("a", "q", 9, 0, 60), REGISTRY_REPLACED);
	cr_assert_str_eq(turns("p"), "b,");
	cr_assert_str_eq(turns("q"), "a,");
}

/* What a server does belongs to what it is. */
Test(registry, another_job_is_another_server)
{
	struct packet_announcement a = announcement("a", "p", 0), b = announcement("b", "p", 0);
	struct addr at;
	uint64_t before;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_JOINED);
	cr_expect_str_eq(registry_server(reg, 0)->job, "sha1");
	cr_expect(!registry_server(reg, 0)->once);
	(void)strcpy(a.job, "sha1");
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_RENEWED, "that is what it did");
	before = registry_server(reg, 0)->incarnation;
	a.once = true;
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_REPLACED);
	a.jobtimeout = 7;
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_REPLACED);
	a.backup = true;
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_REPLACED);
	cr_expect(registry_server(reg, 0)->backup);
	(void)strcpy(a.job, "redact");
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_REPLACED);
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_RENEWED);
	cr_expect_neq(registry_server(reg, 0)->incarnation, before);
	cr_expect(registry_server(reg, 0)->once);
	cr_expect_eq(registry_server(reg, 0)->job_timeout, 7);
	cr_expect_eq(registry_find_other_job(reg, "p", "b", "sha1"), 0);
	cr_expect_eq(registry_find_other_job(reg, "p", "b", "redact"), -1);
	cr_expect_eq(registry_find_other_job(reg, "p", "a", "sha1"), -1, "it alone is there");
	cr_expect_eq(registry_find_other_job(reg, "q", "b", "sha1"), -1);
	(void)strcpy(b.job, "redact");
	cr_assert_eq(registry_join(reg, &b, &at, 0), REGISTRY_JOINED);
	cr_expect_eq(registry_find_other_job(reg, "p", "a", "sha1"), 1);
	registry_remove(reg, 1);
	registry_remove(reg, 0);
	cr_expect_eq(registry_find_other_job(reg, "p", "a", "sha1"), -1, "free again");
}

Test(registry, only_the_right_policy_lets_a_server_leave)
{
	cr_assert_eq(join_at("a", "p", 1, 0, 0), REGISTRY_JOINED);
	cr_assert(!registry_leave(reg, "a", "q"));
	cr_assert(!registry_leave(reg, "b", "p"));
	cr_assert(registry_leave(reg, "a", "p"));
	cr_assert(!registry_leave(reg, "a", "p"));
	cr_assert_str_eq(turns("p"), "");
	cr_assert_not_null(registry_snapshot_find(ros, span_str("p")), "the policy stays known");
}

Test(registry, a_rival_is_taken_once_and_goes_with_the_server)
{
	struct packet_announcement a = {.id = "9", .policy = "1", .port = 5};
	struct addr at, rival, got;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 5), 0);
	cr_assert_eq(addr_numeric(&rival, "127.0.0.1", 6), 0);
	struct registry *own = registry_new(1, 1);
	cr_assert_not_null(own);
	cr_assert_eq(registry_join(own, &a, &at, 1000), REGISTRY_JOINED);
	cr_assert(!registry_take_rival(own, 0, &got));
	registry_set_rival(own, 0, &rival);
	cr_assert(registry_take_rival(own, 0, &got) && addr_eq(&got, &rival));
	cr_assert(!registry_take_rival(own, 0, &got));
	registry_set_rival(own, 0, &rival);
	registry_remove(own, 0);
	cr_assert_eq(registry_join(own, &a, &at, 1000), REGISTRY_JOINED);
	cr_assert(!registry_take_rival(own, 0, &got));
	registry_free(own);
}

Test(registry, leases_end_when_they_end)
{
	cr_assert_eq(join_at("a", "p", 1, 2, 1000), REGISTRY_JOINED);
	cr_assert_eq(join_at("b", "p", 2, 0, 1000), REGISTRY_JOINED);
	registry_expire(reg, 2999, count_gone, NULL);
	cr_assert_eq(gone_n, 0);
	registry_expire(reg, 3000, count_gone, NULL);
	cr_assert_eq(gone_n, 1);
	cr_assert_str_eq(turns("p"), "b,");
	registry_expire(reg, UINT64_MAX, count_gone, NULL);
	cr_assert_eq(gone_n, 1, "one without a lease stays");
}

Test(registry, a_full_table_takes_nobody_and_loses_nobody)
{
	char id[32];

	for (int i = 0; i < SERVERS; i++) {
		(void)snprintf(id, sizeof id, "s%d", i);
		cr_assert_eq(join_at(id, "p", 1, 0, 0), REGISTRY_JOINED);
	}
	cr_assert_eq(join_at("more", "p", 1, 0, 0), REGISTRY_FULL);
	cr_assert_eq(join_at("s3", "p", 2, 0, 0), REGISTRY_REPLACED);
	cr_assert(registry_leave(reg, "s5", "p"));
	cr_assert_eq(join_at("more", "p", 1, 0, 0), REGISTRY_JOINED);
}

Test(registry, a_policy_without_servers_makes_room_and_one_with_servers_does_not)
{
	char policy[16], id[32];

	for (int i = 0; i < POLICIES; i++) {
		(void)snprintf(policy, sizeof policy, "p%d", i);
		(void)snprintf(id, sizeof id, "s%d", i);
		cr_assert_eq(join_at(id, policy, 1, 0, 0), REGISTRY_JOINED);
	}
	cr_assert_eq(join_at("x", "new", 1, 0, 0), REGISTRY_FULL);
	for (int i = 0; i < 3; i++)
		(void)registry_turn(reg, 2);
	cr_assert(registry_leave(reg, "s2", "p2"));
	cr_assert_eq(join_at("x", "new", 1, 0, 0), REGISTRY_JOINED);
	cr_assert_str_eq(turns("new"), "x,");
	cr_assert_null(registry_snapshot_find(ros, span_str("p2")));
	cr_assert_eq(registry_turn(reg, 2), 0, "its turns begin anew");
}

Test(registry, the_place_that_was_free_the_longest_is_used_first)
{
	char id[32];

	for (int i = 0; i < SERVERS; i++) {
		(void)snprintf(id, sizeof id, "s%d", i);
		cr_assert_eq(join_at(id, "p", 1, 0, 0), REGISTRY_JOINED);
	}
	cr_assert(registry_leave(reg, "s7", "p") && registry_leave(reg, "s2", "p"));
	cr_assert_eq(join_at("first", "p", 1, 0, 0), REGISTRY_JOINED);
	cr_assert_str_eq(registry_server(reg, 7)->id, "first");
}

/* ---- against a model ---- */

struct model {
	int used;
	char id[32], policy[16];
	uint16_t port;
	uint64_t lease_end, order;
};

static struct model model[SERVERS];
static uint64_t orders;

static struct model *
find(const char *id)
{
	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && strcmp(model[i].id, id) == 0)
			return &model[i];
	return NULL;
}

static void
model_join(const char *id, const char *policy, uint16_t port, unsigned lease, uint64_t now)
{
	struct model *m = find(id);

	for (int i = 0; m == NULL && i < SERVERS; i++)
		if (!model[i].used) {
			m = &model[i];
			m->used = 1;
			(void)snprintf(m->id, sizeof m->id, "%s", id);
			m->policy[0] = '\0';
		}
	if (strcmp(m->policy, policy) != 0)
		m->order = ++orders;
	(void)snprintf(m->policy, sizeof m->policy, "%s", policy);
	m->port = port;
	m->lease_end = lease > 0 ? now + lease * 1000 : 0;
}

static int
by_order(const void *a, const void *b)
{
	const struct model *x = *(struct model *const *)a, *y = *(struct model *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static void
compare(const char *policy, int step)
{
	struct model *of[SERVERS];
	const struct registry_snapshot_policy *p;
	unsigned n = 0;

	for (int i = 0; i < SERVERS; i++)
		if (model[i].used && strcmp(model[i].policy, policy) == 0)
			of[n++] = &model[i];
	qsort(of, n, sizeof(struct model *), by_order);
	(void)registry_snapshot_refresh(ros);
	p = registry_snapshot_find(ros, span_str(policy));
	cr_assert_eq(p == NULL ? 0 : p->n, n, "step %d, policy %s", step, policy);
	for (unsigned i = 0; i < n; i++) {
		const struct registry_server *s = registry_snapshot_server(ros, p->server[i]);
		cr_assert_str_eq(s->id, of[i]->id, "step %d", step);
		cr_assert_eq(addr_port(&s->addr), of[i]->port, "step %d", step);
		cr_assert_eq(registry_tenure_of(reg, p->server[i])->lease_end, of[i]->lease_end,
			     "step %d", step);
	}
}

static void
ignore(const struct registry_server *s, unsigned index, void *ctx)
{
	(void)s;
	(void)index;
	(void)ctx;
}

static void
random_step(unsigned *seed, uint64_t *now)
{
	static const char *const policies[] = {"p", "q", "r"};
	const char *policy = policies[rand_r(seed) % 3];
	char id[32];
	struct model *m;

	(void)snprintf(id, sizeof id, "s%d", rand_r(seed) % SERVERS);
	m = find(id);
	*now += (uint64_t)rand_r(seed) % 700;
	switch (rand_r(seed) % 4) {
	case 0:
	case 1: {
		uint16_t port = (uint16_t)(1 + rand_r(seed) % 3);
		unsigned lease = (unsigned)rand_r(seed) % 4;
		(void)join_at(id, policy, port, lease, *now);
		model_join(id, policy, port, lease, *now);
		break;
	}
	case 2:
		cr_assert_eq(registry_leave(reg, id, policy),
			     m != NULL && strcmp(m->policy, policy) == 0);
		if (m != NULL && strcmp(m->policy, policy) == 0)
			m->used = 0;
		break;
	default:
		registry_expire(reg, *now, ignore, NULL);
		for (int i = 0; i < SERVERS; i++)
			if (model[i].used && model[i].lease_end != 0 && model[i].lease_end <= *now)
				model[i].used = 0;
	}
}

Test(registry, random_joins_leaves_and_leases_agree_with_a_model, .timeout = 60)
{
	unsigned seed = 2026;
	uint64_t now = 1;

	for (int step = 0; step < 100000; step++) {
		random_step(&seed, &now);
		compare("p", step);
		compare("q", step);
		compare("r", step);
	}
}

/* ---- a reader while it changes ---- */

/* In a child: id, port and policy of an entry always belong together. */
static void
read_for_ever(void)
{
	for (;;) {
		if (!registry_snapshot_refresh(ros))
			continue;
		for (unsigned i = 0; i < registry_snapshot_server_end(ros); i++) {
			const struct registry_server *s = registry_snapshot_server(ros, i);
			unsigned port = addr_port(&s->addr);
			if (s->used && (unsigned)atoi(s->id) * 1000 + s->pipeline != port)
				_exit(2);
		}
	}
}

Test(registry, a_copy_is_never_torn, .timeout = 60)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		read_for_ever();
	for (unsigned i = 0; i < 200000; i++) {
		unsigned id = 1 + i % SERVERS, k = 1 + i % 900;
		char text[8];
		(void)snprintf(text, sizeof text, "%u", id);
		struct packet_announcement a = announcement(text, i % 2 ? "p" : "q", 0);
		struct addr at;
		a.pipeline = k;
		cr_assert_eq(addr_numeric(&at, "127.0.0.1", (uint16_t)(id * 1000 + k)), 0);
		cr_assert_neq(registry_join(reg, &a, &at, 0), REGISTRY_FULL);
	}
	cr_assert_eq(waitpid(pid, &status, WNOHANG), 0, "the reader saw a torn entry");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
}

Test(registry, what_is_configured_has_neither_lease_nor_key_and_is_to_be_seen)
{
	struct packet_announcement a = announcement("a", "p", 10);
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(reg, &a, &at, 0), REGISTRY_JOINED);
	registry_own(reg, 0, "alpha", 7, true);
	a.lease = 0;
	cr_assert_eq(registry_configure(reg, &a, &at, 0), REGISTRY_REPLACED, "by another kind");
	cr_expect(registry_server(reg, 0)->configured && registry_server(reg, 0)->unproved);
	cr_expect_str_empty(registry_tenure_of(reg, 0)->keyid);
	cr_expect_eq(registry_tenure_of(reg, 0)->lease_end, 0);
	cr_expect_eq(registry_configure(reg, &a, &at, 0), REGISTRY_RENEWED);
	cr_expect(registry_server(reg, 0)->unproved, "the file does not know whether it lives");
	registry_prove(reg, 0);
	cr_expect_eq(registry_configure(reg, &a, &at, 0), REGISTRY_RENEWED);
	cr_expect_not(registry_server(reg, 0)->unproved);
	cr_expect_eq(registry_join(reg, &a, &at, 0), REGISTRY_REPLACED);
	cr_expect_not(registry_server(reg, 0)->configured);
}

/* ---- what other proxies tell ---- */

static enum registry_change
learn_at(const char *id, uint16_t port, uint64_t now)
{
	struct packet_announcement a = announcement(id, "111", 10);
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", port), 0);
	return registry_learn(reg, &a, &at, now);
}

Test(registry, what_another_proxy_tells_of_has_no_lease_and_is_unproved)
{
	cr_expect_eq(learn_at("1", 5, 1000), REGISTRY_JOINED);
	cr_expect_eq(registry_tenure_of(reg, 0)->lease_end, 0);
	cr_expect(registry_server(reg, 0)->unproved);
	cr_expect(registry_set_told(reg, 0, "p2", 1000));
	cr_expect_not(registry_set_told(reg, 0, "p2", 2000));
	cr_expect_eq(registry_known(reg, 0), REGISTRY_STORE);
	cr_expect_eq(learn_at("1", 5, 2000), REGISTRY_RENEWED);
	cr_expect_eq(registry_heard(reg, 0), 1000);
	cr_expect_eq(learn_at("1", 6, 3000), REGISTRY_REPLACED);
	cr_expect_eq(registry_known(reg, 0), REGISTRY_STORE);
	cr_expect_str_eq(turns("111"), "1,");
}

Test(registry, what_no_proxy_tells_of_any_more_fades_since_then)
{
	(void)learn_at("1", 5, 1000);
	(void)registry_set_told(reg, 0, "p2", 1000);
	cr_expect(registry_set_told(reg, 0, "", 2000));
	cr_expect_not(registry_set_told(reg, 0, "", 3000));
	cr_expect_eq(registry_known(reg, 0), REGISTRY_FADING);
	cr_expect_eq(registry_tenure_of(reg, 0)->fading, 2000);
	registry_fade_anew(reg, 0, 4000);
	cr_expect_eq(registry_tenure_of(reg, 0)->fading, 4000);
	cr_expect(registry_set_told(reg, 0, "p3", 5000));
	cr_expect_eq(registry_tenure_of(reg, 0)->fading, 0);
	registry_fade_anew(reg, 0, 6000);
	cr_expect_eq(registry_known(reg, 0), REGISTRY_STORE);
}

Test(registry, one_that_announces_itself_is_known_both_ways_and_stays_when_its_lease_ends)
{
	(void)learn_at("1", 5, 1000);
	(void)registry_set_told(reg, 0, "p2", 1000);
	cr_expect_eq(join_at("1", "111", 5, 10, 2000), REGISTRY_RENEWED);
	cr_expect_eq(registry_known(reg, 0), REGISTRY_BOTH);
	cr_expect_not(registry_server(reg, 0)->unproved);
	registry_expire(reg, 12000, ignore, NULL);
	cr_expect_eq(registry_known(reg, 0), REGISTRY_STORE);
	registry_expire(reg, 99000, ignore, NULL);
	cr_expect_str_eq(turns("111"), "1,");
}

Test(registry, one_that_nobody_else_tells_of_is_known_by_itself)
{
	(void)join_at("1", "111", 5, 10, 1000);
	cr_expect_eq(registry_known(reg, 0), REGISTRY_SELF);
	cr_expect_not(registry_set_told(reg, 0, "", 2000));
	cr_expect_eq(registry_tenure_of(reg, 0)->fading, 0);
	cr_expect_str_eq(registry_known_text(REGISTRY_FADING), "fading");
	cr_expect_str_eq(registry_known_text(REGISTRY_KNOWN_COUNT), "?");
}
