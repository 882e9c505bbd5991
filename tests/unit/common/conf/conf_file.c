/* conf_file.c - the settings file: its grammar, its lines, its errors. */
#include "conf_fixture.h"

#include <sys/prctl.h>
#include <sys/stat.h>

TestSuite(conf_file, .fini = clean);

/* ---- the file ---- */

Test(conf_file, several_statements_may_stand_in_a_line)
{
	accepts("", "workers = 7 mode = 0640  networks = { a, b } color = red");
	cr_expect_eq(s.workers, 7);
	cr_expect_eq(s.mode, 0640);
	cr_expect_eq(s.networks.n, 2);
	cr_expect_str_eq(m.color, "red");
}

Test(conf_file, an_empty_file_is_fine)
{
	accepts("", "");
	accepts("", "\n\n");
	accepts("", "# nothing");
}

Test(conf_file, bare_words_hold_addresses_and_paths)
{
	accepts("", "listen = [::1]:2100\r\ncolor=/run/x-y_z.sock;a//b~%@&?!|\\\r\n");
	cr_expect_str_eq(s.listen, "[::1]:2100");
	cr_expect_str_eq(m.color, "/run/x-y_z.sock;a//b~%@&?!|\\");
}

Test(conf_file, quotes_hold_anything)
{
	accepts("", "color = \"a \\\"b\\\" \\\\ \\n\\r\\t # { = 'c' \"");
	cr_expect_str_eq(m.color, "a \"b\" \\ \n\r\t # { = 'c' ");
	accepts("", "color = 'a \"b\" \\' \\\\ \\n'");
	cr_expect_str_eq(m.color, "a \"b\" ' \\ \\n");
	accepts("", "color = \"one\\\ntwo\nthree\"\nworkers = 3");
	cr_expect_str_eq(m.color, "onetwo\nthree");
}

Test(conf_file, the_environment_is_never_looked_at)
{
	cr_assert_eq(setenv("PAINT", "red", 1), 0);
	accepts("", "color = \"${PAINT}\"");
	cr_expect_str_eq(m.color, "${PAINT}");
	accepts("", "color = \"\\${PAINT}$\"");
	cr_expect_str_eq(m.color, "${PAINT}$");
	accepts("", "color = '${PAINT}'");
	cr_expect_str_eq(m.color, "${PAINT}");
	accepts("", "color = $PAINT");
	cr_expect_str_eq(m.color, "$PAINT");
	refuses("", "color = ${PAINT}\n",
		"FILE:1: ${ has to stand inside quotes; nothing is expanded");
}

Test(conf_file, lines_are_right_after_comments_and_long_values)
{
	static const char before[] =
		"# one\n#\n// three\n\n/* five\n * six # \"\n */ color = \"seven\n"
		"eight\" # rest \"\n\n/**/networks = { a, # x\n b }\n\n\t";
	char text[512];

	(void)snprintf(text, sizeof text, "%sworkers = x", before);
	refuses("", text, "FILE:13: workers: \"x\" is not a number");
	(void)snprintf(text, sizeof text, "%sworkers = 7 // seven", before);
	accepts("", text);
	cr_expect_eq(s.workers, 7);
	cr_expect_str_eq(m.color, "seven\neight");
	cr_expect_eq(s.networks.n, 2);
}

Test(conf_file, everything_wrong_in_a_file_is_told)
{
	refuses("",
		"workres = 3\n# x\nworkers = no\nstop_timeout = 10x\nfoo = { 1, 2 }\nmode = 9\n",
		"FILE:1: workres: no such key (did you mean workers?)\n"
		"FILE:3: workers: \"no\" is not a number\n"
		"FILE:4: stop_timeout: \"10x\" is not a duration (250ms, 10s, 5m, 1h)\n"
		"FILE:5: foo: no such key\n"
		"FILE:6: mode: \"9\" is not a file mode (0600)");
}

Test(conf_file, a_key_given_twice_tells_both_lines)
{
	refuses("", "workers = 3\n\nworkers = 4\n", "FILE:3: workers: given in line 1 already");
	refuses("", "networks = {}\nnetworks = {a}", "FILE:2: networks: given in line 1 already");
	refuses("", "foo = 1\nfoo = 2\n", "FILE:1: foo: no such key\nFILE:2: foo: no such key");
}

