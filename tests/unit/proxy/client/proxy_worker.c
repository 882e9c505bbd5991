/* proxy_worker: a worker as its process and the master see it: what it does when told, what it
 * tells, and what it leaves behind of a request. */
#include "client_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct peer a, b;
static struct server one, two;
static char out_path[] = "/tmp/ppool-front-XXXXXX"; /* narration, or an access log */
static int out_fd;

static void
open_front(void)
{
	open_worker();
	out_fd = mkstemp(out_path);
	cr_assert_geq(out_fd, 0);
}

static void
close_front(void)
{
	close_worker();
	(void)close(out_fd);
	(void)unlink(out_path);
}

TestSuite(front, .init = open_front, .fini = close_front, .timeout = 180);

/* What has been written there since the last time. */
static const char *
written(void)
{
	static char text[1 << 14];
	ssize_t n = read(out_fd, text, sizeof text - 1);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

/* ---- starting ---- */

Test(front, it_is_ready_once_it_accepts)
{
	start();
	cr_assert_eq(worker.ready, 1);
	cr_assert_eq(COUNT(row()->accepting), ACCEPTING);
	come(&a);
	cr_assert_eq(COUNT(row()->connections), 1);
}

Test(front, what_can_not_start_says_so_and_is_never_ready)
{
	int listening = conf.listen_fd[0];

	conf.listen_fd[0] = out_fd; /* a file, on which nothing can be awaited */
	cr_assert_null(proxy_worker_ops.start(&worker, &conf));
	cr_assert_eq(worker.ready, 0);
	cr_assert_not_null(logged("level=error", "worker cannot start", "error="));
	conf.listen_fd[0] = listening;
	conf.listen_fd[1] = out_fd;
	conf.listeners = 2;
	cr_assert_null(proxy_worker_ops.start(&worker, &conf));
	cr_assert_eq(worker.ready, 0);
	conf.listeners = 1;
	start();
	come(&a);
}

Test(front, it_accepts_at_another_socket_too)
{
	struct addr other;

	conf.listen_fd[conf.listeners++] = listen_anywhere(&other);
	start();
	connect_to(&a, &other);
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
	come(&b);
	cr_assert_eq(COUNT(row()->accepted), 2);
}

/* ---- a request ---- */

Test(front, a_reply_is_passed_on_as_it_came_and_counted)
{
	static const char text[] =
		"{\"destid\" : \"a\",\"further\":[1,{}], \"type\":2,\"srcid\":2105,"
		"\"payload\":\"" DIGEST "\"}";

	open_server(&one, "100", "111");
	start();
	come(&a);
	cr_assert(!proxy_worker_ops.expects(front));
	ask(&a, "a", "111");
	expect_request(&one, "a");
	cr_assert(proxy_worker_ops.expects(front), "the server's answer is on its way");
	say(&one.lane, text);
	cr_assert_str_eq(next_line(&a), text);
	cr_assert(!proxy_worker_ops.expects(front));
	cr_assert_eq(COUNT(row()->requests), 1);
	cr_assert_eq(COUNT(row()->errors), 0);
	cr_assert_eq(COUNT(row()->bytes_out), strlen(text) + 1);
	cr_assert_gt(COUNT(meter()->latency[0]), 0);
}

Test(front, an_error_of_the_proxys_own_is_counted_as_one)
{
	size_t n;

	start();
	come(&a);
	ask(&a, "a", "nobody's");
	n = strlen(expect_error(&a, "a", "unknown-policy")) + 1;
	cr_assert_eq(COUNT(row()->requests), 0);
	cr_assert_eq(COUNT(row()->errors), 1);
	cr_assert_eq(COUNT(meter()->error[PACKET_UNKNOWN_POLICY]), 1);
	cr_assert_eq(COUNT(row()->bytes_out), n);
}

Test(front, one_whose_time_is_over_is_answered_though_a_server_has_it_and_the_late_reply_is_nobodys)
{
	settings.proxy.policy.request_timeout = 60;
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "slow", "111");
	expect_request(&one, "slow");
	expect_error(&a, "slow", "timeout");
	cr_assert(proxy_worker_ops.expects(front), "the server has it all the same");
	cr_assert_eq(COUNT(row()->in_flight), 0);
	reply(&one, "slow", NULL);
	UNTIL(!proxy_worker_ops.expects(front));
	cr_assert(has_said_nothing(&a), "%s", a.got);
	cr_assert_eq(COUNT(row()->requests), 0);
	/* What stands in for a request keeps its place in the order. */
	ask(&a, "slow", "111");
	ask(&a, "next", "nobody's");
	expect_error(&a, "slow", "timeout");
	expect_error(&a, "next", "unknown-policy");
}

