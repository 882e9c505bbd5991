/* job_processes: job processes of real forks, whose worker this test plays: it has the pipes, and
 * says what a worker would. */
#include "job_processes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "job_child.h"
#include "log_fixture.h"
#include "server_conf.h"
#include "supervisor_fake.h"

enum { WORKER = 3, PATIENCE_MS = 20000 };

static struct event_base *base;
static struct job_processes *jobs;
static struct job_stats *stats;
static struct server_settings *settings;
static char dir[] = "/tmp/job-processes-XXXXXX";

/* ---- the supervisor, and the worker ---- */

static struct {
	uint64_t serial;
	int in, out;
	unsigned started, ended, retired;
	struct job_msg end; /* the last */
} process[4];		    /* by number */

/* For the rest of the daemon, which is linked too. */
struct supervisor *
supervisor_new(struct event_base *b, const struct supervisor_conf *conf,
	       const struct supervisor_ops *ops, void *ctx)
{
	(void)b;
	(void)conf;
	(void)ops;
	(void)ctx;
	return NULL;
}

void
supervisor_free(struct supervisor *s)
{
	(void)s;
}

static void
take(int *at, int fd)
{
	if (*at >= 0)
		(void)close(*at);
	*at = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	cr_assert_geq(*at, 0);
	cr_assert(fcntl(*at, F_GETFL) & O_NONBLOCK, "a worker cannot make it so");
}

int
supervisor_pass_to(struct supervisor *s, unsigned slot, struct span body, int fd)
{
	struct job_msg m;

	(void)s;
	cr_assert_eq(slot, WORKER);
	cr_assert(job_msg_read(body, 4, &m));
	process[m.number].serial = m.serial;
	process[m.number].started += m.kind == JOB_MSG_STDIN;
	take(m.kind == JOB_MSG_STDIN ? &process[m.number].in : &process[m.number].out, fd);
	return 0;
}

int
supervisor_send(struct supervisor *s, unsigned slot, struct span body)
{
	struct job_msg m;

	(void)s;
	cr_assert_eq(slot, WORKER);
	cr_assert(job_msg_read(body, 4, &m));
	if (m.kind == JOB_MSG_ENDED) {
		process[m.number].ended++;
		process[m.number].end = m;
	}
	process[m.number].retired += m.kind == JOB_MSG_RETIRE;
	return 0;
}

static void
hang_up(unsigned number)
{
	if (process[number].in >= 0)
		(void)close(process[number].in);
	if (process[number].out >= 0)
		(void)close(process[number].out);
	process[number].in = process[number].out = -1;
}

static void
say(unsigned number, enum job_msg_kind kind, enum job_end end)
{
	struct job_msg m = {.kind = kind, .number = number, .serial = process[number].serial};

	if (kind == JOB_MSG_KILL) {
		m.kill.end = (uint32_t)end;
		(void)strcpy(m.kill.why, "no database");
	}
	job_processes_hear(jobs, WORKER, &m);
}

/* ---- the loop ---- */

static pid_t reaped[64];
static unsigned n_reaped;

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		(void)job_processes_reaped(jobs, pid, status);
		reaped[n_reaped++ % 64] = pid;
	}
}

static void
turn(void)
{
	const struct timeval soon = {.tv_usec = 2000};

	(void)event_base_loopexit(base, &soon);
	(void)event_base_loop(base, EVLOOP_ONCE);
	reap();
}

