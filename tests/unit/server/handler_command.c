/* handler_command: which file a command runs, and whether that is certain. */
#include "handler_command.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WORDS = 8 };

/* wanted: of runs; script: NULL for none, a '?' in front where it is not certain. */
static void
is(const char *wanted, const char *script, const char *const words[WORDS])
{
	char *item[WORDS];
	struct conf_list l = {.item = item};
	bool certain = false;
	const char *found;

	memcpy(item, words, sizeof item);
	while (l.n < WORDS && words[l.n] != NULL)
		l.n++;
	cr_expect_str_eq(handler_command_runs(&l), wanted);
	found = handler_command_script(&l, &certain);
	if (script == NULL) {
		cr_expect_null(found, "%s", wanted);
		return;
	}
	cr_assert_not_null(found, "%s", script);
	cr_expect_str_eq(found, script + (script[0] == '?'));
	cr_expect_eq(certain, script[0] != '?', "%s", script);
}

#define IS(wanted, script, ...) is(wanted, script, (const char *const[WORDS]){__VA_ARGS__})

Test(handler_command, the_script_of_an_interpreter)
{
	IS("/x/y.py", "/x/y.py", "python3", "/x/y.py", "/x/z");
	IS("/x/y.py", "/x/y.py", "/usr/bin/python3.11", "-u", "/x/y.py");
	IS("x/y.pl", "x/y.pl", "perl", "-w", "--", "x/y.pl");
	IS("/x/y.sh", "/x/y.sh", "env", "-i", "A=/b", "bash", "/x/y.sh");
	IS("/x/y.js", "/x/y.js", "nodejs", "/x/y.js");
}

Test(handler_command, what_may_be_something_else_is_not_certain)
{
	IS("/x/lib", "?/x/lib", "perl", "-I", "/x/lib", "/x/y.pl");
	IS("/x/y.py", "?/x/y.py", "python3", "-B", "/x/y.py");
	IS("./app", "?./app", "node", "./app");
}

Test(handler_command, what_is_no_script)
{
	IS("/x/job", NULL, "/x/job", "/x/y.py");
	IS("python3", NULL, "python3", "-c", "print('/x/y')");
	IS("perl", NULL, "perl", "-n", "-e", "/x/");
	IS("json.tool", NULL, "python3", "-m", "json.tool", "/x/y");
	IS("y.py", NULL, "python3", "y.py");
	IS("sh", NULL, "sh");
}