Test(front, narration_tells_of_a_request_its_server_and_the_reply)
{
	int was = dup(STDOUT_FILENO);

	cr_assert(was >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0);
	open_log(true);
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "7", "111");
	expect_request(&one, "7");
	reply(&one, "7", NULL);
	expect_reply(&a, "100", "7");
	open_log(false);
	cr_assert_eq(lseek(out_fd, 0, SEEK_SET), 0);
	cr_expect_str_eq(written(), "Message from client id 7, policy 111\n"
				    "Forwarding to server id 100 for client id 7\n"
				    "Reply from server id 100 for client id 7\n");
	ask(&a, "8", "111");
	expect_request(&one, "8");
	reply(&one, "8", NULL);
	expect_reply(&a, "100", "8");
	cr_expect_str_eq(written(), "", "it is off");
	cr_assert(dup2(was, STDOUT_FILENO) >= 0 && close(was) == 0);
}

/* ---- the access log ---- */

static void
log_accesses(enum access_log_mode mode)
{
	settings.proxy.access_log = (int)mode;
	conf.access_fd = open(out_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert_geq(conf.access_fd, 0);
}

/* The next line of it has all of these. */
static void
expect_access(const char *first, const char *second)
{
	const char *line = written();

	cr_expect_not_null(strstr(line, first), "%s lacks %s", line, first);
	cr_expect_not_null(strstr(line, second), "%s lacks %s", line, second);
	cr_expect_eq(strchr(line, '\n'), line + strlen(line) - 1, "one line: %s", line);
}

static const char *
client_is(const struct peer *p)
{
	static char text[ADDR_TEXT + 8];

	(void)snprintf(text, sizeof text, "client=%s ", peer_text(p));
	return text;
}

Test(front, each_answer_has_a_line_in_the_access_log)
{
	char wanted[128];

	log_accesses(ACCESS_LOG_ALL);
	settings.base.daemon.strict_payloadsize = true;
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "7", "111");
	expect_request(&one, "7");
	reply(&one, "7", NULL);
	expect_reply(&a, "100", "7");
	some_turns(); /* lines leave at the end of one */
	(void)snprintf(wanted, sizeof wanted, "srcid=7 policy=111 server=100 outcome=ok tries=1 ");
	expect_access(client_is(&a), wanted);
	ask(&a, "8", "nobody's");
	expect_error(&a, "8", "unknown-policy");
	some_turns();
	expect_access(client_is(&a), "srcid=8 policy=nobody's server=- outcome=unknown-policy");
	say(&a, "{\"type\":\"0\",\"srcid\":\"9\",\"privPoliId\":\"111\","
		"\"payloadsize\":7,\"payload\":\"x\"}");
	expect_error(&a, "9", "bad-message");
	some_turns();
	expect_access(client_is(&a), "srcid=9 policy=111 server=- outcome=bad-message");
}

Test(front, a_reply_that_waits_for_its_turn_is_in_the_access_log_with_its_length)
{
	char line[512], wanted[64];

	log_accesses(ACCESS_LOG_ALL);
	open_server(&one, "100", "111");
	open_server(&two, "200", "222");
	start();
	come(&a);
	ask(&a, "1", "111");
	ask(&a, "2", "222");
	expect_request(&two, "2");
	reply(&two, "2", NULL);
	UNTIL(COUNT(row()->requests) == 1);
	some_turns();
	(void)snprintf(line, sizeof line, "%s", written());
	expect_request(&one, "1");
	reply(&one, "1", NULL);
	expect_reply(&a, "100", "1");
	(void)snprintf(wanted, sizeof wanted, "bytes_out=%zu\n", strlen(next_line(&a)) + 1);
	cr_assert_not_null(strstr(line, "srcid=2 policy=222 server=200 outcome=ok"), "%s", line);
	cr_assert_not_null(strstr(line, wanted), "%s lacks %s", line, wanted);
}

Test(front, requests_whose_client_has_gone_have_a_line_too)
{
	log_accesses(ACCESS_LOG_ERRORS);
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "7", "111");
	expect_request(&one, "7");
	vanish(&a);
	UNTIL(COUNT(row()->connections) == 0);
	some_turns();
	expect_access("srcid=7 policy=111 server=-", "outcome=client-gone");
	come(&b);
	ask(&b, "8", "111");
	expect_request(&one, "8");
	end_worker(); /* the end writes what is left */
	expect_access("srcid=8 policy=111 server=-", "outcome=client-gone");
}