#define await(condition)                                                                 \
	do {                                                                             \
		uint64_t until = clock_ms() + PATIENCE_MS;                               \
		while (!(condition)) {                                                   \
			cr_assert_lt(clock_ms(), until, "%s\n%s", #condition, logged()); \
			turn();                                                          \
		}                                                                        \
	} while (0)

/* What the process has written, up to a newline. */
static const char *
line_of(unsigned number)
{
	static char text[4096];
	size_t n = 0;
	ssize_t r;

	await((r = read(process[number].out, text + n, sizeof text - 1 - n)) == 0 ||
	      (r > 0 && (n += (size_t)r) > 0 && text[n - 1] == '\n'));
	text[n > 0 ? n - 1 : 0] = '\0';
	return text;
}

static pid_t
pid_of(unsigned number)
{
	return job_stats_life(stats, WORKER, number)->pid;
}

static bool
is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* ---- settings ---- */

static struct settings *
load(const char *text)
{
	char path[64], program[] = "ppool-server", option[] = "-c";
	char *argv[] = {program, option, path, NULL}, *told;
	struct listen_socket at = {.n = 0};
	struct conf_command command;
	struct settings *s = settings_new(&server_settings_kind);
	size_t size;
	FILE *f, *err = open_memstream(&told, &size);

	(void)snprintf(path, sizeof path, "%s/conf", dir);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_gt(fprintf(f, "id = 1 policy = 1 listen = 0 worker_umask = 0022\n%s\n", text), 0);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(conf_load(s->table, s->tables, 3, argv, NULL, &command, err), 0);
	if (s->kind->check(s, &at, err) < 0) {
		(void)fclose(err);
		cr_assert_fail("%s", told);
	}
	cr_assert_eq(fclose(err), 0);
	free(told);
	return s;
}

static void
shell(const char *script, const char *more)
{
	char text[2048];

	(void)snprintf(text, sizeof text,
		       "handler = exec job = x handler_command = {\"/bin/sh\", \"-c\", '%s'}\n%s",
		       script, more);
	settings = (struct server_settings *)load(text);
	job_processes_worker_forked(jobs, WORKER, &settings->base);
}

static void
forget(void *ctx)
{
	(void)ctx;
}

static void
begin(void)
{
	log_to_memory();
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chmod(dir, 0777), 0); /* the processes may have another user */
	for (unsigned i = 0; i < 4; i++)
		process[i].in = process[i].out = -1;
	base = event_base_new();
	stats = job_stats_new(8);
	jobs = job_processes_new(base, stats, forget, NULL);
	cr_assert(base != NULL && stats != NULL && jobs != NULL);
	fake.child[WORKER] = (struct supervisor_child){.pid = getpid(), .state = SLOT_READY};
	job_processes_attach(jobs, &fake);
}

static void
leave(void)
{
	for (unsigned i = 0; i < 4; i++)
		hang_up(i);
	job_processes_worker_ended(jobs, WORKER);
	await(!job_processes_linger(jobs));
}

static void
end(void)
{
	char command[64];

	leave();
	job_processes_free(jobs);
	job_stats_free(stats);
	settings_release(&settings->base);
	event_base_free(base);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(job_processes, .init = begin, .fini = end, .timeout = 120);

/* ---- starting ---- */

Test(job_processes, a_worker_has_as_many_as_it_is_to_have)
{
	shell("read x; echo \"got $x\"; read x", "handler_processes = 3");
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(process[i].started, 1);
		cr_assert_eq(write(process[i].in, "hello\n", 6), 6);
		cr_expect_str_eq(line_of(i), "got hello");
		cr_expect(pid_of(i) > 0 && !job_stats_life(stats, WORKER, i)->ready);
		say(i, JOB_MSG_READY, JOB_END_SELF);
		cr_expect(job_stats_life(stats, WORKER, i)->ready);
	}
	cr_expect_neq(process[0].serial, process[1].serial);
	leave();
	cr_expect_eq(n_reaped, 3);
	expect_not_logged("level=warn");
}

Test(job_processes, it_finds_what_the_settings_say_and_nothing_of_the_daemon)
{
	cr_assert_eq(setenv("SECRET", "x", 1), 0);
	shell("echo $A $B \"$PPOOL_key\" $PATH [$SECRET] $PWD $(umask) $(ulimit -n) "
	      "$(ls /proc/self/fd | wc -l); read x",
	      "handler_env = {\"A=1\", \"PATH=/bin:/usr/bin\"} handler_setting = {\"key=a b\"} "
	      "handler_directory = \"/usr\"");
	/* ls: three, and the folder that it reads */
	cr_expect_str_eq(line_of(0), "1 a b /bin:/usr/bin [] /usr 0022 1024 4");
}

