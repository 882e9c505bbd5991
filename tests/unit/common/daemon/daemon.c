/* daemon.c - settings, runtime directory and pidfile: with real children and a folder of their own.
 */
#include "daemon_fixture.h"

#include <errno.h>
#include <sched.h>

#include "sched_policy.h"

enum { NOBODY = 65534 };

TestSuite(daemon, .init = begin, .fini = end, .timeout = 30);

static bool
exists(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* ---- settings ---- */

Test(daemon, settings_have_their_defaults)
{
	cr_assert_eq(load(NULL, NULL), 0);
	cr_expect_not(conf.daemon);
	cr_expect_str_empty(conf.pidfile);
	cr_expect_str_empty(conf.runtime_dir);
	cr_expect_str_empty(conf.control);
	cr_expect_eq(conf.control_mode, 0666);
	cr_expect_str_empty(conf.log);
	cr_expect_eq(conf.log_level, LOG_INFO);
	cr_expect_eq(conf.log_format, 0);
	cr_expect_eq(conf.narrate, 0);
	cr_expect_eq(conf.workers, 0);
	cr_expect_eq(conf.worker_connections, 16384);
	cr_expect_eq(conf.stop_timeout, 10000);
	cr_expect_eq(conf.scheduling, SCHED_POLICY_AUTO);
	cr_expect_eq(conf.busy_poll, 20);
	cr_expect_eq(conf.backlog, 1024);
	cr_expect_eq(conf.max_message, 1 << 20);
	cr_expect_not(conf.strict_payloadsize);
	cr_expect_eq(conf.idle_timeout, 600000);
}

Test(daemon, settings_have_bounds)
{
	static const char *const fine[][2] = {
		{"--workers", "512"},
		{"--worker-connections", "1"},
		{"--worker-connections", "1000000"},
		{"--stop-timeout", "0"},
		{"--stop-timeout", "1h"},
		{"--scheduling", "auto"},
		{"--scheduling", "inherit"},
		{"--scheduling", "batch"},
		{"--busy-poll", "0"},
		{"--busy-poll", "1000"},
		{"--backlog", "1"},
		{"--backlog", "65535"},
		{"--max-message", "1K"},
		{"--max-message", "256M"},
		{"--idle-timeout", "0"},
		{"--idle-timeout", "7d"},
		{"--control-mode", "0777"},
		{"--log-level", "debug"},
		{"--log-format", "json"},
		{"--narrate", "no"},
		{"--control", "none"},
		{"--log", "syslog"},
		{"--log", "/x"},
		{"--pidfile", ""},
	};
	static const char *const wrong[][2] = {
		{"--workers", "513"},
		{"--worker-connections", "0"},
		{"--worker-connections", "1000001"},
		{"--stop-timeout", "3601"},
		{"--scheduling", "fifo"},
		{"--busy-poll", "1001"},
		{"--busy-poll", "20us"},
		{"--backlog", "0"},
		{"--backlog", "65536"},
		{"--max-message", "1023"},
		{"--max-message", "257M"},
		{"--idle-timeout", "8d"},
		{"--control-mode", "1000"},
	};

	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		cr_expect_eq(load(fine[i][0], fine[i][1]), 0, "%s %s", fine[i][0], fine[i][1]);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_eq(load(wrong[i][0], wrong[i][1]), -1, "%s %s", wrong[i][0], wrong[i][1]);
}

Test(daemon, paths_are_absolute)
{
	cr_expect_eq(load("--pidfile", "x.pid"), -1);
	cr_expect_eq(load("--runtime-dir", "run"), -1);
	cr_expect_eq(load("--control", "x.sock"), -1);
	cr_expect_eq(load("--log", "x.log"), -1);
	cr_expect_eq(load("--pidfile", "/x.pid"), 0);
}

Test(daemon, workers_are_as_many_as_asked_or_as_cpus)
{
	cpu_set_t all, one;

	conf.workers = 3;
	cr_expect_eq(daemon_workers(&conf), 3);
	conf.workers = 0;
	cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
	cr_expect_eq(daemon_workers(&conf), (unsigned)CPU_COUNT(&all));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	cr_expect_eq(daemon_workers(&conf), 1);
}

/* ---- runtime directory ---- */

static void
expect_runtime_dir(const char *configured, const char *expected)
{
	char *got = daemon_runtime_dir(configured);

	cr_expect_str_eq(got, expected);
	free(got);
}

Test(daemon, the_runtime_directory_is_the_configured_one_or_the_users)
{
	char own[64];
	uid_t uid = geteuid();

	expect_runtime_dir("/x/y", "/x/y");
	if (uid == 0) {
		expect_runtime_dir(NULL, "/run/policypool");
		expect_runtime_dir("", "/run/policypool");
		cr_assert_eq(seteuid(NOBODY), 0);
	}
	cr_assert_eq(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
	expect_runtime_dir("", "/run/user/7/policypool");
	(void)snprintf(own, sizeof own, "/tmp/policypool-%u", (unsigned)geteuid());
	cr_assert_eq(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	expect_runtime_dir("", own);
	cr_assert_eq(unsetenv("XDG_RUNTIME_DIR"), 0);
	expect_runtime_dir(NULL, own);
	cr_assert_eq(seteuid(uid), 0);
}

/* The control path that the runtime directory gives is DIR/name, or none with this errno. */
static void
expect_control(const char *name, int error)
{
	char expected[128];
	char *path;

	errno = 0;
	path = daemon_control_path(&conf, "x");
	if (error == 0) {
		(void)snprintf(expected, sizeof expected, "%s/%s", dir, name);
		cr_assert_not_null(path);
		cr_expect_str_eq(path, expected);
	} else {
		cr_expect_null(path);
		cr_expect_eq(errno, error, "%s", strerror(errno));
	}
	free(path);
}

Test(daemon, the_control_path_is_what_was_asked_for)
{
	char *path;

	set(&conf.control, "/somewhere/x");
	path = daemon_control_path(&conf, "x");
	cr_expect_str_eq(path, "/somewhere/x");
	free(path);
	cr_expect_not(exists("run"));
	set(&conf.control, "none");
	errno = ENOMEM;
	cr_expect_null(daemon_control_path(&conf, "x"));
	cr_expect_eq(errno, 0);
}

Test(daemon, the_runtime_directory_is_made_with_one_parent)
{
	struct stat st;

	(void)umask(0);
	expect_control("run/x.sock", 0);
	cr_assert_eq(stat(conf.runtime_dir, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0755);
	expect_control("run/x.sock", 0);
	set_in_dir(&conf.runtime_dir, "a/b");
	expect_control("a/b/x.sock", 0);
	set_in_dir(&conf.runtime_dir, "c/d/e");
	expect_control("", ENOENT);
}

Test(daemon, a_runtime_directory_that_is_none_is_refused)
{
	set_in_dir(&conf.pidfile, "file");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	set_in_dir(&conf.runtime_dir, "file");
	expect_control("", ENOTDIR);
	set_in_dir(&conf.runtime_dir, "link");
	cr_assert_eq(symlink("/run", conf.runtime_dir), 0);
	expect_control("", ENOTDIR);
}

Test(daemon, a_runtime_directory_of_somebody_else_is_refused)
{
	if (geteuid() != 0)
		cr_skip("only root can give a folder away");
	expect_control("run/x.sock", 0);
	cr_assert_eq(chown(conf.runtime_dir, NOBODY, NOBODY), 0);
	expect_control("", EPERM);
	conf.daemon = true;
	cr_expect_eq(daemon_pidfile(&conf, "x"), -1);
}

/* ---- pidfile ---- */

static void
expect_pid_in(const char *name)
{
	char expected[16], path[128];
	struct stat st;

	(void)snprintf(expected, sizeof expected, "%d\n", (int)getpid());
	cr_expect_str_eq(content(name), expected);
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq((size_t)st.st_size, strlen(expected));
}

Test(daemon, in_front_there_is_a_pidfile_only_when_asked_for)
{
	cr_expect_eq(daemon_pidfile(&conf, "x"), 0);
	cr_expect_not(exists("run"));
	set_in_dir(&conf.pidfile, "p");
	cr_expect_eq(daemon_pidfile(&conf, "x"), 0);
	expect_pid_in("p");
	daemon_end();
	cr_expect_not(exists("p"));
	daemon_end();
}

Test(daemon, a_detached_one_has_its_pidfile_in_the_runtime_directory)
{
	conf.daemon = true;
	cr_expect_eq(daemon_pidfile(&conf, "x"), 0);
	expect_pid_in("run/x.pid");
}

Test(daemon, the_pidfile_of_a_dead_process_is_taken_over)
{
	pid_t pid = fork();

	set_in_dir(&conf.pidfile, "p");
	if (pid == 0)
		_exit(daemon_pidfile(&conf, "x") == 0 ? 0 : 1);
	cr_assert_eq(status_of(pid), 0);
	cr_assert(exists("p"));
	cr_assert_eq(truncate(conf.pidfile, 100), 0);
	cr_expect_eq(daemon_pidfile(&conf, "x"), 0);
	expect_pid_in("p");
}

Test(daemon, a_second_one_is_told_who_runs_already)
{
	char expected[32];
	pid_t pid;

	set_in_dir(&conf.pidfile, "p");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	pid = fork();
	if (pid == 0) {
		stderr_to_file();
		_exit(daemon_pidfile(&conf, "x") == -1 ? 0 : 1);
	}
	cr_expect_eq(status_of(pid), 0);
	(void)snprintf(expected, sizeof expected, "by_pid=%d", (int)getpid());
	cr_expect_not_null(strstr(content("stderr"), "already running"));
	cr_expect_not_null(strstr(content("stderr"), expected));
	expect_pid_in("p");
}

Test(daemon, a_pidfile_that_lost_its_name_locks_nobody_out)
{
	pid_t pid;

	set_in_dir(&conf.pidfile, "p");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	cr_assert_eq(unlink(conf.pidfile), 0);
	pid = fork();
	if (pid == 0) {
		daemon_after_fork();
		_exit(daemon_pidfile(&conf, "x") == 0 ? 0 : 1);
	}
	cr_expect_eq(status_of(pid), 0);
}

Test(daemon, a_pidfile_is_not_written_through_a_link)
{
	char victim[64];
	FILE *f;

	(void)snprintf(victim, sizeof victim, "%s/victim", dir);
	f = fopen(victim, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fclose(f), 0);
	set_in_dir(&conf.pidfile, "p");
	cr_assert_eq(symlink(victim, conf.pidfile), 0);
	cr_expect_eq(daemon_pidfile(&conf, "x"), -1);
	cr_expect_str_empty(content("victim"));
	set_in_dir(&conf.pidfile, "no/such/folder/p");
	cr_expect_eq(daemon_pidfile(&conf, "x"), -1);
}

Test(daemon, a_worker_leaves_the_pidfile_and_its_lock_alone)
{
	pid_t pid;

	set_in_dir(&conf.pidfile, "p");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	pid = fork();
	if (pid == 0) {
		daemon_after_fork();
		daemon_end();
		_exit(daemon_pidfile(&conf, "x") == -1 ? 0 : 1);
	}
	cr_expect_eq(status_of(pid), 0);
	expect_pid_in("p");
	pid = fork();
	if (pid == 0) {
		daemon_end();
		_exit(0);
	}
	cr_expect_eq(status_of(pid), 0);
	expect_pid_in("p");
}
