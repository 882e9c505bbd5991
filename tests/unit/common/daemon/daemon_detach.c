/* daemon_detach.c - leaving the terminal, and where the log goes meanwhile. */
#include "daemon_fixture.h"

#include <signal.h>

TestSuite(daemon_detach, .init = begin, .fini = end, .timeout = 30);

/* ---- detaching ---- */

/* A byte on each: from the daemon under test to the test and back. */
static int report[2], go[2];

static void
tell(char c)
{
	if (write(report[1], &c, 1) != 1)
		_exit(98);
}

/* '-' when there is no byte and nobody left to write one. */
static char
hear(int fd)
{
	char c;

	return read(fd, &c, 1) == 1 ? c : '-';
}

static void
stop_writing(int fd[2])
{
	(void)close(fd[1]);
	fd[1] = -1;
}

/* A process that detaches; `serve` runs in what it leaves behind.  The pid of its parent. */
static pid_t
start(void (*serve)(void))
{
	pid_t pid;

	cr_assert_eq(pipe2(report, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(go, O_CLOEXEC), 0);
	conf.daemon = true;
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		stop_writing(go);
		stderr_to_file();
		if (daemon_detach(&conf) < 0)
			_exit(97);
		serve();
		_exit(0);
	}
	stop_writing(report);
	return pid;
}

static bool
still_runs(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void
look_around(void)
{
	char cwd[64] = "";

	tell(getsid(0) == getpid() ? 's' : '-');
	tell(getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, "/") == 0 ? '/' : '-');
	tell(umask(0) == 022 ? 'u' : '-');
	(void)hear(go[0]);
}

Test(daemon_detach, a_detached_one_has_a_session_a_root_and_a_umask_of_its_own)
{
	pid_t pid;

	(void)umask(077);
	pid = start(look_around);
	cr_expect_eq(hear(report[0]), 's');
	cr_expect_eq(hear(report[0]), '/');
	cr_expect_eq(hear(report[0]), 'u');
	stop_writing(go);
	cr_expect_eq(status_of(pid), 1);
}

static bool
is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev &&
	       S_ISCHR(st.st_mode);
}

static void
serve_when_told(void)
{
	tell(is_null(STDERR_FILENO) ? '-' : 'a');
	if (hear(go[0]) != 'g')
		_exit(1);
	daemon_ready();
	tell(is_null(0) && is_null(1) && is_null(2) ? 'n' : '-');
	daemon_ready();
	(void)hear(go[0]);
	tell('e');
}

Test(daemon_detach, the_parent_stays_until_it_serves)
{
	pid_t pid = start(serve_when_told);

	cr_expect_eq(hear(report[0]), 'a');
	cr_expect(still_runs(pid));
	cr_assert_eq(write(go[1], "g", 1), 1);
	cr_expect_eq(status_of(pid), 0);
	cr_expect_eq(hear(report[0]), 'n');
	stop_writing(go);
	cr_expect_eq(hear(report[0]), 'e', "it serves on without its parent");
}

static void
fail(void)
{
	_exit(7);
}

static void
crash(void)
{
	(void)signal(SIGTERM, SIG_DFL);
	(void)raise(SIGTERM);
}

Test(daemon_detach, the_parent_fails_when_it_ends_before_it_serves)
{
	cr_expect_eq(status_of(start(fail)), 7, "its own status");
	cr_expect_eq(status_of(start(crash)), 1);
}

/* The worker outlives it, and ends when the test lets go. */
static void
leave_a_worker(void)
{
	if (fork() > 0)
		return;
	daemon_after_fork();
	tell('w');
	(void)hear(go[0]);
	tell('e');
}

Test(daemon_detach, a_worker_does_not_keep_the_parent_waiting)
{
	pid_t pid = start(leave_a_worker);

	cr_expect_eq(hear(report[0]), 'w');
	cr_expect_eq(status_of(pid), 1);
	stop_writing(go);
	cr_expect_eq(hear(report[0]), 'e');
}

Test(daemon_detach, in_front_nothing_happens)
{
	pid_t pid = fork();

	if (pid == 0) {
		pid = getpid();
		stderr_to_file();
		if (daemon_detach(&conf) < 0 || getpid() != pid || getsid(0) == pid)
			_exit(1);
		daemon_ready();
		_exit(is_null(STDERR_FILENO) ? 2 : 0);
	}
	cr_expect_eq(status_of(pid), 0);
}

Test(daemon_detach, closed_stdio_is_filled)
{
	pid_t pid = fork();

	if (pid == 0) {
		int before, after;

		for (int fd = 0; fd <= 2; fd++)
			(void)close(fd);
		if (daemon_detach(&conf) < 0)
			_exit(97);
		before = is_null(0) && is_null(1) && is_null(2);
		after = open("/dev/null", O_RDONLY);
		_exit(before && after > 2 ? 0 : 1);
	}
	cr_expect_eq(status_of(pid), 0);
}

/* ---- log ---- */

static void
log_and_serve(void)
{
	if (daemon_log(&conf, "program") < 0)
		_exit(96);
	log_event(LOG_INFO, "just so", NULL);
	log_event(LOG_WARN, "before", NULL);
	daemon_ready();
	log_event(LOG_WARN, "after", NULL);
	tell('d');
}

Test(daemon_detach, warnings_go_to_stderr_too_until_it_serves)
{
	set_in_dir(&conf.log, "log");
	cr_expect_eq(status_of(start(log_and_serve)), 0);
	cr_expect_eq(hear(report[0]), 'd');
	cr_expect_not_null(strstr(content("log"), "just so"));
	cr_expect_not_null(strstr(content("log"), "before"));
	cr_expect_not_null(strstr(content("log"), "after"));
	cr_expect_null(strstr(content("stderr"), "just so"));
	cr_expect_not_null(strstr(content("stderr"), "before"));
	cr_expect_null(strstr(content("stderr"), "after"));
}

Test(daemon_detach, a_log_that_cannot_be_opened_is_told)
{
	pid_t pid = fork();

	set_in_dir(&conf.log, "no/such/log");
	if (pid == 0) {
		stderr_to_file();
		_exit(daemon_log(&conf, "program") == -1 ? 0 : 1);
	}
	cr_expect_eq(status_of(pid), 0);
	cr_expect_not_null(strstr(content("stderr"), "cannot open the log"));
	cr_expect_not_null(strstr(content("stderr"), "no/such/log"));
}

Test(daemon_detach, the_log_is_as_the_settings_say)
{
	set_in_dir(&conf.log, "log");
	conf.log_format = 1;
	conf.log_level = LOG_WARN;
	cr_assert_eq(daemon_log(&conf, "program"), 0);
	cr_expect_not(log_narrates(), "standard output is no terminal");
	cr_expect_not(log_wants(LOG_INFO));
	log_event(LOG_WARN, "in json", NULL);
	cr_expect_eq(content("log")[0], '{');
	conf.narrate = 2;
	cr_assert_eq(daemon_log(&conf, "program"), 0);
	cr_expect_not(log_narrates());
	conf.narrate = 0;
	conf.daemon = true;
	cr_assert_eq(daemon_log(&conf, "program"), 0);
	cr_expect_not(log_narrates());
	conf.narrate = 1;
	cr_assert_eq(daemon_log(&conf, "program"), 0);
	cr_expect(log_narrates());
}
