/* cmdline: how a process was started, as it holds from any folder. */
#include "cmdline.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cmdline c;
static char here[4096], program[] = "ls", slash_c[] = "-c", file[] = "a.conf";

static void
open_command(void)
{
	cr_assert_not_null(getcwd(here, sizeof here));
}

static void
close_command(void)
{
	cmdline_release(&c);
	cr_assert_null(c.argv);
}

TestSuite(command, .init = open_command, .fini = close_command);

static void
remember(int argc, char *argv[], const char *named)
{
	struct conf_command parsed = {.file = named};

	cr_assert_eq(cmdline_remember(&c, argc, argv, &parsed), 0);
	cr_assert_eq(c.argc, argc);
	cr_assert_null(c.argv[argc]);
}

Test(command, the_file_named_becomes_absolute_and_the_rest_stays)
{
	char wanted[sizeof here + 16];
	char *argv[] = {program, slash_c, file, slash_c, NULL};

	(void)snprintf(wanted, sizeof wanted, "%s/a.conf", here);
	remember(4, argv, file);
	cr_assert_str_eq(c.argv[0], "ls");
	cr_assert_str_eq(c.argv[2], wanted);
	cr_assert_str_eq(c.argv[3], "-c");
}

Test(command, also_behind_its_option_in_one_argument)
{
	char joined[] = "--config=b/c.conf", wanted[sizeof here + 32];
	char *argv[] = {program, joined, NULL};

	(void)snprintf(wanted, sizeof wanted, "--config=%s/b/c.conf", here);
	remember(2, argv, joined + strlen("--config="));
	cr_assert_str_eq(c.argv[1], wanted);
}

Test(command, an_absolute_file_and_none_stay_as_they_are)
{
	char absolute[] = "/etc/x.conf";
	char *argv[] = {program, slash_c, absolute, NULL};

	remember(3, argv, absolute);
	cr_assert_str_eq(c.argv[2], "/etc/x.conf");
	cmdline_release(&c);
	remember(3, argv, NULL);
	cr_assert_str_eq(c.argv[2], "/etc/x.conf");
}

Test(command, the_binary_is_found_as_the_shell_finds_it)
{
	char relative[] = "./true", *argv[] = {program, NULL}, *other[] = {relative, NULL};

	cr_assert_eq(setenv("PATH", "/nowhere:/usr/bin", 1), 0);
	remember(1, argv, NULL);
	cr_assert_str_eq(c.binary, "/usr/bin/ls");
	cmdline_release(&c);
	cr_assert_eq(chdir("/usr/bin"), 0);
	remember(1, other, NULL);
	cr_assert_str_eq(c.binary, "/usr/bin/./true");
}

Test(command, one_that_is_not_found_is_the_one_that_runs)
{
	char odd[] = "no-such-program", *argv[] = {odd, NULL};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	cr_assert_gt(n, 0);
	self[n] = '\0';
	remember(1, argv, NULL);
	cr_assert_str_eq(c.binary, self);
}

Test(command, a_folder_of_the_path_that_is_too_long_or_empty_is_as_for_the_shell)
{
	static char path[8192];
	char name[] = "true", *argv[] = {name, NULL}, *listed[] = {program, NULL};

	memset(path, 'x', 5000);
	path[0] = '/';
	(void)strcpy(path + 5000, ":/usr/bin");
	cr_assert_eq(setenv("PATH", path, 1), 0);
	remember(1, argv, NULL);
	cr_assert_str_eq(c.binary, "/usr/bin/true");
	cmdline_release(&c);
	cr_assert_eq(chdir("/usr/bin"), 0);
	cr_assert_eq(setenv("PATH", "/nowhere::/bin", 1), 0);
	remember(1, listed, NULL);
	cr_assert_str_eq(c.binary, "/usr/bin/./ls");
}

/* Nothing is absolute from a folder that is gone. */
Test(command, from_a_folder_that_is_gone_a_relative_file_is_an_error)
{
	char folder[] = "/tmp/pp-command-XXXXXX", absolute[] = "/etc/x.conf";
	char *argv[] = {program, slash_c, file, NULL}, *fine[] = {program, slash_c, absolute, NULL};
	struct conf_command parsed = {.file = file};

	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	cr_assert_eq(rmdir(folder), 0);
	cr_assert_eq(cmdline_remember(&c, 3, argv, &parsed), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_null(c.argv, "nothing is kept");
	cr_assert_null(c.binary);
	cr_assert_eq(setenv("PATH", "/usr/bin", 1), 0);
	remember(3, fine, absolute);
	cr_assert_str_eq(c.binary, "/usr/bin/ls");
}

Test(command, a_file_that_was_read_unnamed_is_named)
{
	const struct conf_command parsed = {.loaded = "/etc/policypool/proxy.conf"};
	char *argv[] = {program, (char[]){"-d"}, NULL};

	cr_assert_eq(cmdline_remember(&c, 2, argv, &parsed), 0);
	cr_assert_eq(c.argc, 4);
	cr_assert_str_eq(c.argv[1], "-c");
	cr_assert_str_eq(c.argv[2], "/etc/policypool/proxy.conf");
	cr_assert_str_eq(c.argv[3], "-d");
	cr_assert_null(c.argv[4]);
}
