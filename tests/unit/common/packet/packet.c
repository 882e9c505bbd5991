/* packet: what is a packet, and what is said of what is none. */
#include "packet.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "json_fast.h"

#define REQUEST "{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"hello\"}"

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

static void
expect_refused(const char *text, enum packet_code code, bool lost, const char *why)
{
	memset(&fault, 0x55, sizeof fault);
	cr_expect_eq(parse(text), -1, "%s", text);
	cr_expect_eq(fault.code, code, "%s: %d", text, (int)fault.code);
	cr_expect_eq(fault.lost, lost, "%s", text);
	cr_expect_str_eq(fault.why, why);
}

/* ---- judging ---- */

Test(packet, every_type_is_read_in_both_forms)
{
	static const struct {
		const char *text;
		enum packet_type type;
		bool number;
	} rows[] = {
		{REQUEST, PACKET_REQUEST, false},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"payload\":\"\"}", PACKET_REQUEST,
		 true},
		{"{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":\"111\",\"listenport\":\"2105\"}",
		 PACKET_REGISTER, false},
		{"{\"type\":1,\"id\":100,\"privPolyId\":\"PP_1\",\"listenport\":2105}",
		 PACKET_REGISTER, true},
		{"{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":40,\"payload\":\"\"}",
		 PACKET_REPLY, false},
		{"{\"type\":2,\"srcid\":100,\"destid\":1,\"payload\":\"x\"}", PACKET_REPLY, true},
		{"{\"type\":\"3\",\"destid\":\"\",\"code\":\"denied\"}", PACKET_ERROR, false},
		{"{\"type\":3,\"destid\":7,\"code\":\"denied\"}", PACKET_ERROR, true},
		{"{\"type\":\"4\"}", PACKET_ACK, false},
		{"{\"type\":4,\"srcid\":[]}", PACKET_ACK, true},
		{"{\"type\":\"5\",\"id\":\"100\",\"privPolyId\":\"111\"}", PACKET_DEREGISTER,
		 false},
		{"{\"type\":5,\"id\":100,\"privPolyId\":111}", PACKET_DEREGISTER, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		accept(rows[i].text);
		cr_expect_eq(packet.type, (int)rows[i].type, "%s", rows[i].text);
		cr_expect_eq(packet.type_number, rows[i].number, "%s", rows[i].text);
		cr_expect_eq(packet.text.p, rows[i].text);
	}
}

Test(packet, members_that_were_read_before_are_judged_the_same)
{
	static const char *const texts[] = {
		"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":111,\"payload\":\"x\"}",
		"{\"type\":2,\"srcid\":1,\"destid\":\"2\",\"payload\":\"x\",\"more\":1}",
		"{\"type\":0,\"srcid\":\"\",\"privPoliId\":111,\"payload\":\"x\"}",
		"{\"type\":7}",
		"{\"type\":\"0\",\"srcid\":1}",
	};
	static struct json_text_object members;
	static struct packet other;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct span text = span_str(texts[i]);
		struct packet_fault why = {.code = PACKET_OK};

		fault = why;
		cr_assert(glance(text, &members));
		cr_expect_eq(packet_check(&other, text, &members, &why),
			     packet_parse(&packet, text, &fault));
		cr_expect_eq(why.code, fault.code);
		cr_expect_str_eq(why.why, fault.why);
		cr_expect(other.type == packet.type && other.type_number == packet.type_number &&
			  other.object.n == packet.object.n);
		cr_expect(span_eq(packet_raw(&other, "srcid"), packet_raw(&packet, "srcid")));
	}
}

Test(packet, what_is_no_packet_is_refused_as_bad_json)
{
	expect_refused("", PACKET_BAD_JSON, true, "not JSON at byte 0");
	expect_refused("{\"type\":0,}", PACKET_BAD_JSON, true, "not JSON at byte 10");
	expect_refused("[]", PACKET_BAD_JSON, false, "not an object at byte 0");
	expect_refused("{\"type\":0,\"type\":0}", PACKET_BAD_JSON, false,
		       "duplicate key at byte 10");
	expect_refused("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", PACKET_BAD_JSON, false,
		       "nested too deep at byte 20");
}