Test(front, the_access_log_goes_on_in_the_file_that_the_master_gives)
{
	struct stat st;
	int fresh;

	log_accesses(ACCESS_LOG_ALL);
	start();
	fresh = dup(conf.access_fd);
	cr_assert_geq(fresh, 0);
	cr_assert_eq(ftruncate(out_fd, 0), 0);
	proxy_worker_ops.on_file(front, span_of(NULL, 0), fresh);
	cr_assert_lt(fstat(conf.access_fd, &st), 0, "the old one is closed");
	come(&a);
	ask(&a, "8", "nobody's");
	expect_error(&a, "8", "unknown-policy");
	some_turns();
	expect_access(client_is(&a), "srcid=8 ");
}

Test(front, a_file_is_closed_where_there_is_no_access_log)
{
	int fd = dup(out_fd);

	start();
	proxy_worker_ops.on_file(front, span_of(NULL, 0), fd);
	cr_assert_lt(fcntl(fd, F_GETFD), 0);
}

/* ---- what it tells the master ---- */

static struct addr
nowhere(void)
{
	struct addr at;
	int fd = listen_anywhere(&at);

	cr_assert_eq(close(fd), 0);
	return at;
}

Test(front, a_server_that_fails_is_told_of)
{
	struct addr at = nowhere();
	struct worker_msg_failure m;
	uint64_t now = clock_ms();

	announce("100", "111", &at);
	start();
	come(&a);
	ask(&a, "a", "111");
	UNTIL(worker.told_n > 0);
	cr_assert_eq(worker_msg_get_failure(told(0), SERVERS, clock_ms(), &m), 0);
	cr_assert_eq(m.server, (unsigned)registry_find(conf.registry, "100"));
	cr_assert_eq(m.incarnation, registry_server(conf.registry, m.server)->incarnation);
	cr_assert_eq(m.cause, CAUSE_REFUSED);
	cr_assert(m.at >= now && m.at <= clock_ms());
}

Test(front, a_master_that_hears_nothing_stops_no_request)
{
	struct addr at = nowhere();

	worker.unheard = true;
	announce("100", "111", &at);
	open_server(&one, "300", "111");
	start();
	come(&a);
	for (int i = 0; i < 2; i++) { /* one of them to each at first */
		ask(&a, "a", "111");
		expect_request(&one, "a");
		reply(&one, "a", NULL);
		expect_reply(&a, "300", "a");
	}
	cr_assert_not_null(logged("cannot tell the master of an incident", "error=", NULL));
}

/* ---- what the master says ---- */

static void
ask_why(const char *policy, uint64_t token)
{
	struct explain_question q = {.kind = WORKER_MSG_EXPLAIN, .token = token};

	(void)snprintf(q.policy, sizeof q.policy, "%s", policy);
	proxy_worker_ops.on_message(front, span_of((const char *)&q, sizeof q));
}

Test(front, the_master_is_told_whom_a_request_would_go_to)
{
	static struct explain_row rows[EXPLAIN_ROWS];
	struct explain_answer head;

	open_server(&one, "100", "111");
	open_server(&two, "300", "111");
	start();
	ask_why("111", 42);
	cr_assert_eq(worker.told_n, 1);
	cr_assert_eq(worker_msg_get_answer(told(0), SERVERS, &head, rows), 0);
	cr_assert(head.token == 42 && head.known && head.last);
	cr_assert_eq(head.n, 2);
	cr_assert(rows[0].server == 0 && rows[0].chosen && !rows[1].chosen);
	ask_why("nobody's", 43);
	cr_assert_eq(worker_msg_get_answer(told(1), SERVERS, &head, rows), 0);
	cr_assert(head.token == 43 && !head.known && head.last && head.n == 0);
	/* No turn was taken. */
	come(&a);
	ask(&a, "a", "111");
	expect_request(&one, "a");
}

Test(front, an_explanation_of_many_servers_comes_in_parts)
{
	enum { MANY = EXPLAIN_ROWS + 7 };
	static struct explain_row rows[EXPLAIN_ROWS];
	struct explain_answer head;
	struct addr at = nowhere();
	char id[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof id, "s%d", i);
		announce(id, "111", &at);
	}
	start();
	ask_why("111", 1);
	cr_assert_eq(worker.told_n, 2);
	cr_assert_eq(worker_msg_get_answer(told(0), SERVERS, &head, rows), 0);
	cr_assert(head.n == EXPLAIN_ROWS && head.known && !head.last);
	cr_assert_eq(rows[EXPLAIN_ROWS - 1].server, EXPLAIN_ROWS - 1);
	cr_assert_eq(worker_msg_get_answer(told(1), SERVERS, &head, rows), 0);
	cr_assert(head.n == MANY - EXPLAIN_ROWS && head.known && head.last);
	cr_assert_eq(rows[0].server, EXPLAIN_ROWS);
	worker.unheard = true;
	ask_why("111", 2);
	cr_assert_not_null(logged("level=warn", "cannot explain to the master", "error="));
}

