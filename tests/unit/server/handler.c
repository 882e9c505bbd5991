/* handler: one request in, one reply out. */
#include "handler.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "json_fast.h"

static struct handler svc = {.id = "100", .policy = "111"};
static struct buf out;
static struct handler_note note;

static enum handler_outcome
answer(const char *text)
{
	buf_clear(&out);
	return handler_answer(&svc, span_str(text), NULL, &out, &note);
}

static void
release(void)
{
	buf_release(&out);
	handler_release(&svc);
}

TestSuite(service, .fini = release);

static void
check(const char *request, const char *wanted)
{
	cr_assert_eq(answer(request), HANDLER_ANSWERED, "%s: %s", request, note.fault.why);
	cr_assert(span_eq_str(buf_span(&out), wanted), "%.*s", SPAN_ARG(buf_span(&out)));
}

Test(service, a_request_is_answered_with_the_digest_of_its_payload)
{
	check("{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"abc\"}",
	      "{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":40,"
	      "\"payload\":\"a9993e364706816aba3e25717850c26c9cd0d89d\"}\n");
	cr_assert(span_eq_str(note.client, "1") && note.payload == 3);
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}",
	      "{\"type\":2,\"srcid\":100,\"destid\":7,\"payloadsize\":40,"
	      "\"payload\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"}\n");
}

/* Of which nothing is known but what was read before. */
Test(service, members_that_were_read_before_are_as_good)
{
	static const struct span text = {
		"{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"abc\"}", 53};
	static struct json_text_object o;

	memset(&o, 0x5a, sizeof o);
	cr_assert(glance(text, &o));
	cr_assert_eq(handler_answer(&svc, text, &o, &out, &note), HANDLER_ANSWERED);
	cr_assert(span_eq_str(note.client, "7") && note.payload == 3);
}

Test(service, answers_are_appended_to_what_is_there)
{
	cr_assert_eq(answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}"),
		     HANDLER_ANSWERED);
	size_t one = buf_len(&out);
	cr_assert_eq(
		handler_answer(
			&svc,
			span_str("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}"),
			NULL, &out, &note),
		HANDLER_ANSWERED);
	cr_assert_eq(buf_len(&out), 2 * one);
}

static void
check_refusal(const char *request, enum handler_outcome outcome, enum packet_code code)
{
	cr_assert_eq(answer(request), outcome, "%s", request);
	cr_assert_eq(note.fault.code, code, "%s: %s", request, packet_code_text(note.fault.code));
	cr_assert_eq(out.base[out.tail - 1], '\n');
}

Test(service, what_it_cannot_answer_is_refused_by_name)
{
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":222,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
	check_refusal("{\"type\":1,\"id\":7,\"privPolyId\":1,\"listenport\":1}", HANDLER_REFUSED,
		      PACKET_BAD_MESSAGE);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":1}", HANDLER_REFUSED,
		      PACKET_BAD_PAYLOAD);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\\ud800\"}",
		      HANDLER_REFUSED, PACKET_BAD_PAYLOAD);
	check_refusal("{\"type\":0,", HANDLER_LOST, PACKET_BAD_JSON);
}

Test(service, one_that_stops_refuses_what_it_could_answer)
{
	svc.stopping = true;
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_SHUTTING_DOWN);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":222,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
	svc.processes = true;
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_SHUTTING_DOWN);
	svc.processes = svc.stopping = false;
}