/* Signals 1 to 31 of a mask in proc(5): those after them up to SIGRTMIN are the C library's, which
 * sets none of them. */
static uint64_t
standard_signals(const char *line, const char *mask)
{
	const char *at = strstr(line, mask);

	cr_assert_not_null(at, "%s", line);
	return strtoull(at + strlen(mask), NULL, 16) & 0x7fffffff;
}

Test(job_processes, signals_are_as_a_new_program_has_them)
{
	const char *line;

	cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
	cr_assert_neq(signal(SIGHUP, SIG_IGN), SIG_ERR);
	shell("grep -E \"^Sig(Ign|Blk)\" /proc/self/status | tr -d \"\\n\"; echo; read x", "");
	line = line_of(0);
	cr_expect_eq(standard_signals(line, "SigBlk:\t"), 0, "%s", line);
	cr_expect_eq(standard_signals(line, "SigIgn:\t"), 0, "%s", line);
}

Test(job_processes, what_it_says_on_standard_error_is_logged)
{
	shell("echo \"<4>watch out: \\\"x\\\"\" >&2; printf \"a\\033[1mb\\n\" >&2; "
	      "head -c 20000 /dev/zero | tr \"\\0\" y >&2; echo >&2; echo next >&2; read x; "
	      "printf \"last words\" >&2",
	      "");
	await(strstr(logged(), "text=\"next\"") != NULL);
	expect_logged("level=warn");
	expect_logged("text=\"watch out: \\\"x\\\"\"");
	expect_logged("text=\"a\\x1b[1mb\"");
	cr_expect_eq(lines_with("yyyyyyyyyy\""), 3, "8 KiB, in lines of the log");
	leave();
	expect_logged("text=\"last words\"");
}

Test(job_processes, one_that_closes_it_goes_on)
{
	shell("exec 2>&-; read x; echo \"got $x\"; read x", "");
	cr_assert_eq(write(process[0].in, "hello\n", 6), 6);
	cr_expect_str_eq(line_of(0), "got hello");
}

Test(job_processes, what_cannot_be_executed_refuses_the_start)
{
	fake.child[WORKER].state = SLOT_STARTING;
	settings = (struct server_settings *)load(
		"handler = exec job = x handler_command = {\"/bin/true\"}");
	(void)snprintf(settings->server.handler.program, HANDLER_PATH, "/nonexistent/x");
	job_processes_worker_forked(jobs, WORKER, &settings->base);
	await(fake.refused != NULL);
#ifndef COVERAGE /* where the last line is gcov's, which may not write its counters here */
	cr_expect_str_eq(fake.refused, "the handler cannot be started: cannot execute "
				       "/nonexistent/x: No such file or directory");
#endif
	expect_logged("level=error");
	expect_logged("cannot execute /nonexistent/x: No such file or directory");
}

Test(job_processes, one_that_ends_at_once_is_tried_three_times)
{
	fake.child[WORKER].state = SLOT_STARTING;
	shell("printf \"trace\\n<4>no data\\033base\\n\\n\" >&2; exit 3", "");
	await(fake.refused != NULL);
	cr_expect_str_eq(fake.refused, "the handler ended with status 3 while it started: no "
				       "data\\u001bbase; ppool-handler check shows all of it");
	cr_expect_eq(process[0].started, 3);
	cr_expect_eq(process[0].ended, 3);
	cr_expect_eq(lines_with("no data"), 3);
	expect_logged("exit=\"code 3\"");
}

Test(job_processes, one_that_is_never_ready_is_killed_in_time)
{
	fake.child[WORKER].state = SLOT_STARTING;
	shell("trap \"\" TERM ABRT; while :; do sleep 100; done", "handler_start_timeout = 200ms");
	await(fake.refused != NULL);
	cr_expect_str_eq(fake.refused, "the handler is not ready in time; ppool-handler check "
				       "shows all of it");
	cr_expect_eq(process[0].end.ended.end, JOB_END_START);
	expect_logged("a job process is not ready in time");
}

