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

Test(screen, colours_take_no_columns)
{
	cr_assert_eq(cut("\033[1mhello\033[0m", 5), 13);
	cr_assert_eq(cut("\033[1mhello\033[0m", 4), 8);
	cr_assert_eq(cut("\033[", 1), 1, "half a sequence is text");
}

Test(screen, keys_are_characters_or_the_sequences_of_terminals)
{
	static const struct {
		const char *typed;
		int key;
		size_t taken;
	} t[] = {{"q", 'q', 1},
		 {"jj", 'j', 1},
		 {"\033", '\033', 1},
		 {"\033[A", SCREEN_UP, 3},
		 {"\033OB", SCREEN_DOWN, 3},
		 {"\033[Cq", SCREEN_RIGHT, 3},
		 {"\033[D", SCREEN_LEFT, 3},
		 {"\033[5~", SCREEN_PAGE_UP, 4},
		 {"\033[6~", SCREEN_PAGE_DOWN, 4},
		 {"\033[H", SCREEN_FIRST, 3},
		 {"\033[4~", SCREEN_LAST, 4},
		 {"\033[1;5A", SCREEN_UP, 6},
		 {"\033[99999999999~", SCREEN_OTHER, 14},
		 {"\033[12", SCREEN_OTHER, 4},
		 {"\303\251", SCREEN_OTHER, 1}};
	size_t taken;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		cr_assert_eq(screen_key_of(t[i].typed, strlen(t[i].typed), &taken), t[i].key, "%zu",
			     i);
		cr_assert_eq(taken, t[i].taken, "%zu", i);
	}
}
