/* packet_write: packets written, and read back by json-c. */
#include "packet.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Under ASan a request that is too large is to fail as it does elsewhere. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

#define REQUEST "{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"hello\"}"
#define HEX	"da39a3ee5e6b4b0d3255bfef95601890afd80709"

static struct packet packet;
static struct packet_fault fault;
static struct buf out;

static int
parse(const char *text)
{
	return packet_parse(&packet, span_str(text), &fault);
}

static void
accept(const char *text)
{
	cr_assert_eq(parse(text), 0, "%s: %s", text, fault.why);
}

/* What was written is exactly this, and json-c reads it. */
static void
expect_written(int result, const char *text)
{
	struct json_tokener *t = json_tokener_new();
	json_object *o;

	cr_expect_eq(result, 0);
	cr_expect(span_eq_str(buf_span(&out), text), "%.*s is not %s", SPAN_ARG(buf_span(&out)),
		  text);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, buf_span(&out).p, (int)buf_len(&out));
	cr_expect_eq(json_tokener_get_error(t), json_tokener_success);
	cr_expect(json_object_is_type(o, json_type_object));
	json_object_put(o);
	json_tokener_free(t);
	buf_clear(&out);
}

/* A request with this srcid. */
static const char *
request_from(const char *srcid)
{
	static char text[512];

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"0\",\"srcid\":%s,\"privPoliId\":\"111\",\"payload\":\"\"}",
		       srcid);
	return text;
}

/* ---- replies and errors ---- */

Test(packet_write, a_reply_takes_the_form_of_the_requests_type)
{
	accept(REQUEST);
	expect_written(packet_reply(&out, &packet, "100", span_str(HEX)),
		       "{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":40,"
		       "\"payload\":\"" HEX "\"}");
	accept("{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"payload\":\"\"}");
	expect_written(
		packet_reply(&out, &packet, "100", span_str(HEX)),
		"{\"type\":2,\"srcid\":100,\"destid\":1,\"payloadsize\":40,\"payload\":\"" HEX
		"\"}");
}

Test(packet_write, type_and_srcid_of_a_request_may_differ_in_form)
{
	accept("{\"type\":0,\"srcid\":\"1\",\"privPoliId\":111,\"payload\":\"\"}");
	expect_written(
		packet_reply(&out, &packet, "100", span_str("")),
		"{\"type\":2,\"srcid\":100,\"destid\":\"1\",\"payloadsize\":0,\"payload\":\"\"}");
	accept(request_from("1"));
	expect_written(
		packet_reply(&out, &packet, "100", span_str("")),
		"{\"type\":\"2\",\"srcid\":\"100\",\"destid\":1,\"payloadsize\":0,\"payload\":\"\"}");
}

Test(packet_write, destid_is_the_srcid_unchanged_whatever_it_is)
{
	static const char *const ids[] = {
		"123456789012345678901234567890123456789012345678901234567890",
		"-10",
		"\"1.50\"",
		"\"007\"",
		"\"a\\u0062\"",
		"\"PP_1\"",
		"\"\xc3\xa9 '\""};
	char text[256];

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		accept(request_from(ids[i]));
		(void)snprintf(text, sizeof text,
			       "{\"type\":\"2\",\"srcid\":\"9\",\"destid\":%s,\"payloadsize\":1,"
			       "\"payload\":\"x\"}",
			       ids[i]);
		expect_written(packet_reply(&out, &packet, "9", span_str("x")), text);
	}
}

Test(packet_write, a_srcid_that_is_no_integer_stays_a_string)
{
	static const struct {
		const char *id, *written;
	} rows[] = {{"0", "0"},		{"-7", "-7"},	    {"100", "100"},   {"PP_1", "\"PP_1\""},
		    {"007", "\"007\""}, {"-0", "\"-0\""},   {"-", "\"-\""},   {"", "\"\""},
		    {"1.5", "\"1.5\""}, {"1e5", "\"1e5\""}, {"00", "\"00\""}, {"-01", "\"-01\""},
		    {"+1", "\"+1\""}};
	char text[256];

	accept("{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"payload\":\"\"}");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":2,\"srcid\":%s,\"destid\":1,\"payloadsize\":0,"
			       "\"payload\":\"\"}",
			       rows[i].written);
		expect_written(packet_reply(&out, &packet, rows[i].id, span_of(NULL, 0)), text);
	}
}

