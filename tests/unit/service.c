/* service: one request in, one reply out. */
#include "service.h"

#include <criterion/criterion.h>

static struct service svc = {.id = "100", .policy = "111"};
static struct buf out;
static struct service_note note;

static enum service_outcome
answer(const char *text)
{
	buf_clear(&out);
	return service_answer(&svc, span_str(text), NULL, &out, &note);
}

static void
release(void)
{
	buf_release(&out);
	buf_release(&svc.scratch);
}

TestSuite(service, .fini = release);

static void
check(const char *request, const char *wanted)
{
	cr_assert_eq(answer(request), SERVICE_ANSWERED, "%s: %s", request, note.fault.why);
	cr_assert(span_eq_str(buf_span(&out), wanted), "%.*s", SPAN_ARG(buf_span(&out)));
}

Test(service, a_request_is_answered_with_the_digest_of_its_payload)
{
	check("{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"abc\"}",
	      "{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":40,"
	      "\"payload\":\"a9993e364706816aba3e25717850c26c9cd0d89d\"}\n");
	cr_assert(span_eq_str(note.client, "1") && span_eq_str(note.policy, "111") &&
		  note.payload == 3);
	check("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}",
	      "{\"type\":2,\"srcid\":100,\"destid\":7,\"payloadsize\":40,"
	      "\"payload\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"}\n");
}

Test(service, answers_are_appended_to_what_is_there)
{
	cr_assert_eq(answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}"),
		     SERVICE_ANSWERED);
	size_t one = buf_len(&out);
	cr_assert_eq(
		service_answer(
			&svc,
			span_str("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\"}"),
			NULL, &out, &note),
		SERVICE_ANSWERED);
	cr_assert_eq(buf_len(&out), 2 * one);
}

static void
check_refusal(const char *request, enum service_outcome outcome, enum packet_code code)
{
	cr_assert_eq(answer(request), outcome, "%s", request);
	cr_assert_eq(note.fault.code, code, "%s: %s", request, packet_code_text(note.fault.code));
	cr_assert_eq(out.base[out.tail - 1], '\n');
}

Test(service, what_it_cannot_answer_is_refused_by_name)
{
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":222,\"payload\":\"\"}",
		      SERVICE_REFUSED, PACKET_UNKNOWN_POLICY);
	check_refusal("{\"type\":1,\"id\":7,\"privPolyId\":1,\"listenport\":1}", SERVICE_REFUSED,
		      PACKET_BAD_MESSAGE);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":1}", SERVICE_REFUSED,
		      PACKET_BAD_PAYLOAD);
	check_refusal("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payload\":\"\\ud800\"}",
		      SERVICE_REFUSED, PACKET_BAD_PAYLOAD);
	check_refusal("{\"type\":0,", SERVICE_LOST, PACKET_BAD_JSON);
}

Test(service, a_wrong_size_matters_only_when_strict)
{
	static const char wrong[] =
		"{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":9,\"payload\":\"abc\"}";

	cr_assert_eq(answer(wrong), SERVICE_ANSWERED);
	svc.strict_payloadsize = true;
	check_refusal(wrong, SERVICE_REFUSED, PACKET_BAD_MESSAGE);
	cr_assert_eq(
		answer("{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":\"3\",\"payload\":\"abc\"}"),
		SERVICE_ANSWERED);
	svc.strict_payloadsize = false;
}

Test(service, a_broken_stream_gets_a_last_answer)
{
	static const struct {
		enum service_break how;
		enum packet_code code;
	} row[] = {{SERVICE_TOO_LARGE, PACKET_TOO_LARGE},
		   {SERVICE_NO_OBJECT, PACKET_BAD_JSON},
		   {SERVICE_CUT, PACKET_BAD_JSON}};

	for (size_t i = 0; i < 3; i++) {
		buf_clear(&out);
		cr_assert_eq(service_broken(&svc, row[i].how, &out, &note), SERVICE_LOST);
		cr_assert_eq(note.fault.code, row[i].code);
		cr_assert_gt(buf_len(&out), 50);
	}
}
