/* registry_dump: a registry written and read back is the same; whatever is wrong with it changes
 * nothing.
 */
#include "registry_dump.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"

enum { SERVERS = 6, POLICIES = 4 };

static struct registry *reg, *again;
static struct buf out;
static char why[REGISTRY_DUMP_WHY];
static uint64_t saved;

static void
open_both(void)
{
	reg = registry_new(SERVERS, POLICIES);
	again = registry_new(SERVERS, POLICIES);
	cr_assert(reg != NULL && again != NULL);
}

static void
close_both(void)
{
	registry_free(reg);
	registry_free(again);
	buf_release(&out);
}

TestSuite(journal, .init = open_both, .fini = close_both);

static void
join_at(const char *id, const char *policy, const char *host, unsigned lease, uint64_t now)
{
	struct packet_announcement a = {.port = 5,
					.lease = lease,
					.keepalive = lease > 0,
					.tls = strcmp(id, "a") == 0,
					.pipeline = 8,
					.slots = 4,
					.weight = 7};
	const char *why_not;
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	if (strcmp(id, "other") == 0) {
		(void)strcpy(a.job, "redact");
		a.once = a.backup = true;
		a.jobtimeout = 5000;
	}
	cr_assert_eq(addr_parse_host(&at, host, 2105, &why_not), 0);
	cr_assert_neq(registry_join_of(reg, &a, &at, addr_is_unix(&at) ? 1000 : 0, now),
		      REGISTRY_FULL);
}

static void
configure(const char *id, const char *policy)
{
	struct packet_announcement a = {.keepalive = true};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(addr_numeric(&at, "10.0.0.5", 5000), 0);
	cr_assert_neq(registry_configure(reg, &a, &at, 3000), REGISTRY_FULL);
	registry_prove(reg, (unsigned)registry_find(reg, id));
}

/* Five servers of two policies, a policy without servers, turns taken. */
static void
fill(void)
{
	join_at("b", "111", "127.0.0.1", 0, 1000);
	join_at("other", "PP 2", "::1", 10, 2000);
	join_at("a", "111", "127.0.0.1", 10, 3000);
	join_at("gone", "nobody's", "127.0.0.1", 0, 3000);
	join_at("naïve", "111", "unix:/run/x.sock", 10, 3000);
	cr_assert(registry_leave(reg, "gone", "nobody's"));
	configure("file", "111");
	registry_own(reg, (unsigned)registry_find(reg, "a"), "alpha", 4711, false);
	cr_assert(registry_set_job_keys(reg, (unsigned)registry_find(reg, "other"),
					"2026=0123456789abcdef"));
	cr_assert(registry_set_admin(reg, (unsigned)registry_find(reg, "a"), REGISTRY_DRAINING,
				     4000));
	cr_assert(registry_set_admin(reg, (unsigned)registry_find(reg, "other"), REGISTRY_DISABLED,
				     4500));
	for (int i = 0; i < 5; i++)
		(void)registry_turn(reg, 0);
}

static struct span
written(uint64_t now)
{
	buf_clear(&out);
	cr_assert_eq(registry_dump_write(&out, reg, now, 1234567), 0);
	return buf_span(&out);
}

static int
read_text(const char *text)
{
	why[0] = '\0';
	return registry_dump_read(again, span_str(text), REGISTRY_DUMP_FOUND, 1000, 0, &saved, why);
}

static void
untouched(const char *what)
{
	cr_assert_eq(registry_server_end(again), 0, "%s", what);
	cr_assert_eq(registry_policy_end(again), 0, "%s", what);
	cr_assert_eq(registry_generation(again), 0, "%s", what);
	cr_assert_str_not_empty(why, "%s", what);
}

