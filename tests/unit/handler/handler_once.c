/* handler_once: a program for each job, whatever it does. */
#include "handler_once.h"

#include "clock.h"
#include "runner_fixture.h"
#include <dirent.h>
#include <sys/stat.h>

static bool text_replies; /* of begin_with() */

static void
begin_with(char *const *command, uint64_t grace)
{
	runner_begin((struct job_runner_conf){
		.text = text_replies,
		.kind = JOB_RUNNER_ONCE,
		.max_reply = 100000,
		.seccomp = true,
		.command = command,
		.environment = words("PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL),
		.signal = SIGABRT,
		.grace = grace});
	cr_assert_str_eq(runner_ask(READY), "{\"job\":0,\"payload\":\"\"}");
}

/* A shell command in place of a program. */
static void
begin(const char *command)
{
	begin_with(words("/bin/sh", "-c", command, NULL), 1000);
}

static unsigned
descriptors(void)
{
	char path[40];
	unsigned n = 0;
	DIR *d;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)runner.pid);
	d = opendir(path);
	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static bool
runs(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* Never 0 or less, which would be whole groups of processes where a signal is sent. */
static pid_t
some_pid(const char *text)
{
	int pid = atoi(text);

	cr_assert_gt(pid, 1, "%s", text);
	return (pid_t)pid;
}

static pid_t
pid_in(const char *answer)
{
	const char *payload = strstr(answer, "\"payload\":\"");

	cr_assert_not_null(payload, "%s", answer);
	return some_pid(payload + strlen("\"payload\":\""));
}

static void
await_end(pid_t pid)
{
	uint64_t deadline = clock_ms() + FIXTURE_MS;

	while (runs(pid) && clock_ms() < deadline)
		(void)usleep(1000);
	cr_assert_not(runs(pid), "%d is still there", (int)pid);
}

Test(handler_once, payload_and_reply_are_its_standard_streams)
{
	begin_with(words("/usr/bin/tr", "a-z", "A-Z", NULL), 1000);
	ANSWERS("hello", "{\"job\":1,\"payload\":\"HELLO\"}");
	ANSWERS("", "{\"job\":1,\"payload\":\"\"}");
	ANSWERS("caf\xc3\xa9\\n\\u0000.", "{\"job\":1,\"payload\":\"CAF\xc3\xa9\\n\\u0000.\"}");
	cr_assert_str_eq(runner_ask("{\"job\":2,\"timeout\":30000,\"payload\":\"/2Fi\","
				    "\"encoding\":\"base64\"}"),
			 "{\"job\":2,\"payload\":\"/0FC\",\"encoding\":\"base64\"}");
	EXITS(0);
}

Test(handler_once, a_job_whose_replies_are_text_answers_bytes_with_text)
{
	text_replies = true;
	begin("wc -c | tr -d '\\n'");
	cr_assert_str_eq(runner_ask("{\"job\":2,\"timeout\":30000,\"payload\":\"/2Fi\","
				    "\"encoding\":\"base64\"}"),
			 "{\"job\":2,\"payload\":\"3\"}");
	EXITS(0);
}

Test(handler_once, its_environment_is_the_given_one_and_the_jobs)
{
	begin("env | grep -v ^PWD= | grep -v ^SHLVL= | grep -v ^_= | sort | tr '\\n' ' '");
	ANSWERS("x", "{\"job\":1,\"payload\":\"LANG=C.UTF-8 PATH=/usr/bin:/bin PPOOL_JOB=1 "
		     "PPOOL_POLICY=111 PPOOL_SRCID=7 PPOOL_TIMEOUT=30000 \"}");
	EXITS(0);
}

Test(handler_once, its_end_other_than_by_status_0_is_an_error)
{
	begin("case $(cat) in a) exit 3;; b) kill -SEGV $$;; esac; echo partly; exit 1");
	ANSWERS("a", "{\"job\":1,\"error\":\"it ended with status 3\"}");
	ANSWERS("b", "{\"job\":1,\"error\":\"it was ended by signal 11 SEGV\"}");
	ANSWERS("c", "{\"job\":1,\"error\":\"it ended with status 1\"}");
	EXITS(0);
}

Test(handler_once, it_need_not_read_and_need_not_write)
{
	static char large[1 << 19];

	memset(large, 'x', sizeof large - 1);
	begin("echo done");
	ANSWERS(large, "{\"job\":1,\"payload\":\"done\\n\"}");
	EXITS(0);
	begin("exec <&- >&-; exec sleep 0.1");
	ANSWERS(large, "{\"job\":1,\"payload\":\"\"}");
	EXITS(0);
}

Test(handler_once, what_is_larger_than_pipes_goes_both_ways)
{
	static char large[90001];

	memset(large, 'x', sizeof large - 1);
	begin("cat");
	cr_assert_eq(strlen(runner_job(large)), strlen("{\"job\":1,\"payload\":\"\"}") + 90000);
	EXITS(0);
}

Test(handler_once, a_reply_that_never_ends_is_refused)
{
	begin("yes; sleep 1000");
	ANSWERS("x", "{\"job\":1,\"error\":\"its reply is larger than handler_max_reply\"}");
	EXITS(0);
}

/* What is left of its group is killed, what holds its pipes elsewhere is not waited for. */
Test(handler_once, the_reply_is_complete_at_its_end)
{
	pid_t left;

	begin("sleep 1000 & echo $!");
	left = pid_in(runner_job("x"));
	await_end(left);
	EXITS(0);
	begin("setsid sleep 1000 & echo $!");
	left = pid_in(runner_job("x"));
	await_end(left); /* in a session of its own, too */
	ANSWERS("a", runner.line[0] == '{' ? runner.line : "");
	EXITS(0);
}

Test(handler_once, over_its_time_its_group_is_killed)
{
	begin("echo $$ >&2; sleep 1000 & wait");
	cr_assert_str_eq(runner_ask("{\"job\":2,\"timeout\":50,\"payload\":\"x\"}"),
			 "{\"job\":2,\"error\":\"it took longer than its job may\"}");
	await_end(some_pid(runner_said()));
	EXITS(0);
}

Test(handler_once, many_jobs_leave_nothing_behind)
{
	unsigned before;
	char path[64];
	FILE *f;

	begin("cat");
	ANSWERS("x", "{\"job\":1,\"payload\":\"x\"}");
	before = descriptors();
	for (int i = 0; i < 100; i++)
		ANSWERS("x", "{\"job\":1,\"payload\":\"x\"}");
	cr_assert_eq(descriptors(), before);
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)runner.pid,
		       (int)runner.pid);
	f = fopen(path, "re");
	if (f != NULL) {
		cr_assert_eq(fgetc(f), EOF); /* no zombies */
		(void)fclose(f);
	}
	EXITS(0);
}

