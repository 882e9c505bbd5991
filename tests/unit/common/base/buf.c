/* buf: bytes that are appended and consumed; its invariants after every step. */
#include "buf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

/* Under ASan a request that is too large is to fail as it does elsewhere. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
expect(const struct buf *b, const char *content)
{
	buf_check(b);
	cr_assert(span_eq_str(buf_span(b), content), "\"%.*s\" is not \"%s\"",
		  SPAN_ARG(buf_span(b)), content);
	cr_assert_eq(buf_len(b), strlen(content));
}

Test(buf, starts_empty_without_memory)
{
	struct buf b = BUF_INIT;

	expect(&b, "");
	cr_assert_null(b.base);
	cr_assert_null(buf_span(&b).p);
}

Test(buf, gives_back_what_was_appended_in_order)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append(&b, "one\0", 3), 0);
	cr_assert_eq(buf_append_str(&b, " two"), 0);
	cr_assert_eq(buf_append_span(&b, span_of(" three!", 6)), 0);
	expect(&b, "one two three");
	buf_release(&b);
}

Test(buf, appending_nothing_takes_no_memory)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append(&b, NULL, 0), 0);
	cr_assert_eq(buf_append_span(&b, span_of(NULL, 0)), 0);
	cr_assert_eq(buf_append_str(&b, ""), 0);
	expect(&b, "");
	cr_assert_null(b.base);
}

Test(buf, reserved_room_is_content_only_once_committed)
{
	struct buf b = BUF_INIT;
	char *room = buf_reserve(&b, 1000);

	cr_assert_not_null(room);
	memset(room, 'x', 1000);
	expect(&b, "");
	buf_commit(&b, 3);
	expect(&b, "xxx");
	buf_release(&b);
}

Test(buf, reserving_nothing_still_gives_a_place)
{
	struct buf b = BUF_INIT;

	cr_assert_not_null(buf_reserve(&b, 0));
	buf_commit(&b, 0);
	expect(&b, "");
	buf_release(&b);
}

Test(buf, exactly_the_room_there_is_can_be_filled)
{
	struct buf b = BUF_INIT;
	size_t cap;
	char *room;

	cr_assert_eq(buf_append_str(&b, "abc"), 0);
	cap = b.cap;
	room = buf_reserve(&b, cap - 3);
	cr_assert_not_null(room);
	cr_assert_eq(b.cap, cap);
	memset(room, 'z', cap - 3);
	buf_commit(&b, cap - 3);
	buf_check(&b);
	cr_assert_eq(buf_len(&b), cap);
	buf_release(&b);
}

Test(buf, grows_by_doubling)
{
	struct buf b = BUF_INIT;
	size_t cap;

	cr_assert_not_null(buf_reserve(&b, 1));
	cap = b.cap;
	cr_assert_not_null(buf_reserve(&b, cap + 1));
	cr_assert_eq(b.cap, 2 * cap);
	cr_assert_not_null(buf_reserve(&b, 16 * cap));
	cr_assert_eq(b.cap, 16 * cap);
	buf_release(&b);
}

Test(buf, growing_keeps_the_content)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "gone stays"), 0);
	buf_consume(&b, 5);
	cr_assert_not_null(buf_reserve(&b, 100000));
	expect(&b, "stays");
	buf_release(&b);
}

Test(buf, consuming_takes_from_the_head)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "head tail"), 0);
	buf_consume(&b, 0);
	expect(&b, "head tail");
	buf_consume(&b, 5);
	expect(&b, "tail");
	buf_release(&b);
}

Test(buf, consuming_everything_starts_over)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "all"), 0);
	buf_consume(&b, 1);
	buf_consume(&b, 2);
	expect(&b, "");
	cr_assert_eq(b.tail, 0);
	cr_assert_not_null(b.base);
	buf_release(&b);
}

Test(buf, content_moves_to_the_front_when_enough_was_consumed)
{
	struct buf b = BUF_INIT;
	size_t cap;

	cr_assert_not_null(buf_reserve(&b, 1));
	cap = b.cap;
	memset(b.base, 'a', cap);
	buf_commit(&b, cap);
	b.base[cap - 1] = 'z';
	buf_consume(&b, cap - 2);
	cr_assert_not_null(buf_reserve(&b, cap - 2));
	cr_assert_eq(b.cap, cap);
	cr_assert_eq(b.head, 0);
	expect(&b, "az");
	buf_release(&b);
}

/* Consumed less than is left: each such move could be followed by another after one more
 * byte. */
