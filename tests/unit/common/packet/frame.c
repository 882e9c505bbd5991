/* frame: a stream of bytes cut into objects. */
#include "frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "json_fast.h"

enum { MAX = 64 };

struct stream {
	struct frame frame;
	struct buf in;
	struct span out;
};

static struct stream
stream(size_t max)
{
	struct stream s = {.in = BUF_INIT};

	frame_init(&s.frame, max);
	return s;
}

static void
feed(struct stream *s, const char *text)
{
	cr_assert_eq(buf_append_str(&s->in, text), 0);
}

static void
expect_object(struct stream *s, const char *text)
{
	cr_assert_eq(frame_next(&s->frame, &s->in, &s->out), FRAME_READY, "no object, want %s",
		     text);
	cr_assert(span_eq_str(s->out, text), "%.*s is not %s", SPAN_ARG(s->out), text);
	buf_check(&s->in);
}

static void
expect_more(struct stream *s)
{
	cr_assert_eq(frame_next(&s->frame, &s->in, &s->out), FRAME_MORE);
}

static void
expect_error(struct stream *s, int error)
{
	errno = 0;
	cr_assert_eq(frame_next(&s->frame, &s->in, &s->out), FRAME_ERROR);
	cr_assert_eq(errno, error);
}

/* text, given whole and byte by byte, is one object and nothing after it. */
static void
expect_whole(const char *text)
{
	struct stream s = stream(MAX);

	feed(&s, text);
	expect_object(&s, text);
	expect_more(&s);
	for (size_t i = 0; text[i] != '\0'; i++) {
		expect_more(&s);
		cr_assert_eq(buf_append(&s.in, &text[i], 1), 0);
	}
	expect_object(&s, text);
	expect_more(&s);
	cr_assert_eq(buf_len(&s.in), 0);
	buf_release(&s.in);
}

Test(frame, nothing_is_no_object)
{
	struct stream s = stream(MAX);

	expect_more(&s);
	cr_assert_not(frame_partial(&s.frame, &s.in));
}

Test(frame, an_object_is_handed_out_whole)
{
	expect_whole("{}");
	expect_whole("{\"type\":\"0\",\"payload\":\"x\"}");
	expect_whole("{ \"a\" : [ 1, {} ] ,\n\t\"b\":{\"c\":[[]]} }");
}

Test(frame, an_array_is_handed_out_whole)
{
	expect_whole("[]");
	expect_whole("[{\"a\":[1]},2]");
}

Test(frame, brackets_in_strings_do_not_count)
{
	expect_whole("{\"}\":\"]\"}");
	expect_whole("{\"a\":\"{[{[\"}");
}

Test(frame, an_escaped_quote_does_not_end_a_string)
{
	expect_whole("{\"a\":\"\\\"}\"}");
	expect_whole("{\"a\":\"x\\\"\\\"}\\\"\"}");
	expect_whole("{\"a\":\"\\\\\\\"}\"}");
}

Test(frame, an_escaped_backslash_does_not_escape_the_quote)
{
	expect_whole("{\"a\":\"\\\\\"}");
	expect_whole("{\"a\":\"x\\\\\\\\\"}");
	expect_whole("{\"\\\\\":\"}\"}");
}

/* Every way of cutting it in three. */
Test(frame, an_object_may_be_cut_anywhere)
{
	const char *text = "{\"a\\\\\":\"\\\\\\\"}\\u00e9\",\"b\":[\"\\\"\"]}";
	size_t n = strlen(text);

	for (size_t i = 0; i <= n; i++) {
		for (size_t j = i; j <= n; j++) {
			struct stream s = stream(MAX);

			cr_assert_eq(buf_append(&s.in, text, i), 0);
			if (i < n)
				expect_more(&s);
			cr_assert_eq(buf_append(&s.in, text + i, j - i), 0);
			if (j < n)
				expect_more(&s);
			cr_assert_eq(buf_append(&s.in, text + j, n - j), 0);
			expect_object(&s, text);
			buf_release(&s.in);
		}
	}
}

/* Where the end is, a byte at a time: an odd number of backslashes keeps a quote from counting. */
static size_t
end_of_object(const char *text)
{
	bool in_string = false;
	size_t i = 0;

	for (; text[i] != '}' || in_string; i++) {
		if (text[i] == '\\' && in_string)
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
	}
	return i + 1;
}

