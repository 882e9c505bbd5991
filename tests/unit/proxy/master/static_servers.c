/* static_servers: the sections of the proxy's file in the registry.  What resolves names is the
 * test's. */
#include "static_servers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log_fixture.h"
#include "resolver.h"
#include "server_stats.h"

enum { SECTIONS = 4, SERVERS = 3 };

static struct proxy_conf conf;
static struct conf_section section[SECTIONS];
static struct static_conf server[SECTIONS];
static char title[SECTIONS][8], policy[SECTIONS][8], host[SECTIONS][32], job[SECTIONS][8], none[1];
static struct static_servers_env env;
static struct static_servers *statics;
static unsigned changes;

/* ---- names ---- */

static char questions[256]; /* all hosts that were asked for */
static unsigned open_questions;
static resolver_fn *answer;
static void *answer_ctx;
static bool cannot_ask;

struct resolver *
resolver_start(struct event_base *base, const char *name, resolver_fn *fn, void *ctx)
{
	cr_assert_eq(base, env.base);
	(void)strcat(strcat(questions, name), " ");
	answer = fn;
	answer_ctx = ctx;
	errno = EMFILE;
	if (cannot_ask)
		return NULL;
	open_questions++;
	return (struct resolver *)(void *)questions;
}

void
resolver_cancel(struct resolver *r)
{
	open_questions -= r != NULL;
}

static void
answer_is(const char *first, const char *second)
{
	struct addr found[2];

	cr_assert_eq(open_questions, 1);
	open_questions = 0;
	cr_assert_eq(addr_numeric(&found[0], first != NULL ? first : "::", 0), 0);
	cr_assert_eq(addr_numeric(&found[1], second != NULL ? second : "::", 0), 0);
	answer(found, (first != NULL) + (second != NULL), "nobody knows", answer_ctx);
}

/* ---- the file ---- */

static const struct proxy_conf *
in_force(void *ctx)
{
	cr_assert_eq(ctx, &conf);
	return &conf;
}

static void
changed(void *ctx)
{
	cr_assert_eq(ctx, &conf);
	changes++;
}

static bool down;

static bool
is_down(unsigned at, void *ctx)
{
	cr_assert_eq(ctx, &conf);
	cr_assert(registry_server(env.registry, at)->used);
	return down;
}

/* In the order of their titles, as once loaded; nth in the file. */
static struct static_conf *
has(const char *id, const char *at, size_t nth)
{
	size_t i = conf.statics.n++;

	(void)snprintf(title[i], sizeof title[i], "%s", id);
	(void)snprintf(policy[i], sizeof policy[i], "111");
	(void)snprintf(host[i], sizeof host[i], "%s", at);
	server[i] = (struct static_conf){.policy = policy[i],
					 .host = host[i],
					 .kind = STATIC_POOLED,
					 .pipeline = 4,
					 .slots = 8,
					 .weight = 2,
					 .repeat = true,
					 .job = job[i]};
	section[i] = (struct conf_section){.title = title[i], .settings = &server[i], .nth = nth};
	return &server[i];
}

static void
open_all(void)
{
	conf = (struct proxy_conf){.policy = {.job = none}, .statics = {.section = section}};
	env = (struct static_servers_env){.base = event_base_new(),
					  .registry = registry_new(SERVERS, 2),
					  .tally = server_stats_new(1, SERVERS),
					  .events = events_new(),
					  .conf = in_force,
					  .changed = changed,
					  .is_down = is_down,
					  .ctx = &conf,
					  .again = 1};
	env.ledger = policy_stats_new(env.registry, env.tally);
	statics = static_servers_new(&env);
	cr_assert_not_null(statics);
}

static void
close_all(void)
{
	static_servers_free(statics);
	cr_assert_eq(open_questions, 0, "what was asked is given up");
	policy_stats_free(env.ledger);
	events_free(env.events);
	counters_free(env.tally);
	registry_free(env.registry);
	event_base_free(env.base);
}

TestSuite(statics, .init = open_all, .fini = close_all);

static const struct registry_server *
found(const char *id)
{
	int at = registry_find(env.registry, id);

	return at < 0 ? NULL : registry_server(env.registry, (unsigned)at);
}

