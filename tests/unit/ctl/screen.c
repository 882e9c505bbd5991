/* screen: lines cut to a terminal's columns. */
#include "screen.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static size_t
cut(const char *text, unsigned columns)
{
	return screen_cut(text, strlen(text), columns);
}

Test(screen, a_line_is_cut_at_its_columns_and_not_within_a_character)
{
	cr_assert_eq(cut("hello", 10), 5);
	cr_assert_eq(cut("hello", 5), 5);
	cr_assert_eq(cut("hello", 4), 4);
	cr_assert_eq(cut("hello", 0), 0);
	cr_assert_eq(cut("", 3), 0);
	cr_assert_eq(cut("caf\xc3\xa9!", 4), 5);
	cr_assert_eq(cut("caf\xc3\xa9!", 3), 3);
}

Test(screen, what_is_no_terminal_is_left_alone)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(dup2(fd[1], STDOUT_FILENO), STDOUT_FILENO);
	cr_assert(!screen_open());
}
