/* template: packets made of a file, with an id of their own. */
#include "template.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char file[] =
	"\n{ \"type\": 0,\n\t\"x\": [1, {\"srcid\": 5}], \"srcid\": 1, "
	"\"privPoliId\": \"111\", \"payloadsize\": 99, \"payload\": \"hello\" }\n\n";

/* What a template makes, and what it should. */
struct sample {
	struct template t;
	struct buf out;
	char digest[DIGEST_HEX_MAX + 1];
};

static struct template_conf
conf_of(const char *packet)
{
	return (struct template_conf){
		.packet = span_str(packet), .seed = 1, .max = 1 << 20, .job = job_at(0)};
}

static void
next(struct sample *s)
{
	buf_clear(&s->out);
	s->digest[DIGEST_HEX] = '\0';
	cr_assert_eq(template_next(&s->t, &s->out, s->digest), 0);
}

static struct sample *
begin(const struct template_conf *conf)
{
	struct sample *s = calloc(1, sizeof *s);
	char why[TEMPLATE_WHY];

	cr_assert_not_null(s);
	cr_assert_eq(template_init(&s->t, conf, why), 0);
	next(s);
	return s;
}

static void
end(struct sample *s)
{
	template_free(&s->t);
	buf_release(&s->out);
	free(s);
}

static void
expect_text(const struct template_conf *conf, const char *text)
{
	struct sample *s = begin(conf);

	cr_assert(span_eq_str(buf_span(&s->out), text), "%.*s", SPAN_ARG(buf_span(&s->out)));
	end(s);
}

static void
expect_refused(const struct template_conf *conf, const char *text)
{
	struct template t;
	char why[TEMPLATE_WHY];

	cr_assert_eq(template_init(&t, conf, why), -1);
	cr_assert_str_eq(why, text);
	template_free(&t);
}

/* The request is one, and its digest is that of the payload it carries. */
static void
expect_true(struct sample *s)
{
	struct packet p;
	struct packet_fault fault;
	struct buf scratch = BUF_INIT;
	struct span payload;
	char digest[DIGEST_HEX_MAX + 1];

	cr_assert_eq(packet_parse(&p, buf_span(&s->out), &fault), 0);
	cr_assert_eq(p.type, PACKET_REQUEST);
	cr_assert_eq(packet_payload(&p, &scratch, &payload), 0);
	cr_assert_eq(packet_check_size(&p, payload, &fault), 0, "%s", fault.why);
	digest_sha1_hex(payload, digest);
	cr_assert_str_eq(s->digest, digest);
	cr_assert_eq(s->t.size, payload.n);
	buf_release(&scratch);
}

