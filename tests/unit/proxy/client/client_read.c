/* client_read: what comes from clients, whole packets and what is none, and what becomes of each.
 */
#include "client_fixture.h"
#include "policy_fixture.h"
#include "tls_fixture.h"

#include "client_read.h"

TestSuite(intake, .init = open_worker, .fini = close_worker, .timeout = 180);

static struct peer a, b;
static struct server one;

static const char registration[] =
	"{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}";

/* ---- packets ---- */

Test(intake, a_request_goes_to_a_server_of_its_policy_as_it_came)
{
	static const char text[] =
		"{ \"type\" : 0, \"further\": [1, {\"a\":null}],\"srcid\":\"\\u00fc\","
		"\"privPolyId\":\"111\",\"payload\":\"\\u0000\"}";

	open_server(&one, "100", "111");
	start();
	come(&a);
	say(&a, " \n");
	say(&a, text);
	cr_assert_str_eq(request_at(&one), text);
	cr_assert_eq(COUNT(row()->bytes_in), strlen(text));
	cr_assert_eq(COUNT(row()->in_flight), 1);
	reply(&one, "\xc3\xbc", NULL);
	expect_reply(&a, "100", "\xc3\xbc");
}

Test(intake, packets_are_taken_however_they_are_cut)
{
	static const char text[] =
		"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"x\"}";
	char twice[2 * sizeof text];
	size_t half = sizeof text / 2;

	open_server(&one, "100", "111");
	start();
	come(&a);
	say_bytes(&a, span_of(text, half));
	for_ms(20);
	cr_assert_eq(COUNT(row()->in_flight), 0);
	say(&a, text + half);
	cr_assert_str_eq(request_at(&one), text);
	(void)snprintf(twice, sizeof twice, "%s%s", text, text);
	say(&a, twice);
	cr_assert_str_eq(request_at(&one), text);
	cr_assert_str_eq(request_at(&one), text);
	for (int i = 0; i < 3; i++)
		reply(&one, "1", NULL);
	for (int i = 0; i < 3; i++)
		expect_reply(&a, "100", "1");
}

/* What is wrong with one packet, and goes no further than that. */
Test(intake, what_is_no_request_gets_an_error_and_the_next_one_is_taken)
{
#define HEAD "{\"type\":\"0\",\"srcid\":\"1\""
	static const struct {
		const char *text, *srcid, *code, *why;
	} wrong[] = {
		{"{}", "", "bad-message", "type"},
		{"{\"type\":\"9\",\"srcid\":\"1\"}", "1", "bad-message", "type"},
		{HEAD ",\"privPoliId\":\"111\"}", "1", "bad-message", "payload"},
		{HEAD ",\"payload\":\"x\"}", "1", "bad-message", "privPoliId"},
		{HEAD ",\"privPoliId\":\"111\",\"privPolyId\":\"222\",\"payload\":\"x\"}", "1",
		 "bad-message", "not the same"},
		{"{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"2\",\"payload\":\"" DIGEST "\"}",
		 "1", "bad-message", "the proxy takes types 0, 1 and 5 only"},
		{HEAD ",\"privPoliId\":\"111\",\"payload\":\"\\ud800\"}", "1", "bad-payload", ""},
		{HEAD ",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"x\"}", "1", "bad-json",
		 "duplicate key"},
		{HEAD ",\"privPoliId\":\"nobody's\",\"payload\":\"x\"}", "1", "unknown-policy",
		 "nobody's"},
	};

	start();
	come(&a);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		say(&a, wrong[i].text);
		cr_expect_not_null(
			strstr(expect_error(&a, wrong[i].srcid, wrong[i].code), wrong[i].why), "%s",
			wrong[i].text);
	}
	cr_assert(!has_ended(&a));
	cr_assert_eq(COUNT(row()->errors), sizeof wrong / sizeof *wrong);
	cr_assert_not_null(logged("packet refused", peer_text(&a), "code=bad-payload"));
	cr_assert_null(logged("unknown-policy", NULL, NULL), "nothing is wrong with that packet");
}