Test(buf, content_does_not_move_for_a_few_consumed_bytes)
{
	struct buf b = BUF_INIT;
	size_t cap;

	cr_assert_not_null(buf_reserve(&b, 1));
	cap = b.cap;
	memset(b.base, 'a', cap);
	buf_commit(&b, cap);
	buf_consume(&b, 1);
	cr_assert_not_null(buf_reserve(&b, 1));
	cr_assert_eq(b.cap, 2 * cap);
	cr_assert_eq(buf_len(&b), cap - 1);
	buf_check(&b);
	buf_release(&b);
}

Test(buf, a_queue_that_is_drained_as_fast_as_filled_does_not_grow)
{
	struct buf b = BUF_INIT;
	unsigned char in = 0, out = 0;

	for (int i = 0; i < 100000; i++) {
		for (int j = 0; j < 7; j++, in++)
			cr_assert_eq(buf_append(&b, &in, 1), 0);
		for (int j = i == 0 ? 2 : 0; j < 7; j++, out++) {
			cr_assert_eq((unsigned char)*buf_span(&b).p, out);
			buf_consume(&b, 1);
		}
		buf_check(&b);
	}
	cr_assert_leq(b.cap, 1024);
	buf_release(&b);
}

Test(buf, clearing_keeps_the_memory)
{
	struct buf b = BUF_INIT;
	const char *base;

	cr_assert_eq(buf_append_str(&b, "xyz"), 0);
	buf_consume(&b, 1);
	base = b.base;
	buf_clear(&b);
	expect(&b, "");
	cr_assert_eq(b.base, base);
	buf_release(&b);
}

Test(buf, released_it_is_as_good_as_new)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "xyz"), 0);
	buf_release(&b);
	expect(&b, "");
	cr_assert_null(b.base);
	cr_assert_eq(b.cap, 0);
	buf_release(&b);
	cr_assert_eq(buf_append_str(&b, "again"), 0);
	expect(&b, "again");
	buf_release(&b);
}

Test(buf, printf_appends_without_a_terminator)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_printf(&b, "%s=%d", "n", 42), 0);
	cr_assert_eq(buf_printf(&b, "%s", ""), 0);
	cr_assert_eq(buf_printf(&b, ";%c", 'x'), 0);
	expect(&b, "n=42;x");
	buf_release(&b);
}

Test(buf, printf_grows_where_the_text_does_not_fit)
{
	struct buf b = BUF_INIT;
	size_t cap;

	cr_assert_not_null(buf_reserve(&b, 1));
	cap = b.cap;
	/* With its terminator the text is one byte longer than the room. */
	cr_assert_eq(buf_printf(&b, "%0*d", (int)cap, 7), 0);
	cr_assert_eq(buf_len(&b), cap);
	cr_assert_eq(b.base[0], '0');
	cr_assert_eq(b.base[cap - 1], '7');
	buf_check(&b);
	buf_release(&b);
}

static void
expect_failures(struct buf *b, size_t n, const char *content)
{
	const struct buf before = *b;

	errno = 0;
	cr_assert_null(buf_reserve(b, n));
	cr_assert_eq(errno, ENOMEM);
	errno = 0;
	cr_assert_eq(buf_append(b, "", n), -1);
	cr_assert_eq(errno, ENOMEM);
	expect(b, content);
	cr_assert_eq(b->base, before.base);
	cr_assert_eq(b->cap, before.cap);
}

Test(buf, without_memory_it_is_unchanged)
{
	struct buf b = BUF_INIT;

	expect_failures(&b, PTRDIFF_MAX / 2 + 1, "");
	cr_assert_eq(buf_append_str(&b, "keeps"), 0);
	expect_failures(&b, PTRDIFF_MAX / 2 + 1, "keeps");
	buf_release(&b);
}