Test(packet, sixteen_levels_are_a_packet_still)
{
	accept("{\"type\":4,\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}");
}

Test(packet, more_members_than_there_is_room_for_are_bad_json)
{
	cr_assert_eq(buf_append_str(&out, "{\"type\":4"), 0);
	for (int i = 0; i < JSON_TEXT_MEMBERS; i++)
		cr_assert_eq(buf_printf(&out, ",\"%d\":0", i), 0);
	cr_assert_eq(buf_append_str(&out, "}"), 0);
	cr_expect_eq(packet_parse(&packet, buf_span(&out), &fault), -1);
	cr_expect_eq(fault.code, PACKET_BAD_JSON);
	cr_expect_eq(fault.lost, false);
	cr_expect_eq(packet.type, PACKET_ACK);
	buf_release(&out);
}

Test(packet, text_that_is_no_unicode_is_a_bad_payload)
{
	expect_refused("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\xff\"}",
		       PACKET_BAD_PAYLOAD, false, "malformed UTF-8 or a lone surrogate at byte 46");
	expect_refused("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\\ud800\"}",
		       PACKET_BAD_PAYLOAD, false, "malformed UTF-8 or a lone surrogate at byte 46");
}

Test(packet, type_is_one_of_six)
{
	expect_refused("{}", PACKET_BAD_MESSAGE, false, "type is missing");
	expect_refused("{\"type\":null}", PACKET_BAD_MESSAGE, false,
		       "type must be a string or a number");
	expect_refused("{\"type\":[0]}", PACKET_BAD_MESSAGE, false,
		       "type must be a string or a number");
	expect_refused("{\"type\":true}", PACKET_BAD_MESSAGE, false,
		       "type must be a string or a number");
	expect_refused("{\"type\":6}", PACKET_BAD_MESSAGE, false, "type is 6: it must be 0 to 5");
	expect_refused("{\"type\":\"00\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"00\": it must be 0 to 5");
	expect_refused("{\"type\":\"\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"\": it must be 0 to 5");
	expect_refused("{\"type\":-1}", PACKET_BAD_MESSAGE, false, "type is -1: it must be 0 to 5");
	expect_refused("{\"type\":0.0}", PACKET_BAD_MESSAGE, false,
		       "type is 0.0: it must be 0 to 5");
	expect_refused("{\"type\":\"/\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"/\": it must be 0 to 5");
}

Test(packet, the_key_type_may_be_written_with_escapes)
{
	accept("{\"t\\u0079pe\":\"4\"}");
	cr_expect_eq(packet.type, PACKET_ACK);
}

Test(packet, the_type_may_be_written_with_escapes)
{
	accept("{\"type\":\"\\u0034\"}");
	cr_expect_eq(packet.type, PACKET_ACK);
	expect_refused("{\"type\":\"\\u0036\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"\\u0036\": it must be 0 to 5");
	expect_refused("{\"type\":\"\\u0034\\u0034\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"\\u0034\\u0034\": it must be 0 to 5");
}

