/* request: its text, the servers that failed it, its errors. */
#include "request.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct requests_spare spare;

static void
end(void)
{
	requests_spare_release(&spare);
	cr_assert_eq(spare.n, 0);
}

TestSuite(request, .fini = end);

static struct request *
make(size_t n)
{
	char text[2 * REQUEST_SMALL];
	struct request *r;

	memset(text, 'x', n);
	r = request_new(&spare, NULL, span_of(text, n), span_of(text + 1, n > 1));
	cr_assert_not_null(r);
	cr_assert(span_eq(r->text, span_of(text, n)));
	cr_assert(n < 2 || r->srcid.p == r->text.p + 1);
	return r;
}

Test(request, memory_of_small_ones_is_used_again)
{
	struct request *first = make(REQUEST_SMALL), *again;

	first->tries = 7;
	request_free(first);
	cr_expect_eq(spare.n, 1);
	again = make(5);
	cr_expect_eq((void *)again, (void *)first);
	cr_expect_eq(again->tries, 0, "nothing of the former one is left");
	cr_expect_eq(spare.n, 0);
	request_free(again);
}

Test(request, a_small_buffer_of_the_answer_is_used_again_and_empty)
{
	struct request *r = make(3);
	const char *base;

	cr_assert_eq(buf_append_str(&r->answer, "an answer"), 0);
	base = r->answer.base;
	request_free(r);
	r = make(3);
	cr_expect_eq(buf_len(&r->answer), 0);
	cr_expect_eq((const void *)r->answer.base, (const void *)base);
	cr_assert_not_null(buf_reserve(&r->answer, (size_t)2 * REQUEST_SMALL));
	request_free(r);
	r = make(3);
	cr_expect_null(r->answer.base);
	request_free(r);
}

Test(request, large_ones_go_back_to_the_system)
{
	struct request *r;

	request_free(make(10));
	r = make(REQUEST_SMALL + 1);
	cr_expect_eq(spare.n, 1);
	cr_expect_null(r->spare);
	request_free(r);
	cr_expect_eq(spare.n, 1);
}

Test(request, no_more_are_kept_than_there_is_room_for)
{
	static struct request *r[REQUESTS_SPARE + 1];

	for (size_t i = 0; i <= REQUESTS_SPARE; i++)
		r[i] = make(1);
	for (size_t i = 0; i <= REQUESTS_SPARE; i++)
		request_free(r[i]);
	cr_expect_eq(spare.n, REQUESTS_SPARE);
}

Test(request, a_twin_has_what_the_original_has)
{
	struct request *r = make(20), *clone;

	r->tries = 2;
	r->policy = 3;
	clone = request_clone(r);
	cr_assert_not_null(clone);
	cr_expect(span_eq(clone->text, r->text) && clone->text.p != r->text.p);
	cr_expect(span_eq(clone->srcid, r->srcid) && clone->srcid.p == clone->text.p + 1);
	cr_expect(clone->tries == 2 && clone->policy == 3);
	request_free(r);
	request_free(clone);
	cr_expect_eq(spare.n, 2);
}

Test(request, a_probe_runs_nothing_but_a_digest)
{
	static const struct {
		const char *job, *text;
	} row[] = {
		{"sha1",
		 "{\"type\":\"0\",\"srcid\":\"p\",\"privPoliId\":\"111\",\"payloadsize\":10,"
		 "\"payload\":\"policypool\"}"},
		{"sha3-512",
		 "{\"type\":\"0\",\"srcid\":\"p\",\"privPoliId\":\"111\",\"payloadsize\":10,"
		 "\"payload\":\"policypool\"}"},
		{"hmac-sha256",
		 "{\"type\":\"0\",\"srcid\":\"p\",\"privPoliId\":\"111\",\"payloadsize\":10,"
		 "\"payload\":\"policypool\",\"probe\":\"1\"}"},
		{"redact",
		 "{\"type\":\"0\",\"srcid\":\"p\",\"privPoliId\":\"111\",\"payloadsize\":10,"
		 "\"payload\":\"policypool\",\"probe\":\"1\"}"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct request *r = request_probe("p", "111", row[i].job, "policypool");

		cr_assert_not_null(r);
		cr_expect(span_eq_str(r->text, row[i].text), "%.*s", SPAN_ARG(r->text));
		cr_expect(span_eq_str(r->srcid, "p") && r->client == NULL);
		request_free(r);
	}
}

Test(request, a_probe_that_has_come_back_is_known_by_its_proxy_alone)
{
	static const char here[] = "0123456789abcdef", other[] = "fedcba9876543210";
	char payload[REQUEST_PROBE + 1], secret[REQUEST_SECRET + 1], again[REQUEST_SECRET + 1];
	struct packet_fault fault;
	struct packet p;
	struct request *r;

	request_secret(secret);
	request_secret(again);
	cr_assert_eq(strlen(secret), REQUEST_SECRET);
	cr_expect_str_neq(secret, again);
	request_probe_payload(payload, here, secret);
	r = request_probe("p", "111", "redact", payload);
	cr_assert_not_null(r);
	cr_assert_eq(packet_parse(&p, r->text, &fault), 0);
	cr_expect(span_eq_str(request_probed(&p, here), secret));
	cr_expect_eq(request_probed(&p, other).n, 0);
	cr_expect_eq(request_probed(&p, "").n, 0);
	request_free(r);

	/* A payload of that length is not enough, nor is its head. */
	payload[0] = 'P';
	r = request_probe("p", "111", "sha1", payload);
	cr_assert_eq(packet_parse(&p, r->text, &fault), 0);
	cr_expect_eq(request_probed(&p, here).n, 0);
	request_free(r);
	r = request_probe("p", "111", "sha1", REQUEST_PROBE_OURS);
	cr_assert_eq(packet_parse(&p, r->text, &fault), 0);
	cr_expect_eq(request_probed(&p, here).n, 0);
	request_free(r);
}

Test(request, without_a_place_for_spares_it_is_made_all_the_same)
{
	struct request *r = request_new(NULL, NULL, span_str("{}"), span_of(NULL, 0));

	cr_assert_not_null(r);
	request_free(r);
	cr_expect_eq(spare.n, 0);
}