/* Where it is not known what would come next, the connection ends after the answer. */
Test(intake, what_cant_be_followed_gets_an_error_and_the_end)
{
	static char large[5000];
	const struct {
		const char *text;
		bool half;
		const char *code, *why;
	} wrong[] = {
		{"GET / HTTP/1.1\r\n\r\n", false, "bad-json", "must begin with {"},
		{"{\"type\":nonsense}", false, "bad-json", ""},
		{large, false, "too-large", "max_message"},
		{"{\"type\":\"0\"", true, "bad-json", "cut by the end"},
	};

	(void)snprintf(large, sizeof large, "{\"type\":\"%0*d", (int)sizeof large - 20, 0);
	settings.base.daemon.max_message = 4096;
	start();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		come(&a);
		say(&a, wrong[i].text);
		if (wrong[i].half)
			cr_assert_eq(shutdown(a.fd, SHUT_WR), 0);
		cr_expect_not_null(strstr(expect_error(&a, "", wrong[i].code), wrong[i].why), "%s",
				   wrong[i].text);
		expect_end(&a);
		hang_up(&a);
	}
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_eq(COUNT(meter()->error[PACKET_BAD_JSON]), 3);
	cr_assert_eq(COUNT(meter()->error[PACKET_TOO_LARGE]), 1);
}

Test(intake, what_was_asked_before_the_stream_was_lost_is_answered_first)
{
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "a", "111");
	say(&a, "rubbish");
	expect_request(&one, "a");
	UNTIL(COUNT(row()->errors) == 1);
	cr_assert(has_said_nothing(&a));
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_error(&a, "", "bad-json");
	expect_end(&a);
}

Test(intake, payloadsize_matters_where_it_is_strict)
{
#define SIZED(n)                                                                  \
	"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"0\",\"payloadsize\":" n \
	",\"payload\":\"\\u00e9\"}"
	settings.base.daemon.strict_payloadsize = true;
	start();
	come(&a);
	say(&a, SIZED("6"));
	cr_assert_not_null(strstr(expect_error(&a, "1", "bad-message"), "payloadsize"));
	say(&a, SIZED("2"));
	expect_error(&a, "1", "unknown-policy");
	ask(&a, "1", "0"); /* none at all */
	expect_error(&a, "1", "unknown-policy");
	end_worker();
	settings.base.daemon.strict_payloadsize = false;
	start();
	come(&b);
	say(&b, SIZED("6"));
	expect_error(&b, "1", "unknown-policy");
}

/* ---- who may ask ---- */

static void
open_gate(void)
{
	cr_assert_eq(acl_open(&conf.gate, &settings.proxy, NULL), 0);
	cr_assert_not_null(conf.gate);
}

Test(intake, who_is_denied_is_told_so_and_its_requests_go_nowhere)
{
	static char deny[] = "127.0.0.0/8", *items[] = {deny};

	add_section(&settings.proxy, "111")->deny = (struct conf_list){.item = items, .n = 1};
	open_gate();
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "a", "111");
	expect_error(&a, "a", "denied");
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
	cr_assert(!has_ended(&a));
	cr_assert_eq(COUNT(meter()->gate[WORKER_STATS_GATE_networks]), 1);
	cr_assert_eq(COUNT(meter()->error[PACKET_DENIED]), 1);
	cr_assert_not_null(logged("level=warn", "request turned away", peer_text(&a)));
	cr_assert_not_null(logged("srcid=a policy=111 code=denied", NULL, NULL));
	say(&a, registration); /* not the gate's business */
	UNTIL(worker.told_n == 1);
	cr_assert(!is_connected(&one));
}

