/* log_sink: every kind of descriptor, whose reader does not read. */
#include "log_sink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/sink-XXXXXX", path[64], line[LOG_LINE];
static struct log_sink sink;

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/log", dir);
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\n';
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	sink.fd = -1;
}

static void
end(void)
{
	log_sink_close(&sink);
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(log_sink, .init = begin, .fini = end, .timeout = 30);

/* As an older kernel, or a file of another user: the call fails so. */
static void
forbid(int call, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	cr_assert_not_null(filter);
	cr_assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), call, 0), 0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

/* Until it takes no more: it returns, and says so. */
static unsigned
write_until_full(void)
{
	for (unsigned i = 0; i < 100000; i++)
		if (log_sink_write(&sink, line, sizeof line) == 1)
			return i;
	return 0;
}

/* What a reader has got are whole lines. */
static void
check_lines(int reader)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t got;

	cr_assert_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	while ((got = read(reader, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	cr_assert_gt(n, 0);
	cr_assert_eq(n % sizeof line, 0, "%zu", n);
	for (size_t at = 0; at < n; at += sizeof line)
		cr_assert_eq(memcmp(text + at, line, sizeof line), 0);
}

static void
check_full(int reader, int writer)
{
	cr_assert_gt(write_until_full(), 0);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 1);
	cr_assert_eq(fcntl(writer, F_GETFL) & O_NONBLOCK, 0, "others share this description");
	check_lines(reader);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 0);
	check_lines(reader);
}

static void
check_pipe(enum log_sink_way way)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	log_sink_borrow(&sink, fd[1]);
	cr_assert_eq(sink.way, way);
	check_full(fd[0], fd[1]);
}

Test(log_sink, a_full_pipe_is_not_waited_for)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	log_sink_borrow(&sink, fd[1]);
	check_full(fd[0], fd[1]);
}

Test(log_sink, nor_is_one_by_a_kernel_that_has_no_rwf_nowait_for_it)
{
	forbid(SCMP_SYS(pwritev2), EOPNOTSUPP);
	check_pipe(LOG_SINK_FLAGGED);
}

Test(log_sink, nor_is_one_of_another_user_by_such_a_kernel)
{
	forbid(SCMP_SYS(pwritev2), EOPNOTSUPP);
	forbid(SCMP_SYS(openat), EACCES);
	check_pipe(LOG_SINK_GUARDED);
}

/* As a worker of the same daemon does: the room that poll(2) has seen is gone when it is written.
 */
static pid_t
race(int writer)
{
	pid_t pid = fork();

	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also of a test that fails */
	log_sink_borrow(&sink, writer);
	for (;;)
		(void)log_sink_write(&sink, line, sizeof line);
}

Test(log_sink, others_that_take_the_room_between_poll_and_write_hold_it_up_for_a_moment_only)
{
	unsigned lost = 0;
	sigset_t all;
	pid_t other;
	int fd[2];

	forbid(SCMP_SYS(pwritev2), EOPNOTSUPP);
	forbid(SCMP_SYS(openat), EACCES);
	(void)sigfillset(&all); /* as between fork() and the handlers */
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	cr_assert_eq(pipe(fd), 0);
	other = race(fd[1]);
	log_sink_borrow(&sink, fd[1]);
	cr_assert_eq(sink.way, LOG_SINK_GUARDED);
	for (int i = 0; i < 20000; i++) {
		static char got[sizeof line];
		lost += log_sink_write(&sink, line, sizeof line);
		if (i % 2 == 0)
			cr_assert_eq(read(fd[0], got, sizeof got), (ssize_t)sizeof got);
	}
	(void)kill(other, SIGKILL);
	cr_assert_eq(waitpid(other, NULL, 0), other);
	cr_assert_gt(lost, 0);
	check_lines(fd[0]);
}

Test(log_sink, a_full_socket_is_not_waited_for)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	log_sink_borrow(&sink, fd[1]);
	check_full(fd[0], fd[1]);
}

static void
check_terminal(enum log_sink_way way)
{
	int master, slave;

	cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	log_sink_borrow(&sink, slave);
	cr_assert_eq(sink.way, way);
	cr_assert(sink.terminal);
	cr_assert_gt(write_until_full(), 0);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 1);
	cr_assert_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
}