Test(journal, what_is_handed_over_is_as_it_was)
{
	unsigned index[2][SERVERS], n;

	fill();
	cr_assert_eq(registry_dump_read(again, written(5000), REGISTRY_DUMP_HANDED_OVER, 5100, 0,
					&saved, why),
		     0, "%s", why);
	cr_assert_eq(saved, 1234567);
	n = registry_list(reg, index[0]);
	cr_assert_eq(n, 5);
	cr_assert_eq(registry_list(again, index[1]), n);
	for (unsigned i = 0; i < n; i++) {
		const struct registry_server *x = registry_server(reg, index[0][i]),
					     *y = registry_server(again, index[1][i]);
		cr_assert_str_eq(y->id, x->id);
		cr_assert(addr_eq(&y->addr, &x->addr), "%s", x->id);
		cr_assert_str_eq(registry_policy(again, y->policy)->name,
				 registry_policy(reg, x->policy)->name);
		cr_assert(y->pooled == x->pooled && y->tls == x->tls &&
			  y->pipeline == x->pipeline && y->slots == x->slots &&
			  y->weight == x->weight && y->admin == x->admin);
		cr_assert_str_eq(y->job, x->job);
		cr_assert_str_eq(registry_tenure_of(again, index[1][i])->job_keys,
				 registry_tenure_of(reg, index[0][i])->job_keys);
		cr_assert_eq(y->user, x->user, "%s", x->id);
		cr_assert(y->once == x->once && y->job_timeout == x->job_timeout, "%s", x->id);
		cr_assert_eq(y->backup, x->backup, "%s", x->id);
		cr_assert_eq(y->configured, strcmp(x->id, "file") == 0, "%s", x->id);
		cr_assert(!y->unproved);
		uint64_t ordered = registry_tenure_of(reg, index[0][i])->ordered;
		cr_assert_eq(registry_tenure_of(again, index[1][i])->ordered,
			     ordered > 0 ? ordered + 100 : 0);
		cr_assert_str_eq(registry_tenure_of(again, index[1][i])->keyid,
				 registry_tenure_of(reg, index[0][i])->keyid);
		cr_assert_eq(registry_tenure_of(again, index[1][i])->epoch,
			     registry_tenure_of(reg, index[0][i])->epoch);
		uint64_t lease_end = registry_tenure_of(reg, index[0][i])->lease_end;
		cr_assert_eq(registry_tenure_of(again, index[1][i])->lease_end,
			     lease_end > 0 ? lease_end + 100 : 0);
		cr_assert_eq(registry_tenure_of(again, index[1][i])->joined,
			     registry_tenure_of(reg, index[0][i])->joined + 100);
	}
	cr_assert_eq(registry_turn(again, 0), 5);
	cr_assert_geq(registry_find_policy(again, "nobody's"), 0, "a policy without servers");
}

Test(journal, what_is_found_is_not_trusted_and_leases_begin_anew)
{
	int at;

	fill();
	cr_assert_eq(
		registry_dump_read(again, written(12900), REGISTRY_DUMP_FOUND, 50, 0, &saved, why),
		0);
	at = registry_find(again, "a");
	cr_assert_geq(at, 0);
	cr_assert(registry_server(again, (unsigned)at)->unproved);
	cr_assert_eq(registry_tenure_of(again, (unsigned)at)->lease_end, 10050);
	cr_assert_eq(registry_tenure_of(again, (unsigned)at)->joined, 0, "before this boot");
	at = registry_find(again, "b");
	cr_assert_eq(registry_tenure_of(again, (unsigned)at)->lease_end, 0);
}

Test(journal, ages_go_on_while_nobody_runs)
{
	const uint64_t wrote = 20000, now = 500000, ago = 60000;
	unsigned index[2][16], n;

	fill();
	cr_assert_eq(registry_dump_read(again, written(wrote), REGISTRY_DUMP_FOUND, now, ago,
					&saved, why),
		     0);
	n = registry_list(reg, index[0]);
	cr_assert_eq(registry_list(again, index[1]), n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t ordered = registry_tenure_of(reg, index[0][i])->ordered;
		uint64_t lease = registry_tenure_of(reg, index[0][i])->lease;
		cr_assert_eq(now - registry_tenure_of(again, index[1][i])->joined,
			     wrote - registry_tenure_of(reg, index[0][i])->joined + ago);
		cr_assert_eq(registry_tenure_of(again, index[1][i])->ordered,
			     ordered > 0 ? now - ago - (wrote - ordered) : 0);
		cr_assert_eq(registry_tenure_of(again, index[1][i])->lease_end,
			     lease > 0 ? now + lease : 0);
	}
}

Test(journal, an_empty_registry_is_one_too)
{
	cr_assert_eq(registry_dump_read(again, written(1), REGISTRY_DUMP_FOUND, 1, 0, &saved, why),
		     0, "%s", why);
	cr_assert_eq(registry_policy_end(again), 0);
}