Test(packet, each_type_needs_its_keys)
{
	static const struct {
		const char *text, *why;
		enum packet_code code;
	} rows[] = {
		{"{\"type\":0,\"privPoliId\":1,\"payload\":\"\"}", "srcid is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"payload\":\"\"}", "privPoliId is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"payload\":\"\"}", "privPoliId is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPolyId\":1,\"privPoliId\":2,\"payload\":\"\"}",
		 "privPoliId and privPolyId are both there, and not the same", PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPolyId\":[],\"privPoliId\":2,\"payload\":\"\"}",
		 "privPoliId and privPolyId are both there, and not the same", PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPolyId\":1e1,\"payload\":\"\"}",
		 "privPolyId is 1e1: a number must be a plain integer, anything else a string",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":\"\\\"\",\"payload\":\"\"}",
		 "privPoliId has a quote or a backslash", PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1}", "payload is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":1}",
		 "payload must be a string", PACKET_BAD_PAYLOAD},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":null}",
		 "payload must be a string", PACKET_BAD_PAYLOAD},
		{"{\"type\":1,\"privPolyId\":1,\"listenport\":1}", "id is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":1,\"id\":1,\"listenport\":1}", "privPolyId is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":5,\"id\":1,\"privPolyId\":1,\"privPoliId\":\"2\"}",
		 "privPoliId and privPolyId are both there, and not the same", PACKET_BAD_MESSAGE},
		{"{\"type\":1,\"id\":\"a\\\\\",\"privPolyId\":1,\"listenport\":1}",
		 "id has a quote or a backslash", PACKET_BAD_MESSAGE},
		{"{\"type\":1,\"id\":1,\"privPolyId\":1}", "listenport is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":2,\"srcid\":1,\"payload\":\"\"}", "destid is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":2,\"srcid\":1,\"destid\":1}", "payload is missing", PACKET_BAD_MESSAGE},
		{"{\"type\":2,\"srcid\":1,\"destid\":1,\"payload\":{}}", "payload must be a string",
		 PACKET_BAD_PAYLOAD},
		{"{\"type\":3,\"code\":\"denied\"}", "destid is missing", PACKET_BAD_MESSAGE},
		{"{\"type\":3,\"destid\":{},\"code\":\"denied\"}",
		 "destid must be a string or a number", PACKET_BAD_MESSAGE},
		{"{\"type\":3,\"destid\":1}", "code is missing", PACKET_BAD_MESSAGE},
		{"{\"type\":3,\"destid\":1,\"code\":5}", "code must be a string",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":5,\"privPolyId\":1}", "id is missing", PACKET_BAD_MESSAGE},
		{"{\"type\":5,\"id\":1}", "privPolyId is missing", PACKET_BAD_MESSAGE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_refused(rows[i].text, rows[i].code, false, rows[i].why);
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

Test(packet, an_id_is_a_short_string_or_a_plain_integer)
{
	static const char *const good[] = {
		"1",
		"-5",
		"0",
		"-10",
		"\"1e5\"",
		"\"a\\u0062\"",
		"\"a\\/\\\"\"",
		"\"\\u00fc\\ud83d\\ude00\"",
		"\"PP_1\"",
		"\" \"",
		"\"\xc3\xa9\xe2\x82\xac\"",
		"\"0123456789012345678901234567890123456789012345678901234567890123\"",
		"1234567890123456789012345678901234567890123456789012345678901234"};
	static const struct {
		const char *srcid, *why;
	} bad[] = {
		{"\"\"", "srcid is empty"},
		{"null", "srcid must be a string or a number"},
		{"true", "srcid must be a string or a number"},
		{"[1]", "srcid must be a string or a number"},
		{"{}", "srcid must be a string or a number"},
		{"\"a\\n\"", "srcid has a control character"},
		{"\"a\\u0000\"", "srcid has a control character"},
		{"\"\\u009b\"", "srcid has a control character"},
		{"\"a\x7f\"", "srcid has a control character"},
		{"1e5", "srcid is 1e5: a number must be a plain integer, anything else a string"},
		{"1E400",
		 "srcid is 1E400: a number must be a plain integer, anything else a string"},
		{"-0", "srcid is -0: a number must be a plain integer, anything else a string"},
		{"0.10", "srcid is 0.10: a number must be a plain integer, anything else a string"},
		{"\"\xc2\x9b"
		 "m\"",
		 "srcid has a control character"},
		{"\"01234567890123456789012345678901234567890123456789012345678901234\"",
		 "srcid is 65 bytes long: it may have 64"},
		{"12345678901234567890123456789012345678901234567890123456789012345",
		 "srcid is 65 bytes long: it may have 64"},
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		accept(request_from(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_refused(request_from(bad[i].srcid), PACKET_BAD_MESSAGE, false, bad[i].why);
}

Test(packet, a_policy_may_be_spelled_either_way)
{
	static const char *const same[] = {
		"{\"type\":0,\"srcid\":1,\"privPolyId\":\"111\",\"payload\":\"\"}",
		"{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"payload\":\"\"}",
		("{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"privPolyId\":\"\\u00311\\u0031\","
		 "\"payload\":\"\"}"),
		"{\"type\":1,\"id\":1,\"privPoliId\":\"\\u003111\",\"listenport\":1}",
		"{\"type\":5,\"id\":1,\"privPoliId\":111}",
		"{\"type\":5,\"id\":1,\"privPolyId\":111,\"privPoliId\":\"111\"}"};

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		accept(same[i]);
		cr_expect(span_eq_str(packet.policy, "111"), "%s", same[i]);
	}
	accept(same[3]);
	cr_expect(span_eq_str(packet.policy_raw, "\"\\u003111\""), "it is passed on as it came");
}

Test(packet, ids_of_a_reply_are_compared_decoded)
{
	static const struct {
		const char *destid, *srcid;
		bool same;
	} rows[] = {{"\"\\u00fc\"", "\xc3\xbc", true},
		    {"\"\xc3\xbc\"", "\\u00fc", true},
		    {"\"\\u00FC\"", "\\u00fc", true},
		    {"\"a\\/b\"", "a/b", true},
		    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", true},
		    {"7", "7", true},
		    {"\"\\u0037\"", "7", true},
		    {"\"\\u00fc\"", "\xc3\xbd", false},
		    {"\"\\u00fc\"", "u", false},
		    {"\"a\"", "\\u0062", false},
		    {"\"7\"", "77", false}};
	char text[128];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":2,\"srcid\":[2101],\"destid\":%s,\"payload\":\"\"}",
			       rows[i].destid);
		accept(text);
		cr_expect_eq(packet_answers(&packet, span_str(rows[i].srcid)), rows[i].same,
			     "%s %s", rows[i].destid, rows[i].srcid);
	}
}

Test(packet, keys_that_are_not_known_are_nobodys_business)
{
	accept("{\"x\":{\"type\":9},\"type\":\"0\",\"payloadsize\":[],\"srcid\":\"1\",\"privPoliId\":\"1\","
	       "\"payload\":\"\",\"listenport\":\"no\",\"\":null}");
	cr_expect_eq(packet.object.n, 8);
}

/* ---- reading ---- */

Test(packet, a_scalar_is_the_same_text_in_both_forms)
{
	accept("{\"type\":4,\"s\":\"111\",\"n\":111,\"e\":\"\",\"x\":\"a\\n\",\"t\":true,\"z\":null,"
	       "\"o\":{},\"a\":[1]}");
	cr_expect(span_eq_str(packet_scalar(&packet, "s"), "111"));
	cr_expect(span_eq_str(packet_scalar(&packet, "n"), "111"));
	cr_expect(span_eq_str(packet_scalar(&packet, "x"), "a\\n"));
	cr_expect_eq(packet_scalar(&packet, "e").n, 0);
	cr_expect_not_null(packet_scalar(&packet, "e").p);
	for (const char *const *key = (const char *const[]){"t", "z", "o", "a", "none", NULL};
	     *key != NULL; key++) {
		cr_expect_eq(packet_scalar(&packet, *key).n, 0, "%s", *key);
		cr_expect_null(packet_scalar(&packet, *key).p, "%s", *key);
	}
}

Test(packet, raw_is_the_value_as_it_stands)
{
	accept("{\"type\":4,\"s\":\"1\\n\",\"n\": -1.50 ,\"a\":[ 1 ]}");
	cr_expect(span_eq_str(packet_raw(&packet, "s"), "\"1\\n\""));
	cr_expect(span_eq_str(packet_raw(&packet, "n"), "-1.50"));
	cr_expect(span_eq_str(packet_raw(&packet, "a"), "[ 1 ]"));
	cr_expect_eq(packet_raw(&packet, "none").n, 0);
}

Test(packet, a_number_is_decimal_and_in_its_range)
{
	static const struct {
		const char *value;
		int64_t min, max;
		int result;
		int64_t number;
	} rows[] = {
		{"1", 1, 65535, 1, 1},
		{"\"65535\"", 1, 65535, 1, 65535},
		{"0", 1, 65535, -1, 0},
		{"65536", 1, 65535, -1, 0},
		{"\"007\"", 0, 10, 1, 7},
		{"-5", -5, 5, 1, -5},
		{"\"-5\"", 0, 5, -1, 0},
		{"-0", 0, 5, 1, 0},
		{"9223372036854775807", INT64_MIN, INT64_MAX, 1, INT64_MAX},
		{"9223372036854775808", INT64_MIN, INT64_MAX, -1, 0},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, 1, INT64_MIN},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, -1, 0},
		{"18446744073709551617", 0, 5, -1, 0},
		{"\"\"", 0, 5, -1, 0},
		{"\"-\"", -5, 5, -1, 0},
		{"\"+5\"", 0, 5, -1, 0},
		{"\" 5\"", 0, 5, -1, 0},
		{"\"5 \"", 0, 5, -1, 0},
		{"\"5\\u0030\"", 0, 500, -1, 0},
		{"\"0x5\"", 0, 5, -1, 0},
		{"5.0", 0, 5, -1, 0},
		{"5e0", 0, 5, -1, 0},
		{"true", 0, 5, -1, 0},
		{"null", 0, 5, -1, 0},
		{"[5]", 0, 5, -1, 0},
	};
	char text[128];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t number = 77;

		(void)snprintf(text, sizeof text, "{\"type\":4,\"n\":%s}", rows[i].value);
		accept(text);
		cr_expect_eq(packet_number(&packet, "n", rows[i].min, rows[i].max, &number),
			     rows[i].result, "%s", rows[i].value);
		cr_expect_eq(number, rows[i].result == 1 ? rows[i].number : 77, "%s",
			     rows[i].value);
		cr_expect_eq(packet_number(&packet, "none", 0, 1, &number), 0);
	}
}

