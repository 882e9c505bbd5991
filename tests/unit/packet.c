/* links: common/packet */
#include "packet.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { MEMORY_CAN_BE_LIMITED = 0 };
#else
enum { MEMORY_CAN_BE_LIMITED = 1 };
#endif

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

static void
expect_refused(const char *text, enum packet_code code, bool lost, const char *why)
{
	memset(&fault, 0x55, sizeof fault);
	cr_expect_eq(parse(text), -1, "%s", text);
	cr_expect_eq(fault.code, code, "%s: %d", text, (int)fault.code);
	cr_expect_eq(fault.lost, lost, "%s", text);
	cr_expect_str_eq(fault.why, why);
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
		cr_expect_eq(packet.type, rows[i].type, "%s", rows[i].text);
		cr_expect_eq(packet.type_number, rows[i].number, "%s", rows[i].text);
		cr_expect_eq(packet.text.p, rows[i].text);
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
	for (int i = 0; i < JSONTEXT_MEMBERS; i++)
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
		{"{\"type\":0,\"srcid\":1,\"privPolyId\":1,\"payload\":\"\"}",
		 "privPoliId is missing", PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1}", "payload is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":1}",
		 "payload must be a string", PACKET_BAD_PAYLOAD},
		{"{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":null}",
		 "payload must be a string", PACKET_BAD_PAYLOAD},
		{"{\"type\":1,\"privPolyId\":1,\"listenport\":1}", "id is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":1,\"id\":1,\"privPoliId\":1,\"listenport\":1}", "privPolyId is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":1,\"id\":1,\"privPolyId\":1}", "listenport is missing",
		 PACKET_BAD_MESSAGE},
		{"{\"type\":2,\"destid\":1,\"payload\":\"\"}", "srcid is missing",
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

Test(packet, an_id_is_a_short_scalar_without_escapes)
{
	static const char *const good[] = {
		"1",
		"-5",
		"1e5",
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
		{"\"a\\u0062\"", "srcid has an escape or a control character"},
		{"\"a\\/\"", "srcid has an escape or a control character"},
		{"\"a\x7f\"", "srcid has an escape or a control character"},
		{"\"\xc2\x9b"
		 "m\"",
		 "srcid has an escape or a control character"},
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

/* ---- replies and errors ---- */

Test(packet, a_reply_takes_the_form_of_the_requests_type)
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

Test(packet, type_and_srcid_of_a_request_may_differ_in_form)
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

Test(packet, destid_is_the_srcid_unchanged_whatever_it_is)
{
	static const char *const ids[] = {
		"123456789012345678901234567890123456789012345678901234567890",
		"-0",
		"1.50",
		"1E+2",
		"\"007\"",
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

Test(packet, a_srcid_that_is_no_integer_stays_a_string)
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

Test(packet, payloadsize_counts_bytes_and_not_escapes)
{
	accept(REQUEST);
	expect_written(packet_reply(&out, &packet, "1", span_of("\xc3\xa9\0\"\n", 5)),
		       "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"1\",\"payloadsize\":5,"
		       "\"payload\":\"\xc3\xa9\\u0000\\\"\\n\"}");
}

Test(packet, an_error_says_code_message_and_when_to_retry)
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

Test(packet, an_error_without_a_request_is_strings)
{
	expect_written(packet_error(&out, NULL, "7", PACKET_DENIED, "m", 0), UNREADABLE);
}

Test(packet, an_error_to_something_unreadable_is_strings)
{
	static const char *const texts[] = {"",
					    "x",
					    "[]",
					    "[{\"type\":0,\"srcid\":1}]",
					    "{}",
					    "{\"srcid\":\"\"}",
					    "{\"type\":[],\"srcid\":[]}",
					    "{\"srcid\":\"a\\u0062\"}",
					    "{\"srcid\":\"\xff\"}",
					    "{\"srcid\":\"\\ud800\",\"x\":1}"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_assert_eq(parse(texts[i]), -1);
		expect_written(packet_error(&out, &packet, "7", PACKET_DENIED, "m", 0), UNREADABLE);
	}
}

Test(packet, an_error_echoes_what_could_be_read_of_a_refused_request)
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

Test(packet, an_error_to_an_announcement_is_for_its_id)
{
	cr_assert_eq(parse("{\"type\":1,\"id\":\"100\",\"privPolyId\":1,\"listenport\":0}"), -1);
	expect_error("\"type\":3,\"srcid\":7,\"destid\":\"100\"");
	accept("{\"type\":\"5\",\"id\":100,\"srcid\":1,\"privPolyId\":1}");
	expect_error("\"type\":\"3\",\"srcid\":\"7\",\"destid\":100");
	cr_expect(span_eq_str(packet_sender(&packet), "100"));
	accept(REQUEST);
	cr_expect(span_eq_str(packet_sender(&packet), "\"1\""));
}

Test(packet, an_error_is_a_packet_itself)
{
	cr_assert_eq(packet_error(&out, NULL, "7", PACKET_DENIED, "m", 1), 0);
	cr_expect_eq(packet_parse(&packet, buf_span(&out), &fault), 0, "%s", fault.why);
	cr_expect_eq(packet.type, PACKET_ERROR);
	cr_expect(span_eq_str(packet_scalar(&packet, "code"), "denied"));
	buf_release(&out);
}

Test(packet, packets_are_appended_to_what_is_there)
{
	accept(REQUEST);
	cr_assert_eq(buf_append_str(&out, "before\n"), 0);
	expect_refused("{}", PACKET_BAD_MESSAGE, false, "type is missing");
	cr_assert_eq(packet_error(&out, &packet, "7", fault.code, fault.why, 0), 0);
	cr_expect_eq(memcmp(buf_span(&out).p, "before\n{\"type\":\"3\"", 17), 0);
	buf_release(&out);
}

/* ---- requests ---- */

Test(packet, a_request_is_strings_but_for_its_size)
{
	expect_written(packet_request(&out, "1", "PP_1", span_str("a\"b")),
		       "{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"PP_1\",\"payloadsize\":3,"
		       "\"payload\":\"a\\\"b\"}");
}

Test(packet, a_request_reads_as_it_was_written)
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
	.pipeline = 64,
	.slots = 8,
	.weight = 1000,
	.lease = 86400,
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
	cr_expect_eq(a->pipeline, b->pipeline);
	cr_expect_eq(a->slots, b->slots);
	cr_expect_eq(a->weight, b->weight);
	cr_expect_eq(a->lease, b->lease);
}

Test(packet, an_announcement_is_strings_and_leaves_out_what_is_not_announced)
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
		"\"host\":\"fe80::1%eth0\",\"ack\":\"1\",\"keepalive\":\"1\","
		"\"pipeline\":\"64\",\"slots\":\"8\",\"weight\":\"1000\",\"lease\":\"86400\"}");
	expect_written(packet_deregister(&out, &full),
		       "{\"type\":\"5\",\"id\":\"100\",\"privPolyId\":\"PP_1\",\"ack\":\"1\"}");
}

Test(packet, an_announcement_reads_as_it_was_written)
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

Test(packet, an_announcement_may_be_numbers_and_truth_values)
{
	struct packet_announcement read;

	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":1,\"ack\":1,\"keepalive\":true,"
	       "\"pipeline\":65535,\"slots\":65535,\"weight\":1,\"lease\":1,\"host\":\"\"}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(&read, &(struct packet_announcement){.id = "100",
								 .policy = "111",
								 .port = 1,
								 .ack = true,
								 .keepalive = true,
								 .pipeline = 65535,
								 .slots = 65535,
								 .weight = 1,
								 .lease = 1});
	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":\"1\",\"ack\":0,"
	       "\"keepalive\":false}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	expect_announcement(&read,
			    &(struct packet_announcement){.id = "100", .policy = "111", .port = 1});
	accept("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":\"1\",\"ack\":\"0\","
	       "\"keepalive\":\"false\"}");
	cr_assert_eq(packet_announced(&packet, &read, &fault), 0, "%s", fault.why);
	cr_expect(!read.ack && !read.keepalive);
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
		{"\"keepalive\":[]", "keepalive is no scalar: it must be 0 to 1"},
		{"\"pipeline\":0", "pipeline is 0: it must be 1 to 65535"},
		{"\"pipeline\":\"65536\"", "pipeline is 65536: it must be 1 to 65535"},
		{"\"slots\":\"many\"", "slots is many: it must be 1 to 65535"},
		{"\"slots\":{}", "slots is no scalar: it must be 1 to 65535"},
		{"\"weight\":1001", "weight is 1001: it must be 1 to 1000"},
		{"\"lease\":86401", "lease is 86401: it must be 1 to 86400"},
		{"\"lease\":-1", "lease is -1: it must be 1 to 86400"},
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

