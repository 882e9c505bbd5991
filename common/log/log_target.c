/* log_target.c - see log_target.h.  Without <syslog.h>, which claims the names of log.h. */
#include "log_target.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log_sink.h"

enum { FACILITY_DAEMON = 3 << 3 };

/* ---- syslog ---- */

unsigned
log_syslog_severity(enum log_level level)
{
	static const unsigned severity[] = {
		[LOG_ERROR] = 3, [LOG_WARN] = 4, [LOG_INFO] = 6, [LOG_VERBOSE] = 7};

	return severity[level];
}

int
log_syslog_open(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static struct sockaddr_un
place(const char *path)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};

	(void)snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
	return where;
}

int
log_syslog_there(const char *path)
{
	struct sockaddr_un where = place(path);
	int fd = log_syslog_open(), rc, error;

	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)&where, sizeof where);
	error = errno;
	(void)close(fd);
	errno = error;
	return rc;
}

/* "<30>Mar  1 12:34:56 ppool-proxy[7]: line", as syslog(3) writes it. */
bool
log_syslog_send(int fd, const char *path, const char *program, enum log_level level,
		const char *line, size_t n)
{
	struct sockaddr_un where = place(path);
	char head[128], when[24];
	time_t now = time(NULL);
	struct tm tm;
	struct iovec part[] = {{head, 0}, {(void *)(uintptr_t)line, n}};
	struct msghdr m = {
		.msg_name = &where, .msg_namelen = sizeof where, .msg_iov = part, .msg_iovlen = 2};
	ssize_t done;

	if (localtime_r(&now, &tm) == NULL || strftime(when, sizeof when, "%b %e %T", &tm) == 0)
		return false;
	part[0].iov_len = (size_t)snprintf(head, sizeof head, "<%u>%s %.64s[%d]: ",
					   FACILITY_DAEMON | log_syslog_severity(level), when,
					   program, (int)getpid());
	do
		done = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	return done >= 0;
}

/* ---- which it is ---- */

bool
log_target_same_terminal(int a, int b)
{
	struct stat x, y;

	return isatty(a) == 1 && isatty(b) == 1 && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_rdev == y.st_rdev;
}

/* JOURNAL_STREAM has device and inode of the stream that the service manager gave; what stderr is
 * meanwhile may be another.  systemd.exec(5). */
static bool
is_journal(int fd)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text != NULL && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

enum log_kind
log_target_kind(const char *target)
{
	if (strcmp(target, "syslog") == 0)
		return LOG_TO_SYSLOG;
	if (strcmp(target, "stderr") != 0)
		return LOG_TO_FILE;
	return is_journal(STDERR_FILENO) ? LOG_TO_JOURNAL : LOG_TO_STDERR;
}

int
log_target_open(enum log_kind kind, const char *target, int *fd)
{
	*fd = -1;
	if (kind == LOG_TO_SYSLOG)
		*fd = log_syslog_open();
	else if (kind == LOG_TO_FILE)
		*fd = log_sink_open(target);
	else
		return 0;
	return *fd < 0 ? -1 : 0;
}