Test(intake, too_many_of_an_address_are_turned_away_for_a_while)
{
	settings.proxy.policy.rate_per_address = settings.proxy.policy.burst_per_address = 1;
	settings.proxy.policy.rate_per_srcid = 1;
	settings.proxy.policy.burst_per_srcid = 1000;
	open_gate();
	start();
	come(&a);
	come(&b);
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
	/* Within a second of it, unless the machine stood still. */
	for (uint64_t end = clock_ms() + PATIENCE_MS; clock_ms() < end;) {
		ask(&b, "b", "nobody's");
		if (strstr(next_line(&b), "\"code\":\"overloaded\"") != NULL)
			break;
	}
	cr_assert_not_null(strstr(b.got, "\"retryafter\":"));
	cr_assert_geq(COUNT(meter()->gate[WORKER_STATS_GATE_rate_per_address]), 1);
	cr_assert_eq(COUNT(meter()->gate[WORKER_STATS_GATE_rate_per_srcid]), 0);
	cr_assert_not_null(logged("request turned away", "srcid=b", "code=overloaded"));
}

/* ---- registrations ---- */

static void
head_of(unsigned i, struct registration_msg *h)
{
	cr_assert_geq(told(i).n, sizeof *h);
	memcpy(h, told(i).p, sizeof *h);
	cr_assert_eq(h->kind, WORKER_MSG_REGISTRATION);
}

/* As the master would, with what it knows of the connection now. */
static void
master_answers(const struct registration_msg *h, const char *text)
{
	struct buf message = BUF_INIT;

	cr_assert_eq(buf_append(&message, h, sizeof *h), 0);
	cr_assert_eq(buf_append_str(&message, text), 0);
	proxy_worker_ops.on_message(front, buf_span(&message));
	buf_release(&message);
}

Test(intake, registrations_go_to_the_master_with_who_it_is_and_its_answer_comes_back)
{
	static const char leave[] = "{\"type\":5,\"id\":9,\"privPolyId\":1}";
	struct registration_msg first, second;
	struct addr_peer own;
	struct addr local;

	start();
	come(&a);
	say(&a, registration);
	UNTIL(worker.told_n == 1);
	head_of(0, &first);
	cr_assert_eq(net_local(a.fd, &local), 0);
	addr_peer_of(&own, &local);
	cr_assert(addr_peer_is_same_host(&first.guest.peer, &own) &&
		  first.guest.peer.port == own.port);
	cr_assert_str_eq(first.guest.nonce, "");
	cr_assert_eq(told(0).n, sizeof first + strlen(registration));
	cr_assert_eq(memcmp(told(0).p + sizeof first, registration, strlen(registration)), 0);
	cr_assert_eq(COUNT(row()->in_flight), 1);
	(void)snprintf(first.guest.nonce, sizeof first.guest.nonce, "%032d", 7);
	first.guest.incarnation = 77;
	master_answers(&first, "{\"type\":\"4\"}\n");
	cr_assert_str_eq(next_line(&a), "{\"type\":\"4\"}");
	cr_assert_eq(COUNT(row()->in_flight), 0);
	/* What the master makes of a connection goes along with the next packet on it. */
	say(&a, leave);
	UNTIL(worker.told_n == 2);
	head_of(1, &second);
	cr_assert_neq(second.token, first.token);
	cr_assert_str_eq(second.guest.nonce, first.guest.nonce);
	cr_assert_eq(second.guest.incarnation, 77);
	/* A nonce was good for that. */
	say(&a, leave);
	UNTIL(worker.told_n == 3);
	head_of(2, &second);
	cr_assert_str_eq(second.guest.nonce, "");
}

Test(intake, an_answer_of_the_master_reaches_who_it_is_for_in_its_turn)
{
	struct registration_msg first, second;

	start();
	come(&a);
	come(&b);
	say(&a, registration);
	UNTIL(worker.told_n == 1);
	ask(&a, "a", "nobody's");
	say(&b, registration);
	UNTIL(worker.told_n == 2);
	head_of(0, &first);
	head_of(1, &second);
	master_answers(&second, "{\"for\":\"b\"}\n");
	cr_assert_str_eq(next_line(&b), "{\"for\":\"b\"}");
	cr_assert(has_said_nothing(&a), "%s", a.got);
	master_answers(&second, "{\"once\":\"more\"}\n");
	master_answers(&first, "{\"for\":\"a\"}\n");
	cr_assert_str_eq(next_line(&a), "{\"for\":\"a\"}");
	expect_error(&a, "a", "unknown-policy");
	cr_assert(has_said_nothing(&b), "%s", b.got);
}