Test(packet, a_payload_without_escapes_is_borrowed)
{
	struct buf scratch = BUF_INIT;
	struct span payload;

	accept(REQUEST);
	cr_expect_eq(packet_payload(&packet, &scratch, &payload), 0);
	cr_expect(span_eq_str(payload, "hello"));
	cr_expect_null(scratch.base);
	cr_expect(payload.p > packet.text.p && payload.p < packet.text.p + packet.text.n);
}

Test(packet, a_payload_with_escapes_is_decoded_into_scratch)
{
	struct buf scratch = BUF_INIT;
	struct span payload;

	cr_assert_eq(buf_append_str(&scratch, "old"), 0);
	accept("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\\u00e9\\u0000x\\ud834\\udd1e\"}");
	cr_expect_eq(packet_payload(&packet, &scratch, &payload), 0);
	cr_expect(span_eq(payload, span_of("\xc3\xa9\0x\xf0\x9d\x84\x9e", 8)));
	cr_expect_eq(payload.p, buf_span(&scratch).p);
	cr_expect_eq(buf_len(&scratch), 8);
	buf_release(&scratch);
}

Test(packet, an_empty_or_absent_payload_is_empty)
{
	struct buf scratch = BUF_INIT;
	struct span payload = span_str("old");

	accept(request_from("1"));
	cr_expect_eq(packet_payload(&packet, &scratch, &payload), 0);
	cr_expect_eq(payload.n, 0);
	payload = span_str("old");
	accept("{\"type\":3,\"destid\":1,\"code\":\"denied\"}");
	cr_expect_eq(packet_payload(&packet, &scratch, &payload), 0);
	cr_expect_eq(payload.n, 0);
}

