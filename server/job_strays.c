/* job_strays.c - see job_strays.h. */
#include "job_strays.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "double_fork.h"
#include "job_child.h"
#include "log.h"

enum { ENVIRONMENT = 1 << 16 }; /* bytes that are looked at */

/* The serial in an environment, whose texts end with NUL; 0: none of this master's. */
static uint64_t
serial_in(const char *env, size_t n)
{
	char wanted[48];
	size_t length = (size_t)snprintf(wanted, sizeof wanted, JOB_CHILD_COOKIE "=%d.",
					 (int)getpid());

	for (const char *p = env, *end = env + n; p < end; p += strnlen(p, (size_t)(end - p)) + 1)
		if ((size_t)(end - p) > length && strncmp(p, wanted, length) == 0)
			return strtoull(p + length, NULL, 10);
	return 0;
}

static uint64_t
serial_of(pid_t pid)
{
	char text[ENVIRONMENT + 1];
	char path[64];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, ENVIRONMENT);
		(void)close(fd);
	}
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return serial_in(text, (size_t)n);
}

static bool
is_stray(pid_t pid, bool (*lives)(uint64_t, pid_t, void *), void *ctx)
{
	uint64_t serial;

	if (double_fork_parent_of(pid) != getpid() || lives(0, pid, ctx))
		return false;
	serial = serial_of(pid);
	return serial > 0 && !lives(serial, pid, ctx);
}

unsigned
job_strays_kill(bool (*lives)(uint64_t, pid_t, void *), void *ctx)
{
	const struct dirent *e;
	DIR *dir = opendir("/proc");
	unsigned killed = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		pid_t pid = isdigit((unsigned char)e->d_name[0])
				    ? (pid_t)strtol(e->d_name, NULL, 10)
				    : 0;
		if (pid <= 1 || !is_stray(pid, lives, ctx))
			continue;
		log_limited(LOG_WARN, "a process that a handler left behind is killed",
			    "its_pid=%d", (int)pid);
		killed += kill(pid, SIGKILL) == 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return killed;
}
