/* log_sink.h - where lines go: a descriptor that never blocks, or syslog.  For log.c alone. */
#ifndef POLICYPOOL_LOG_SINK_H
#define POLICYPOOL_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "attr.h"

/* A descriptor of our own for fd's file that does not block, without changing the one that others
 * share; fd itself where the system gives none (a socket).  Never fails. */
int log_sink_unblocked(int fd);

/* One write, which does not block.  False when the line did not get through. */
bool log_sink_write(int fd, const char *line, size_t n);

/* A log file, for appending.  The descriptor, or -1 with errno. */
MUST_CHECK int log_sink_file(const char *path);

/* A socket for log_sink_syslog(), -1 with errno.  It is not connected: a syslogd that was restarted
 * is found again without a new socket, which a confined worker could not make. */
MUST_CHECK int log_sink_syslog_open(void);

#define LOG_SINK_SYSLOG "/dev/log"

/* A datagram to the socket at path.  severity: 0 error, 1 warning, 2 information, 3
 * debugging.  False when the line did not get through. */
bool log_sink_syslog(int fd, const char *path, const char *program, unsigned severity,
		     const char *line, size_t n);

#endif
