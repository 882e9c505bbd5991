/* sandbox: what serving needs is allowed, and which modes there are. */
#include "sandbox_fixture.h"

TestSuite(sandbox, .init = begin, .timeout = 60);

static int
accepted(void)
{
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool
talks(void)
{
	char text[8];

	return send(pair[0], "hello", 5, MSG_NOSIGNAL) == 5 && recv(pair[1], text, 8, 0) == 5 &&
	       write(pair[1], "hello", 5) == 5 && read(pair[0], text, 8) == 5;
}

static bool
ends_what_it_sends(void)
{
	const int on = 1;
	int fd = accepted();

	return fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
	       shutdown(fd, SHUT_WR) == 0;
}

static bool
looks_at_flags(void)
{
	return fcntl(pair[0], F_GETFL) >= 0 && fcntl(pair[0], F_GETFD) >= 0 &&
	       fcntl(pair[0], F_SETFD, FD_CLOEXEC) == 0;
}

static bool
accepts(void)
{
	int fd;

	while ((fd = accepted()) >= 0)
		(void)close(fd);
	return errno == EAGAIN;
}

static bool
waits(void)
{
	struct epoll_event e = {.events = EPOLLIN};

	return (epoll_ctl(loop, EPOLL_CTL_ADD, pair[0], &e) == 0 || errno == EEXIST) &&
	       epoll_wait(loop, &e, 1, 1) == 0;
}

static bool
uses_memory(void)
{
	char *p[64];

	for (size_t i = 0; i < 64; i++) {
		p[i] = malloc((size_t)4096 << i % 12);
		if (p[i] == NULL)
			return false;
		memset(p[i], 1, (size_t)4096 << i % 12);
	}
	for (size_t i = 0; i < 64; i += 2) {
		p[i] = realloc(p[i], 3 << 20);
		if (p[i] == NULL)
			return false;
	}
	for (size_t i = 0; i < 64; i++)
		free(p[i]);
	return true;
}

static bool
reads_clocks(void)
{
	struct timespec t = {0, 1000};

	return clock_gettime(CLOCK_MONOTONIC, &t) == 0 && time(NULL) > 0 &&
	       nanosleep(&(struct timespec){0, 1000}, NULL) == 0;
}

static bool
logs(void)
{
	log_event(LOG_INFO, "behind the filter", "k=%s", log_quoted("a b"));
	errno = ENOENT;
	log_errno(LOG_WARN, "with an error", NULL);
	return true;
}

/* In each way that a log may need, with a full pipe; and one that it is given anew. */
static bool
loses_lines(void)
{
	static const enum log_sink_way way[] = {LOG_SINK_FLAGGED, LOG_SINK_NOWAIT,
						LOG_SINK_GUARDED};
	char line[LOG_LINE];
	unsigned lost = 0;

	memset(line, '\n', sizeof line);
	for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
		full.way = way[i];
		for (int n = 0; n < 100; n++)
			lost += log_sink_write(&full, line, sizeof line);
	}
	log_sink_take(&full, dup_of_log);
	return lost > 0 && log_sink_write(&full, line, sizeof line) == 0;
}

static bool
schedules_itself(void)
{
	const struct sched_param none = {0};

	return sched_setscheduler(0, SCHED_BATCH, &none) == 0 &&
	       sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

static bool
reads_an_open_file_again(void)
{
	char c;

	return pread(file, &c, 1, 0) == 1 && pread(file, &c, 1, 0) == 1;
}

static void
nothing(int sig)
{
	(void)sig;
}

static bool
handles_signals(void)
{
	struct sigaction a = {.sa_handler = nothing};

	return sigaction(SIGUSR1, &a, NULL) == 0 && raise(SIGUSR1) == 0 &&
	       kill(getpid(), SIGUSR1) == 0;
}

static const struct call needed[] = {CALL(talks),
				     CALL(ends_what_it_sends),
				     CALL(looks_at_flags),
				     CALL(accepts),
				     CALL(waits),
				     CALL(uses_memory),
				     CALL(reads_clocks),
				     CALL(logs),
				     CALL(loses_lines),
				     CALL(handles_signals),
				     CALL(schedules_itself),
				     CALL(reads_an_open_file_again)};

Test(sandbox, what_serving_needs_is_allowed)
{
	(void)tzset();
	EXPECT(needed, SANDBOX_SERVER, ISOLATION_STRICT, PASSED);
	EXPECT(needed, SANDBOX_PROXY, ISOLATION_AUTO, PASSED);
	EXPECT(connecting, SANDBOX_PROXY, ISOLATION_STRICT, PASSED);
}

Test(sandbox, without_a_filter_or_with_one_that_logs_all_is_done)
{
	static const struct call c[] = {CALL(opens_to_read), CALL(makes_a_udp_socket), CALL(talks)};

	EXPECT(c, SANDBOX_SERVER, ISOLATION_UNFILTERED, PASSED);
	EXPECT(c, SANDBOX_SERVER, ISOLATION_NONE, PASSED);
	EXPECT(c, SANDBOX_SERVER, ISOLATION_LOG, PASSED);
}

static bool
aborts(void)
{
	abort();
}

Test(sandbox, a_process_that_aborts_dies_of_that)
{
	cr_assert_eq(try(aborts, SANDBOX_SERVER, ISOLATION_STRICT), -SIGABRT);
}

Test(sandbox, every_mode_is_possible_on_this_kernel)
{
	char *told;
	size_t n;
	FILE *err = open_memstream(&told, &n);

	cr_assert_eq(sandbox_check(ISOLATION_AUTO, "p", err), 0);
	cr_assert_eq(sandbox_check(ISOLATION_UNFILTERED, "p", err), 0);
	cr_assert_eq(sandbox_check(ISOLATION_STRICT, "p", err), 0);
	(void)fclose(err);
	cr_assert_eq(n, 0);
	free(told);
}