Test(packet, a_payloadsize_is_the_length_in_bytes_or_absent)
{
	static const struct {
		const char *size, *why; /* why is NULL where it is right */
	} rows[] = {
		{"5", NULL},
		{"\"5\"", NULL},
		{"\"05\"", NULL},
		{"4", "payloadsize is 4: the payload has 5 bytes"},
		{"\"6\"", "payloadsize is \"6\": the payload has 5 bytes"},
		{"-5", "payloadsize is -5: the payload has 5 bytes"},
		{"5.0", "payloadsize is 5.0: the payload has 5 bytes"},
		{"\"\"", "payloadsize is \"\": the payload has 5 bytes"},
		{"null", "payloadsize is null: the payload has 5 bytes"},
		{"[5]", "payloadsize is [5]: the payload has 5 bytes"},
		{"18446744073709551621",
		 "payloadsize is 18446744073709551621: the payload has 5 bytes"},
	};
	char text[128];

	accept(REQUEST);
	cr_expect_eq(packet_check_size(&packet, span_str("hello"), &fault), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text, "{\"type\":4,\"payloadsize\":%s}", rows[i].size);
		accept(text);
		memset(&fault, 0x55, sizeof fault);
		cr_expect_eq(packet_check_size(&packet, span_str("hello"), &fault),
			     rows[i].why ? -1 : 0, "%s", text);
		if (rows[i].why == NULL)
			continue;
		cr_expect_eq(fault.code, PACKET_BAD_MESSAGE);
		cr_expect_eq(fault.lost, false);
		cr_expect_str_eq(fault.why, rows[i].why);
	}
}

