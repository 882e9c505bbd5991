/* upstream_declines: connections over which a server has declined requests, and told when to come
 * again. */
#include "upstream_fixture.h"

TestSuite(declines, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

enum { LATER = 100 /* ms, told */, REPLACE_EVERY = 100 };

static const char later[] = ",\"retryafter\":100";

/* The server declines what it was sent. */
static void
decline_with(int peer, const char *srcid, const char *more)
{
	char text[200], wanted[64];

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"3\",\"srcid\":\"s\",\"destid\":\"%s\",\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"overloaded\",\"message\":\"m\"%s}",
		       srcid, more);
	(void)snprintf(wanted, sizeof wanted, "lost(%s, declined) ", srcid);
	turn(); /* it leaves */
	say(peer, text);
	expect_told(wanted);
}

/* One after the other, over the same connection. */
static void
decline_all(int peer, const char *srcids)
{
	for (; *srcids != '\0'; srcids++) {
		char id[] = {*srcids, '\0'};
		send_all(id);
		decline_with(peer, id, later);
	}
}

/* A request that goes to the willing only. */
static bool
try_willing(const char *srcid)
{
	struct request *r = request_of(srcid);

	r->willing_only = true;
	if (upstream_send(all, 0, r, &send_why) == 0)
		return true;
	request_free(r);
	return false;
}

static bool
has_willing(void)
{
	return upstream_has_willing(all, 0, now_ms());
}

Test(declines, a_connection_that_declined_is_the_last_choice)
{
	int next, peer = open_pooled(1, UNBOUNDED);

	decline_all(peer, "a");
	send_all("b");
	next = accept_one(listener);
	expect_heard(next, REQUEST("b") "\n");
	expect_verdict(UPSTREAM_USABLE);
	send_all("c");
	expect_verdict(UPSTREAM_FULL);
	(void)close(next);
	(void)close(peer);
}

Test(declines, an_answer_makes_it_as_good_as_any)
{
	int peer = open_pooled(1, UNBOUNDED);

	decline_all(peer, "a");
	conf.server_connections = 1;
	send_all("b");
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	cr_assert(has_willing());
	cr_assert(try_willing("c"));
	(void)close(peer);
}

Test(declines, without_a_time_told_it_is_as_good_as_before)
{
	int peer = open_pooled(1, UNBOUNDED);

	send_all("a");
	decline_with(peer, "a", "");
	conf.server_connections = 1;
	cr_assert(has_willing() && try_willing("b"));
	cr_assert_eq(connections(), 1);
	(void)close(peer);
}

Test(declines, who_goes_to_the_willing_only_waits_for_one)
{
	int next, peer = open_pooled(1, UNBOUNDED);

	decline_all(peer, "a");
	cr_assert(has_willing(), "one more may be opened");
	send_all("b");
	next = accept_one(listener);
	expect_heard(next, REQUEST("b") "\n");
	pass(LATER + 1);
	decline_all(peer, "c"); /* chooses nothing of what goes to the willing, however long ago */
	all->by_index[0]->replaced_at = now_ms();
	cr_assert(!has_willing());
	cr_assert(!try_willing("d"));
	say(next, REPLY("b"));
	expect_told("reply(b) ");
	cr_assert(has_willing() && try_willing("d"));
	expect_heard(next, REQUEST("d") "\n");
	(void)close(next);
	(void)close(peer);
}

Test(declines, one_that_goes_on_declining_gets_nothing_for_as_long_as_it_says)
{
	int next, peer = open_pooled(1, UNBOUNDED);

	send_all("xy");
	next = accept_one(listener);
	expect_heard(next, REQUEST("y") "\n");
	say(peer, REPLY("x"));
	expect_told("reply(x) ");
	decline_all(peer, "abc");
	expect_verdict(UPSTREAM_USABLE);
	decline_all(peer, "d");
	expect_verdict(UPSTREAM_FULL);
	pass(LATER);
	expect_verdict(UPSTREAM_USABLE);
	decline_all(peer, "e");
	expect_verdict(UPSTREAM_FULL);
	(void)close(next);
	(void)close(peer);
}

Test(declines, where_all_decline_all_are_asked)
{
	int peer = open_pooled(1, UNBOUNDED);

	conf.server_connections = 1;
	decline_all(peer, "abcdefgh");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

Test(declines, an_idle_one_gives_way_to_one_that_may_reach_another_worker_now_and_then)
{
	int next, peer = open_pooled(1, UNBOUNDED);

	conf.server_connections = 1;
	decline_all(peer, "a");
	cr_assert(has_willing());
	cr_assert(try_willing("b"));
	next = accept_one(listener);
	expect_heard(next, REQUEST("b") "\n");
	upstreams_yield(all);
	expect_end(peer);
	decline_with(next, "b", later);
	cr_assert(!has_willing() && !try_willing("c"), "not again at once");
	pass(REPLACE_EVERY);
	cr_assert(has_willing() && try_willing("c"));
	cr_assert_eq(failed(), 0);
	(void)close(next);
}

Test(declines, where_no_more_connections_are_permitted_it_goes_first)
{
	int peer = open_pooled(1, 1);

	conf.server_connections = 1;
	decline_all(peer, "a");
	cr_assert(!try_willing("b"));
	upstreams_yield(all);
	expect_end(peer);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
	cr_assert(try_willing("b"));
}