Test(journal, one_that_is_cut_anywhere_changes_nothing)
{
	struct span all;

	fill();
	all = written(5000);
	for (size_t n = 0; n < all.n; n++) {
		why[0] = '\0';
		cr_assert_eq(registry_dump_read(again, span_of(all.p, n), REGISTRY_DUMP_FOUND, 1, 0,
						&saved, why),
			     -1, "%zu of %zu bytes", n, all.n);
		untouched("cut");
	}
}

Test(journal, one_with_any_bit_changed_changes_nothing)
{
	struct span all;
	char *copy;

	fill();
	all = written(5000);
	copy = malloc(all.n);
	cr_assert_not_null(copy);
	for (size_t bit = 0; bit < all.n * 8; bit++) {
		memcpy(copy, all.p, all.n);
		copy[bit / 8] = (char)((unsigned char)copy[bit / 8] ^ 1u << bit % 8);
		why[0] = '\0';
		cr_assert_eq(registry_dump_read(again, span_of(copy, all.n), REGISTRY_DUMP_FOUND, 1,
						0, &saved, why),
			     -1, "bit %zu", bit);
		untouched("changed");
	}
	free(copy);
}

/* With the right end, so that nothing but the record itself is wrong. */
static const char *
sealed(const char *records)
{
	static char text[4096];
	char sum[DIGEST_HEX + 1];
	unsigned n = 0;

	for (const char *p = records; *p != '\0'; p++)
		n += *p == '\n';
	digest_sha1_hex(span_str(records), sum);
	(void)snprintf(text, sizeof text, "%s{\"end\":%u,\"sha1\":\"%s\"}\n", records, n, sum);
	return text;
}

#define HEAD   "{\"journal\":\"policypool\",\"version\":1,\"saved\":0}\n"
#define POLICY "{\"policy\":\"p\",\"ticket\":0}\n"
#define SERVER(id, addr, rest)                                                                \
	"{\"server\":\"" id "\",\"addr\":\"" addr                                             \
	"\",\"pooled\":true,\"pipeline\":1,\"slots\":1,\"admin\":\"enabled\",\"age\":0," rest \
	"}\n"
#define FINE "\"weight\":1,\"lease\":0,\"remains\":0"

