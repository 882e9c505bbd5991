/* input.c - see input.h. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_init.h"

enum { CHUNK = 65536 };

static int
refuse(FILE *err, const char *what, const char *why)
{
	(void)fprintf(err, "ppool-client: %s: %s\n", what, why);
	return -1;
}

const char *
input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* 0, or -1 with errno, EFBIG where there are more than max bytes. */
static int
read_all(int fd, size_t max, struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, CHUNK);
		ssize_t n = room == NULL ? -1 : read(fd, room, CHUNK);

		if (room != NULL && n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_commit(out, (size_t)n);
		if (buf_len(out) > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

/* After a failure, by errno. */
static int
refuse_input(FILE *err, const char *what, size_t max)
{
	char why[80];

	if (errno != EFBIG)
		return refuse(err, what, strerror(errno));
	(void)snprintf(why, sizeof why, "too large: %zu bytes are allowed", max);
	return refuse(err, what, why);
}

int
input_read(const char *path, size_t max, struct buf *out, FILE *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -1 : read_all(fd, max, out), error = errno;

	if (fd >= 0 && !standard)
		(void)close(fd);
	errno = error;
	return result == 0 ? 0 : refuse_input(err, input_name(path), max);
}

/* ---- a program ---- */

static _Noreturn void
become(const char *command, int in, int out, size_t max)
{
	const struct rlimit limit = {max + 1, max + 1};

	process_init_undo();
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	/* A program that prints for ever shall not fill the memory. */
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* 0 where it ended with status 0; otherwise -1 with one line on err. */
static int
await(pid_t pid, const char *command, FILE *err)
{
	char why[80];
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return refuse(err, command, strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof why, "ended by signal %d", WTERMSIG(status));
	else
		(void)snprintf(why, sizeof why, "ended with status %d", WEXITSTATUS(status));
	return refuse(err, command, why);
}

static int
put(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			s = span_of(s.p + n, s.n - (size_t)n);
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* Files in memory: neither side waits for the other. */
static int
run_between(const char *command, int in, int out, struct span given, size_t max, struct buf *text,
	    FILE *err)
{
	pid_t pid;

	if (in < 0 || out < 0 || put(in, given) < 0 || (pid = fork()) < 0)
		return refuse(err, command, strerror(errno));
	if (pid == 0)
		become(command, in, out, max);
	if (await(pid, command, err) < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0 || read_all(out, max, text) < 0)
		return refuse_input(err, command, max);
	return 0;
}

int
input_run(const char *command, struct span given, size_t max, struct buf *text, FILE *err)
{
	int in = memfd_create("payload", MFD_CLOEXEC), out = memfd_create("reply", MFD_CLOEXEC);
	int result = run_between(command, in, out, given, max, text, err);

	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return result;
}
