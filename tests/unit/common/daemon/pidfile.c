/* pidfile: there is one a process, locked while it is held, here or in a successor. */
#include "pidfile.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "log_fixture.h"
#include "takeover.h"

static char dir[] = "/tmp/pidfile-XXXXXX", path[64];

static void
begin(void)
{
	log_to_memory();
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/p", dir);
}

static void
end(void)
{
	pidfile_end();
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(pidfile, .init = begin, .fini = end, .timeout = 20);

static int
open_it(void)
{
	return pidfile_open(strdup(path));
}

/* 0: there is none, or nothing in it. */
static long
pid_there(void)
{
	char text[32] = "";
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return 0;
	if (fgets(text, sizeof text, f) == NULL)
		text[0] = '\0';
	(void)fclose(f);
	return strtol(text, NULL, 10);
}

/* In a child that opens it as another daemon does, and goes without removing it. */
static bool
another_may_have_it(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pidfile_forget();
		_exit(open_it() == 0 ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

Test(pidfile, one_that_cannot_be_written_is_not_left_behind_empty)
{
	const struct rlimit full = {0, 0};

	cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &full), 0); /* as a disk that is full */
	cr_assert_eq(open_it(), -1);
	cr_assert_eq(access(path, F_OK), -1);
}

Test(pidfile, it_tells_the_pid_while_it_is_held_and_is_removed_at_the_end)
{
	const char *held;

	cr_assert_eq(open_it(), 0);
	cr_expect_eq(pid_there(), getpid());
	cr_expect_geq(pidfile_held(&held), 0);
	cr_expect_str_eq(held, path);
	cr_expect_null(pidfile_missing());
	cr_expect_not(another_may_have_it());
	expect_logged("already running");
	pidfile_end();
	cr_expect_eq(access(path, F_OK), -1);
	cr_expect_eq(pidfile_held(&held), -1);
}

Test(pidfile, without_one_there_is_none_to_miss_and_to_remove)
{
	cr_expect_null(pidfile_missing());
	pidfile_take_over();
	pidfile_forget();
	pidfile_end();
}

Test(pidfile, one_that_was_removed_is_missed_and_put_back)
{
	cr_assert_eq(open_it(), 0);
	cr_assert_eq(unlink(path), 0);
	cr_expect_str_eq(pidfile_missing(), path);
	pidfile_restore();
	expect_logged("had been removed: put back");
	cr_expect_null(pidfile_missing());
	cr_expect_eq(pid_there(), getpid());
	cr_expect_not(another_may_have_it());
}

Test(pidfile, one_that_another_daemon_has_by_now_is_missed_and_left_to_it)
{
	cr_assert_eq(open_it(), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert(another_may_have_it());
	cr_expect_str_eq(pidfile_missing(), path);
	pidfile_end();
	cr_expect(pid_there() != 0 && pid_there() != getpid(), "the other daemon's is gone");
}

Test(pidfile, a_folder_that_is_gone_is_told_when_it_is_to_be_put_back)
{
	cr_assert_eq(open_it(), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0);
	pidfile_restore();
	expect_logged("cannot open the pidfile");
	cr_assert_eq(mkdir(dir, 0700), 0);
	pidfile_restore();
	cr_expect_eq(pid_there(), getpid());
}

Test(pidfile, a_successors_is_not_removed_here_and_stays_locked_by_it)
{
	const char *held;
	int lock;

	cr_assert_eq(open_it(), 0);
	lock = dup(pidfile_held(&held));
	pidfile_hand_over();
	cr_expect_null(pidfile_missing());
	pidfile_end();
	cr_expect_eq(access(path, F_OK), 0);
	cr_expect_not(another_may_have_it(), "the successor has it");
	(void)close(lock);
	cr_expect(another_may_have_it());
}

Test(pidfile, one_that_is_handed_over_is_written_when_the_predecessor_has_let_go)
{
	char text[256];
	int line[2], fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_eq(write(fd, "12345\n", 6), 6);
	cr_assert_eq(channel_pair(line), 0);
	(void)snprintf(text, sizeof text, "1\nchannel %d x\npidfile %d %s\n", line[1], fd, path);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	cr_assert_eq(takeover_open(), 0);
	cr_assert_eq(open_it(), 0);
	cr_expect_eq(pid_there(), 12345, "the predecessor is in charge");
	cr_expect_null(pidfile_missing());
	pidfile_take_over();
	cr_expect_eq(pid_there(), getpid());
	pidfile_take_over();
	pidfile_end();
	cr_expect_eq(access(path, F_OK), -1);
	takeover_close();
}

Test(pidfile, one_that_is_handed_over_and_never_let_go_stays_the_predecessors)
{
	char text[256];
	int line[2], fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	cr_assert_eq(channel_pair(line), 0);
	(void)snprintf(text, sizeof text, "1\nchannel %d x\npidfile %d %s\n", line[1], fd, path);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	cr_assert_eq(takeover_open(), 0);
	cr_assert_eq(open_it(), 0);
	pidfile_end();
	cr_expect_eq(access(path, F_OK), 0);
	takeover_close();
}

Test(pidfile, a_process_that_forgets_it_touches_neither_file_nor_lock)
{
	int status;
	pid_t pid;

	cr_assert_eq(open_it(), 0);
	pid = fork();
	if (pid == 0) {
		pidfile_forget();
		pidfile_end();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(pid_there(), getpid());
	cr_expect_not(another_may_have_it());
}
