/* log_sink.c - see log_sink.h.  Apart from log.c because <syslog.h> claims its names. */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <syslog.h>
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

void
log_sink_syslog_open(const char *program)
{
	openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_sink_syslog(unsigned severity, const char *line)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	syslog(priority[severity], "%s", line);
}
