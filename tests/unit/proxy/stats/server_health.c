/* server_health: the word that workers read when they pick. */
#include "server_health.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

static struct verdicts *v;

static void
open_verdicts(void)
{
	v = verdicts_new(4);
	cr_assert_not_null(v);
}

static void
close_verdicts(void)
{
	verdicts_free(v);
}

TestSuite(verdict, .init = open_verdicts, .fini = close_verdicts);

Test(verdict, nobody_is_bad_before_anything_is_known)
{
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(server_health_kind(v, i), SERVER_HEALTH_OPEN);
		cr_assert_eq(server_health_share(v, i, 1000, 500), SERVER_HEALTH_FULL);
	}
}

Test(verdict, a_ramp_grows_evenly_from_a_little_to_all)
{
	unsigned before = 0;

	server_health_set(v, 1, SERVER_HEALTH_RAMP, 1000);
	cr_assert_eq(server_health_share(v, 1, 900, 1000), SERVER_HEALTH_LEAST,
		     "a clock that is a little off");
	cr_assert_eq(server_health_share(v, 1, 1000, 1000), SERVER_HEALTH_LEAST);
	cr_assert_eq(server_health_share(v, 1, 1500, 1000), SERVER_HEALTH_FULL / 2);
	cr_assert_eq(server_health_share(v, 1, 2000, 1000), SERVER_HEALTH_FULL);
	cr_assert_eq(server_health_share(v, 1, 1000, 0), SERVER_HEALTH_FULL);
	for (uint64_t now = 1000; now < 2100; now++) {
		unsigned share = server_health_share(v, 1, now, 1000);
		cr_assert(before <= share && share <= SERVER_HEALTH_FULL);
		before = share;
	}
	cr_assert_eq(server_health_share(v, 0, 1500, 1000), SERVER_HEALTH_FULL, "its neighbour");
}

Test(verdict, who_is_shut_has_no_share)
{
	server_health_set(v, 2, SERVER_HEALTH_SHUT, 77);
	cr_assert_eq(server_health_kind(v, 2), SERVER_HEALTH_SHUT);
	cr_assert_eq(server_health_share(v, 2, 1u << 30, 1), 0);
	server_health_set(v, 2, SERVER_HEALTH_OPEN, 77);
	cr_assert_eq(server_health_share(v, 2, 77, 1000), SERVER_HEALTH_FULL);
}

Test(verdict, a_change_is_counted_and_none_is_not)
{
	uint64_t before = server_health_changes(v), word = server_health_word(v, 1);

	server_health_set(v, 1, SERVER_HEALTH_OPEN, 77);
	cr_assert_eq(server_health_changes(v), before);
	server_health_set(v, 1, SERVER_HEALTH_RAMP, 77);
	cr_assert_neq(server_health_changes(v), before);
	cr_assert_neq(server_health_word(v, 1), word);
	before = server_health_changes(v);
	server_health_set(v, 1, SERVER_HEALTH_RAMP, 78);
	cr_assert_neq(server_health_changes(v), before, "a ramp begins anew");
}

Test(verdict, children_see_what_is_set_later)
{
	int fd[2], status;
	char word;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		(void)!read(fd[0], &word, 1);
		_exit(server_health_kind(v, 3) == SERVER_HEALTH_SHUT ? 0 : 1);
	}
	server_health_set(v, 3, SERVER_HEALTH_SHUT, 0);
	cr_assert_eq(write(fd[1], "x", 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}
