/* color: which words are coloured, and when there is colour at all. */
#include "color.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(color, states_alone_are_coloured)
{
	cr_assert_str_eq(color_of("state", "up"), "\033[32m");
	cr_assert_str_eq(color_of("state", "ejected"), "\033[31m");
	cr_assert_str_eq(color_of("state", "draining"), "\033[33m");
	cr_assert_str_eq(color_of("state", "-"), "");
	cr_assert_str_eq(color_of("id", "up"), "");
}

Test(color, is_the_terminals_unless_somebody_says_otherwise)
{
	(void)unsetenv("NO_COLOR");
	(void)setenv("TERM", "xterm", 1);
	cr_assert_eq(color_wanted(NULL, true), 1);
	cr_assert_eq(color_wanted("auto", false), 0);
	cr_assert_eq(color_wanted("always", false), 1);
	cr_assert_eq(color_wanted("never", true), 0);
	cr_assert_eq(color_wanted("yes", true), -1);
	(void)setenv("TERM", "dumb", 1);
	cr_assert_eq(color_wanted(NULL, true), 0);
	(void)setenv("TERM", "xterm", 1);
	(void)setenv("NO_COLOR", "", 1);
	cr_assert_eq(color_wanted(NULL, true), 1, "an empty one says nothing");
	(void)setenv("NO_COLOR", "1", 1);
	cr_assert_eq(color_wanted(NULL, true), 0);
	cr_assert_eq(color_wanted("always", true), 1);
}
