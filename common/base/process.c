/* process.c - see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The fields of /proc/PID/stat are counted after the command's closing bracket; see proc(5). */
static int
parse(const char *text, struct procstat *p)
{
	const char *rest = strrchr(text, ')');
	unsigned long user, system;
	int parent;
	long pages, ticks = sysconf(_SC_CLK_TCK), size = sysconf(_SC_PAGESIZE);

	if (rest == NULL || ticks <= 0 || size <= 0 ||
	    sscanf(rest + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u"
		   " %*u %ld",
		   &parent, &user, &system, &pages) != 4) {
		errno = EINVAL;
		return -1;
	}
	p->parent = parent;
	p->cpu_ms = (uint64_t)(user + system) * 1000 / (uint64_t)ticks;
	p->resident = (uint64_t)pages * (uint64_t)size;
	return 0;
}

int
procstat_read(pid_t pid, struct procstat *p)
{
	char path[40], text[1024];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	if (n <= 0) {
		errno = n == 0 ? ESRCH : errno;
		return -1;
	}
	text[n] = '\0';
	return parse(text, p);
}

int
pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int
pidfd_signal(int fd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

pid_t
process_fork_blocked(void)
{
	sigset_t all, before;
	pid_t pid;
	int saved;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		return 0;
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}