/* Strings of every length around the blocks that are looked at together, with quotes and
 * backslashes anywhere in them. */
Test(frame, strings_end_where_they_end_wherever_they_are_cut)
{
	static const char *const pieces[] = {"\\\\", "\\\"", "}", "a", "fifteen bytes .", "{"};
	unsigned seed = 7;

	for (unsigned round = 0; round < 20000; round++) {
		struct stream s = stream(1000);
		char text[400] = "{\"", *to = text + 2;
		size_t cut;

		for (unsigned n = (seed = seed * 1103515245 + 12345) >> 16 & 15; n > 0; n--) {
			seed = seed * 1103515245 + 12345;
			to = stpcpy(to, pieces[(seed >> 16) % (sizeof pieces / sizeof *pieces)]);
		}
		(void)stpcpy(to, "\":\"b\"}, \"c\":\"d\"}");
		cut = (seed >> 8) % strlen(text);
		cr_assert_eq(buf_append(&s.in, text, cut), 0);
		if (cut < end_of_object(text))
			expect_more(&s);
		feed(&s, text + cut);
		cr_assert_eq(frame_next(&s.frame, &s.in, &s.out), FRAME_READY, "%s", text);
		cr_assert_eq(s.out.n, end_of_object(text), "%s cut at %zu", text, cut);
		buf_release(&s.in);
	}
}

Test(frame, several_objects_may_stand_in_one_segment)
{
	struct stream s = stream(MAX);

	feed(&s, "{\"a\":1}{\"b\":2}\n[3] {\"c\"");
	expect_object(&s, "{\"a\":1}");
	expect_object(&s, "{\"b\":2}");
	expect_object(&s, "[3]");
	expect_more(&s);
	feed(&s, ":4}{\"d\":5}");
	expect_object(&s, "{\"c\":4}");
	expect_object(&s, "{\"d\":5}");
	expect_more(&s);
	buf_release(&s.in);
}

Test(frame, an_object_stays_readable_until_the_next_call)
{
	struct stream s = stream(MAX);

	feed(&s, "{\"a\":1}{\"b\":2}");
	expect_object(&s, "{\"a\":1}");
	cr_assert_eq(s.out.p, buf_span(&s.in).p);
	cr_assert_eq(buf_len(&s.in), 14);
	expect_object(&s, "{\"b\":2}");
	cr_assert_eq(buf_len(&s.in), 7);
	buf_release(&s.in);
}

Test(frame, bytes_may_arrive_between_an_object_and_the_next_call)
{
	struct stream s = stream(MAX);

	feed(&s, "{\"a\":1}");
	expect_object(&s, "{\"a\":1}");
	feed(&s, "{\"b\":2}");
	expect_object(&s, "{\"b\":2}");
	buf_release(&s.in);
}

Test(frame, white_space_between_objects_is_dropped)
{
	struct stream s = stream(4);

	feed(&s, " \t\r\n          {}\n");
	expect_object(&s, "{}");
	expect_more(&s);
	cr_assert_eq(buf_len(&s.in), 0);
	for (int i = 0; i < 10000; i++) {
		feed(&s, "\n");
		expect_more(&s);
		cr_assert_eq(buf_len(&s.in), 0);
	}
	feed(&s, "{}");
	expect_object(&s, "{}");
	buf_release(&s.in);
}

Test(frame, what_cannot_start_an_object_is_an_error)
{
	const char *const bad[] = {"x",	   "\"{}\"", "1",    "}", "]", ",{}", "\xef\xbb\xbf{}",
				   "null", "\v{}",   "\f{}", ":", "'"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct stream s = stream(MAX);

		feed(&s, bad[i]);
		expect_error(&s, EBADMSG);
		buf_release(&s.in);
	}
}

Test(frame, a_nul_byte_cannot_start_an_object)
{
	struct stream s = stream(MAX);

	cr_assert_eq(buf_append(&s.in, "\0{}", 3), 0);
	expect_error(&s, EBADMSG);
	buf_release(&s.in);
}

Test(frame, objects_before_garbage_are_still_handed_out)
{
	struct stream s = stream(MAX);

	feed(&s, "{} x");
	expect_object(&s, "{}");
	expect_error(&s, EBADMSG);
	buf_release(&s.in);
}