Test(job_processes, one_that_says_that_it_is_not_ready_refuses_the_start)
{
	fake.child[WORKER].state = SLOT_STARTING;
	shell("read x; exit 0", "");
	say(0, JOB_MSG_KILL, JOB_END_REFUSED);
	await(fake.refused != NULL);
	cr_expect_str_eq(fake.refused, "the handler is not ready: no database");
}

Test(job_processes, more_memory_at_the_start_than_it_may_have_refuses_it)
{
	fake.child[WORKER].state = SLOT_STARTING;
	shell("read x", "handler_max_memory = 4K");
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_assert_not_null(fake.refused);
	expect_logged("handler_max_memory=4096");
}

Test(job_processes, where_a_worker_serves_it_is_tried_again_and_the_server_degraded)
{
	shell("[ -e \"$PPOOL_dir/ok\" ] && { read x; exit; }; exit 1", "");
	await(job_stats_trouble(stats) != NULL);
	cr_expect_str_eq(job_stats_trouble(stats)->why,
			 "the handler ended with status 1 while it started; ppool-handler check "
			 "shows all of it");
	cr_expect_null(fake.refused);
}

/* ---- ending ---- */

/* A grandchild that keeps the pipes, and neither heeds TERM. */
#define STUBBORN                                                                            \
	"trap \"\" TERM ABRT; (trap \"\" TERM ABRT; while :; do sleep 1; done) & echo $!; " \
	"while :; do sleep 1; done"

Test(job_processes, a_group_that_ignores_signals_is_killed_after_the_grace)
{
	pid_t child, first;

	shell(STUBBORN, "handler_grace = 200ms handler_signal = TERM");
	child = (pid_t)strtol(line_of(0), NULL, 10);
	first = pid_of(0);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_expect_not(job_stats_life(stats, WORKER, 0)->ending);
	say(0, JOB_MSG_KILL, JOB_END_TIMEOUT);
	cr_expect(job_stats_life(stats, WORKER, 0)->ending);
	hang_up(0);
	await(process[0].ended == 1);
	cr_expect_eq(process[0].end.ended.end, JOB_END_TIMEOUT);
	cr_expect_eq(process[0].end.ended.status, SIGKILL);
	await(!is_alive(child));
	await(process[0].started == 2);
	cr_expect_neq(pid_of(0), first);
}

Test(job_processes, one_that_is_to_blame_has_the_signal_and_can_end_by_itself)
{
	/* The one that follows it ends with its input, for it has no signal. */
	shell("trap \"exit 7\" TERM; exec 3<&0; cat <&3 & echo ready; wait",
	      "handler_grace = 1m handler_signal = TERM");
	cr_expect_str_eq(line_of(0), "ready");
	say(0, JOB_MSG_READY, JOB_END_SELF);
	say(0, JOB_MSG_KILL, JOB_END_PROTOCOL);
	await(process[0].ended == 1);
	cr_expect_eq(process[0].end.ended.status, 7 << 8);
}

Test(job_processes, what_one_that_ends_has_started_ends_too)
{
	pid_t child;

	shell("(while :; do sleep 1; done) & echo $!; read x; exit 0", "");
	child = (pid_t)strtol(line_of(0), NULL, 10);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_assert(child > 1 && is_alive(child));
	cr_assert_eq(write(process[0].in, "\n", 1), 1);
	await(process[0].ended == 1);
	await(!is_alive(child));
}

Test(job_processes, one_that_is_recycled_has_no_signal)
{
	shell("trap \"exit 7\" TERM ABRT; read x; exit 0", "");
	say(0, JOB_MSG_READY, JOB_END_SELF);
	say(0, JOB_MSG_KILL, JOB_END_JOBS);
	hang_up(0);
	await(process[0].ended == 1);
	cr_expect_eq(process[0].end.ended.status, 0);
	cr_expect_eq(process[0].end.ended.end, JOB_END_JOBS);
	cr_expect_eq(process[0].started, 2);
}

