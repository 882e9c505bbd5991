/* daemon.c - detaching, pidfile, runtime directory: with real children and folders of their own. */
#include "daemon.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static struct daemon_conf conf;
static const struct conf_table table = {daemon_keys, 16, &conf};
static char dir[] = "/tmp/daemon-XXXXXX";

/* ---- helpers ---- */

static int
load(const char *option, const char *value)
{
	char program[] = "program", word[64], text[256];
	char *argv[] = {program, word, text, NULL};
	struct conf_command command;
	char *told;
	size_t size;
	FILE *err = open_memstream(&told, &size);
	int r;

	conf_free(&table, 1);
	memset(&conf, 0, sizeof conf);
	(void)snprintf(word, sizeof word, "%s", option != NULL ? option : "--");
	(void)snprintf(text, sizeof text, "%s", value != NULL ? value : "");
	r = conf_load(&table, 1, option == NULL ? 1 : 3, argv, NULL, &command, err);
	(void)fclose(err);
	free(told);
	return r;
}

static void
set(char **member, const char *value)
{
	free(*member);
	*member = strdup(value);
}

static void
set_in_dir(char **member, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	set(member, path);
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(daemon_keys_n, table.n);
	cr_assert_eq(load(NULL, NULL), 0);
	set_in_dir(&conf.runtime_dir, "run");
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
	(void)st, (void)flag, (void)walk;
	return remove(path);
}

static void
end(void)
{
	daemon_end();
	log_close();
	conf_free(&table, 1);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(daemon, .init = begin, .fini = end, .timeout = 60);

static int
status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What is in DIR/name, in a static buffer. */
static const char *
content(const char *name)
{
	static char text[4096];
	char path[128];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return text;
}

static bool
exists(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* In a child: stderr goes to DIR/stderr from here on. */
static void
stderr_to_file(void)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/stderr", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(99);
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
	expect_control(NULL, ENOENT);
}

Test(daemon, a_runtime_directory_that_is_none_is_refused)
{
	set_in_dir(&conf.pidfile, "file");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	set_in_dir(&conf.runtime_dir, "file");
	expect_control(NULL, ENOTDIR);
	set_in_dir(&conf.runtime_dir, "link");
	cr_assert_eq(symlink("/run", conf.runtime_dir), 0);
	expect_control(NULL, ENOTDIR);
}

Test(daemon, a_runtime_directory_of_somebody_else_is_refused)
{
	if (geteuid() != 0)
		cr_skip("only root can give a folder away");
	expect_control("run/x.sock", 0);
	cr_assert_eq(chown(conf.runtime_dir, NOBODY, NOBODY), 0);
	expect_control(NULL, EPERM);
	conf.daemon = true;
	cr_expect_eq(daemon_pidfile(&conf, "x"), -1);
}

/* ---- pidfile ---- */

static void
expect_pid_in(const char *name)
{
	char expected[16];

	(void)snprintf(expected, sizeof expected, "%d\n", (int)getpid());
	cr_expect_str_eq(content(name), expected);
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
	if (pid == 0)
		_exit(daemon_pidfile(&conf, "x") == 0 ? 0 : 1);
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

Test(daemon, a_detached_one_has_a_session_a_root_and_a_umask_of_its_own)
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

Test(daemon, the_parent_stays_until_it_serves)
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

Test(daemon, the_parent_fails_when_it_ends_before_it_serves)
{
	cr_expect_eq(status_of(start(fail)), 1);
	cr_expect_eq(status_of(start(crash)), 1);
}

static void
leave_a_worker(void)
{
	if (fork() == 0) {
		daemon_after_fork();
		tell('w');
		(void)hear(go[0]);
		tell('e');
		_exit(0);
	}
	if (hear(go[0]) == 'g') /* the worker is there */
		_exit(0);
}

Test(daemon, a_worker_does_not_keep_the_parent_waiting)
{
	pid_t pid = start(leave_a_worker);

	cr_expect_eq(hear(report[0]), 'w');
	cr_assert_eq(write(go[1], "gg", 2), 2);
	cr_expect_eq(status_of(pid), 1);
	cr_expect_eq(hear(report[0]), 'e');
}

Test(daemon, in_front_nothing_happens)
{
	pid_t pid = getpid();

	cr_expect_eq(daemon_detach(&conf), 0);
	cr_expect_eq(getpid(), pid);
	daemon_ready();
	cr_expect_not(is_null(STDERR_FILENO));
}

Test(daemon, closed_stdio_is_filled)
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

Test(daemon, warnings_go_to_stderr_too_until_it_serves)
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

Test(daemon, a_log_that_cannot_be_opened_is_told)
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

Test(daemon, the_log_is_as_the_settings_say)
{
	set_in_dir(&conf.log, "log");
	conf.log_format = 1;
	conf.log_level = LOG_WARN;
	cr_assert_eq(daemon_log(&conf, "program"), 0);
	cr_expect(log_narrates());
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