Test(service, a_refusal_names_the_policy_that_is_served)
{
	check_refusal("{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"222\",\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
	cr_assert(
		span_eq_str(buf_span(&out),
			    "{\"type\":\"3\",\"srcid\":\"100\",\"destid\":\"7\",\"payloadsize\":0,"
			    "\"payload\":\"\",\"code\":\"unknown-policy\","
			    "\"message\":\"this server serves policy 111, not 222\"}\n"),
		"%.*s", SPAN_ARG(buf_span(&out)));
	cr_assert(span_eq_str(note.client, "7"));
}

Test(service, the_former_policy_is_served_for_as_long_as_there_is_one)
{
	static const char former[] = "{\"type\":0,\"srcid\":7,\"privPoliId\":222,\"payload\":\"\"}";

	svc.former_policy = "222";
	cr_assert_eq(answer(former), HANDLER_ANSWERED);
	cr_assert_eq(answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}"),
		     HANDLER_ANSWERED);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":333,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
	svc.former_policy = NULL;
	check_refusal(former, HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
}

Test(service, a_payload_is_hashed_as_it_is_once_decoded)
{
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\\u0061b\\u0063\"}",
	      "{\"type\":2,\"srcid\":100,\"destid\":7,\"payloadsize\":40,"
	      "\"payload\":\"a9993e364706816aba3e25717850c26c9cd0d89d\"}\n");
	cr_assert_eq(note.payload, 3);
	cr_assert_eq(
		answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\\u00e9\\u0000\"}"),
		HANDLER_ANSWERED);
	cr_assert_eq(note.payload, 3, "two bytes and one");
}

Test(service, a_wrong_size_matters_only_when_strict)
{
	static const char wrong[] =
		"{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":9,\"payload\":\"abc\"}";

	cr_assert_eq(answer(wrong), HANDLER_ANSWERED);
	svc.strict_payloadsize = true;
	check_refusal(wrong, HANDLER_REFUSED, PACKET_BAD_MESSAGE);
	cr_assert_eq(
		answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":\"3\",\"payload\":\"abc\"}"),
		HANDLER_ANSWERED);
	svc.strict_payloadsize = false;
}

Test(service, a_broken_stream_gets_a_last_answer)
{
	static const struct {
		enum handler_break how;
		enum packet_code code;
	} row[] = {{HANDLER_TOO_LARGE, PACKET_TOO_LARGE}, {HANDLER_NO_OBJECT, PACKET_BAD_JSON},
		   {HANDLER_CUT, PACKET_BAD_JSON},	  {HANDLER_PLAIN, PACKET_DENIED},
		   {HANDLER_SLOW, PACKET_TIMEOUT},	  {HANDLER_FULL, PACKET_OVERLOADED}};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		buf_clear(&out);
		cr_assert_eq(handler_broken(&svc, row[i].how, &out, &note), HANDLER_LOST);
		cr_assert_eq(note.fault.code, row[i].code);
		cr_assert_gt(buf_len(&out), 50);
		cr_assert_eq(out.base[out.tail - 1], '\n');
	}
}

/* ---- other digests, bytes, probes ---- */

Test(service, any_digest_that_is_built_in_is_answered)
{
	svc.job = job_find(span_str("sha256"));
	check("{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"abc\"}",
	      "{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":64,\"payload\":"
	      "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}\n");
	for (unsigned i = 0; job_at(i) != NULL && job_is_digest(job_at(i)); i++) {
		svc.job = job_at(i);
		cr_assert_eq(answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,"
				    "\"payload\":\"abc\"}"),
			     HANDLER_ANSWERED);
		cr_assert_eq(strlen(note.digest), job_at(i)->digits, "%s", job_at(i)->name);
	}
}

#define ABC_SHA1                                                                 \
	"{\"type\":2,\"srcid\":100,\"destid\":7,\"payloadsize\":40,\"payload\":" \
	"\"a9993e364706816aba3e25717850c26c9cd0d89d\"}\n"

Test(service, a_payload_in_base64_is_hashed_as_the_bytes_that_it_stands_for)
{
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"encoding\":\"base64\","
	      "\"payload\":\"YWJj\"}",
	      ABC_SHA1);
	cr_assert_eq(note.payload, 3);
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"\\u0065ncoding\":\"base64\","
	      "\"payload\":\"YWJ\\u006a\"}",
	      ABC_SHA1);
	cr_assert_eq(answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"encoding\":\"base64\","
			    "\"payload\":\"\"}"),
		     HANDLER_ANSWERED);
	cr_assert_str_eq(note.digest, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

Test(service, what_is_no_base64_is_refused)
{
	static const char *const bad[] = {"YWJ", "YWJj\\n", "YW Jj", "YWJj=", "YWJ_", "="};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char request[256];

		(void)snprintf(request, sizeof request,
			       "{\"type\":0,\"srcid\":7,\"privPoliId\":111,"
			       "\"encoding\":\"base64\",\"payload\":\"%s\"}",
			       bad[i]);
		check_refusal(request, HANDLER_REFUSED, PACKET_BAD_PAYLOAD);
		cr_assert_not_null(strstr(note.fault.why, "not base64"));
	}
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"encoding\":\"hex\","
		      "\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_BAD_MESSAGE);
}

