/* log_sink.c - see log_sink.h.  Apart from log.c because <syslog.h> claims its names. */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

int
log_sink_unblocked(int fd)
{
	char path[40];
	int own;

	/* Opening it anew makes a file description of our own: O_NONBLOCK set there does not
	 * surprise whoever else writes to the terminal or pipe. */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC);
	return own < 0 ? fd : own;
}

bool
log_sink_write(int fd, const char *line, size_t n)
{
	ssize_t done;

	do {
		done = send(fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done < 0 && errno == ENOTSOCK)
			done = write(fd, line, n);
	} while (done < 0 && errno == EINTR);
	return done >= 0;
}

int
log_sink_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0640);
}

int
log_sink_syslog_open(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* "<30>Mar  1 12:34:56 ppool-proxy[7]: line", as syslog(3) writes it. */
bool
log_sink_syslog(int fd, const char *path, const char *program, unsigned severity, const char *line,
		size_t n)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	char head[128], when[24];
	time_t now = time(NULL);
	struct tm tm;
	struct iovec part[] = {{head, 0}, {(void *)(uintptr_t)line, n}};
	struct msghdr m = {
		.msg_name = &where, .msg_namelen = sizeof where, .msg_iov = part, .msg_iovlen = 2};
	ssize_t done;

	(void)snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
	if (localtime_r(&now, &tm) == NULL || strftime(when, sizeof when, "%b %e %T", &tm) == 0)
		return false;
	part[0].iov_len = (size_t)snprintf(head, sizeof head,
					   "<%d>%s %.64s[%d]: ", LOG_DAEMON | priority[severity],
					   when, program, (int)getpid());
	do
		done = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	return done >= 0;
}
