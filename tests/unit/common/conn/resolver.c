/* resolver: answers come through the loop; what is given up is never answered. */
#include "resolver.h"

#include <criterion/criterion.h>

static struct event_base *base;
static size_t answers, found;
static char first[ADDR_TEXT], why_not[128];

static void
open_base(void)
{
	base = event_base_new();
	cr_assert_not_null(base);
}

static void
close_base(void)
{
	event_base_free(base);
}

TestSuite(resolve, .init = open_base, .fini = close_base);

static void
on_answer(const struct addr *at, size_t n, const char *why, void *ctx)
{
	*(bool *)ctx = true;
	answers++;
	found = n;
	if (n > 0)
		(void)addr_text(&at[0], first);
	(void)snprintf(why_not, sizeof why_not, "%s", why);
}

Test(resolve, what_is_found_comes_through_the_loop)
{
	bool told = false;
	struct resolver *r = resolver_start(base, "192.0.2.1", on_answer, &told);

	cr_assert_not_null(r);
	cr_assert_not(told, "not before it returns");
	cr_assert_geq(event_base_dispatch(base), 0);
	cr_assert(told);
	cr_assert_eq(found, 1);
	cr_assert_str_eq(first, "192.0.2.1:0");
}

Test(resolve, what_is_no_name_has_a_reason)
{
	bool told = false;

	cr_assert_not_null(resolver_start(base, "", on_answer, &told));
	cr_assert_geq(event_base_dispatch(base), 0);
	cr_assert(told);
	cr_assert_eq(found, 0);
	cr_assert_str_not_empty(why_not);
}

Test(resolve, what_is_given_up_is_not_answered)
{
	bool told = false, other = false;
	struct resolver *r = resolver_start(base, "192.0.2.1", on_answer, &told);

	cr_assert_not_null(r);
	resolver_cancel(r);
	resolver_cancel(NULL);
	cr_assert_not_null(resolver_start(base, "192.0.2.2", on_answer, &other));
	cr_assert_geq(event_base_dispatch(base), 0);
	cr_assert(other && !told);
	cr_assert_eq(answers, 1);
}
