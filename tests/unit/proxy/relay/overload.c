/* overload: why a request is not sent, and when to try again. */
#include "overload.h"
#include "policy_fixture.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>

enum { SERVERS = 3, MANY = 40, QUEUE_TIMEOUT = 1000 };

static struct proxy_conf conf;
static struct policy_conf *own; /* of 111 */
static struct registry *registry;
static struct registry_snapshot *roster;
static struct worker_stats *meter;
static struct wait_queues *lines;
static struct line *line; /* of 111 */
static const struct registry_snapshot_policy *policy;
static struct request_places places[2];
static struct request *request[MANY], *newcomer;
static char why[OVERLOAD_WHY];

static void
look_up(void)
{
	(void)registry_snapshot_refresh(roster);
	policy = registry_snapshot_find(roster, span_str("111"));
	cr_assert_not_null(policy);
}

static void
join(const char *id, const char *name, bool pooled)
{
	struct packet_announcement a = {.port = 1, .keepalive = pooled};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", name);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, 1000), REGISTRY_JOINED);
	look_up();
}

static struct request *
make(int client)
{
	struct request *q = request_new(NULL, NULL, span_str("{}"), span_of(NULL, 0));

	cr_assert_not_null(q);
	q->policy = policy->index;
	q->places = &places[client];
	return q;
}

static void
open_line(void)
{
	conf = (struct proxy_conf){
		.policy.queue_timeout = QUEUE_TIMEOUT, .queue_length = 100, .plain_message = 2048};
	own = add_section(&conf, "111");
	own->queue_length = 30;
	registry = registry_new(SERVERS, 1);
	roster = registry_snapshot_new(registry);
	meter = worker_stats_new(1, 1);
	lines = wait_queues_new(1, &conf, meter, 0);
	join("one", "111", false);
	line_check(lines, policy);
	line = line_of(lines, policy);
	newcomer = make(1);
}

static void
close_line(void)
{
	for (int i = 0; i < MANY; i++)
		if (request[i] != NULL) {
			line_take(lines, request[i], false);
			request_free(request[i]);
		}
	request_free(newcomer);
	wait_queues_free(lines);
	worker_stats_free(meter);
	registry_snapshot_free(roster);
	registry_free(registry);
}

TestSuite(refusal, .init = open_line, .fini = close_line);

/* So many of one client wait. */
static void
let_wait(int n)
{
	for (int i = 0; i < n; i++) {
		request[i] = make(0);
		line_put(lines, request[i], 1000);
	}
}

/* One is served in so many ms. */
static void
set_pace(uint64_t ms)
{
	line->pace = (struct service_rate){.known = true, .interval_us = ms * 1000};
}

static const char *
to_wait(void)
{
	return overload_to_wait(lines, &conf, line, newcomer, why);
}

/* ---- size ---- */

Test(refusal, a_size_is_too_large_when_every_server_is_plain)
{
	cr_assert(!overload_too_large(roster, &conf, policy, 2048));
	cr_assert(overload_too_large(roster, &conf, policy, 2049));
	join("two", "111", false);
	cr_assert(overload_too_large(roster, &conf, policy, 2049));
	join("three", "111", true);
	cr_assert(!overload_too_large(roster, &conf, policy, 2049));
}

Test(refusal, where_there_is_no_server_no_size_is_too_large)
{
	cr_assert(registry_leave(registry, "one", "111"));
	look_up();
	cr_assert(!overload_too_large(roster, &conf, policy, SIZE_MAX));
}

/* ---- letting one wait ---- */

Test(refusal, an_empty_queue_takes_one)
{
	cr_assert_null(to_wait());
}

Test(refusal, no_more_wait_than_queue_length)
{
	conf.queue_length = 5;
	let_wait(4);
	cr_assert_null(to_wait());
	request[4] = make(0);
	line_put(lines, request[4], 1000);
	cr_assert_not_null(strstr(to_wait(), "queue_length"));
	cr_assert_null(strstr(to_wait(), "policy_queue_length"));
}

Test(refusal, no_more_wait_for_a_policy_than_it_allows)
{
	let_wait(29);
	cr_assert_null(to_wait());
	request[29] = make(0);
	line_put(lines, request[29], 1000);
	cr_assert_str_eq(to_wait(),
			 "30 requests wait for a server of policy 111: policy_queue_length");
}