static const char *
place(const char *id)
{
	static char text[ADDR_TEXT];

	return found(id) == NULL ? "gone" : addr_text(&found(id)->addr, text);
}

static void
announce(const char *id, const char *at, bool pooled)
{
	struct packet_announcement a = {.port = 1, .policy = "111", .keepalive = pooled};
	struct addr addr;
	const char *why;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_eq(addr_parse(&addr, at, &why), 0);
	cr_assert_eq(registry_join(env.registry, &a, &addr, 1), REGISTRY_JOINED);
}

Test(statics, a_section_is_a_server)
{
	struct static_conf *s = has("a", "10.0.0.5:5000", 0);

	s->backup = true;
	s->repeat = false;
	s->job_timeout = 5000;
	(void)strcpy(s->job, "upper");
	cr_assert(static_servers_apply(statics));
	cr_assert_not_null(found("a"));
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert(found("a")->configured && found("a")->unproved && found("a")->pooled);
	cr_assert(found("a")->backup && found("a")->once && !found("a")->tls);
	cr_assert_eq(found("a")->pipeline, 4);
	cr_assert_eq(found("a")->slots, 8);
	cr_assert_eq(found("a")->weight, 2);
	cr_assert_eq(found("a")->job_timeout, 5000);
	cr_assert_str_eq(found("a")->job, "upper");
	cr_assert_eq(registry_tenure_of(env.registry, 0)->lease_end, 0);
	cr_assert_not(static_servers_apply(statics), "nothing has changed");
	cr_assert(found("a")->unproved, "nor been seen");
	s->weight = 3;
	cr_assert(static_servers_apply(statics));
	cr_assert_eq(found("a")->weight, 3);
	cr_assert_eq(changes, 0, "the caller knows");
}

Test(statics, turns_are_in_the_order_of_the_file)
{
	(void)has("a", "10.0.0.5:5000", 2);
	(void)has("b", "10.0.0.6:5000", 0);
	(void)has("c", "10.0.0.7:5000", 1);
	cr_assert(static_servers_apply(statics));
	cr_assert(found("b")->order < found("c")->order && found("c")->order < found("a")->order);
}

Test(statics, one_that_the_file_has_no_more_leaves_and_others_stay)
{
	(void)has("a", "10.0.0.5:5000", 0);
	(void)has("b", "unix:/run/b.sock", 1);
	announce("c", "10.0.0.7:5000", true);
	cr_assert(static_servers_apply(statics));
	conf.statics.n = 1;
	cr_assert(static_servers_apply(statics));
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_null(found("b"));
	cr_assert_not_null(found("c"));
}

Test(statics, it_takes_the_place_of_one_that_was_announced)
{
	announce("a", "10.0.0.9:1", true);
	registry_own(env.registry, 0, "alpha", 7, false);
	(void)registry_set_admin(env.registry, 0, REGISTRY_DRAINING, 1);
	(void)has("a", "10.0.0.5:5000", 0);
	cr_assert(static_servers_apply(statics));
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert(found("a")->configured);
	cr_assert_str_empty(registry_tenure_of(env.registry, 0)->keyid);
	cr_assert_eq(found("a")->admin, REGISTRY_DRAINING);
}

Test(statics, a_plain_one_is_announced_by_nobody_else)
{
	announce("x", "10.0.0.5:5000", false);
	announce("y", "10.0.0.6:5000", false);
	has("a", "10.0.0.5:5000", 0)->kind = STATIC_PLAIN;
	cr_assert(static_servers_apply(statics));
	cr_assert_null(found("x"));
	cr_assert_not_null(found("y"));
	cr_assert_eq(found("a")->pipeline, 1);
}

Test(statics, without_a_job_of_its_own_it_does_that_of_its_policy)
{
	(void)has("a", "10.0.0.5:5000", 0);
	(void)strcpy(has("b", "10.0.0.6:5000", 1)->job, "upper");
	cr_assert(static_servers_apply(statics));
	cr_assert_str_eq(found("a")->job, "upper");
	server[1].job = none;
	cr_assert(static_servers_apply(statics));
	cr_assert_str_eq(found("a")->job, "sha1");
	cr_assert_str_eq(static_conf_job_of(&conf, "111"), "sha1");
	cr_assert_str_empty(static_conf_job_of(&conf, "222"));
}

