/* takeover_env: what a successor is executed with; here it is a shell that tells. */
#include "takeover_env.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_fixture.h"

static struct takeover_env b;
static struct double_fork its;
static int line[2]; /* a pipe: its stderr */
static char told[4096];

static void
open_bequest(void)
{
	log_to_memory();
	cr_assert_eq(pipe2(line, O_CLOEXEC), 0);
	its = (struct double_fork){.orders = -1, .process = -1};
}

static void
close_bequest(void)
{
	takeover_env_drop(&b);
	cr_assert_eq(b.n, 0);
	double_fork_end(&its);
}

TestSuite(bequest, .init = open_bequest, .fini = close_bequest, .timeout = 30);

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
a_file(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

/* Executes it to its end: its exit status, and what it told on stderr in `told`. */
static int
execute(const char *path, const char *script)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL},
	     *binary = strdup(path);
	const struct cmdline c = {.argc = 3, .argv = argv, .binary = binary};
	ssize_t n, got = 0;
	int status;

	takeover_env_add(&b, TAKEOVER_ERRORS, line[1], "-", true);
	cr_assert_eq(takeover_env_execute(&b, &c, &its), 0);
	takeover_env_close(&b);
	while ((n = read(line[0], told + got, sizeof told - 1 - (size_t)got)) > 0)
		got += n;
	told[got] = '\0';
	cr_assert_eq(waitpid(its.intermediate, &status, 0), its.intermediate);
	free(argv[2]);
	free(binary);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(bequest, the_successor_is_told_of_every_item_by_kind_descriptor_and_subject)
{
	char wanted[256];
	int a = a_file(), c = a_file();

	takeover_env_add(&b, TAKEOVER_LISTEN, a, "127.0.0.1:80", false);
	takeover_env_add(&b, TAKEOVER_PIDFILE, c, "/run/my own.pid", true);
	cr_expect_eq(execute("/bin/sh", "printf %s \"$POLICYPOOL_HANDOVER\" >&2; exit 3"), 3);
	(void)snprintf(wanted, sizeof wanted,
		       "1\nlisten %d 127.0.0.1:80\npidfile %d /run/my own.pid\nerrors %d -\n", a, c,
		       line[1]);
	cr_expect_str_eq(told, wanted);
}

Test(bequest, the_successor_has_what_it_is_given_and_this_process_keeps_what_is_lent)
{
	char script[128];
	int lent = a_file(), given = a_file(), other = a_file();

	takeover_env_add(&b, TAKEOVER_LISTEN, lent, "x", false);
	takeover_env_add(&b, TAKEOVER_REGISTRY, given, "-", true);
	(void)snprintf(script, sizeof script,
		       "for i in %d %d %d; do test -e /proc/self/fd/$i && echo $i >&2; done", lent,
		       given, other);
	(void)execute("/bin/sh", script);
	(void)snprintf(script, sizeof script, "%d\n%d\n", lent, given);
	cr_expect_str_eq(told, script);
	cr_expect(is_open(lent) && !is_open(given) && is_open(other));
	cr_expect_eq(fcntl(lent, F_GETFD), FD_CLOEXEC, "no worker shall have it by an exec");
}

Test(bequest, a_binary_that_cannot_be_executed_is_named_with_the_reason)
{
	cr_expect_eq(execute("/no/such/binary", ""), 127);
	cr_expect_str_eq(told, "/no/such/binary: No such file or directory\n");
}

/* The fifth field of its line in /proc is the process group. */
static const char group[] = "read -r a b c d e f </proc/$$/stat; test $a = $e";

Test(bequest, below_a_process_that_stays_it_is_a_group_of_its_own)
{
	(void)setsid(); /* no terminal */
	takeover_env_add(&b, TAKEOVER_PARENT, a_file(), "1", true);
	cr_expect_eq(execute("/bin/sh", group), 0);
}

Test(bequest, otherwise_it_stays_in_the_group)
{
	(void)setsid();
	cr_expect_eq(execute("/bin/sh", group), 1);
}

Test(bequest, what_is_too_much_is_closed_where_it_is_this_ones_and_said)
{
	int lent, mine;

	for (int i = 0; i < TAKEOVER_MOST; i++)
		takeover_env_add(&b, TAKEOVER_LISTEN, a_file(), "x", true);
	expect_not_logged("cannot pass it on");
	lent = a_file();
	mine = a_file();
	takeover_env_add(&b, TAKEOVER_CONTROL, lent, "x", false);
	cr_expect_eq(lines_with("cannot pass it on"), 1);
	takeover_env_add(&b, TAKEOVER_JOURNAL, mine, "x", true);
	cr_expect_eq(lines_with("cannot pass it on"), 2);
	expect_logged("kind=journal");
	cr_expect(is_open(lent) && !is_open(mine));
	cr_expect_eq(b.n, TAKEOVER_MOST);
}

Test(bequest, what_is_given_is_closed_once)
{
	int lent = a_file(), mine = a_file(), again;

	takeover_env_add(&b, TAKEOVER_LISTEN, lent, "x", false);
	takeover_env_add(&b, TAKEOVER_REGISTRY, mine, "x", true);
	takeover_env_close(&b);
	cr_expect(is_open(lent) && !is_open(mine));
	again = a_file();
	cr_assert_eq(again, mine, "the number is another file's by now");
	takeover_env_drop(&b);
	cr_expect(is_open(again));
	cr_expect_eq(b.n, 0);
}
