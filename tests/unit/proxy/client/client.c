/* client: one client's requests and answers, in order and within bounds, through a whole worker. */
#include "client_fixture.h"

#include "client.h"

TestSuite(client, .init = open_worker, .fini = close_worker, .timeout = 180);

static struct peer a, b;
static struct server one, two;

/* ---- order ---- */

Test(client, answers_leave_in_the_order_of_the_requests_whoever_is_first)
{
	open_server(&one, "100", "111");
	open_server(&two, "200", "222");
	start();
	come(&a);
	ask(&a, "first", "111");
	ask(&a, "second", "222");
	ask(&a, "third", "nobody's"); /* answered at once, by the proxy */
	ask(&a, "fourth", "222");
	expect_request(&two, "second");
	expect_request(&two, "fourth");
	expect_request(&one, "first");
	reply(&two, "second", NULL);
	reply(&two, "fourth", NULL);
	UNTIL(COUNT(row()->requests) == 2);
	cr_assert(has_said_nothing(&a), "they wait for the first: %s", a.got);
	cr_assert_eq(COUNT(row()->in_flight), 4, "not answered before they leave");
	reply(&one, "first", NULL);
	expect_reply(&a, "100", "first");
	expect_reply(&a, "200", "second");
	expect_error(&a, "third", "unknown-policy");
	expect_reply(&a, "200", "fourth");
	cr_assert_eq(COUNT(row()->in_flight), 0);
}

Test(client, another_client_is_not_waited_for)
{
	open_server(&one, "100", "111");
	start();
	come(&a);
	come(&b);
	ask(&a, "a", "111");
	expect_request(&one, "a");
	ask(&b, "b", "nobody's");
	expect_error(&b, "b", "unknown-policy");
	cr_assert(has_said_nothing(&a));
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
}

/* ---- without memory for an answer ---- */

/* Under the address sanitizer too there is just no memory where too much is asked for. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* It has no room, and would have to grow by more than there can be. */
static void
exhaust(struct buf *room)
{
	cr_assert_eq(buf_len(room), 0);
	buf_release(room);
	room->cap = PTRDIFF_MAX / 2;
}

static struct request *
request_number(unsigned n)
{
	struct request *q = TAILQ_FIRST(&the_client()->requests);

	while (n-- > 0)
		q = TAILQ_NEXT(q, order);
	return q;
}

Test(client, without_memory_for_a_reply_the_connection_ends_and_later_answers_are_not_sent)
{
	open_server(&one, "100", "111");
	start();
	come(&a);
	for (int i = 0; i < 3; i++)
		ask(&a, (const char *const[]){"a", "b", "c"}[i], "111");
	for (int i = 0; i < 3; i++)
		expect_request(&one, (const char *const[]){"a", "b", "c"}[i]);
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	exhaust(conn_output(the_client()->conn));
	reply(&one, "b", NULL);
	reply(&one, "c", NULL);
	expect_end(&a);
	hang_up(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_not_null(logged("level=error", "out of memory for a reply", NULL));
}

Test(client, without_memory_for_a_reply_that_must_wait_the_connection_ends)
{
	open_server(&one, "100", "111");
	open_server(&two, "200", "222");
	start();
	come(&a);
	ask(&a, "a", "111");
	ask(&a, "b", "222");
	ask(&a, "c", "222");
	expect_request(&one, "a");
	expect_request(&two, "b");
	expect_request(&two, "c");
	exhaust(&request_number(1)->answer);
	reply(&two, "b", NULL);
	reply(&two, "c", NULL);
	expect_end(&a);
	request_number(1)->answer.cap = 0;
	hang_up(&a);
	UNTIL(COUNT(row()->connections) == 0);
}

Test(client, without_memory_for_an_error_the_connection_ends)
{
	settings.proxy.policy.retries = 0;
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "a", "111");
	ask(&a, "b", "111");
	expect_request(&one, "a");
	expect_request(&one, "b");
	exhaust(&request_number(0)->answer);
	vanish(&one.lane);
	expect_end(&a);
	cr_assert_not_null(logged("level=error", "out of memory for an error", NULL));
}

/* ---- how far it may run ahead ---- */

Test(client, no_more_requests_of_one_are_taken_at_once_than_client_pipeline)
{
	settings.proxy.client_pipeline = 2;
	open_server(&one, "100", "111");
	start();
	come(&a);
	for (int i = 0; i < 4; i++)
		ask(&a, "a", "111");
	expect_request(&one, "a");
	expect_request(&one, "a");
	for_ms(30);
	cr_assert(has_said_nothing(&one.lane), "a third: %s", one.lane.got);
	cr_assert_eq(COUNT(row()->in_flight), 2);
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_request(&one, "a");
	for_ms(30);
	cr_assert(has_said_nothing(&one.lane), "a fourth: %s", one.lane.got);
	for (int i = 0; i < 2; i++)
		reply(&one, "a", NULL);
	expect_request(&one, "a");
	reply(&one, "a", NULL);
	for (int i = 0; i < 3; i++)
		expect_reply(&a, "100", "a");
}

