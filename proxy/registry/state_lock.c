/* state_lock.c - see state_lock.h. */
#include "state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum { LINE = 192 };

/* 2020: a clock that tells less is one that was not set after the boot. */
static const uint64_t never_set = UINT64_C(1577836800000);

char *
state_lock_path(const char *path)
{
	char *out;

	return asprintf(&out, "%s.lock", path) < 0 ? NULL : out;
}

/* ---- the beat ---- */

static uint64_t
uptime_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
read_boot(char out[STATE_LOCK_BOOT])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, STATE_LOCK_BOOT - 1);

	if (fd >= 0)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strspn(out, "0123456789abcdef-")] = '\0';
}

void
state_lock_now(struct state_lock_beat *b)
{
	*b = (struct state_lock_beat){
		.pid = (long)getpid(), .wall = clock_wall_ms(), .uptime = uptime_ms()};
	read_boot(b->boot);
}

uint64_t
state_lock_age(const struct state_lock_beat *then, const struct state_lock_beat *now)
{
	if (then->boot[0] != '\0' && strcmp(then->boot, now->boot) == 0)
		return now->uptime > then->uptime ? now->uptime - then->uptime : 0;
	if (then->wall < never_set)
		return 0;
	return now->wall > then->wall ? now->wall - then->wall : 0;
}

bool
state_lock_read(int fd, struct state_lock_beat *b)
{
	char line[LINE];
	ssize_t n = pread(fd, line, sizeof line - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	*b = (struct state_lock_beat){.pid = 0};
	return sscanf(line,
		      "{\"pid\":%ld,\"wall\":%" SCNu64 ",\"uptime\":%" SCNu64
		      ",\"boot\":\"%39[0-9a-f-]\"}",
		      &b->pid, &b->wall, &b->uptime, b->boot) >= 3;
}

int
state_lock_beat(int fd)
{
	struct state_lock_beat b;
	char line[LINE];
	ssize_t done;
	int n;

	state_lock_now(&b);
	n = snprintf(line, sizeof line,
		     "{\"pid\":%ld,\"wall\":%" PRIu64 ",\"uptime\":%" PRIu64 ",\"boot\":\"%s\"}\n",
		     b.pid, b.wall, b.uptime, b.boot);
	do
		done = pwrite(fd, line, (size_t)n, 0);
	while (done < 0 && errno == EINTR);
	if (done < 0 || ftruncate(fd, n) < 0)
		return -1;
	if (done == n)
		return 0;
	errno = ENOSPC;
	return -1;
}

/* ---- the lock ---- */

bool
state_lock_is_at(int fd, const char *lock_path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && lstat(lock_path, &named) == 0 &&
	       mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

/* 0, or -1 with errno. */
static int
lock(int fd, long *holder)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct state_lock_beat b;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0)) {
		errno = EPERM;
		return -1;
	}
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -1;
	if (state_lock_read(fd, &b))
		*holder = b.pid;
	errno = EAGAIN;
	return -1;
}

int
state_lock_take(const char *lock_path, long *holder)
{
	static const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	int fd, saved;

	*holder = 0;
	for (;;) {
		fd = open(lock_path, flags, 0600);
		if (fd < 0)
			return -1;
		if (lock(fd, holder) < 0) {
			saved = errno;
			(void)close(fd);
			errno = saved;
			return -1;
		}
		if (state_lock_is_at(fd, lock_path))
			return fd;
		(void)close(fd); /* removed meanwhile: another may have made it anew */
	}
}