Test(template, sends_a_files_packet_as_it_is_with_a_newline)
{
	struct template_conf conf = conf_of(file);
	struct sample *s;

	expect_text(&conf,
		    "{ \"type\": 0,\n\t\"x\": [1, {\"srcid\": 5}], \"srcid\": 1, "
		    "\"privPoliId\": \"111\", \"payloadsize\": 99, \"payload\": \"hello\" }\n");
	s = begin(&conf);
	cr_assert_str_eq(s->digest, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
	cr_assert_str_eq(s->t.srcid, "1");
	cr_assert_str_eq(s->t.policy, "111");
	cr_assert_eq(s->t.size, 5);
	end(s);
}

Test(template, makes_the_same_every_time_unless_told_to_vary)
{
	struct template_conf conf = conf_of(file);
	struct sample *s = begin(&conf);
	struct buf first = BUF_INIT;

	cr_assert_eq(buf_append_span(&first, buf_span(&s->out)), 0);
	next(s);
	cr_assert(span_eq(buf_span(&s->out), buf_span(&first)));
	cr_assert_str_eq(s->digest, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
	buf_release(&first);
	end(s);
}

Test(template, appends)
{
	struct template_conf conf = conf_of(file);
	struct sample *s = begin(&conf);
	size_t n = buf_len(&s->out);

	cr_assert_eq(template_next(&s->t, &s->out, s->digest), 0);
	cr_assert_eq(buf_len(&s->out), 2 * n);
	end(s);
}

Test(template, the_digest_is_of_the_decoded_payload)
{
	struct template_conf conf = conf_of(
		"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"1\",\"payload\":\"\\u00e9\"}");
	struct sample *s = begin(&conf);

	cr_assert_str_eq(s->digest, "bf15be717ac1b080b4f1c456692825891ff5073d");
	cr_assert_eq(s->t.size, 2);
	end(s);
}

Test(template, replaces_in_place_and_keeps_the_form)
{
	struct template_conf conf = conf_of(file);

	conf.id = "42";
	conf.policy = "222";
	expect_text(&conf,
		    "{ \"type\": 0,\n\t\"x\": [1, {\"srcid\": 5}], \"srcid\": 42, "
		    "\"privPoliId\": \"222\", \"payloadsize\": 99, \"payload\": \"hello\" }\n");
}

Test(template, what_cannot_be_a_number_becomes_a_string)
{
	static const char *const texts[] = {"PP_1", "007", "-", "1.5", "1e3"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct template_conf conf = conf_of(
			"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}");
		char text[100];

		conf.policy = texts[i];
		(void)snprintf(text, sizeof text,
			       "{\"type\":0,\"srcid\":1,\"privPoliId\":\"%s\",\"payload\":\"\"}\n",
			       texts[i]);
		expect_text(&conf, text);
	}
}

Test(template, numbers_stay_numbers)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}");

	conf.id = "0";
	conf.policy = "-12";
	expect_text(&conf, "{\"type\":0,\"srcid\":0,\"privPoliId\":-12,\"payload\":\"\"}\n");
}

Test(template, a_replaced_payload_takes_its_size_along)
{
	struct template_conf conf = conf_of(file);

	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_str("a\"\n\xc3\xa9");
	expect_text(&conf, "{ \"type\": 0,\n\t\"x\": [1, {\"srcid\": 5}], \"srcid\": 1, "
			   "\"privPoliId\": \"111\", \"payloadsize\": 5, "
			   "\"payload\": \"a\\\"\\n\xc3\xa9\" }\n");
	conf.packet = span_str("{\"payloadsize\":\"9\",\"type\":0,\"srcid\":1,\"privPoliId\":2,"
			       "\"payload\":\"\"}");
	conf.payload = span_str("xyz");
	expect_text(&conf, "{\"payloadsize\":\"3\",\"type\":0,\"srcid\":1,\"privPoliId\":2,"
			   "\"payload\":\"xyz\"}\n");
}

Test(template, no_size_is_added_where_there_was_none)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"abc\"}");

	conf.kind = TEMPLATE_TEXT;
	expect_text(&conf, "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}\n");
}

Test(template, keys_may_be_written_with_escapes)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"\\u0073rcid\":1,\"privPoliId\":2,\"payload\":\"abc\"}");

	conf.id = "5";
	expect_text(&conf, "{\"type\":0,\"\\u0073rcid\":5,\"privPoliId\":2,\"payload\":\"abc\"}\n");
}

Test(template, needs_no_file)
{
	struct template_conf conf = conf_of("");
	struct sample *s;

	conf.id = "7";
	conf.policy = "PP_1";
	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_str("hello");
	expect_text(&conf, "{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"PP_1\","
			   "\"payloadsize\":5,\"payload\":\"hello\"}\n");
	s = begin(&conf);
	expect_true(s);
	end(s);
}

Test(template, a_payload_may_be_empty_or_have_a_nul)
{
	struct template_conf conf = conf_of(file);
	struct sample *s;

	conf.kind = TEMPLATE_TEXT;
	s = begin(&conf);
	expect_true(s);
	cr_assert_eq(s->t.size, 0);
	end(s);
	conf.payload = span_of("a\0b", 3);
	s = begin(&conf);
	expect_true(s);
	cr_assert_eq(s->t.size, 3);
	end(s);
}