Test(packet_write, payloadsize_counts_bytes_and_not_escapes)
{
	accept(REQUEST);
	expect_written(packet_reply(&out, &packet, "1", span_of("\xc3\xa9\0\"\n", 5)),
		       "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"1\",\"payloadsize\":5,"
		       "\"payload\":\"\xc3\xa9\\u0000\\\"\\n\"}");
}

Test(packet_write, an_error_says_code_message_and_when_to_retry)
{
	accept(REQUEST);
	expect_written(packet_error(&out, &packet, "proxy", PACKET_NO_SERVER, "no \"one\"", 250),
		       "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"1\",\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"no-server\",\"message\":\"no \\\"one\\\"\","
		       "\"retryafter\":250}");
	expect_written(packet_error(&out, &packet, "proxy", PACKET_TIMEOUT, "", 0),
		       "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"1\",\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"timeout\",\"message\":\"\"}");
}

#define UNREADABLE                                                                            \
	"{\"type\":\"3\",\"srcid\":\"7\",\"destid\":\"\",\"payloadsize\":0,\"payload\":\"\"," \
	"\"code\":\"denied\",\"message\":\"m\"}"

static void
expect_error(const char *head)
{
	char text[512];

	(void)snprintf(
		text, sizeof text,
		"{%s,\"payloadsize\":0,\"payload\":\"\",\"code\":\"denied\",\"message\":\"m\"}",
		head);
	expect_written(packet_error(&out, &packet, "7", PACKET_DENIED, "m", 0), text);
}

Test(packet_write, an_error_without_a_request_is_strings)
{
	expect_written(packet_error(&out, NULL, "7", PACKET_DENIED, "m", 0), UNREADABLE);
}

Test(packet_write, an_error_to_something_unreadable_is_strings)
{
	static const char *const texts[] = {"",
					    "x",
					    "[]",
					    "[{\"type\":0,\"srcid\":1}]",
					    "{}",
					    "{\"srcid\":\"\"}",
					    "{\"type\":[],\"srcid\":[]}",
					    "{\"srcid\":\"a\\u0002\"}",
					    "{\"srcid\":\"\xff\"}",
					    "{\"srcid\":\"\\ud800\",\"x\":1}"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_assert_eq(parse(texts[i]), -1);
		expect_written(packet_error(&out, &packet, "7", PACKET_DENIED, "m", 0), UNREADABLE);
	}
}