Test(client, one_that_does_not_take_its_answers_is_read_from_no_more_until_it_does)
{
	enum { FILLER = 50000, REQUESTS = 400, MUCH = 1 << 19 };
	static char filler[FILLER + 1];
	unsigned asked = 0;

	memset(filler, 'x', FILLER);
	settings.proxy.client_pipeline = 1;
	open_server(&one, "100", "111");
	start();
	come(&a);
	for (int i = 0; i < REQUESTS; i++)
		ask(&a, "a", "111");
	/* What the kernel takes for it is not known: it is more than enough of that. */
	UNTIL(COUNT(row()->in_flight) == 1);
	while (COUNT(row()->in_flight) == 1) {
		expect_request(&one, "a");
		asked++;
		reply(&one, "a", filler);
		UNTIL(COUNT(row()->requests) == asked);
		some_turns();
	}
	cr_assert_lt(asked, REQUESTS, "all were taken");
	cr_assert_gt(conn_queued(the_client()->conn), MUCH);
	cr_assert_gt(COUNT(row()->buffered), MUCH);
	for (; asked > 0; asked--)
		cr_assert_gt(strlen(next_line(&a)), FILLER);
	for (int i = 0; i < 3; i++) { /* it is read from again */
		expect_request(&one, "a");
		reply(&one, "a", filler);
		cr_assert_gt(strlen(next_line(&a)), FILLER);
	}
}

Test(client, one_that_takes_nothing_for_too_long_is_closed)
{
	enum { FILLER = 50000 };
	static char filler[FILLER + 1];

	memset(filler, 'x', FILLER);
	settings.proxy.client_read_timeout = 50;
	open_server(&one, "100", "111");
	start();
	come(&a);
	while (COUNT(row()->connections) == 1) {
		ask(&a, "a", "111");
		expect_request(&one, "a");
		reply(&one, "a", filler);
		UNTIL(COUNT(row()->in_flight) == 0);
		if (the_client() != NULL && conn_queued(the_client()->conn) > 0)
			UNTIL(COUNT(row()->connections) == 0);
	}
	cr_assert_eq(COUNT(meter()->timeout[WORKER_STATS_client_read]), 1);
	cr_assert_not_null(logged("client does not read", peer_text(&a), "level=warn"));
	while (!has_ended(&a))
		a.n = a.taken = 0;
	cr_assert_eq(a.error, 0, "what was on its way arrived: %s", strerror(a.error));
}

/* ---- what a worker holds ---- */

static void
ask_much(const struct peer *p, const char *srcid, size_t n)
{
	struct buf text = BUF_INIT;

	cr_assert_eq(buf_printf(&text,
				"{\"type\":\"0\",\"srcid\":\"%s\",\"privPoliId\":\"111\","
				"\"payload\":\"%0*d\"}\n",
				srcid, (int)n, 0),
		     0);
	say_bytes(p, buf_span(&text));
	buf_release(&text);
}

Test(client, where_a_worker_holds_too_much_the_one_with_most_of_it_is_read_from_no_more)
{
	know_policy("111"); /* so that requests wait */
	settings.base.daemon.max_buffered = 100000;
	start();
	come(&a);
	come(&b);
	for (int i = 0; i < 3; i++)
		ask_much(&a, "a", 60000);
	UNTIL(client_mem_is_full(&front->holding));
	for_ms(30);
	cr_assert_eq(COUNT(row()->in_flight), 2, "the second was too much, the third not read");
	cr_assert_gt(COUNT(row()->buffered), 100000);
	cr_assert_geq(COUNT(meter()->buffered_max), COUNT(row()->buffered));
	/* The other one is heard, and told. */
	ask(&b, "b", "111");
	cr_assert_not_null(strstr(expect_error(&b, "b", "overloaded"), "max_buffered"));
	cr_assert_eq(COUNT(meter()->error[PACKET_OVERLOADED]), 1);
	/* There is room again: the third is taken. */
	open_server(&one, "100", "111");
	conn_limit_nudge(conf.permits, 0);
	for (int i = 0; i < 2; i++) {
		expect_request(&one, "a");
		reply(&one, "a", NULL);
	}
	expect_reply(&a, "100", "a");
	expect_reply(&a, "100", "a");
	expect_request(&one, "a");
	ask(&b, "b", "111");
	expect_request(&one, "b");
	reply(&one, "a", NULL);
	reply(&one, "b", NULL);
	expect_reply(&b, "100", "b");
	UNTIL(COUNT(row()->in_flight) == 0);
	cr_assert_eq(front->holding.packets, 0, "nothing of what has gone");
}

/* ---- errors ---- */

Test(client, what_becomes_no_request_is_answered_in_its_form_and_counted)
{
	static const char number[] = "{\"type\":0,\"srcid\":\"7\",\"payload\":\"x\"}",
			  string[] = "{\"type\":\"0\",\"srcid\":\"7\",\"payload\":\"x\"}";

	start();
	come(&a);
	say(&a, number);
	cr_assert_eq(strncmp(expect_error(&a, "7", "bad-message"), "{\"type\":3,", 10), 0);
	say(&a, string);
	cr_assert_eq(strncmp(expect_error(&a, "7", "bad-message"), "{\"type\":\"3\",", 12), 0);
	cr_assert_eq(COUNT(row()->errors), 2);
	cr_assert_eq(COUNT(meter()->error[PACKET_BAD_MESSAGE]), 2);
	cr_assert_eq(COUNT(row()->requests), 0);
	cr_assert_eq(COUNT(row()->bytes_in), strlen(number) + strlen(string));
}