Test(job_processes, what_was_said_of_a_former_life_is_not_heeded)
{
	struct job_msg old = {.kind = JOB_MSG_KILL, .kill.end = JOB_END_TIMEOUT};

	shell("read x; exit 5", "");
	old.serial = process[0].serial;
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_assert_eq(write(process[0].in, "\n", 1), 1);
	await(process[0].started == 2);
	job_processes_hear(jobs, WORKER, &old);
	old.serial = 0;
	old.number = 3;
	job_processes_hear(jobs, WORKER, &old);
	for (unsigned i = 0; i < 20; i++)
		turn();
	cr_expect_eq(process[0].ended, 1);
}

Test(job_processes, they_end_with_their_worker)
{
	pid_t child;

	shell(STUBBORN, "handler_grace = 100ms");
	child = (pid_t)strtol(line_of(0), NULL, 10);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	leave();
	cr_expect_eq(process[0].ended, 0, "the worker is gone");
	await(!is_alive(child));
}

Test(job_processes, another_worker_in_its_place_has_its_own)
{
	pid_t first;

	shell("trap \"\" TERM ABRT; while :; do sleep 1; done", "handler_grace = 300ms");
	first = pid_of(0);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	hang_up(0);
	job_processes_worker_ended(jobs, WORKER);
	job_processes_worker_forked(jobs, WORKER, &settings->base);
	cr_expect_neq(pid_of(0), first);
	cr_expect_eq(process[0].started, 2);
	await(!is_alive(first));
	cr_expect(is_alive(pid_of(0)));
	cr_expect_eq(process[0].ended, 0);
}

Test(job_processes, a_daemon_of_a_handler_does_not_outlive_it)
{
	pid_t stray;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1UL), 0);
	shell("setsid sh -c \"echo \\$\\$; exec sleep 1000\" & read x", "");
	stray = (pid_t)strtol(line_of(0), NULL, 10);
	cr_assert(is_alive(stray));
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_assert_eq(write(process[0].in, "\n", 1), 1);
	await(!is_alive(stray));
	expect_logged("a process that a handler left behind is killed");
}

/* ---- recycling by memory ---- */

Test(job_processes, of_those_that_grow_one_at_a_time_is_replaced)
{
	shell("read x; x=$(head -c 30000000 /dev/zero | tr \"\\0\" y); echo grown; read x",
	      "handler_processes = 2 handler_max_memory = 20M");
	for (unsigned i = 0; i < 2; i++) {
		say(i, JOB_MSG_READY, JOB_END_SELF);
		cr_assert_eq(write(process[i].in, "\n", 1), 1);
	}
	await(process[0].retired + process[1].retired == 1);
	for (unsigned i = 0; i < 2; i++)
		cr_expect_str_eq(line_of(i), "grown");
	for (unsigned i = 0; i < 2; i++)
		await(process[0].retired + process[1].retired == 1);
	expect_logged("job process has too much memory");
	{
		unsigned first = process[0].retired == 1 ? 0 : 1;

		say(first, JOB_MSG_KILL, JOB_END_MEMORY);
		hang_up(first);
		await(process[first].started == 2);
		cr_expect_eq(process[!first].retired, 0);
		say(first, JOB_MSG_READY, JOB_END_SELF);
		await(process[!first].retired == 1);
	}
}

/* Whichever was started last is looked at first, and grows again before the others had their turn.
 */
Test(job_processes, of_those_that_grow_the_largest_is_replaced_first)
{
	shell("read n; x=$(head -c ${n}000000 /dev/zero | tr \"\\0\" y); echo grown; read x",
	      "handler_processes = 2 handler_max_memory = 20M");
	for (unsigned i = 0; i < 2; i++)
		say(i, JOB_MSG_READY, JOB_END_SELF);
	cr_assert_eq(write(process[0].in, "90\n", 3), 3);
	cr_expect_str_eq(line_of(0), "grown");
	cr_assert_eq(write(process[1].in, "30\n", 3), 3);
	cr_expect_str_eq(line_of(1), "grown");
	await(process[0].retired + process[1].retired == 1);
	cr_expect_eq(process[0].retired, 1);
	say(0, JOB_MSG_KILL, JOB_END_MEMORY);
	hang_up(0);
	await(process[0].started == 2);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	cr_expect_eq(process[1].retired, 1, "at once: it has waited long enough");
}