Test(packet, an_ack_takes_the_form_of_the_announcement)
{
	accept("{\"type\":\"1\",\"id\":\"100\",\"privPolyId\":111,\"listenport\":\"1\"}");
	expect_written(packet_ack(&out, &packet, "proxy", "registered"),
		       "{\"type\":\"4\",\"srcid\":\"proxy\",\"destid\":\"100\",\"privPolyId\":111,"
		       "\"verb\":\"registered\"}");
	accept("{\"type\":5,\"id\":100,\"privPolyId\":\"PP_1\"}");
	expect_written(packet_ack(&out, &packet, "9", "deregistered"),
		       "{\"type\":4,\"srcid\":9,\"destid\":100,\"privPolyId\":\"PP_1\","
		       "\"verb\":\"deregistered\"}");
	accept("{\"type\":4,\"srcid\":9,\"destid\":100,\"verb\":\"renewed\"}");
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
	case ACK: return packet_ack(b, p, "proxy", "renewed");
	case WRITERS: break;
	}
	abort();
}

/* Room bytes are free; the content is more than the heap could double.  Returns its
 * length. */
static size_t
fill(struct buf *b, size_t room)
{
	buf_clear(b);
	cr_assert_not_null(buf_reserve(b, 1 << 20));
	memset(b->base, 'x', b->cap);
	buf_commit(b, b->cap - room);
	return buf_len(b);
}

Test(packet, without_memory_nothing_is_appended_wherever_it_ends)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	struct buf b = BUF_INIT;
	struct packet p;

	if (!MEMORY_CAN_BE_LIMITED)
		cr_skip("the sanitizer needs memory of its own");
	cr_assert_eq(packet_parse(&p,
				  span_str("{\"type\":1,\"id\":1,\"srcid\":1,\"privPolyId\":1,"
					   "\"listenport\":1}"),
				  &fault),
		     0);
	(void)fill(&b, 0);
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	for (enum writer w = REPLY; w < WRITERS; w++) {
		size_t room = 0, before = fill(&b, room);

		while (errno = 0, write_one(w, &b, &p) < 0) {
			cr_expect_eq(errno, ENOMEM);
			cr_expect_eq(buf_len(&b), before, "writer %d, room %zu", (int)w, room);
			buf_check(&b);
			before = fill(&b, ++room);
		}
		cr_expect_eq(buf_len(&b), before + room, "writer %d", (int)w);
		cr_expect_gt(room, 40);
	}
}