Test(intake, without_an_answer_of_the_master_the_connection_ends_and_later_answers_are_not_sent)
{
	struct registration_msg head;

	start();
	come(&a);
	say(&a, registration);
	ask(&a, "a", "nobody's");
	UNTIL(worker.told_n == 1 && COUNT(row()->errors) == 1);
	head_of(0, &head);
	master_answers(&head, "");
	expect_end(&a);
}

Test(intake, a_registration_that_cant_be_handed_over_is_refused_and_counted)
{
	struct buf text = BUF_INIT;

	start();
	come(&a);
	cr_assert_eq(buf_printf(&text,
				"{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				"\"listenport\":\"5\",\"more\":\"%0*d\"}",
				REGISTRATION_MAX, 0),
		     0);
	say_bytes(&a, buf_span(&text));
	buf_release(&text);
	cr_assert_not_null(strstr(expect_error(&a, "9", "too-large"), "8192"));
	worker.unheard = true;
	say(&a, registration);
	cr_assert_not_null(strstr(expect_error(&a, "9", "overloaded"), "\"retryafter\":1000"));
	cr_assert_not_null(logged("level=error", "cannot hand a registration", "error="));
	cr_assert_eq(worker.told_n, 0);
	cr_assert_eq(COUNT(row()->errors), 2);
	cr_assert_eq(COUNT(meter()->error[PACKET_OVERLOADED]), 1);
	worker.unheard = false;
	say(&a, registration);
	UNTIL(worker.told_n == 1);
}

/* ---- clocks ---- */

Test(intake, a_packet_that_does_not_become_whole_in_time_gets_an_answer_and_the_end)
{
	settings.proxy.client_send_timeout = 60;
	start();
	come(&a);
	say(&a, "{\"type\":");
	cr_assert_not_null(strstr(expect_error(&a, "", "timeout"), "client_send_timeout is 60ms"));
	expect_end(&a);
	cr_assert_eq(COUNT(meter()->timeout[WORKER_STATS_client_send]), 1);
	cr_assert_eq(COUNT(meter()->timeout[WORKER_STATS_client_read]), 0);
	come(&b); /* one that has begun nothing owes nothing */
	for_ms(200);
	cr_assert(!has_ended(&b));
}

Test(intake, a_byte_now_and_then_does_not_put_the_clock_off)
{
	settings.proxy.client_send_timeout = 60;
	start();
	come(&a);
	say(&a, "{\"type\":\"");
	for (int i = 0; i < 10000 && COUNT(row()->errors) == 0; i++) {
		say(&a, "0");
		turn();
	}
	expect_error(&a, "", "timeout");
	expect_end(&a);
}