Test(buf, lengths_that_would_overflow_are_refused)
{
	struct buf b = BUF_INIT;

	expect_failures(&b, SIZE_MAX, "");
	cr_assert_eq(buf_append_str(&b, "keeps"), 0);
	expect_failures(&b, SIZE_MAX, "keeps");
	expect_failures(&b, SIZE_MAX - 4, "keeps");
	expect_failures(&b, (size_t)PTRDIFF_MAX - 4, "keeps");
	buf_release(&b);
}

Test(buf, committing_more_than_the_room_aborts, .signal = SIGABRT)
{
	struct buf b = BUF_INIT;

	cr_assert_not_null(buf_reserve(&b, 10));
	buf_commit(&b, b.cap + 1);
}

Test(buf, consuming_more_than_the_content_aborts, .signal = SIGABRT)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "abc"), 0);
	buf_consume(&b, 4);
}

static char byte[8];

Test(buf, the_check_aborts_when_head_is_beyond_tail, .signal = SIGABRT)
{
	buf_check(&(struct buf){byte, 3, 2, 8});
}

Test(buf, the_check_aborts_when_tail_is_beyond_the_memory, .signal = SIGABRT)
{
	buf_check(&(struct buf){byte, 0, 9, 8});
}

Test(buf, the_check_aborts_when_empty_is_not_at_the_front, .signal = SIGABRT)
{
	buf_check(&(struct buf){byte, 2, 2, 8});
}

Test(buf, the_check_aborts_when_memory_and_capacity_disagree, .signal = SIGABRT)
{
	buf_check(&(struct buf){byte, 0, 0, 0});
}

Test(buf, what_is_truncated_keeps_its_beginning)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "abcdef"), 0);
	buf_consume(&b, 1);
	buf_truncate(&b, 3);
	buf_check(&b);
	cr_assert(span_eq_str(buf_span(&b), "bcd"));
	buf_truncate(&b, 0);
	buf_check(&b);
	cr_assert_eq(buf_len(&b), 0);
	buf_release(&b);
}

/* ---- kept memory ---- */

static struct buf_pool spares;

static struct buf
used(size_t n)
{
	struct buf b = BUF_INIT;

	cr_assert_not_null(buf_reserve(&b, n));
	buf_commit(&b, n);
	return b;
}

Test(buf_pool, memory_of_one_buffer_is_the_next_ones)
{
	struct buf b = used(1000), next = BUF_INIT;
	char *base = b.base;

	buf_pool_take_back(&spares, &b);
	cr_expect_null(b.base);
	buf_check(&b);
	buf_pool_lend(&spares, &next);
	cr_expect_eq(next.base, base);
	cr_expect_eq(buf_len(&next), 0);
	buf_check(&next);
	buf_release(&next);
	buf_pool_release(&spares);
}

Test(buf_pool, who_has_memory_keeps_it)
{
	struct buf b = used(10), other = used(10);
	char *base = b.base;

	buf_pool_take_back(&spares, &other);
	buf_pool_lend(&spares, &b);
	cr_expect_eq(b.base, base);
	cr_expect_eq(buf_len(&b), 10);
	buf_release(&b);
	buf_pool_release(&spares);
}

Test(buf_pool, none_are_lent_where_none_are)
{
	struct buf b = BUF_INIT;

	buf_pool_lend(&spares, &b);
	cr_expect_null(b.base);
	buf_pool_take_back(&spares, &b);
	cr_expect_eq(spares.n, 0);
}

Test(buf_pool, few_and_small_ones_are_kept)
{
	struct buf large = used(BUF_POOL_MAX + 1);

	buf_pool_take_back(&spares, &large);
	cr_expect_null(large.base);
	cr_expect_eq(spares.n, 0);
	for (unsigned i = 0; i < BUF_POOL_KEPT + 5; i++) {
		struct buf b = used(1);
		buf_pool_take_back(&spares, &b);
	}
	cr_expect_eq(spares.n, BUF_POOL_KEPT);
	buf_pool_release(&spares);
	cr_expect_eq(spares.n, 0);
}