Test(service, a_probe_of_a_digest_is_a_request)
{
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"probe\":\"1\",\"payload\":\"abc\"}",
	      ABC_SHA1);
}

/* ---- requests for a job process ---- */

#define JOB(rest) "{\"type\":0,\"srcid\":\"a\\/b\",\"privPoliId\":111," rest "}"

Test(service, a_request_for_a_process_is_given_on_as_it_stands)
{
	svc.processes = true;
	cr_assert_eq(answer(JOB("\"payload\":\"x\\u00e9\"")), HANDLER_JOB);
	cr_assert_eq(buf_len(&out), 0);
	cr_assert(span_eq_str(note.request.policy, "111"));
	cr_assert(span_eq_str(note.request.srcid, "\"a\\/b\""));
	cr_assert(span_eq_str(note.request.payload, "x\\u00e9"));
	cr_assert_eq(note.payload, 3);
	cr_assert(note.request.type_number && !note.request.base64 && !note.request.probe);
	cr_assert_eq(answer(JOB("\"payload\":\"YWJj\",\"encoding\":\"base64\",\"probe\":1")),
		     HANDLER_JOB);
	cr_assert(note.request.base64 && note.request.probe);
	cr_assert(span_eq_str(note.request.payload, "YWJj"));
	cr_assert_eq(answer(JOB("\"payload\":\"\",\"probe\":\"0\"")), HANDLER_JOB);
	cr_assert_not(note.request.probe);
}

Test(service, what_no_process_could_do_is_refused_before)
{
	svc.processes = true;
	check_refusal(JOB("\"payload\":\"YWJ\",\"encoding\":\"base64\""), HANDLER_REFUSED,
		      PACKET_BAD_PAYLOAD);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":222,\"payload\":\"\"}",
		      HANDLER_REFUSED, PACKET_UNKNOWN_POLICY);
}

static void
check_out(const char *wanted)
{
	cr_assert(span_eq_str(buf_span(&out), wanted), "%.*s", SPAN_ARG(buf_span(&out)));
}

Test(service, its_answer_has_the_form_of_the_request)
{
	struct handler_request r;

	svc.processes = true;
	cr_assert_eq(answer(JOB("\"payload\":\"\"")), HANDLER_JOB);
	r = note.request;
	cr_assert_eq(handler_reply(&svc, &r, span_str("a\"\xc3\xa9"), false, &out), 0);
	check_out("{\"type\":2,\"srcid\":100,\"destid\":\"a\\/b\",\"payloadsize\":4,"
		  "\"payload\":\"a\\\"\xc3\xa9\"}\n");
	buf_clear(&out);
	cr_assert_eq(handler_reply(&svc, &r, span_str("YQ=="), true, &out), 0);
	check_out("{\"type\":2,\"srcid\":100,\"destid\":\"a\\/b\",\"payloadsize\":4,"
		  "\"payload\":\"YQ==\",\"encoding\":\"base64\"}\n");
	buf_clear(&out);
	cr_assert_eq(handler_error(&svc, &r, PACKET_HANDLER_FAILED, "handler: no", 20, &out), 0);
	check_out("{\"type\":3,\"srcid\":100,\"destid\":\"a\\/b\",\"payloadsize\":0,"
		  "\"payload\":\"\",\"code\":\"handler-failed\",\"message\":\"handler: no\","
		  "\"retryafter\":20}\n");
}