Test(packet, every_code_has_its_text)
{
	cr_expect_str_eq(packet_code_text(PACKET_OK), "ok");
	cr_expect_str_eq(packet_code_text(PACKET_BAD_JSON), "bad-json");
	cr_expect_str_eq(packet_code_text(PACKET_UPSTREAM_FAILED), "upstream-failed");
	cr_expect_str_eq(packet_code_text(PACKET_SHUTTING_DOWN), "shutting-down");
}

/* ---- announcements ---- */

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
	cr_expect_str_eq(a->jobkeys, b->jobkeys);
	cr_expect_eq(a->once, b->once);
	cr_expect_eq(a->backup, b->backup);
}

Test(packet, an_announcement_may_be_numbers_and_truth_values)
{
	struct packet_announcement read;

	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":1,\"ack\":1,\"keepalive\":true,\"tls\":1,"
	       "\"pipeline\":65535,\"slots\":65535,\"weight\":1,\"lease\":1,\"host\":\"\",\"job\":7,\"repeat\":false,"
	       "\"jobtimeout\":86400000,\"backup\":true}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(&read, &(struct packet_announcement){.id = "100",
								 .policy = "111",
								 .port = 1,
								 .ack = true,
								 .keepalive = true,
								 .tls = true,
								 .pipeline = 65535,
								 .slots = 65535,
								 .weight = 1,
								 .lease = 1,
								 .job = "7",
								 .once = true,
								 .backup = true,
								 .jobtimeout = 86400000});
	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":\"1\",\"ack\":0,"
	       "\"keepalive\":false}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(&read,
			    &(struct packet_announcement){.id = "100", .policy = "111", .port = 1});
	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":\"1\",\"ack\":\"0\","
	       "\"keepalive\":\"false\",\"repeat\":\"1\",\"job\":\"\\u0061\","
	       "\"jobkeys\":\"2026=0123456789abcdef,b=fedcba9876543210\"}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	cr_expect(!read.ack && !read.keepalive && !read.once);
	cr_expect_str_eq(read.job, "a");
	cr_expect_str_eq(read.jobkeys, "2026=0123456789abcdef,b=fedcba9876543210");
}

Test(packet, a_listenport_is_1_to_65535)
{
	static const struct {
		const char *port, *why;
	} rows[] = {
		{"70000", "listenport is 70000: it must be 1 to 65535"},
		{"\"65536\"", "listenport is 65536: it must be 1 to 65535"},
		{"0", "listenport is 0: it must be 1 to 65535"},
		{"-1", "listenport is -1: it must be 1 to 65535"},
		{"2105.0", "listenport is 2105.0: it must be 1 to 65535"},
		{"\"\"", "listenport is : it must be 1 to 65535"},
		{"\"http\"", "listenport is http: it must be 1 to 65535"},
		{"true", "listenport is true: it must be 1 to 65535"},
		{"[\n1]", "listenport is no scalar: it must be 1 to 65535"},
	};
	char text[128];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":%s}",
			       rows[i].port);
		expect_refused(text, PACKET_BAD_MESSAGE, false, rows[i].why);
	}
}

