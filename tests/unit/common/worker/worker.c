/* worker: a worker in a process of its own, the test as its master at the other end of the channel,
 * what it is told, and what it ends with. */
#include "worker.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"

enum { SLOT = 1, WAIT_MS = 20000 };

static int channel[2]; /* the master's, the worker's */
static struct counters *scoreboard;
static struct privdrop nothing = {.level = ISOLATION_NONE, .umask = 022};
static struct worker_place place;
static struct worker_ops ops;
static pid_t pid;
static bool drains_slowly, fails_to_start;
static char space[CHANNEL_MAX + 1];

/* ---- the program in the worker ---- */

static void *
start(struct worker *w, void *ctx)
{
	if (fails_to_start || ctx != &place || worker_slot(w) != SLOT || worker_base(w) == NULL ||
	    worker_row(w) != scoreboard_row(worker_scoreboard(w), SLOT))
		return NULL;
	worker_ready(w);
	return w;
}

static void
reply(struct worker *w, const char *text)
{
	if (worker_send(w, span_str(text)) < 0)
		abort();
}

static void
on_message(void *state, struct span message)
{
	if (span_eq_str(message, "yields?"))
		reply(state, worker_yields(state) ? "yes" : "no");
	else if (worker_send(state, message) < 0)
		abort();
}

static void
drain(void *state)
{
	reply(state, "draining");
	if (!drains_slowly)
		worker_done(state);
}

static void
end(void *state)
{
	(void)state;
}

/* Says what can be read in the file, and of it. */
static void
on_file(void *state, struct span body, int fd)
{
	char text[64];
	ssize_t n = read(fd, text, sizeof text / 2);

	if (n >= 0)
		(void)snprintf(text + n, sizeof text - (size_t)n, ", %.*s", SPAN_ARG(body));
	reply(state, n < 0 ? "unreadable" : text);
	(void)close(fd);
}

/* ---- the master ---- */

static void
begin(void)
{
	cr_assert_eq(channel_pair(channel), 0);
	scoreboard = scoreboard_new(SLOT + 1);
	cr_assert_not_null(scoreboard);
	ops = (struct worker_ops){start, on_message, drain, end, on_file, NULL};
	place = (struct worker_place){.slot = SLOT,
				      .channel = channel[1],
				      .scoreboard = scoreboard,
				      .isolation = &nothing,
				      .master = getpid()};
}

static void
finish(void)
{
	(void)close(channel[0]);
	counters_free(scoreboard);
}

TestSuite(worker, .init = begin, .fini = finish, .timeout = 60);

static void
fork_worker(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL); /* as the supervisor does */
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)close(channel[0]);
		exit(worker_run(&place, &ops, &place));
	}
	(void)sigprocmask(SIG_UNBLOCK, &all, NULL);
	(void)close(channel[1]);
}

