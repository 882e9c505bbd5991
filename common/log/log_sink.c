/* log_sink.c - see log_sink.h. */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- one write ---- */

static ssize_t
write_nowait(int fd, const char *bytes, size_t n)
{
	const struct iovec part = {(void *)(uintptr_t)bytes, n};

	return pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
}

static void
on_alarm(int sig)
{
	(void)sig; /* it has interrupted the write, which was its task */
}

/* The timer repeats: a signal that came before the write began would not end it. */
static ssize_t
write_interrupted(int fd, const char *bytes, size_t n)
{
	static const struct itimerval on = {{0, LOG_SINK_GUARD_US}, {0, LOG_SINK_GUARD_US}}, off;
	struct sigaction act = {.sa_handler = on_alarm}, before;
	ssize_t done = -1;

	if (sigaction(SIGALRM, &act, &before) < 0)
		return -1;
	if (setitimer(ITIMER_REAL, &on, NULL) == 0) {
		done = write(fd, bytes, n);
		(void)setitimer(ITIMER_REAL, &off, NULL);
	}
	(void)sigaction(SIGALRM, &before, NULL);
	if (done < 0 && errno == EINTR)
		errno = EAGAIN;
	return done;
}

static ssize_t
write_guarded(int fd, const char *bytes, size_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	sigset_t alarm, before;
	ssize_t done;

	if (poll(&p, 1, 0) < 1 || (p.revents & POLLOUT) == 0) {
		errno = EAGAIN;
		return -1;
	}
	(void)sigemptyset(&alarm);
	(void)sigaddset(&alarm, SIGALRM);
	if (sigprocmask(SIG_UNBLOCK, &alarm, &before) < 0)
		return -1;
	done = write_interrupted(fd, bytes, n);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return done;
}

static ssize_t
write_once(const struct log_sink *s, const char *bytes, size_t n)
{
	switch (s->way) {
	case LOG_SINK_SOCKET: return send(s->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case LOG_SINK_NOWAIT: return write_nowait(s->fd, bytes, n);
	case LOG_SINK_GUARDED: return write_guarded(s->fd, bytes, n);
	case LOG_SINK_FLAGGED: break;
	}
	return write(s->fd, bytes, n);
}

static ssize_t
write_some(const struct log_sink *s, const char *bytes, size_t n)
{
	ssize_t done;

	do
		done = write_once(s, bytes, n);
	while (done < 0 && errno == EINTR);
	return done;
}

/* With `stty tostop` a terminal sends SIGTTOU to those in the background that write, for which a
 * daemon has another meaning, and lets them write on if it is blocked. */
static ssize_t
write_terminal(const struct log_sink *s, const char *bytes, size_t n)
{
	sigset_t stop, before;
	ssize_t done;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTTOU);
	if (sigprocmask(SIG_BLOCK, &stop, &before) < 0)
		return -1;
	done = write_some(s, bytes, n);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return done;
}

/* A file that may not grow so far takes none of it, rather than the beginning of a line. */
static bool
is_too_large(const struct log_sink *s, size_t n)
{
	struct stat st;

	return s->most >= 0 && fstat(s->fd, &st) == 0 &&
	       (st.st_size > s->most || n > (size_t)(s->most - st.st_size));
}

/* The bytes taken, or -1 with errno. */
static ssize_t
put(const struct log_sink *s, const char *bytes, size_t n)
{
	if (s->fd < 0 || is_too_large(s, n)) {
		errno = s->fd < 0 ? EBADF : EFBIG;
		return -1;
	}
	return s->terminal ? write_terminal(s, bytes, n) : write_some(s, bytes, n);
}

/* ---- whole lines ---- */

unsigned
log_sink_count(const char *lines, size_t n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += lines[i] == '\n';
	return count;
}

/* Where the line that holds the byte at `at` ends. */
static size_t
line_end(const char *lines, size_t n, size_t at)
{
	const char *nl = memchr(lines + at, '\n', n - at);

	return nl != NULL ? (size_t)(nl - lines) + 1 : n;
}

/* The bytes that leave together: as many lines as are taken undivided. */
static size_t
piece_of(const struct log_sink *s, const char *lines, size_t n)
{
	size_t end = 0, next;

	if (s->regular || n <= PIPE_BUF)
		return n;
	while (end < n) {
		next = line_end(lines, n, end);
		if (end > 0 && next > PIPE_BUF)
			break;
		end = next;
	}
	return end;
}