Test(packet_write, an_error_echoes_what_could_be_read_of_a_refused_request)
{
	cr_assert_eq(parse("{\"type\":0,\"srcid\":5,\"srcid\":6,\"privPoliId\":1}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":5");
	cr_assert_eq(parse("{\"srcid\":\"5\",\"payload\":\"\xff\",\"type\":0}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":\"5\"");
	cr_assert_eq(
		parse("{\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],\"srcid\":5,\"type\":\"0\"}"),
		-1);
	expect_error("\"type\":\"3\",\"srcid\":\"7\",\"destid\":5");
	cr_assert_eq(parse("{\"type\":9,\"srcid\":5}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":5");
	cr_assert_eq(parse("{\"type\":0,\"srcid\":5,\"privPoliId\":1,\"payload\":'x'}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":5");
}

Test(packet_write, an_error_to_an_announcement_is_for_its_id)
{
	cr_assert_eq(parse("{\"type\":1,\"id\":\"100\",\"privPolyId\":1,\"listenport\":0}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":\"100\"");
	accept("{\"type\":\"5\",\"id\":100,\"srcid\":1,\"privPolyId\":1}");
	expect_error("\"type\":\"3\",\"srcid\":\"7\",\"destid\":100");
	cr_expect(span_eq_str(packet_sender(&packet), "100"));
	accept(REQUEST);
	cr_expect(span_eq_str(packet_sender(&packet), "\"1\""));
}

Test(packet_write, an_error_is_a_packet_itself)
{
	cr_assert_eq(packet_error(&out, NULL, "7", PACKET_DENIED, "m", 1), 0);
	cr_expect_eq(packet_parse(&packet, buf_span(&out), &fault), 0, "%s", fault.why);
	cr_expect_eq(packet.type, PACKET_ERROR);
	cr_expect(span_eq_str(packet_scalar(&packet, "code"), "denied"));
	buf_release(&out);
}

Test(packet_write, packets_are_appended_to_what_is_there)
{
	accept(REQUEST);
	cr_assert_eq(buf_append_str(&out, "before\n"), 0);
	cr_assert_eq(parse("{}"), -1);
	cr_assert_eq(packet_error(&out, &packet, "7", fault.code, fault.why, 0), 0);
	cr_expect_eq(memcmp(buf_span(&out).p, "before\n{\"type\":\"3\"", 17), 0);
	buf_release(&out);
}

/* ---- requests ---- */

Test(packet_write, a_request_is_strings_but_for_its_size)
{
	expect_written(packet_request(&out, "1", "PP_1", span_str("a\"b")),
		       "{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"PP_1\",\"payloadsize\":3,"
		       "\"payload\":\"a\\\"b\"}");
}

Test(packet_write, a_request_reads_as_it_was_written)
{
	struct buf scratch = BUF_INIT;
	struct span payload = span_of("\0\x01\"\\\xc3\xa9/\x7f\n", 9), read;

	cr_assert_eq(packet_request(&out, "1", "111", payload), 0);
	cr_assert_eq(packet_parse(&packet, buf_span(&out), &fault), 0);
	cr_expect(span_eq_str(packet_scalar(&packet, "srcid"), "1"));
	cr_expect(span_eq_str(packet_scalar(&packet, "privPoliId"), "111"));
	cr_assert_eq(packet_payload(&packet, &scratch, &read), 0);
	cr_expect(span_eq(read, payload));
	cr_expect_eq(packet_check_size(&packet, read, &fault), 0);
	buf_release(&scratch);
	buf_release(&out);
}

/* ---- announcements ---- */

static const struct packet_announcement full = {
	.id = "100",
	.policy = "PP_1",
	.host = "fe80::1%eth0",
	.port = 65535,
	.ack = true,
	.keepalive = true,
	.tls = true,
	.pipeline = 64,
	.slots = 8,
	.weight = 1000,
	.lease = 86400,
	.jobtimeout = 86400000,
	.job = "redact_1.py",
	.once = true,
	.backup = true,
};

static void
expect_announcement(const struct packet_announcement *a, const struct packet_announcement *b)
{
	cr_expect_str_eq(a->id, b->id);
	cr_expect_str_eq(a->policy, b->policy);
	cr_expect_str_eq(a->host, b->host);
	cr_expect_eq(a->port, b->port);
	cr_expect_eq(a->ack, b->ack);
	cr_expect_eq(a->keepalive, b->keepalive);
	cr_expect_eq(a->tls, b->tls);
	cr_expect_eq(a->pipeline, b->pipeline);
	cr_expect_eq(a->slots, b->slots);
	cr_expect_eq(a->weight, b->weight);
	cr_expect_eq(a->lease, b->lease);
	cr_expect_eq(a->jobtimeout, b->jobtimeout);
	cr_expect_str_eq(a->job, b->job);
	cr_expect_eq(a->once, b->once);
	cr_expect_eq(a->backup, b->backup);
}

Test(packet_write, an_announcement_is_strings_and_leaves_out_what_is_not_announced)
{
	struct packet_announcement plain = {.id = "100", .policy = "111", .port = 2105};

	expect_written(
		packet_register(&out, &plain),
		"{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":\"111\",\"listenport\":\"2105\"}");
	expect_written(packet_deregister(&out, &plain),
		       "{\"type\":\"5\",\"id\":\"100\",\"privPolyId\":\"111\"}");
	expect_written(
		packet_register(&out, &full),
		"{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":\"PP_1\",\"listenport\":\"65535\","
		"\"host\":\"fe80::1%eth0\",\"ack\":\"1\",\"keepalive\":\"1\",\"tls\":\"1\","
		"\"pipeline\":\"64\",\"slots\":\"8\",\"weight\":\"1000\",\"lease\":\"86400\","
		"\"jobtimeout\":\"86400000\",\"job\":\"redact_1.py\",\"repeat\":\"0\",\"backup\":\"1\"}");
	expect_written(packet_deregister(&out, &full),
		       "{\"type\":\"5\",\"id\":\"100\",\"privPolyId\":\"PP_1\",\"ack\":\"1\"}");
}

Test(packet_write, a_server_at_a_unix_socket_announces_port_0)
{
	struct packet_announcement a = {.id = "1", .policy = "2", .host = "unix:/run/s"};

	expect_written(packet_register(&out, &a),
		       "{\"type\":\"1\",\"id\":\"1\",\"privPolyId\":\"2\",\"listenport\":\"0\","
		       "\"host\":\"unix:/run/s\"}");
	a.numbers = true;
	expect_written(packet_register(&out, &a),
		       "{\"type\":1,\"id\":\"1\",\"privPolyId\":\"2\",\"listenport\":0,"
		       "\"host\":\"unix:/run/s\"}");
}

Test(packet_write, what_is_at_its_default_is_left_out)
{
	struct packet_announcement a = {.id = "1",
					.policy = "2",
					.port = 3,
					.pipeline = 1,
					.slots = 1,
					.weight = 1,
					.job = "sha1"};

	packet_leave_out_defaults(&a);
	expect_written(packet_register(&out, &a),
		       "{\"type\":\"1\",\"id\":\"1\",\"privPolyId\":\"2\",\"listenport\":\"3\"}");
	(void)strcpy(a.job, "sha11");
	packet_leave_out_defaults(&a);
	cr_expect_str_eq(a.job, "sha11");
}

Test(packet_write, an_announcement_reads_as_it_was_written)
{
	struct packet_announcement read;

	memset(&read, 0x55, sizeof read);
	cr_assert_eq(packet_register(&out, &full), 0);
	cr_assert_eq(packet_parse(&packet, buf_span(&out), &fault), 0);
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(&read, &full);
	buf_clear(&out);
	memset(&read, 0x55, sizeof read);
	cr_assert_eq(packet_deregister(&out, &full), 0);
	cr_assert_eq(packet_parse(&packet, buf_span(&out), &fault), 0);
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(
		&read, &(struct packet_announcement){.id = "100", .policy = "PP_1", .ack = true});
	buf_release(&out);
}

Test(packet_write, an_ack_takes_the_form_of_the_announcement)
{
	accept("{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":111,\"listenport\":\"1\"}");
	expect_written(packet_ack(&out, &packet, "proxy", "registered", NULL, NULL),
		       "{\"type\":\"4\",\"srcid\":\"proxy\",\"destid\":\"100\",\"privPolyId\":111,"
		       "\"verb\":\"registered\"}");
	accept("{\"type\":5,\"id\":100,\"privPolyId\":\"PP_1\"}");
	expect_written(packet_ack(&out, &packet, "9", "deregistered", NULL, NULL),
		       "{\"type\":4,\"srcid\":9,\"destid\":100,\"privPolyId\":\"PP_1\","
		       "\"verb\":\"deregistered\"}");
	accept("{\"type\":4,\"srcid\":9,\"destid\":100,\"verb\":\"renewed\"}");
}

Test(packet_write, an_ack_tells_of_further_proxies_behind_what_older_ones_had)
{
	struct packet_proof proof = {.mac = ""}, read;
	struct span verb;

	accept("{\"type\":\"1\",\"id\":\"1\",\"privPolyId\":\"2\",\"listenport\":\"1\"}");
	expect_written(packet_ack(&out, &packet, "p", "renewed", NULL,
				  &(struct packet_news){.proxies = "b:1,unix:/x"}),
		       "{\"type\":\"4\",\"srcid\":\"p\",\"destid\":\"1\",\"privPolyId\":\"2\","
		       "\"verb\":\"renewed\",\"proxies\":\"b:1,unix:/x\"}");
	memset(proof.proxiesmac, 'a', PACKET_MAC);
	cr_assert_eq(packet_ack(&out, &packet, "p", "renewed", &proof,
				&(struct packet_news){.proxies = "b:1"}),
		     0);
	cr_assert_eq(packet_parse(&packet, buf_span(&out), &fault), 0);
	packet_acknowledged(&packet, &verb, &read);
	cr_expect_str_eq(read.proxiesmac, proof.proxiesmac);
	cr_expect(span_eq_str(packet_scalar(&packet, "proxies"), "b:1"));
	buf_release(&out);
}

Test(packet_write, an_ack_tells_how_long_the_proxy_waits)
{
	accept("{\"type\":\"1\",\"id\":\"1\",\"privPolyId\":\"2\",\"listenport\":\"1\"}");
	expect_written(packet_ack(&out, &packet, "p", "renewed", NULL,
				  &(struct packet_news){.replytimeout = 10000}),
		       "{\"type\":\"4\",\"srcid\":\"p\",\"destid\":\"1\",\"privPolyId\":\"2\","
		       "\"verb\":\"renewed\",\"replytimeout\":10000}");
}

Test(packet_write, an_ack_names_a_rival_where_there_is_one)
{
	static char text[] = "{\"type\":\"4\",\"srcid\":\"proxy\",\"destid\":\"100\","
			     "\"privPolyId\":\"111\",\"verb\":\"renewed\",\"rival\":\"[::1]:5\"}";

	accept("{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":\"111\",\"listenport\":\"1\"}");
	expect_written(packet_ack(&out, &packet, "proxy", "renewed", NULL,
				  &(struct packet_news){.rival = "[::1]:5"}),
		       text);
	expect_written(packet_ack(&out, &packet, "proxy", "renewed", NULL,
				  &(struct packet_news){.rival = ""}),
		       "{\"type\":\"4\",\"srcid\":\"proxy\",\"destid\":\"100\","
		       "\"privPolyId\":\"111\",\"verb\":\"renewed\"}");
	accept(text);
	cr_assert(span_eq_str(packet_scalar(&packet, "rival"), "[::1]:5"));
}

/* ---- without memory ---- */

enum writer { REPLY, ERROR, NEW_REQUEST, REGISTER, DEREGISTER, ACK, WRITERS };

static int
write_one(enum writer w, struct buf *b, const struct packet *p)
{
	switch (w) {
	case REPLY: return packet_reply(b, p, "100", span_str(HEX));
	case ERROR: return packet_error(b, p, "proxy", PACKET_DENIED, "a\nb", 250);
	case NEW_REQUEST: return packet_request(b, "1", "111", span_str("a\nb"));
	case REGISTER: return packet_register(b, &full);
	case DEREGISTER: return packet_deregister(b, &full);
	case ACK:
		return packet_ack(b, p, "proxy", "renewed", NULL,
				  &(struct packet_news){.rival = "10.0.0.1:5"});
	case WRITERS: break;
	}
	abort();
}

/* A buffer that cannot grow: its content is said to be more than an address space holds.  What
 * follows the content is real: room bytes at memory. */
static struct buf
nearly_full(char *memory, size_t room)
{
	const size_t content = (size_t)1 << 46;

	return (struct buf){.base = (char *)((uintptr_t)memory - content),
			    .tail = content,
			    .cap = content + room};
}

Test(packet_write, without_memory_nothing_is_appended_wherever_it_ends)
{
	struct packet p;
	char memory[512];

	cr_assert_eq(packet_parse(&p,
				  span_str("{\"type\":1,\"id\":1,\"srcid\":1,\"privPolyId\":1,"
					   "\"listenport\":1}"),
				  &fault),
		     0);
	for (enum writer w = REPLY; w < WRITERS; w++) {
		size_t room = 0, before;
		struct buf b = nearly_full(memory, room);

		before = buf_len(&b);
		while (errno = 0, write_one(w, &b, &p) < 0) {
			cr_expect_eq(errno, ENOMEM);
			cr_expect_eq(buf_len(&b), before, "writer %d, room %zu", (int)w, room);
			b = nearly_full(memory, ++room);
		}
		cr_expect_eq(buf_len(&b), before + room, "writer %d", (int)w);
		cr_expect_gt(room, 40);
	}
}