Test(frame, an_error_is_repeated_by_every_later_call)
{
	struct stream bad = stream(MAX), large = stream(4);

	feed(&bad, "x");
	expect_error(&bad, EBADMSG);
	buf_clear(&bad.in);
	expect_error(&bad, EBADMSG);
	feed(&bad, "{}");
	expect_error(&bad, EBADMSG);

	feed(&large, "{    }");
	expect_error(&large, EMSGSIZE);
	buf_clear(&large.in);
	feed(&large, "{}");
	expect_error(&large, EMSGSIZE);
	buf_release(&bad.in);
	buf_release(&large.in);
}

Test(frame, an_object_of_just_max_bytes_is_fine)
{
	struct stream s = stream(7);

	feed(&s, "{\"a\":1}{\"b\":2} {\"c");
	expect_object(&s, "{\"a\":1}");
	expect_object(&s, "{\"b\":2}");
	expect_more(&s);
	feed(&s, "\":");
	expect_more(&s);
	feed(&s, "3}");
	expect_object(&s, "{\"c\":3}");
	buf_release(&s.in);
}

Test(frame, an_object_larger_than_max_is_an_error_even_when_whole)
{
	struct stream s = stream(6);

	feed(&s, "{\"a\":1}");
	expect_error(&s, EMSGSIZE);
	buf_release(&s.in);
}

Test(frame, too_large_is_known_once_max_bytes_are_there)
{
	struct stream s = stream(6);

	feed(&s, "  {\"a\":");
	expect_more(&s);
	feed(&s, "1");
	expect_error(&s, EMSGSIZE);
	buf_release(&s.in);
}

Test(frame, max_bounds_each_object_and_not_the_stream)
{
	struct stream s = stream(2);

	feed(&s, "{}{}[]{} {}");
	for (int i = 0; i < 2; i++)
		expect_object(&s, "{}");
	expect_object(&s, "[]");
	for (int i = 0; i < 2; i++)
		expect_object(&s, "{}");
	expect_more(&s);
	buf_release(&s.in);
}

/* What was seen is overwritten with brackets and quotes: a second look would go wrong. */
static void
scribble(struct stream *s)
{
	static const char junk[] = "}\"{\\]";

	for (size_t i = 0; i < s->frame.seen; i++)
		s->in.base[s->in.head + i] = junk[i % (sizeof junk - 1)];
}

Test(frame, bytes_seen_once_are_not_looked_at_again)
{
	const char *text = "{\"a\\\\\":\"\\\\\\\"}x\",\"b\":[\"\\\"\",{}]}";
	struct stream s = stream(MAX);

	for (size_t i = 0; text[i] != '\0'; i++) {
		expect_more(&s);
		cr_assert_eq(s.frame.seen, i);
		scribble(&s);
		cr_assert_eq(buf_append(&s.in, &text[i], 1), 0);
	}
	cr_assert_eq(frame_next(&s.frame, &s.in, &s.out), FRAME_READY);
	cr_assert_eq(s.out.n, strlen(text));
	expect_more(&s);
	buf_release(&s.in);
}

/* One MiB a byte at a time.  What was seen lies in poison, so that the work is one look a
 * byte. */
Test(frame, a_mebibyte_byte_by_byte_is_looked_at_once)
{
	const size_t n = 1 << 20;
	struct stream s = stream(n);

	feed(&s, "{\"a\":\"");
	while (buf_len(&s.in) < n - 2) {
		size_t old = s.frame.seen;

		expect_more(&s);
		cr_assert_eq(s.frame.seen, buf_len(&s.in));
		memset(s.in.base + s.in.head + old, '"', s.frame.seen - old);
		cr_assert_eq(buf_append(&s.in, "\\", 1), 0);
	}
	feed(&s, "\"}");
	cr_assert_eq(frame_next(&s.frame, &s.in, &s.out), FRAME_READY);
	cr_assert_eq(s.out.n, n);
	buf_release(&s.in);
}

Test(frame, an_unfinished_object_is_partial)
{
	struct stream s = stream(MAX);

	feed(&s, "{\"a\"");
	expect_more(&s);
	cr_assert(frame_partial(&s.frame, &s.in));
	feed(&s, ":1} \n");
	expect_object(&s, "{\"a\":1}");
	expect_more(&s);
	cr_assert_not(frame_partial(&s.frame, &s.in));
	buf_release(&s.in);
}