Test(template, random_payloads_have_the_size_and_stay_the_same)
{
	for (size_t size = 0; size < 40; size++) {
		struct template_conf conf = conf_of(file);
		struct sample *s;
		char digest[DIGEST_HEX_MAX + 1];

		conf.kind = TEMPLATE_RANDOM;
		conf.size = size;
		s = begin(&conf);
		expect_true(s);
		cr_assert_eq(s->t.size, size);
		memcpy(digest, s->digest, sizeof digest);
		next(s);
		expect_true(s);
		cr_assert_str_eq(s->digest, digest);
		end(s);
	}
}

Test(template, random_payloads_are_random_to_their_end)
{
	struct template_conf conf = conf_of("");
	struct sample *s;
	struct span text;
	unsigned seen[256] = {0}, different = 0;

	conf.id = conf.policy = "1";
	conf.kind = TEMPLATE_RANDOM;
	conf.size = 2000;
	s = begin(&conf);
	text = buf_span(&s->out);
	for (size_t i = text.n - 1000; i < text.n; i++)
		different += seen[(unsigned char)text.p[i]]++ == 0;
	cr_assert_geq(different, 60);
	end(s);
}

Test(template, varied_random_payloads_differ)
{
	struct template_conf conf = conf_of(file);
	struct sample *s;
	char digest[DIGEST_HEX_MAX + 1];

	conf.kind = TEMPLATE_RANDOM;
	conf.size = 100;
	conf.vary = true;
	s = begin(&conf);
	for (unsigned i = 0; i < 10; i++) {
		expect_true(s);
		cr_assert_eq(s->t.size, 100);
		memcpy(digest, s->digest, sizeof digest);
		next(s);
		cr_assert_str_neq(s->digest, digest);
	}
	end(s);
}

Test(template, other_seeds_make_other_payloads)
{
	struct template_conf conf = conf_of(file);
	struct sample *a, *b;

	conf.kind = TEMPLATE_RANDOM;
	conf.size = 20;
	a = begin(&conf);
	conf.seed = 2;
	b = begin(&conf);
	cr_assert_str_neq(a->digest, b->digest);
	end(a);
	end(b);
}

Test(template, a_varied_payload_carries_its_number)
{
	struct template_conf conf = conf_of(file);
	struct sample *s;

	conf.vary = true;
	s = begin(&conf);
	for (unsigned i = 1; i < 12; i++) {
		char payload[20];

		(void)snprintf(payload, sizeof payload, "\"hello %u\"", i);
		cr_assert_not_null(memmem(s->out.base + s->out.head, buf_len(&s->out), payload,
					  strlen(payload)));
		expect_true(s);
		next(s);
	}
	end(s);
}

Test(template, outlives_what_it_was_made_of)
{
	char packet[sizeof file], payload[] = "hello";
	struct template_conf conf = conf_of("");
	struct sample *s;

	memcpy(packet, file, sizeof packet);
	conf.packet = span_str(packet);
	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_of(payload, strlen(payload));
	conf.vary = true;
	s = begin(&conf);
	memset(packet, 'x', sizeof packet);
	memset(payload, 'x', sizeof payload);
	next(s);
	expect_true(s);
	cr_assert_eq(s->t.size, strlen("hello 2"));
	end(s);
}

Test(template, refuses_what_is_no_request)
{
	struct template_conf conf = conf_of(
		"{\"type\":2,\"srcid\":1,\"destid\":1,\"payload\":\"\"}");

	expect_refused(&conf, "no request packet: its type is 2");
	conf.packet = span_str("{\"type\":0,\"srcid\":1,\"payload\":\"\"}");
	expect_refused(&conf, "no request packet: privPoliId is missing");
	conf.packet = span_str("{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":5}");
	expect_refused(&conf, "no request packet: payload must be a string");
	conf.packet = span_str("hello");
	expect_refused(&conf, "no request packet: not JSON at byte 0");
	conf.packet = span_str(" \n");
	expect_refused(&conf, "no request packet: not JSON at byte 0");
}

