/* links: common/spares common/buf */
#include "spares.h"

#include <criterion/criterion.h>

static struct spares spares;

static struct buf
used(size_t n)
{
	struct buf b = BUF_INIT;

	cr_assert_not_null(buf_reserve(&b, n));
	buf_commit(&b, n);
	return b;
}

Test(spares, memory_of_one_buffer_is_the_next_ones)
{
	struct buf b = used(1000), next = BUF_INIT;
	char *base = b.base;

	spares_take_back(&spares, &b);
	cr_expect_null(b.base);
	buf_check(&b);
	spares_lend(&spares, &next);
	cr_expect_eq(next.base, base);
	cr_expect_eq(buf_len(&next), 0);
	buf_check(&next);
	buf_release(&next);
	spares_release(&spares);
}

Test(spares, who_has_memory_keeps_it)
{
	struct buf b = used(10), other = used(10);
	char *base = b.base;

	spares_take_back(&spares, &other);
	spares_lend(&spares, &b);
	cr_expect_eq(b.base, base);
	cr_expect_eq(buf_len(&b), 10);
	buf_release(&b);
	spares_release(&spares);
}

Test(spares, none_are_lent_where_none_are)
{
	struct buf b = BUF_INIT;

	spares_lend(&spares, &b);
	cr_expect_null(b.base);
	spares_take_back(&spares, &b);
	cr_expect_eq(spares.n, 0);
}

Test(spares, few_and_small_ones_are_kept)
{
	struct buf large = used(SPARES_MAX + 1);

	spares_take_back(&spares, &large);
	cr_expect_null(large.base);
	cr_expect_eq(spares.n, 0);
	for (unsigned i = 0; i < SPARES_KEPT + 5; i++) {
		struct buf b = used(1);
		spares_take_back(&spares, &b);
	}
	cr_expect_eq(spares.n, SPARES_KEPT);
	spares_release(&spares);
	cr_expect_eq(spares.n, 0);
}
