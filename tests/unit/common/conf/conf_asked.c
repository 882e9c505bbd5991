/* conf_asked: which keys a command line gives. */
#include "conf_asked.h"

#include <criterion/criterion.h>

static bool
asked(const char *name, char *first, char *second)
{
	static const struct conf_key keys[] = {
		{.name = "listen", .original = "port", .type = CONF_TEXT},
		{.name = "work_hard", .type = CONF_BOOL, .offset = sizeof(char *)}};
	static struct {
		char *listen;
		bool hard;
	} s;
	const struct conf_table table = {.key = keys, .n = 2, .settings = &s};
	char *argv[] = {(char[]){"program"}, first, second, NULL};

	return conf_asked(&table, 1, second != NULL ? 3 : first != NULL ? 2 : 1, argv, name);
}

Test(conf_asked, keys_are_found_however_they_are_spelled)
{
	cr_assert(asked("listen", (char[]){"-port"}, (char[]){"1"}));
	cr_assert(asked("listen", (char[]){"--listen=1"}, NULL));
	cr_assert(asked("listen", (char[]){"--work-hard"}, (char[]){"--listen=1"}));
	cr_assert(asked("work_hard", (char[]){"--no-work-hard"}, NULL));
	cr_assert(asked("config", (char[]){"-c"}, (char[]){"x"}));
}

Test(conf_asked, what_is_not_given_is_not_asked_for)
{
	cr_assert(!asked("listen", NULL, NULL));
	cr_assert(!asked("listen", (char[]){"-c"}, (char[]){"--listen"}), "that is a file's name");
	cr_assert(!asked("listen", (char[]){"--"}, (char[]){"--listen=1"}));
	cr_assert(!asked("listen", (char[]){"--no-such"}, (char[]){"-t"}), "told by others");
	cr_assert(asked("listen", (char[]){"--no-such"}, (char[]){"--listen=1"}));
}