Test(front, what_the_master_cant_have_meant_is_passed_over)
{
	static const enum worker_msg_kind kinds[] = {WORKER_MSG_NONE, WORKER_MSG_REGISTRATION,
						     WORKER_MSG_FAILURE, WORKER_MSG_EXPLAIN,
						     WORKER_MSG_END};
	struct registration_msg nobodys = {.kind = WORKER_MSG_REGISTRATION, .token = 99};

	start();
	come(&a);
	proxy_worker_ops.on_message(front, span_str("x"));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		uint32_t kind = kinds[i];
		proxy_worker_ops.on_message(front, span_of((const char *)&kind, sizeof kind));
	}
	proxy_worker_ops.on_message(front, span_of((const char *)&nobodys, sizeof nobodys));
	cr_assert_eq(worker.told_n, 0);
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
}

Test(front, when_nudged_it_looks_at_the_registry)
{
	know_policy("111");
	start();
	come(&a);
	ask(&a, "a", "111");
	UNTIL(dispatch_pending(front->relay) == 1);
	open_server(&one, "100", "111");
	conn_limit_nudge(conf.permits, 0);
	expect_request(&one, "a"); /* what waited for a server */
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	for_ms(100); /* the clock of what is pending looks too, and has stopped by now */
	cr_assert(registry_leave(conf.registry, "100", "111"));
	conn_limit_nudge(conf.permits, 0);
	UNTIL(has_ended(&one.lane)); /* connections to one that has left */
}

/* ---- draining ---- */

Test(front, draining_it_accepts_for_a_moment_more_and_then_no_more)
{
	start();
	come(&a);
	proxy_worker_ops.drain(front);
	if (drain_phase(front->drain) == DRAIN_GRACE) /* unless the machine stood still */
		cr_assert_eq(COUNT(row()->accepting), ACCEPTING);
	expect_end(&a);
	hang_up(&a);
	UNTIL(worker.done == 1);
	cr_assert_eq(COUNT(row()->accepting), ACCEPTING_NOT);
	connect_to(&b, &proxy_at);
	for_ms(30);
	cr_assert_eq(COUNT(row()->accepted), 1);
	cr_assert_eq(worker.done, 1);
}

Test(front, where_others_accept_at_the_same_place_it_leaves_at_once)
{
	worker.yields = true;
	start();
	proxy_worker_ops.drain(front);
	cr_assert_eq(COUNT(row()->accepting), ACCEPTING_NOT);
	cr_assert_eq(worker.done, 1, "nobody is there");
}

Test(front, draining_answers_what_was_asked_and_what_has_begun)
{
	worker.yields = true;
	open_server(&one, "100", "111");
	start();
	come(&a);
	come(&b);
	ask(&a, "a", "111");
	say(&b, "{\"type\":\"0\",\"srcid\":\"b\",");
	expect_request(&one, "a");
	proxy_worker_ops.drain(front);
	for_ms(150);
	cr_assert(!has_ended(&a), "it is to be answered");
	cr_assert(!has_ended(&b), "its packet has begun");
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_end(&a);
	say(&b, "\"privPoliId\":\"111\",\"payload\":\"\"}");
	expect_request(&one, "b");
	reply(&one, "b", NULL);
	expect_reply(&b, "100", "b");
	expect_end(&b);
	cr_assert_eq(worker.done, 0, "they are to hear of it");
	hang_up(&a);
	hang_up(&b);
	UNTIL(worker.done == 1);
}

Test(front, a_packet_that_never_becomes_whole_is_not_waited_for_to_the_last)
{
	worker.yields = true;
	settings.base.daemon.stop_timeout = 200;
	start();
	come(&a);
	say(&a, "{\"type\":");
	some_turns();
	proxy_worker_ops.drain(front);
	expect_end(&a);
	cr_assert_neq(drain_phase(front->drain), DRAIN_QUIET);
}

/* ---- the end ---- */

Test(front, whatever_is_there_at_the_end_is_let_go_of)
{
	open_server(&one, "100", "111");
	know_policy("222");
	start();
	come(&a);
	come(&b);
	ask(&a, "in flight", "111");
	ask(&a, "waiting", "222");
	ask(&a, "answered", "nobody's");
	say(&b, "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}");
	UNTIL(worker.told_n == 1 && COUNT(row()->errors) == 1);
	expect_request(&one, "in flight");
	end_worker();
	UNTIL(has_ended(&a) && has_ended(&b));
	UNTIL(has_ended(&one.lane));
}