Test(job_processes, of_those_that_have_done_their_jobs_one_at_a_time_is_replaced)
{
	shell("read x; read x", "handler_processes = 2");
	for (unsigned i = 0; i < 2; i++) {
		say(i, JOB_MSG_READY, JOB_END_SELF);
		say(i, JOB_MSG_RETIRE, JOB_END_JOBS);
		say(i, JOB_MSG_RETIRE, JOB_END_JOBS);
	}
	await(process[0].retired == 1);
	cr_expect_eq(process[1].retired, 0);
	say(0, JOB_MSG_KILL, JOB_END_JOBS);
	hang_up(0);
	await(process[0].started == 2);
	cr_expect_eq(process[1].retired, 0, "the other one is not ready yet");
	say(0, JOB_MSG_READY, JOB_END_SELF);
	await(process[1].retired == 1);
	cr_expect_eq(process[0].retired, 1);
}

/* The worker's KILL lies in the channel yet as the end is seen. */
Test(job_processes, one_that_was_to_retire_has_ended_for_that_whoever_is_heard_first)
{
	shell("read x; exit 0", "");
	say(0, JOB_MSG_READY, JOB_END_SELF);
	say(0, JOB_MSG_RETIRE, JOB_END_JOBS);
	await(process[0].retired == 1);
	hang_up(0);
	await(process[0].ended == 1);
	cr_expect_eq(process[0].end.ended.end, JOB_END_JOBS);
	/* One that nobody asked has ended by itself. */
	await(process[0].started == 2);
	say(0, JOB_MSG_READY, JOB_END_SELF);
	hang_up(0);
	await(process[0].ended == 2);
	cr_expect_eq(process[0].end.ended.end, JOB_END_SELF);
}

Test(job_processes, of_those_that_have_done_their_jobs_the_one_that_waits_longest_is_next)
{
	shell("read x; read x", "handler_processes = 3");
	for (unsigned i = 0; i < 3; i++)
		say(i, JOB_MSG_READY, JOB_END_SELF);
	for (unsigned i = 0; i < 3; i++)
		say(i, JOB_MSG_RETIRE, JOB_END_JOBS);
	for (unsigned i = 0; i < 2; i++) {
		await(process[i].retired == 1);
		say(2, JOB_MSG_RETIRE, JOB_END_JOBS); /* once more */
		say(i, JOB_MSG_KILL, JOB_END_JOBS);
		hang_up(i);
		await(process[i].started == 2);
		cr_expect_eq(process[i + 1].retired, 0);
		say(i, JOB_MSG_READY, JOB_END_SELF);
		say(i, JOB_MSG_RETIRE, JOB_END_JOBS);
		await(process[i + 1].retired == 1);
	}
	cr_expect(process[0].retired == 1 && process[1].retired == 1);
}

/* ---- isolation ---- */

Test(job_processes, it_has_no_privileges_to_gain_and_no_sockets)
{
	shell("grep -E \"^(NoNewPrivs|Seccomp):\" /proc/self/status | tr -d \"\\n\"; echo; read x",
	      "");
	if (strcmp(line_of(0), "NoNewPrivs:\t1Seccomp:\t2") != 0)
		cr_expect(sandbox_why_not() != NULL);
}

Test(job_processes, it_cannot_signal_its_master)
{
	char text[128];

	if (sandbox_why_not() != NULL)
		cr_skip_test("no filter");
	/* No signal is sent, lest a filter that is missing end all that this user has. */
	(void)snprintf(text, sizeof text,
		       "{ kill -s 0 %d && echo master; kill -s 0 -- -1 && echo all; } 2>&-; "
		       "echo refused; read x",
		       (int)getpid());
	shell(text, "user = root");
	cr_expect_str_eq(line_of(0), "refused");
}
