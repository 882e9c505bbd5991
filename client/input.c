/* input.c - see input.h. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 65536 };

static ssize_t
read_some(int fd, struct buf *out)
{
	char *room = buf_reserve(out, CHUNK);
	ssize_t n;

	if (room == NULL)
		return -1;
	do
		n = read(fd, room, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_commit(out, (size_t)n);
	return n;
}

static int
read_all(int fd, size_t max, struct buf *out)
{
	ssize_t n;

	while ((n = read_some(fd, out)) > 0) {
		if (buf_len(out) > max) {
			errno = EFBIG;
			return -1;
		}
	}
	return n < 0 ? -1 : 0;
}

int
input_read(const char *path, size_t max, struct buf *out)
{
	int fd, result, error;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, max, out);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = read_all(fd, max, out);
	error = errno;
	(void)close(fd);
	errno = error;
	return result;
}

const char *
input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}