Test(frame, white_space_and_objects_handed_out_are_not_partial)
{
	struct stream s = stream(MAX);

	feed(&s, " \n ");
	expect_more(&s);
	cr_assert_not(frame_partial(&s.frame, &s.in));
	feed(&s, "{}");
	expect_object(&s, "{}");
	cr_assert_not(frame_partial(&s.frame, &s.in));
	buf_release(&s.in);
}

Test(frame, deep_nesting_is_followed_to_its_end)
{
	const size_t deep = 100000;
	struct stream s = stream(2 * deep);

	for (size_t i = 0; i < deep; i++)
		feed(&s, "[");
	expect_more(&s);
	for (size_t i = 0; i < deep; i++)
		feed(&s, "]");
	cr_assert_eq(frame_next(&s.frame, &s.in, &s.out), FRAME_READY);
	cr_assert_eq(s.out.n, 2 * deep);
	buf_release(&s.in);
}

/* ---- looking on the way ---- */

/* xorshift64*, below n. */
static size_t
below(size_t n)
{
	static uint64_t state = 20261125;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void
random_stream(struct buf *b)
{
	static const char *const pieces[] = {
		"{\"type\":\"0\",\"srcid\":1}",
		"{\"a\":\"}\\\"{\"}",
		"{}",
		"[1,{\"b\":[]}]",
		"{\"a\":{\"b\":1}}",
		"{\"a\":1,\"a\":2}",
		" ",
		"\n",
		"{\"a\":\"\xff\"}",
		"{\"long\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"};

	for (size_t n = 1 + below(8); n > 0; n--)
		cr_assert_eq(buf_append_str(b, pieces[below(sizeof pieces / sizeof *pieces)]), 0);
	if (below(3) == 0)
		b->base[b->head + below(buf_len(b))] = "\"\\{}[]x "[below(8)];
}

/* One step of each; false at the end of what is there. */
static bool
same_step(struct stream *slow, struct stream *fast)
{
	static struct json_text_object members, again;
	bool begun = fast->frame.depth > 0; /* what is there is not looked at twice */
	enum frame_result a = frame_next(&slow->frame, &slow->in, &slow->out);
	enum frame_result b = frame_next_members(&fast->frame, &fast->in, &fast->out, &members);

	cr_assert_eq(a, b);
	cr_assert_eq(slow->frame.error, fast->frame.error);
	if (a != FRAME_READY)
		return false;
	cr_assert(span_eq(slow->out, fast->out));
	cr_assert_eq(members.n, !begun && glance(fast->out, &again) ? again.n : 0);
	for (size_t i = 0; i < members.n; i++)
		cr_assert(members.member[i].key.p == again.member[i].key.p &&
			  members.member[i].value.p == again.member[i].value.p &&
			  members.member[i].value.n == again.member[i].value.n);
	return true;
}

Test(frame, looking_finds_the_same_objects_as_scanning)
{
	for (unsigned round = 0; round < 50000; round++) {
		struct stream slow = stream(below(4) == 0 ? MAX / 2 : 4 * MAX), fast = slow;
		struct buf all = BUF_INIT;
		size_t piece;

		random_stream(&all);
		for (struct span s = buf_span(&all); s.n > 0;
		     s = span_of(s.p + piece, s.n - piece)) {
			piece = 1 + below(s.n);
			cr_assert_eq(buf_append(&slow.in, s.p, piece), 0);
			cr_assert_eq(buf_append(&fast.in, s.p, piece), 0);
			while (same_step(&slow, &fast))
				;
		}
		buf_release(&all);
		buf_release(&slow.in);
		buf_release(&fast.in);
	}
}

Test(frame, members_are_told_of_what_is_usual_alone)
{
	struct stream s = stream(MAX);
	struct json_text_object members = {.n = 9};

	feed(&s, "{\"a\":[]}{\"a\":1,\"b\":\"2\"}");
	cr_assert_eq(frame_next_members(&s.frame, &s.in, &s.out, &members), FRAME_READY);
	cr_assert_eq(members.n, 0);
	cr_assert_eq(frame_next_members(&s.frame, &s.in, &s.out, &members), FRAME_READY);
	cr_assert_eq(members.n, 2);
	cr_assert(span_eq_str(members.member[1].value, "\"2\""));
	buf_release(&s.in);
}

Test(frame, a_bound_of_nothing_aborts, .signal = SIGABRT)
{
	struct frame f;

	frame_init(&f, 0);
}