static void
ask_only(const char *line)
{
	cr_assert_eq(write(runner.in, line, strlen(line)), (ssize_t)strlen(line));
}

static pid_t
await_pid(void)
{
	uint64_t deadline = clock_ms() + FIXTURE_MS;

	while (strchr(runner_said(), '\n') == NULL && clock_ms() < deadline)
		(void)usleep(1000);
	return some_pid(runner_said());
}

#define LONG_JOB "{\"job\":2,\"timeout\":1000000,\"payload\":\"x\"}\n"

Test(handler_once, it_ends_with_the_signal_that_ends_the_process)
{
	int status;
	pid_t pid;

	begin("trap 'echo it was told >&2; exit' ABRT; echo $$ >&2; while :; do sleep 0.02; done");
	ask_only(LONG_JOB);
	pid = await_pid();
	cr_assert_eq(kill(runner.pid, SIGABRT), 0);
	status = runner_reap();
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%x", (unsigned)status);
	cr_assert_not(runs(pid));
	SAID("it was told");
}

Test(handler_once, a_program_that_heeds_no_signal_is_killed_within_the_grace)
{
	int status;
	pid_t pid;

	begin_with(words("/bin/sh", "-c",
			 "trap '' ABRT TERM; echo $$ >&2; while :; do sleep 0.02; done", NULL),
		   100);
	ask_only(LONG_JOB);
	pid = await_pid();
	cr_assert_eq(kill(runner.pid, SIGTERM), 0);
	status = runner_reap();
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x", (unsigned)status);
	cr_assert_not(runs(pid));
}

Test(handler_once, it_dies_with_the_process_and_without_a_worker)
{
	pid_t pid;

	begin("echo $$ >&2; exec sleep 1000");
	ask_only(LONG_JOB);
	pid = await_pid();
	cr_assert_eq(kill(runner.pid, SIGKILL), 0);
	(void)runner_reap();
	await_end(pid);
	begin("echo $$ >&2; exec sleep 1000");
	ask_only(LONG_JOB);
	pid = await_pid();
	EXITS(0);
	cr_assert_not(runs(pid));
}

Test(handler_once, a_program_that_is_not_there_is_told_before_any_job)
{
	runner_begin((struct job_runner_conf){
		.kind = JOB_RUNNER_ONCE,
		.command = words("/no-such-program", NULL),
		.environment = words("PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL),
		.signal = SIGABRT});
	cr_assert_str_eq(runner_ask(READY), "{\"job\":0,\"error\":\"handler_command: "
					    "/no-such-program: No such file or directory\"}");
	EXITS(1);
	SAID("<3>handler_command: /no-such-program: No such file or directory\n");
	runner_begin((struct job_runner_conf){
		.kind = JOB_RUNNER_ONCE,
		.command = words("/etc/passwd", NULL),
		.environment = words("PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL),
		.signal = SIGABRT});
	cr_assert_str_eq(
		runner_ask(READY),
		"{\"job\":0,\"error\":\"handler_command: /etc/passwd: Permission denied\"}");
	EXITS(1);
}

Test(handler_once, a_program_that_goes_away_is_told_for_each_job)
{
	static char path[] = "/tmp/once.XXXXXX";
	int fd = mkstemp(path);

	cr_assert_eq(write(fd, "#!/bin/sh\necho here\n", 20), 20);
	cr_assert_eq(fchmod(fd, 0700), 0);
	(void)close(fd);
	begin_with(words(path, NULL), 1000);
	ANSWERS("x", "{\"job\":1,\"payload\":\"here\\n\"}");
	(void)unlink(path);
	cr_assert_neq(strstr(runner_job("x"), "cannot be run: No such file or directory"), NULL);
	EXITS(0);
}