Test(statics, a_name_is_asked_for_and_its_first_address_taken)
{
	(void)has("a", "db.test:5000", 0);
	cr_assert_not(static_servers_apply(statics));
	cr_assert_str_eq(questions, "db.test ");
	cr_assert_null(found("a"));
	answer_is("10.0.0.5", "10.0.0.6");
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_eq(changes, 1);
	/* A reload asks anew; what is still among its addresses stays. */
	cr_assert_not(static_servers_apply(statics));
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	answer_is("10.0.0.6", "::ffff:10.0.0.5");
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_eq(changes, 1);
	cr_assert_not(static_servers_apply(statics));
	answer_is("10.0.0.7", NULL);
	cr_assert_str_eq(place("a"), "10.0.0.7:5000");
	cr_assert_eq(changes, 2);
}

Test(statics, one_that_is_down_moves_to_its_names_next_address)
{
	(void)has("a", "db.test:5000", 0);
	cr_assert_not(static_servers_apply(statics));
	answer_is("10.0.0.5", "10.0.0.6");
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	cr_assert_eq(open_questions, 0, "it is not down");
	down = true;
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	answer_is("10.0.0.5", "10.0.0.6");
	cr_assert_str_eq(place("a"), "10.0.0.6:5000");
	cr_assert_eq(changes, 2);
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	answer_is("10.0.0.5", "10.0.0.6");
	cr_assert_str_eq(place("a"), "10.0.0.5:5000", "after the last the first");
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	answer_is("10.0.0.5", NULL);
	cr_assert_str_eq(place("a"), "10.0.0.5:5000", "there is no other");
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	answer_is(NULL, NULL);
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_eq(changes, 3);
}

Test(statics, a_name_that_nobody_knows_is_told_once_and_takes_nobody_out)
{
	struct addr former;
	struct packet_announcement a = {.id = "a", .policy = "111"};

	/* Of the journal. */
	cr_assert_eq(addr_numeric(&former, "10.0.0.5", 5000), 0);
	cr_assert_eq(registry_configure(env.registry, &a, &former, 1), REGISTRY_JOINED);
	(void)has("a", "db.test:5000", 0);
	log_to_memory();
	cr_assert_not(static_servers_apply(statics));
	for (int i = 0; i < 3; i++) {
		answer_is(NULL, NULL);
		cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	}
	cr_assert_str_eq(questions, "db.test db.test db.test db.test ");
	expect_logged("the host of a server of the file is not found");
	expect_logged("id=a host=db.test:5000 why=\"nobody knows\"");
	cr_expect_eq(lines_with("is not found"), 1);
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_eq(changes, 0);
}

Test(statics, a_section_that_goes_while_its_name_is_asked_for_is_given_up)
{
	(void)has("a", "db.test:5000", 0);
	cr_assert_not(static_servers_apply(statics));
	conf.statics.n = 0;
	cr_assert_not(static_servers_apply(statics));
	cr_assert_eq(open_questions, 0);
}

Test(statics, without_descriptors_names_are_asked_for_later)
{
	cannot_ask = true;
	(void)has("a", "db.test:5000", 0);
	cr_assert_not(static_servers_apply(statics));
	cannot_ask = false;
	cr_assert_eq(open_questions, 0);
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	answer_is("10.0.0.5", NULL);
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
}

Test(statics, one_without_room_is_told_and_put_there_when_there_is)
{
	announce("x", "10.0.0.1:1", true);
	announce("y", "10.0.0.2:1", true);
	announce("z", "10.0.0.3:1", true);
	(void)has("a", "10.0.0.5:5000", 0);
	cr_assert_not(static_servers_apply(statics));
	cr_assert_null(found("a"));
	registry_remove(env.registry, 1);
	cr_assert_eq(event_base_loop(env.base, EVLOOP_ONCE), 0);
	cr_assert_str_eq(place("a"), "10.0.0.5:5000");
	cr_assert_eq(changes, 1);
}