Test(intake, one_that_says_nothing_for_idle_timeout_is_closed_without_a_word)
{
	settings.base.daemon.idle_timeout = 60;
	start();
	come(&a);
	expect_end(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_eq(COUNT(meter()->timeout[WORKER_STATS_client_idle]), 1);
	cr_assert_not_null(logged("level=debug", "client says nothing", peer_text(&a)));
	cr_assert_not_null(logged("client says nothing", "idle_timeout is 60ms", NULL));
}

Test(intake, one_that_is_lost_is_told_of_in_the_log_and_one_that_ends_is_not)
{
	char peer[ADDR_TEXT];

	start();
	come(&a);
	(void)snprintf(peer, sizeof peer, "%s", peer_text(&a));
	hang_up(&a);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_null(logged(peer, NULL, NULL));
	come(&b);
	(void)snprintf(peer, sizeof peer, "%s", peer_text(&b));
	vanish(&b);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_not_null(logged("level=debug", "connection lost", peer));
}

/* ---- what a worker holds ---- */

/* An object of which so many bytes are there. */
static void
begin_object(const struct peer *p, int n)
{
	struct buf text = BUF_INIT;

	cr_assert_eq(buf_printf(&text, "{\"payload\":\"%0*d", n, 0), 0);
	say_bytes(p, buf_span(&text));
	buf_release(&text);
}

Test(intake, room_is_made_by_the_largest_object_that_is_not_whole)
{
	settings.base.daemon.max_buffered = 300000;
	start();
	come(&a);
	begin_object(&a, 200000);
	UNTIL(COUNT(row()->buffered) > 200000);
	come(&b);
	begin_object(&b, 150000);
	cr_assert_not_null(strstr(expect_error(&a, "", "overloaded"), "max_buffered"));
	expect_end(&a);
	cr_assert_eq(COUNT(meter()->error[PACKET_OVERLOADED]), 1);
	UNTIL(COUNT(row()->buffered) > 150000); /* the other goes on */
	say(&b, "\"}");
	expect_error(&b, "", "bad-message");
}

Test(intake, a_request_makes_room_too)
{
	settings.base.daemon.max_buffered = 300000;
	start();
	come(&a);
	begin_object(&a, 200000);
	UNTIL(COUNT(row()->buffered) > 200000);
	front->holding.limit = 100000; /* as if others had taken the rest since */
	come(&b);
	ask(&b, "b", "nobody's");
	expect_error(&b, "b", "unknown-policy");
	expect_error(&a, "", "overloaded");
	expect_end(&a);
}

/* ---- draining ---- */

Test(intake, a_client_that_comes_or_asks_while_draining_is_heard_of)
{
	settings.base.daemon.stop_timeout = LONG_MS;
	start();
	come(&a);
	proxy_worker_ops.drain(front);
	cr_assert_eq(the_client()->heard, 0, "not since the beginning");
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
	cr_assert_gt(the_client()->heard, 0);
}

Test(intake, whoever_keeps_asking_is_refused_when_a_worker_is_about_to_end)
{
	struct registration_msg head;

	settings.base.daemon.stop_timeout = 100;
	worker.yields = true;
	open_server(&one, "100", "111");
	start();
	come(&a);
	ask(&a, "a", "111");
	expect_request(&one, "a");
	proxy_worker_ops.drain(front);
	UNTIL(drain_phase(front->drain) == DRAIN_LAST);
	ask(&a, "late", "111");
	say(&a, registration);
	UNTIL(worker.told_n == 1 && COUNT(row()->errors) == 1);
	reply(&one, "a", NULL);
	expect_reply(&a, "100", "a");
	expect_error(&a, "late", "shutting-down");
	cr_assert(has_said_nothing(&one.lane));
	head_of(0, &head);
	master_answers(&head, "{\"type\":\"4\"}\n");
	cr_assert_str_eq(next_line(&a), "{\"type\":\"4\"}", "a server may leave to the last");
	expect_end(&a);
}

/* ---- TLS ---- */

/* A record as TLS begins with, and in it a hello of one byte. */
static const char hello[] = {TLS_FIRST_BYTE, 3, 1, 0, 5, 1, 0, 0, 1, 0};

Test(intake, tls_where_it_is_off_is_refused_in_its_own_words)
{
	start();
	for (int i = 0; i < 2; i++) {
		come(&a);
		say_bytes(&a, span_of(hello, sizeof hello));
		UNTIL(has_ended(&a));
		cr_assert_eq(a.n, TLS_REFUSAL_SIZE);
		cr_assert_eq(memcmp(a.got, tls_refusal, TLS_REFUSAL_SIZE), 0);
		cr_assert_not_null(logged(i == 0 ? "level=warn" : "level=debug", "it speaks TLS",
					  peer_text(&a)));
		hang_up(&a);
		UNTIL(COUNT(row()->connections) == 0);
	}
	cr_assert_eq(COUNT(row()->errors), 0);
}

/* The far end of a TLS connection, in the same loop. */
static struct {
	struct conn *conn;
	unsigned opens, closes;
	char answer[256];
} tls;

static void
on_tls_open(struct conn *c, void *ctx)
{
	(void)c;
	(void)ctx;
	tls.opens++;
}

static void
on_tls_packet(struct conn *c, struct span text, void *ctx)
{
	(void)c;
	(void)ctx;
	(void)snprintf(tls.answer, sizeof tls.answer, "%.*s", SPAN_ARG(text));
}

static void
on_tls_fault(struct conn *c, int error, void *ctx)
{
	(void)ctx;
	cr_assert_fail("%s", strerror(error));
	conn_close(c);
}

static void
on_tls_eof(struct conn *c, bool cut, void *ctx)
{
	(void)cut;
	(void)ctx;
	conn_finish(c);
}

static void
on_tls_close(struct conn *c, int error, void *ctx)
{
	(void)c;
	(void)error;
	(void)ctx;
	tls.closes++;
	tls.conn = NULL;
}

static const struct conn_ops tls_ops = {.on_open = on_tls_open,
					.on_packet = on_tls_packet,
					.on_fault = on_tls_fault,
					.on_eof = on_tls_eof,
					.on_close = on_tls_close};

static struct tls_creds *
load(enum tls_side side, const struct tls_files *files)
{
	struct tls_creds *c = tls_creds_load(side, files, "test", stderr);

	cr_assert_not_null(c);
	return c;
}

/* Let go of at the end, as what the worker has. */
static struct tls_creds *client_creds;

static void
start_tls(enum conn_tls_mode mode)
{
	const struct tls_files s = {.certificate = made.server.certificate, .key = made.server.key},
			       c = {.ca = made.ca.certificate, .verify = TLS_VERIFY_REQUIRED};

	settings.base.tls_listen = load(TLS_SERVER, &s);
	client_creds = load(TLS_CLIENT, &c);
	settings.base.daemon.tls.mode = (int)mode;
	settings.base.daemon.tls.handshake_timeout = LONG_MS;
	start();
}

static void
close_tls(void)
{
	end_worker();
	tls_creds_unref(settings.base.tls_listen);
	tls_creds_unref(client_creds);
	tls_remove_all();
}

Test(intake, a_request_over_tls_is_one_as_any_other, .init = tls_make_all, .fini = close_tls)
{
	struct conn_loop *loop;
	struct conn_tls_peer peer = {.name = "pool.example", .handshake_ms = LONG_MS};

	open_server(&one, "100", "111");
	start_tls(CONN_TLS_OPTIONAL);
	peer.creds = client_creds;
	loop = conn_loop_new(worker.base, 4096);
	tls.conn = conn_connect_tls(loop, &proxy_at, LONG_MS, &peer, &tls_ops, NULL);
	cr_assert_not_null(tls.conn);
	UNTIL(tls.opens == 1);
	cr_assert_eq(conn_write(tls.conn, span_str("{\"type\":\"0\",\"srcid\":\"t\","
						   "\"privPoliId\":\"111\",\"payload\":\"\"}")),
		     0);
	expect_request(&one, "t");
	reply(&one, "t", NULL);
	UNTIL(tls.answer[0] != '\0');
	cr_assert_not_null(strstr(tls.answer, "\"destid\":\"t\""));
	cr_assert_eq(COUNT(row()->tls_handshakes), 1);
	cr_assert_not_null(logged("level=debug", "msg=\"TLS\"", "TLS1.3"));
	come(&a); /* beside plain ones */
	ask(&a, "a", "nobody's");
	expect_error(&a, "a", "unknown-policy");
	conn_finish(tls.conn);
	UNTIL(tls.closes == 1);
	conn_loop_free(loop);
}

Test(intake, where_tls_is_required_a_plain_client_is_told_so, .init = tls_make_all,
     .fini = close_tls)
{
	char peer[ADDR_TEXT];

	start_tls(CONN_TLS_REQUIRED);
	come(&a);
	ask(&a, "a", "111");
	cr_assert_not_null(strstr(expect_error(&a, "", "denied"), "TLS is required here"));
	expect_end(&a);
	come(&b);
	(void)snprintf(peer, sizeof peer, "%s", peer_text(&b));
	say_bytes(&b, span_of(hello, sizeof hello));
	UNTIL(has_ended(&b));
	hang_up(&a);
	hang_up(&b);
	UNTIL(COUNT(row()->connections) == 0);
	cr_assert_not_null(logged("level=warn", "TLS failed", peer));
	cr_assert_eq(COUNT(row()->tls_failed), 1);
}
