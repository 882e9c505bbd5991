/* log_target.h - where the log goes, from what the settings say: "stderr", "syslog" or a path. With
 * lines as messages of RFC 3164, the form of syslog(3), and its priorities. */
#ifndef POLICYPOOL_LOG_TARGET_H
#define POLICYPOOL_LOG_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "log.h"

enum log_kind { LOG_TO_STDERR, LOG_TO_JOURNAL, LOG_TO_SYSLOG, LOG_TO_FILE };

/* JOURNAL is a stderr that is the journal's stream. */
enum log_kind log_target_kind(const char *target);

/* The caller's descriptor, or -1 where it is stderr.  0, or -1 with errno. */
MUST_CHECK int log_target_open(enum log_kind, const char *target, int *fd);

bool log_target_same_terminal(int fd, int other_fd);

/* ---- syslog ---- */

#define LOG_SYSLOG_PATH "/dev/log"

/* A socket for log_syslog_send(), -1 with errno.  It is not connected: a syslogd that was restarted
 * is found again without a new socket, which a confined worker could not make. */
MUST_CHECK int log_syslog_open(void);

/* Whether somebody takes datagrams at path: 0, or -1 with errno. */
MUST_CHECK int log_syslog_there(const char *path);

/* The severity by which syslog and the journal know a level: 3, 4, 6 or 7. */
unsigned log_syslog_severity(enum log_level);

/* A datagram to the socket at path, as facility daemon; it never waits.  False when the line did
 * not get through. */
bool log_syslog_send(int fd, const char *path, const char *program, enum log_level,
		     const char *line, size_t n);

#endif