#define LONG_63	 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define LONG_255 LONG_63 "." LONG_63 "." LONG_63 "." LONG_63

Test(packet, what_is_announced_is_judged_key_by_key)
{
	static const struct {
		const char *member, *why;
	} rows[] = {
		{"\"ack\":2", "ack is 2: it must be 0 to 1"},
		{"\"ack\":null", "ack is null: it must be 0 to 1"},
		{"\"keepalive\":\"yes\"", "keepalive is yes: it must be 0 to 1"},
		{"\"tls\":2", "tls is 2: it must be 0 to 1"},
		{"\"keepalive\":[]", "keepalive is no scalar: it must be 0 to 1"},
		{"\"pipeline\":0", "pipeline is 0: it must be 1 to 65535"},
		{"\"pipeline\":\"65536\"", "pipeline is 65536: it must be 1 to 65535"},
		{"\"slots\":\"many\"", "slots is many: it must be 1 to 65535"},
		{"\"slots\":{}", "slots is no scalar: it must be 1 to 65535"},
		{"\"weight\":1001", "weight is 1001: it must be 1 to 1000"},
		{"\"lease\":86401", "lease is 86401: it must be 1 to 86400"},
		{"\"lease\":-1", "lease is -1: it must be 1 to 86400"},
		{"\"backup\":2", "backup is 2: it must be 0 to 1"},
		{"\"repeat\":2", "repeat is 2: it must be 0 to 1"},
		{"\"jobtimeout\":0", "jobtimeout is 0: it must be 1 to 86400000"},
		{"\"jobtimeout\":\"86400001\"", "jobtimeout is 86400001: it must be 1 to 86400000"},
		{"\"jobtimeout\":\"5s\"", "jobtimeout is 5s: it must be 1 to 86400000"},
		{"\"job\":\"\"", "job is empty"},
		{"\"job\":null", "job must be a string or a number"},
		{"\"job\":[\"sha1\"]", "job must be a string or a number"},
		{"\"job\":\"a\\\\b\"", "job has a quote or a backslash"},
		{"\"job\":\"a\\nb\"", "job has a control character"},
		{"\"job\":\"" LONG_63 "xy\"", "job is 65 bytes long: it may have 64"},
		{"\"jobkeys\":7", "jobkeys must be a string"},
		{"\"jobkeys\":\"\"",
		 "jobkeys is : it must be NAME=16-HEX-DIGITS,... of at most 255 bytes"},
		{"\"jobkeys\":\"2026=0123\"",
		 "jobkeys is 2026=0123: it must be NAME=16-HEX-DIGITS,... of at most 255 bytes"},
		{"\"host\":1", "host must be a string"},
		{"\"host\":\"a b\"",
		 "host is a b: it must be an address or a name of at most 255 bytes"},
		{"\"host\":\"a\\u0062\"",
		 "host is a\\u0062: it must be an address or a name of at most 255 bytes"},
		{"\"host\":\"\xc3\xa9\"",
		 "host is \xc3\xa9: it must be an address or a name of at most 255 bytes"},
		{"\"host\":\"" LONG_255 "x\"",
		 "host is " LONG_63 ".: it must be an address or a name of at most 255 bytes"},
	};
	struct packet_announcement read;
	char text[512];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":\"1\",\"id\":1,\"privPolyId\":1,\"listenport\":1,%s}",
			       rows[i].member);
		accept(text);
		memset(&fault, 0x55, sizeof fault);
		cr_expect_eq(packet_announced(&packet, &read, &fault), -1, "%s", text);
		cr_expect_eq(fault.code, PACKET_BAD_MESSAGE);
		cr_expect_eq(fault.lost, false);
		cr_expect_str_eq(fault.why, rows[i].why);
	}
}