Test(refusal, one_that_could_not_be_sent_in_time_is_not_let_in)
{
	let_wait(20);
	newcomer->places = &places[0]; /* the same client's: all 20 are ahead of it */
	set_pace(QUEUE_TIMEOUT / 20);
	cr_assert_null(to_wait());
	set_pace(QUEUE_TIMEOUT / 20 + 1);
	cr_assert_str_eq(to_wait(), "20 requests of policy 111 are ahead, for about 1020ms; it may "
				    "wait 1000ms");
	newcomer->places = &places[1]; /* one of another client is ahead */
	cr_assert_null(to_wait());
}

Test(refusal, the_whole_time_bounds_the_waiting_where_it_is_shorter)
{
	let_wait(20);
	newcomer->places = &places[0];
	set_pace(30);
	own->request_timeout = 2 * QUEUE_TIMEOUT;
	cr_assert_null(to_wait());
	own->request_timeout = 599;
	cr_assert_not_null(strstr(to_wait(), "it may wait 599ms"));
	own->request_timeout = 0; /* none */
	cr_assert_null(to_wait());
}

/* ---- why one was not taken in time ---- */

static void
assert_expired(enum packet_code code, const char *text)
{
	look_up();
	cr_assert_eq(overload_expired(roster, line, policy, why), code, "%s", why);
	cr_assert_str_eq(why, text);
}

Test(refusal, without_a_server_there_is_none)
{
	cr_assert(registry_leave(registry, "one", "111"));
	assert_expired(PACKET_NO_SERVER, "no server of policy 111 is registered");
}

Test(refusal, nor_where_another_policy_has_taken_its_place)
{
	cr_assert(registry_leave(registry, "one", "111"));
	join("one", "111", true);
	struct registry_snapshot_policy other = *policy;
	other.name = "222";
	line_check(lines, &other);
	cr_assert_eq(overload_expired(roster, line, &other, why), PACKET_NO_SERVER);
	cr_assert_str_eq(why, "no server of policy 111 is registered");
}

Test(refusal, servers_that_an_operator_stopped_are_told_from_none)
{
	join("two", "111", false);
	cr_assert(registry_set_admin(registry, 0, REGISTRY_DRAINING, 1));
	assert_expired(PACKET_OVERLOADED, "every server of policy 111 is busy");
	cr_assert(registry_set_admin(registry, 1, REGISTRY_DISABLED, 1));
	assert_expired(PACKET_NO_SERVER, "every server of policy 111 is draining or disabled");
}

Test(refusal, what_kept_the_last_one_is_told)
{
	(void)snprintf(line->why, sizeof line->why, "server one: connection refused");
	assert_expired(PACKET_UPSTREAM_FAILED,
		       "no server of policy 111 could be reached: server one: connection refused");
}

Test(refusal, the_longest_reason_is_told_in_full)
{
	char wanted[OVERLOAD_WHY];

	memset(line->why, 'w', sizeof line->why - 1);
	memset(line->policy, 'p', sizeof line->policy - 1);
	struct registry_snapshot_policy same = *policy;
	same.name = line->policy;
	cr_assert_eq(overload_expired(roster, line, &same, why), PACKET_UPSTREAM_FAILED);
	cr_assert_lt((size_t)snprintf(wanted, sizeof wanted,
				      "no server of policy %s could be reached: %s", line->policy,
				      line->why),
		     sizeof wanted);
	cr_assert_str_eq(why, wanted);
}

Test(refusal, servers_without_room_are_busy)
{
	assert_expired(PACKET_OVERLOADED, "every server of policy 111 is busy");
}

/* ---- when to try again ---- */

Test(refusal, the_queue_says_when_to_try_again_within_bounds)
{
	let_wait(10);
	cr_assert_eq(overload_retry_after(line), OVERLOAD_RETRY_MS, "nothing is known");
	set_pace(30);
	cr_assert_eq(overload_retry_after(line), 300);
	set_pace(3);
	cr_assert_eq(overload_retry_after(line), 100);
	set_pace(60000);
	cr_assert_eq(overload_retry_after(line), 60000);
	set_pace(UINT64_C(1) << 40);
	cr_assert_eq(overload_retry_after(line), 60000);
}