static struct span
hear(enum channel_tag wanted)
{
	struct pollfd p = {.fd = channel[0], .events = POLLIN};
	enum channel_tag tag;
	struct span body = span_of(NULL, 0);

	cr_assert_eq(poll(&p, 1, WAIT_MS), 1);
	cr_assert_eq(channel_receive(channel[0], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert_eq(tag, wanted);
	return body;
}

static void
expect(const char *text)
{
	struct span heard = hear(CHANNEL_DATA);

	cr_assert(span_eq_str(heard, text), "%.*s", SPAN_ARG(heard));
}

static void
say(enum channel_tag tag, const char *text)
{
	cr_assert_eq(channel_send(channel[0], tag, span_str(text)), 0);
}

static void
up(void)
{
	fork_worker();
	(void)hear(CHANNEL_READY);
}

static int
status(void)
{
	int how;

	cr_assert_eq(waitpid(pid, &how, 0), pid);
	cr_assert(WIFEXITED(how), "%d", how);
	return WEXITSTATUS(how);
}

/* ---- tests ---- */

Test(worker, messages_go_both_ways_until_it_has_drained)
{
	up();
	say(CHANNEL_DATA, "one");
	say(CHANNEL_DATA, "two");
	expect("one");
	expect("two");
	cr_assert_gt(counter_get(&scoreboard_peek(scoreboard, SLOT)->heartbeat), 0);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	expect("draining");
	cr_assert_eq(status(), 0);
}

Test(worker, its_heart_beats_while_nothing_happens)
{
	const struct scoreboard_row *row;
	uint64_t first;

	up();
	row = scoreboard_peek(scoreboard, SLOT);
	first = counter_get(&row->heartbeat);
	cr_assert_gt(first, 0);
	for (int i = 0; i < WAIT_MS && counter_get(&row->heartbeat) == first; i += 10)
		(void)poll(NULL, 0, 10);
	cr_assert_gt(counter_get(&row->heartbeat), first);
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
}

Test(worker, what_was_said_before_term_is_heard_before_it)
{
	up();
	say(CHANNEL_YIELD, "");
	say(CHANNEL_DATA, "yields?");
	cr_assert_eq(kill(pid, SIGTERM), 0);
	expect("yes");
	expect("draining");
	cr_assert_eq(status(), 0);
}

Test(worker, it_yields_only_when_it_is_told)
{
	up();
	say(CHANNEL_DATA, "yields?");
	expect("no");
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
}

Test(worker, a_second_term_changes_nothing_and_quit_ends_it)
{
	drains_slowly = true;
	up();
	cr_assert_eq(kill(pid, SIGTERM), 0);
	expect("draining");
	cr_assert_eq(kill(pid, SIGTERM), 0);
	say(CHANNEL_DATA, "still here");
	expect("still here");
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
}

Test(worker, signals_for_the_whole_group_are_the_masters)
{
	static const int theirs[] = {SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGPIPE};

	up();
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		cr_assert_eq(kill(pid, theirs[i]), 0);
	say(CHANNEL_DATA, "alive");
	expect("alive");
	cr_assert_eq(kill(pid, SIGTERM), 0);
	expect("draining");
	cr_assert_eq(status(), 0);
}

Test(worker, it_ends_with_its_master)
{
	up();
	cr_assert_eq(shutdown(channel[0], SHUT_RDWR), 0);
	cr_assert_eq(status(), 1);
}

Test(worker, whose_master_is_gone_before_it_begins_does_not_begin)
{
	place.master = getpid() + 1;
	fork_worker();
	cr_assert_eq(status(), 1);
}

Test(worker, one_that_cannot_start_says_nothing_and_ends)
{
	enum channel_tag tag;
	struct span body;

	fails_to_start = true;
	fork_worker();
	cr_assert_eq(status(), 1);
	cr_assert_eq(channel_receive(channel[0], space, &tag, &body), CHANNEL_ENDED);
}

Test(worker, one_that_cannot_be_isolated_does_not_start)
{
	nothing.change_user = true;
	nothing.groups = -1; /* more than there are */
	fork_worker();
	cr_assert_eq(status(), 1);
}

Test(worker, a_channel_that_cannot_be_read_is_its_end)
{
	int pipes[2];

	cr_assert_eq(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
	cr_assert_eq(write(pipes[1], "x", 1), 1);
	(void)close(channel[1]);
	channel[1] = place.channel = pipes[0];
	fork_worker();
	cr_assert_eq(status(), 1);
	(void)close(pipes[1]);
}

static int
file_with(const char *text)
{
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fds[1]);
	return fds[0];
}

Test(worker, a_file_is_the_programs)
{
	int fd = file_with("content");

	up();
	cr_assert_eq(channel_send_with(channel[0], CHANNEL_FILE, span_str("of mine"), fd), 0);
	expect("content, of mine");
	say(CHANNEL_FILE, "without one");
	say(CHANNEL_DATA, "on");
	expect("on");
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
	(void)close(fd);
}

static void
log_it(void *state, struct span message)
{
	log_event(LOG_WARN, "told", "what=%.*s", SPAN_ARG(message));
	reply(state, "logged");
}

Test(worker, it_logs_to_the_file_that_it_is_given)
{
	char text[512];
	int fds[2];
	ssize_t n;

	ops.on_message = log_it;
	up();
	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_eq(channel_send_with(channel[0], CHANNEL_LOG, span_of(NULL, 0), fds[1]), 0);
	say(CHANNEL_DATA, "this");
	expect("logged");
	n = read(fds[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_not_null(strstr(text, "msg=\"told\" what=this"), "%s", text);
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

Test(worker, a_file_that_nobody_wants_is_closed)
{
	int fds[2];
	char byte;

	ops.on_file = NULL;
	up();
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(channel_send_with(channel[0], CHANNEL_FILE, span_of(NULL, 0), fds[1]), 0);
	(void)close(fds[1]);
	say(CHANNEL_DATA, "on");
	expect("on");
	cr_assert_eq(read(fds[0], &byte, 1), 0, "while the worker lives");
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
	(void)close(fds[0]);
}

static int kept;

static void
keep(struct fd_keep *k, void *ctx)
{
	(void)ctx;
	fd_keep_add(k, kept);
}

/* Says which of the two descriptors that it was forked with it still has. */
static void
tell_files(void *state, struct span message)
{
	char text[8];

	(void)message;
	(void)snprintf(text, sizeof text, "%d%d", fcntl(kept, F_GETFD) >= 0,
		       fcntl(kept + 1, F_GETFD) >= 0);
	reply(state, text);
}

Test(worker, it_has_no_descriptor_of_its_master_that_it_does_not_keep)
{
	nothing.level = ISOLATION_UNFILTERED;
	kept = 200;
	cr_assert(dup2(STDERR_FILENO, kept) == kept && dup2(STDERR_FILENO, kept + 1) == kept + 1);
	place.keep = keep;
	ops.on_message = tell_files;
	up();
	say(CHANNEL_DATA, "?");
	expect("10");
	cr_assert_eq(kill(pid, SIGQUIT), 0);
	cr_assert_eq(status(), 0);
}
