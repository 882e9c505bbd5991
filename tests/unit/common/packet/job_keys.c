/* job_keys: the text is judged, written and compared. */
#include "job_keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define A "0123456789abcdef"
#define B "fedcba9876543210"

Test(job_keys, what_is_one)
{
	static const char *const fine[] = {"a=" A, "a=" A ",b=" B, "2026.x_Y-1=" A};
	static const char *const bad[] = {"",	      ",",
					  "a",	      "a=",
					  "=" A,      "a=" A ",",
					  ",a=" A,    "a=" A "0",
					  "a=0123",   "a=" A ",,b=" B,
					  "a b=" A,   "a=0123456789ABCDEF",
					  "a=" A " ", "\"=" A,
					  "a==" A};
	char long_one[300];

	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		cr_expect(job_keys_is(span_str(fine[i])), "%s", fine[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(job_keys_is(span_str(bad[i])), "%s", bad[i]);
	cr_expect_not(job_keys_is(span_of("a\0=" A, 19)));
	cr_expect_not(job_keys_is(span_of("a=0123456789abcde\0", 18)));
	(void)snprintf(long_one, sizeof long_one, "%0*d=" A, JOB_KEYS_MAX - 17, 1);
	cr_expect(job_keys_is(span_str(long_one)));
	(void)snprintf(long_one, sizeof long_one, "%0*d=" A, JOB_KEYS_MAX - 16, 1);
	cr_expect_not(job_keys_is(span_str(long_one)));
}

Test(job_keys, as_many_are_added_as_there_is_room_for)
{
	char text[JOB_KEYS_MAX + 1] = "", before[JOB_KEYS_MAX + 1];
	int n = 0;

	while (job_keys_add(text, "2026", A)) {
		n++;
		cr_assert(job_keys_is(span_str(text)), "%s", text);
		memcpy(before, text, sizeof before);
	}
	cr_assert_eq(n, 11);
	cr_assert_str_eq(text, before);
}

static void
compares(const char *a, const char *b, enum job_keys_result wanted, const char *name)
{
	struct span which;

	cr_expect_eq(job_keys_compare(a, b, &which), wanted, "%s and %s", a, b);
	cr_expect(span_eq_str(which, name), "%s and %s: %.*s", a, b, SPAN_ARG(which));
}

Test(job_keys, one_name_is_one_key)
{
	compares("", "", JOB_KEYS_AGREE, "");
	compares("", "a=" A, JOB_KEYS_AGREE, "");
	compares("a=" A, "", JOB_KEYS_AGREE, "");
	compares("a=" A, "a=" A, JOB_KEYS_AGREE, "");
	compares("a=" A, "a=" B, JOB_KEYS_DIFFER, "a");
	compares("a=" A, "ab=" A, JOB_KEYS_APART, "");
	compares("a=" A ",b=" B, "b=" B, JOB_KEYS_AGREE, "");
	compares("b=" B, "a=" B ",b=" B, JOB_KEYS_AGREE, "");
	compares("a=" A ",b=" B, "b=" A ",a=" A, JOB_KEYS_DIFFER, "b");
}