Test(log_sink, a_stopped_terminal_is_not_waited_for)
{
	check_terminal(LOG_SINK_FLAGGED);
}

Test(log_sink, nor_is_one_of_another_user)
{
	int master, slave;

	cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	forbid(SCMP_SYS(openat), EACCES);
	log_sink_borrow(&sink, slave);
	cr_assert_eq(sink.way, LOG_SINK_GUARDED);
	cr_assert_gt(write_until_full(), 0);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 1);
}

Test(log_sink, a_fifo_needs_no_reader_and_takes_one_that_comes_back)
{
	int reader;

	cr_assert_eq(mkfifo(path, 0600), 0);
	log_sink_take(&sink, log_sink_open(path));
	cr_assert_geq(sink.fd, 0);
	for (int round = 0; round < 2; round++) {
		cr_assert_eq(log_sink_write(&sink, line, sizeof line), 1, "nobody reads");
		reader = open(path, O_RDONLY | O_NONBLOCK);
		cr_assert_geq(reader, 0);
		cr_assert_gt(write_until_full(), 0);
		check_lines(reader);
		(void)close(reader);
	}
}

Test(log_sink, a_fifo_as_a_standard_stream_is_not_waited_for)
{
	int reader, writer;

	cr_assert_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	writer = open(path, O_WRONLY);
	cr_assert(reader >= 0 && writer >= 0);
	log_sink_borrow(&sink, writer);
	check_full(reader, writer);
}

Test(log_sink, nowhere_loses_every_line)
{
	log_sink_take(&sink, -1);
	cr_assert_eq(log_sink_write(&sink, "a\nb\n", 4), 2);
	log_sink_borrow(&sink, 999);
	cr_assert_eq(log_sink_write(&sink, "a\nb\n", 4), 2);
	cr_assert_eq(log_sink_open("/no/such/folder/log"), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(log_sink_open(dir), -1);
	cr_assert_eq(errno, EISDIR);
}

Test(log_sink, a_file_that_may_not_grow_takes_whole_lines)
{
	struct rlimit most = {10000, 10000};
	struct stat st;

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
	log_sink_take(&sink, log_sink_open(path));
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 0);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 0);
	cr_assert_eq(log_sink_write(&sink, line, sizeof line), 1);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_size, 2 * LOG_LINE);
	cr_assert_eq(log_sink_write(&sink, "short\n", 6), 0);
}

Test(log_sink, a_line_taken_in_part_is_finished_before_the_next)
{
	static char text[1 << 20];
	char wanted[2 * sizeof line];
	int fd[2], bytes = 4096;
	size_t n = 0;
	ssize_t got;

	/* A stream that takes a part: lines of more than PIPE_BUF are none of the daemons'. */
	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(fcntl(fd[1], F_SETPIPE_SZ, 2 * bytes), 2 * bytes);
	cr_assert_eq(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	log_sink_take(&sink, fd[1]);
	memset(wanted, 'y', sizeof wanted);
	wanted[sizeof wanted - 1] = '\n';
	cr_assert_eq(log_sink_write(&sink, "first\n", 6), 0);
	cr_assert_eq(log_sink_write(&sink, wanted, sizeof wanted), 0, "its rest is kept");
	cr_assert_gt(sink.rest_n, 0);
	cr_assert_eq(log_sink_write(&sink, "lost\n", 5), 1);
	cr_assert_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	while ((got = read(fd[0], text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	cr_assert_eq(log_sink_write(&sink, "last\n", 5), 0);
	while ((got = read(fd[0], text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	cr_assert_eq(n, 6 + sizeof wanted + 5);
	cr_assert_eq(memcmp(text, "first\n", 6), 0);
	cr_assert_eq(memcmp(text + 6, wanted, sizeof wanted), 0);
	cr_assert_eq(memcmp(text + n - 5, "last\n", 5), 0);
}

Test(log_sink, many_lines_leave_a_pipe_in_pieces_of_whole_ones)
{
	static char text[100 * 1000];
	int fd[2];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 1000 == 999 ? '\n' : 'z';
	cr_assert_eq(pipe(fd), 0);
	log_sink_borrow(&sink, fd[1]);
	cr_assert_eq(log_sink_write(&sink, text, sizeof text) + 16 * 4, 100,
		     "four lines a page, sixteen pages");
	cr_assert_eq(sink.rest_n, 0);
}