Test(conf_file, a_key_without_value_does_not_take_the_next_line)
{
	refuses("", "workers =\nmode = 9\n",
		"FILE:1: workers: a value is needed\nFILE:2: mode: \"9\" is not a file mode (0600)");
	refuses("", "mode = 0600\nworkers = # none", "FILE:2: workers: a value is needed");
	refuses("", "workers = // none\n", "FILE:1: workers: a value is needed");
	refuses("", "\nworkers",
		"FILE:2: workers: = and a value are missing (white space in a value needs quotes)");
	refuses("", "\nworkers 3",
		"FILE:2: workers: = and a value are missing (white space in a value needs quotes)");
	refuses("", "foo\n",
		"FILE:1: foo: = and a value are missing (white space in a value needs quotes)");
	refuses("", "= 3", "FILE:1: a key is missing before =");
}

Test(conf_file, an_error_of_syntax_names_its_line)
{
	refuses("", "workers = x\ncolor = {a}\nmode = 9",
		"FILE:1: workers: \"x\" is not a number\n"
		"FILE:2: color: one value is wanted, not a list\n"
		"FILE:3: mode: \"9\" is not a file mode (0600)");
	refuses("", "\nnetworks = { a b }", "FILE:2: networks: a comma is missing before \"b\"");
	refuses("", "networks = { a,, b }", "FILE:1: networks: a value is missing in the list");
	refuses("", "color = a }", "FILE:1: a key is missing before }");
	refuses("", "color = a,b\nmode = 9",
		"FILE:1: a key is missing before ,\nFILE:2: mode: \"9\" is not a file mode (0600)");
	refuses("", "workers { a = b\nc = d }\nmode = 9",
		"FILE:1: workers: = and a value are missing (white space in a value needs quotes)\n"
		"FILE:3: mode: \"9\" is not a file mode (0600)");
}

Test(conf_file, what_is_never_closed_is_told_where_it_opens)
{
	refuses("", "\ncolor = \"a\nworkers = 3\n", "FILE:2: a quote that is never closed");
	refuses("", "color = 'a\\", "FILE:1: a quote that is never closed");
	refuses("", "color = \"a\\",
		"FILE:1: a backslash before something other than \" ' \\ n r t $\n"
		"FILE:1: a quote that is never closed");
	refuses("", "workers = 3\n/* x\n", "FILE:2: a comment that is never closed");
	refuses("", "networks = {\na,\n", "FILE:1: a { that is never closed");
}

Test(conf_file, what_would_be_dropped_silently_is_refused)
{
	refuses("", "listen = *:2100", "FILE:1: * has to stand inside quotes");
	refuses("", "workers = +5", "FILE:1: + has to stand inside quotes");
	refuses("", "color = \"\\x41\"",
		"FILE:1: a backslash before something other than \" ' \\ n r t $");
	refuses("", "networks += { a }\n", "FILE:1: + has to stand inside quotes");
	refuses("", "color = red\n\"workers\" = 3",
		"FILE:2: a key is missing before what is quoted");
}

Test(conf_file, a_file_that_cannot_be_read_says_why)
{
	refuses("-c /nowhere/x.conf", NULL, "/nowhere/x.conf: No such file or directory");
	cr_expect_null(command.loaded);
	refuses("-c /tmp", NULL, "/tmp: Is a directory");
	accepts("", "");
	cr_assert_eq(truncate(path, 100), 0);
	cr_expect_eq(load("-c /dev/null", NULL), 0);
	cr_expect_eq(load("-c /dev/zero", NULL), -1);
	cr_expect_str_eq(errors, "/dev/zero: File too large\n");
}

Test(conf_file, a_file_with_a_nul_byte_is_refused)
{
	char expected[128], text[80];

	accepts("", "workers = 3");
	cr_assert_eq(truncate(path, 100), 0);
	(void)snprintf(text, sizeof text, "-c %s", path);
	cr_expect_eq(load(text, NULL), -1);
	(void)snprintf(expected, sizeof expected, "%s: not a text: it holds a NUL byte\n", path);
	cr_expect_str_eq(errors, expected);
}

Test(conf_file, a_file_without_permission_is_refused)
{
	char words[80], expected[128];
	uid_t uid = geteuid();

	if (uid == 0) /* who may read all */
		cr_assert_eq(seteuid(65534), 0);
	accepts("", "");
	cr_assert_eq(chmod(path, 0), 0);
	(void)snprintf(words, sizeof words, "-c %s", path);
	(void)snprintf(expected, sizeof expected, "%s: Permission denied", path);
	refuses(words, NULL, expected);
	cr_assert_eq(seteuid(uid), 0);
	cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* for the leak check at the end */
}