/* Keeps the rest of a line of which the bytes before `at` were taken.  Where the line ends. */
static size_t
keep_rest(struct log_sink *s, const char *lines, size_t n, size_t at)
{
	size_t end = line_end(lines, n, at);

	if (lines[at - 1] == '\n')
		return at;
	if (end - at > sizeof s->rest) { /* not a line of ours */
		s->rest[0] = '\n';
		s->rest_n = 1;
		return end;
	}
	memcpy(s->rest, lines + at, end - at);
	s->rest_n = end - at;
	return end;
}

static bool
finish_line(struct log_sink *s)
{
	ssize_t done;

	if (s->rest_n == 0)
		return true;
	done = put(s, s->rest, s->rest_n);
	if (done <= 0)
		return false;
	s->rest_n -= (size_t)done;
	memmove(s->rest, s->rest + done, s->rest_n);
	return s->rest_n == 0;
}

unsigned
log_sink_write(struct log_sink *s, const char *lines, size_t n)
{
	int saved = errno;

	while (n > 0 && finish_line(s)) {
		size_t piece = piece_of(s, lines, n), taken;
		ssize_t done = put(s, lines, piece);
		if (done <= 0)
			break;
		taken = (size_t)done < piece ? keep_rest(s, lines, n, (size_t)done) : piece;
		lines += taken;
		n -= taken;
	}
	errno = saved;
	return log_sink_count(lines, n);
}

/* ---- where to ---- */

/* Whether RWF_NOWAIT works on the pipe fd: a byte through one of the same kind tells, which one
 * without bytes would not. */
static bool
has_nowait(const struct stat *st)
{
	bool works;
	int end[2];

	/* A pipe that has a name is a FIFO, for which no kernel has it yet. */
	if (!S_ISFIFO(st->st_mode) || pipe2(end, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	works = write_nowait(end[1], "x", 1) == 1;
	(void)close(end[0]);
	(void)close(end[1]);
	return works;
}

/* A pipe that pipe(2) made, and no FIFO: it is on the kernel's own file system. */
static bool
has_no_name(int fd)
{
	char path[40], target[16];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof target);
	return n >= 6 && memcmp(target, "pipe:[", 6) == 0;
}

/* A description of our own of the same file; -1 where the system gives none. */
static int
open_anew(int fd)
{
	char path[40];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC);
}

static void
find_way(struct log_sink *s, const struct stat *st)
{
	int own;

	if (has_no_name(s->fd) && has_nowait(st)) {
		s->way = LOG_SINK_NOWAIT;
		return;
	}
	own = open_anew(s->fd);
	s->way = own < 0 ? LOG_SINK_GUARDED : LOG_SINK_FLAGGED;
	if (own < 0)
		return;
	s->fd = own;
	s->own = true;
}

static off_t
most_of_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_FSIZE, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
		return -1;
	return (off_t)l.rlim_cur;
}

static void
start(struct log_sink *s, int fd, bool own)
{
	struct stat st = {.st_mode = 0};
	int saved = errno;

	s->fd = fd;
	s->way = LOG_SINK_FLAGGED;
	s->own = own;
	s->rest_n = 0;
	s->most = -1;
	s->regular = s->terminal = false;
	if (fd < 0 || fstat(fd, &st) < 0) {
		s->fd = -1;
		s->own = false;
	} else if (S_ISSOCK(st.st_mode)) {
		s->way = LOG_SINK_SOCKET;
	} else if (S_ISREG(st.st_mode)) {
		s->regular = true;
		s->most = most_of_files();
	} else {
		s->terminal = S_ISCHR(st.st_mode) && isatty(fd) == 1;
		if (!own)
			find_way(s, &st);
	}
	errno = saved;
}

void
log_sink_borrow(struct log_sink *s, int fd)
{
	start(s, fd, false);
}

void
log_sink_take(struct log_sink *s, int fd)
{
	start(s, fd, true);
}

void
log_sink_close(struct log_sink *s)
{
	int saved = errno;

	if (s->own)
		(void)close(s->fd);
	s->fd = -1;
	s->own = false;
	s->rest_n = 0;
	errno = saved;
}

/* A writer that does not wait needs a reader to open a FIFO, and none afterwards: for a moment that
 * is ourselves.  Where we may not read it, nobody can be that for us: ENXIO. */
static int
open_without_reader(const char *path)
{
	int reader = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), fd;
	struct stat st;

	if (reader < 0 || fstat(reader, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		if (reader >= 0)
			(void)close(reader);
		errno = ENXIO;
		return -1;
	}
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	(void)close(reader);
	return fd;
}

int
log_sink_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      0640);

	return fd < 0 && errno == ENXIO ? open_without_reader(path) : fd;
}