Test(client, overloaded_tells_when_it_may_be_tried_again_and_other_errors_do_not)
{
	const struct packet *unread = NULL;

	start();
	come(&a);
	client_refuse(LIST_FIRST(&front->clients), unread, PACKET_OVERLOADED, "no \"room\"");
	cr_assert_not_null(strstr(expect_error(&a, "", "overloaded"), "\"retryafter\":1000"));
	client_refuse(LIST_FIRST(&front->clients), unread, PACKET_DENIED, "no");
	cr_assert_null(strstr(expect_error(&a, "", "denied"), "retryafter"));
	cr_assert_not_null(logged("msg=\"packet refused\"", peer_text(&a),
				  "code=overloaded why=\"no \\\"room\\\"\""));
}

Test(client, the_first_refusal_of_a_connection_is_a_warning_and_the_others_are_counted_at_its_end)
{
	char peer[ADDR_TEXT + 8];

	start();
	come(&a);
	(void)snprintf(peer, sizeof peer, "peer=%s", peer_text(&a));
	for (int i = 0; i < 3; i++) {
		say(&a, i < 2 ? "{\"type\":9}" : "{\"type\":8}");
		expect_error(&a, "", "bad-message");
	}
	cr_assert_not_null(logged("level=warn", "packet refused", peer));
	cr_assert_not_null(logged("level=debug", "packet refused", peer));
	cr_assert_null(logged("packets of a connection refused", NULL, NULL));
	hang_up(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_not_null(logged("packets of a connection refused", peer, "packets=3"));
	come(&b);
	say(&b, "{\"type\":9}");
	expect_error(&b, "", "bad-message");
	(void)snprintf(peer, sizeof peer, "peer=%s", peer_text(&b));
	hang_up(&b);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_not_null(logged("level=warn", "packet refused", peer), "each connection's first");
	cr_assert_null(logged("packets of a connection refused", peer, NULL),
		       "one is told already");
}

/* ---- ends ---- */

Test(client, one_that_has_ended_its_side_is_answered_and_then_ended)
{
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "a", "111");
	ask(&a, "a", "111");
	cr_assert_eq(shutdown(a.fd, SHUT_WR), 0);
	expect_request(&one, "a");
	expect_request(&one, "a");
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	for_ms(30);
	cr_assert(!has_ended(&a), "one more is to come");
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_end(&a);
	UNTIL(COUNT(row()->connections) == 0);
}

Test(client, one_that_asked_nothing_and_ends_is_ended_without_a_word)
{
	start();
	come(&a);
	cr_assert_eq(shutdown(a.fd, SHUT_WR), 0);
	expect_end(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_null(logged("peer=", NULL, NULL));
}

Test(client, what_one_that_has_gone_asked_is_nobodys_any_more_wherever_it_is)
{
	open_server(&one, "100", "111");
	know_policy("222");
	start();
	come(&a);
	come(&b);
	ask(&a, "in flight", "111");
	ask(&a, "waiting", "222");
	say(&a, "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}");
	UNTIL(worker.told_n == 1);
	expect_request(&one, "in flight");
	ask(&b, "b", "111");
	expect_request(&one, "b");
	vanish(&a);
	UNTIL(COUNT(row()->connections) == 1);
	cr_assert_eq(COUNT(row()->in_flight), 1);
	cr_assert_eq(dispatch_pending(front->relay), 2,
		     "what a server has comes back all the same");
	proxy_worker_ops.on_message(front, told(0)); /* the master's answer comes too late */
	reply(&one, "in flight", NULL);
	reply(&one, "b", NULL);
	expect_reply(&b, "100", "b");
	cr_assert_eq(dispatch_pending(front->relay), 0);
	cr_assert(has_said_nothing(&b));
}

Test(client, one_that_has_gone_gives_its_place_back)
{
	settings.base.daemon.worker_connections = 1;
	start();
	come(&a);
	connect_to(&b, &proxy_at);
	ask(&b, "b", "nobody's");
	for_ms(30);
	cr_assert_eq(COUNT(row()->accepted), 1, "there is no place for it");
	hang_up(&a);
	expect_error(&b, "b", "unknown-policy");
	cr_assert_eq(COUNT(row()->accepted), 2);
}

Test(client, a_worker_that_drains_is_done_with_the_last_of_them)
{
	worker.yields = true;
	open_server(&one, "100", "111");
	start();
	come(&a);
	come(&b);
	ask(&a, "a", "111");
	expect_request(&one, "a");
	proxy_worker_ops.drain(front);
	expect_end(&b);
	hang_up(&b);
	UNTIL(COUNT(row()->connections) == 1);
	cr_assert_eq(worker.done, 0, "one is to be answered");
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_end(&a);
	hang_up(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_eq(worker.done, 1);
}