Test(packet, hosts_are_names_and_addresses)
{
	static const char *const hosts[] = {"localhost", "10.0.0.1", "::1", "a-b_c.Example.org",
					    LONG_255};
	struct packet_announcement read;
	char text[512];

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"type\":\"1\",\"id\":1,\"privPolyId\":1,\"listenport\":1,\"host\":\"%s\"}",
			hosts[i]);
		accept(text);
		cr_expect_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
		cr_expect_str_eq(read.host, hosts[i]);
	}
}

#define LONG_103 LONG_63 "0123456789abcdef0123456789abcdef01234567"

Test(packet, a_unix_socket_is_a_host_without_a_port)
{
	static const char *const rows[][2] = {
		{"unix:/run/policypool/s.sock", "unix:/run/policypool/s.sock"},
		{"unix:\\/run\\/s", "unix:/run/s"}, /* as PHP writes it */
		{"unix:@policypool-100", "unix:@policypool-100"},
		{"unix:/a=b~d:f%g", "unix:/a=b~d:f%g"},
		{"unix:/" LONG_103 "abc", "unix:/" LONG_103 "abc"},
	};
	struct packet_announcement read;
	char text[512];

	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"type\":\"1\",\"id\":1,\"privPolyId\":1,\"listenport\":%s,\"host\":\"%s\"}",
			i % 2 == 0 ? "0" : "\"0\"", rows[i / 2][0]);
		accept(text);
		cr_expect_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
		cr_expect_str_eq(read.host, rows[i / 2][1]);
		cr_expect_eq(read.port, 0);
	}
	expect_refused(
		"{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":1,\"host\":\"unix:/s\"}",
		PACKET_BAD_MESSAGE, false, "listenport must be 0 where host is a Unix socket");
	expect_refused("{\"type\":1,\"id\":1,\"privPolyId\":1,\"host\":\"unix:/s\"}",
		       PACKET_BAD_MESSAGE, false, "listenport is missing");
	expect_refused(
		"{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":0,\"host\":\"unixes\"}",
		PACKET_BAD_MESSAGE, false, "listenport is 0: it must be 1 to 65535");
}

Test(packet, a_unix_socket_has_an_absolute_path_that_a_log_can_bear)
{
	static const char *const bad[] = {"",
					  "s",
					  "/",
					  "@",
					  "./s",
					  "/a b",
					  "/a\\nb",
					  "/a\\u0000",
					  "/a\\\"b",
					  "/a\\\\b",
					  "/\xc3\xa9",
					  "/a\\u007f",
					  "//" LONG_103 "abc"};
	struct packet_announcement read;
	char text[512];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"type\":\"1\",\"id\":1,\"privPolyId\":1,\"listenport\":0,\"host\":\"unix:%s\"}",
			bad[i]);
		accept(text);
		cr_expect_eq(packet_announced(&packet, &read, &fault), -1, "%s", text);
		cr_expect_eq(fault.code, PACKET_BAD_MESSAGE);
		cr_expect_eq(strncmp(fault.why, "host: ", 6), 0, "%s", fault.why);
	}
}

Test(packet, the_longest_ids_fit)
{
	struct packet_announcement read;

	accept("{\"type\":\"5\",\"id\":\"" LONG_63 "x\",\"privPolyId\":\"" LONG_63 "y\"}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0);
	cr_expect_str_eq(read.id, LONG_63 "x");
	cr_expect_str_eq(read.policy, LONG_63 "y");
}

Test(packet, a_fault_cuts_long_values_between_characters)
{
	expect_refused("{\"type\":\"" LONG_63 "\xe2\x82\xac\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"" LONG_63 ": it must be 0 to 5");
	expect_refused("{\"type\":\"" LONG_63 LONG_63 LONG_63 "\"}", PACKET_BAD_MESSAGE, false,
		       "type is \"" LONG_63 ": it must be 0 to 5");
	expect_refused("{\"type\":\"\xc3\xa9 0123456789abcdef0123456789abcdef0123456789abcdef0123"
		       "456789\xe2\x82\xac\"}",
		       PACKET_BAD_MESSAGE, false,
		       "type is \"\xc3\xa9 0123456789abcdef0123456789abcdef0123456789abcdef0123"
		       "456789: it must be 0 to 5");
}