Test(journal, what_it_does_not_know_it_says)
{
	static const struct {
		const char *text, *wanted;
	} row[] = {
		{"", "empty"},
		{"[daemon]\nuser = x\n", "line 1: no JSON object"},
		{"{\"journal\":\"other\",\"version\":1,\"saved\":0}\n", "no journal of policypool"},
		{"{\"journal\":\"policypool\",\"version\":2,\"saved\":0}\n", "version 2"},
		{"{\"journal\":\"policypool\",\"version\":0,\"saved\":0}\n", "version 0"},
		{HEAD SERVER("a", "1.2.3.4:5", FINE), "line 2: a server before its policy"},
		{HEAD "{\"mood\":1}\n", "unknown kind"},
		{HEAD HEAD, "unknown kind"},
		{HEAD "{\"policy\":\"p\",\"ticket\":-1}\n", "ticket"},
		{HEAD "{\"policy\":\"p\",\"ticket\":99999999999999999999}\n", "ticket"},
		{HEAD "{\"policy\":\"\",\"ticket\":0}\n", "policy"},
		{HEAD POLICY POLICY, "p stands there twice"},
		{HEAD POLICY SERVER("a", "1.2.3.4:5", FINE) SERVER("a", "1.2.3.4:6", FINE),
		 "a stands there twice"},
		{HEAD POLICY SERVER("a", "1.2.3.4", FINE), "line 3: addr"},
		{HEAD POLICY SERVER("a", "1.2.3.4:0", FINE), "addr"},
		{HEAD POLICY SERVER("a", "1.2.3.4:70000", FINE), "addr"},
		{HEAD POLICY SERVER("a", "name.example:7", FINE), "addr"},
		{HEAD POLICY SERVER("a", "unix:x", FINE), "addr"},
		{HEAD POLICY SERVER("a", "unix:/a b", FINE), "addr"},
		{HEAD POLICY SERVER("a", "unix:/x", FINE ",\"user\":0"), "user"},
		{HEAD POLICY SERVER("a", "unix:/x", FINE ",\"user\":4294967295"), "user"},
		{HEAD POLICY SERVER("a", "1.2.3.4:5", "\"weight\":0,\"lease\":0,\"remains\":0"),
		 "weight"},
		{HEAD POLICY SERVER("a", "1.2.3.4:5", "\"weight\":1,\"lease\":5,\"remains\":6"),
		 "remains"},
		{HEAD POLICY SERVER("a", "1.2.3.4:5",
				    "\"weight\":1,\"lease\":86400001,\"remains\":0"),
		 "lease"},
		{HEAD POLICY SERVER("a", "1.2.3.4:5", "\"weight\":1,\"lease\":0"), "remains"},
		{HEAD POLICY SERVER("\\u0061", "1.2.3.4:5", FINE), "server"},
		{HEAD "{\"policy\":\"1\",\"ticket\":0}\n{\"policy\":\"2\",\"ticket\":0}\n"
		      "{\"policy\":\"3\",\"ticket\":0}\n{\"policy\":\"4\",\"ticket\":0}\n" POLICY,
		 "max_policies"},
		{HEAD POLICY SERVER("1", "1.2.3.4:5", FINE) SERVER("2", "1.2.3.4:5", FINE)
			 SERVER("3", "1.2.3.4:5", FINE) SERVER("4", "1.2.3.4:5", FINE)
				 SERVER("5", "1.2.3.4:5", FINE) SERVER("6", "1.2.3.4:5", FINE)
					 SERVER("7", "1.2.3.4:5", FINE),
		 "max_servers"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const char *text = row[i].text[0] != '\0' ? sealed(row[i].text) : "";
		cr_assert_eq(read_text(text), -1, "%s", text);
		cr_assert_not_null(strstr(why, row[i].wanted), "%s: %s", text, why);
		untouched(text);
	}
	cr_assert_eq(read_text(sealed(HEAD POLICY SERVER("a", "1.2.3.4:5", FINE))), 0,
		     "what the rows above are made of is right: %s", why);
}

Test(journal, members_that_are_not_known_are_passed_over)
{
	cr_assert_eq(read_text(sealed(HEAD POLICY SERVER("a", "1.2.3.4:5", FINE ",\"new\":{}"))), 0,
		     "%s", why);
	cr_assert_eq(registry_find(again, "a"), 0);
}

Test(journal, it_fills_nothing_but_an_empty_registry)
{
	const char *text = sealed(HEAD POLICY SERVER("a", "1.2.3.4:5", FINE));

	cr_assert_eq(read_text(text), 0);
	cr_assert_eq(read_text(text), -1);
	cr_assert_not_null(strstr(why, "not empty"), "%s", why);
	cr_assert_eq(registry_server_end(again), 1);
}

/* One that proxy p2 tells of, and one that no proxy tells of any more since 2500. */
static void
fill_told(void)
{
	static const char *const id[] = {"told", "fades"};
	struct packet_announcement a = {.policy = "111", .keepalive = true, .slots = 4};
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "10.0.0.5", 5000), 0);
	for (unsigned i = 0; i < 2; i++) {
		(void)strcpy(a.id, id[i]);
		cr_assert_eq(registry_learn(reg, &a, &at, 2000), REGISTRY_JOINED);
		cr_assert(registry_set_told(reg, i, "p2", 2000));
	}
	cr_assert(registry_set_told(reg, 1, "", 2500));
}

Test(journal, what_other_proxies_tell_is_handed_over)
{
	fill_told();
	cr_assert_eq(registry_dump_read(again, written(5000), REGISTRY_DUMP_HANDED_OVER, 5100, 0,
					&saved, why),
		     0, "%s", why);
	cr_expect_eq(registry_known(again, 0), REGISTRY_STORE);
	cr_expect_str_eq(registry_tenure_of(again, 0)->by, "p2");
	cr_expect_eq(registry_known(again, 1), REGISTRY_FADING);
	cr_expect_eq(registry_tenure_of(again, 1)->fading, 2600);
}

Test(journal, what_other_proxies_told_before_an_end_fades)
{
	fill_told();
	cr_assert_eq(registry_dump_read(again, written(5000), REGISTRY_DUMP_FOUND, 5100, 100,
					&saved, why),
		     0, "%s", why);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(registry_known(again, i), REGISTRY_FADING);
		cr_expect_eq(registry_tenure_of(again, i)->fading, 5100);
		cr_expect_eq(registry_tenure_of(again, i)->lease_end, 0);
		cr_expect(registry_server(again, i)->unproved);
	}
}
