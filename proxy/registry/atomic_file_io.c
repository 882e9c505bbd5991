/* atomic_file_io.c - see atomic_file_io.h. */
#include "atomic_file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int
atomic_file_write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s = span_of(s.p + n, s.n - (size_t)n);
	}
	return 0;
}

int
atomic_file_write_aside(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	int rc, saved;

	if (fd < 0)
		return -1;
	rc = atomic_file_write_all(fd, text) < 0 || fsync(fd) < 0 ? -1 : 0;
	saved = errno;
	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

int
atomic_file_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd), saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return rc;
}

static int
judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		errno = EINVAL;
	else if (st->st_uid != geteuid() && st->st_uid != 0)
		errno = EPERM;
	else if (st->st_size > ATOMIC_FILE_MAX)
		errno = EFBIG;
	else
		return 0;
	return -1;
}

static int
read_all(int fd, struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, 65536);
		ssize_t n = room == NULL ? -1 : read(fd, room, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_commit(out, (size_t)n);
		if (buf_len(out) > ATOMIC_FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
atomic_file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc, saved;

	if (fd < 0)
		return -1;
	rc = fstat(fd, &st) < 0 || judge(&st) < 0 ? -1 : read_all(fd, out);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return rc;
}

int
atomic_file_set_aside(const char *path, char *to, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	if (localtime_r(&now, &tm) == NULL)
		return -1;
	(void)strftime(when, sizeof when, "%Y%m%dT%H%M%S", &tm);
	(void)snprintf(to, size, "%s.bad-%s", path, when);
	return rename(path, to);
}