Test(template, refuses_two_packets)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}"
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}");

	expect_refused(&conf, "no request packet: not JSON at byte 48");
}

Test(template, refuses_a_payload_that_is_not_utf8)
{
	struct template_conf conf = conf_of(file);

	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_str("caf\xe9");
	expect_refused(&conf, "the payload is not UTF-8 (--encoding base64 sends any bytes)");
}

Test(template, sends_bytes_as_base64_and_says_so)
{
	struct template_conf conf = conf_of("");
	struct sample *s;
	char hex[DIGEST_HEX_MAX + 1];

	conf.id = conf.policy = "7";
	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_of("\0\xff\xfe", 3);
	conf.base64 = true;
	expect_text(&conf, "{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"7\",\"payloadsize\":4,"
			   "\"payload\":\"AP/+\",\"encoding\":\"base64\"}\n");
	s = begin(&conf);
	digest_sha1_hex(conf.payload, hex);
	cr_assert_str_eq(s->digest, hex, "the digest is of the bytes");
	cr_assert_eq(s->t.size, 3);
	end(s);
}

Test(template, follows_the_encoding_that_the_packet_has)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"base64\",\"payload\":\"aGVs"
		"bG8=\"}");
	struct sample *s = begin(&conf);

	cr_assert(span_eq_str(buf_span(&s->out),
			      "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"base64\","
			      "\"payload\":\"aGVsbG8=\"}\n"));
	cr_assert_str_eq(s->digest, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
	end(s);
	conf.kind = TEMPLATE_TEXT;
	conf.payload = span_str("abc");
	expect_text(&conf, "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"base64\","
			   "\"payload\":\"YWJj\"}\n");
}

Test(template, a_text_of_a_packet_becomes_base64)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"\",\"payload\":\"abc\" }");

	conf.base64 = true;
	expect_text(&conf, "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"base64\","
			   "\"payload\":\"YWJj\" }\n");
	conf = conf_of("{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"abc\" }");
	conf.base64 = true;
	expect_text(&conf, "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"YWJj\","
			   "\"encoding\":\"base64\" }\n");
}

Test(template, refuses_base64_that_is_none)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"encoding\":\"base64\",\"payload\":\"?\"}");

	expect_refused(&conf, "the payload is no base64");
}

Test(template, gives_the_digest_of_the_job_that_is_expected)
{
	for (unsigned i = 0; job_at(i) != NULL; i++) {
		struct template_conf conf = conf_of(file);
		char hex[DIGEST_HEX_MAX + 1];
		struct sample *s;

		if (!job_is_digest(job_at(i)))
			continue;
		conf.job = job_at(i);
		s = begin(&conf);
		(void)job_digest(job_at(i), span_str("hello"), hex);
		cr_assert_eq(memcmp(s->digest, hex, conf.job->digits), 0, "%s", conf.job->name);
		end(s);
	}
}

Test(template, refuses_more_than_it_may_send)
{
	struct template_conf conf = conf_of(
		"{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}");

	conf.max = 49; /* with the newline */
	expect_text(&conf, "{\"type\":0,\"srcid\":1,\"privPoliId\":2,\"payload\":\"\"}\n");
	conf.max = 48;
	expect_refused(&conf, "too large: the packet has 49 bytes, 48 are allowed");
}

Test(template, refuses_an_id_that_is_none)
{
	struct template_conf conf = conf_of(file);

	conf.id = "";
	expect_refused(&conf, "no request packet: srcid is empty");
	conf.id = "a\nb";
	expect_refused(&conf, "no request packet: srcid has a control character");
}
