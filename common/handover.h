/* handover.h - what a process that was executed as a daemon's successor has from its predecessor:
 * what crosses the exec, and the successor's side of it.  The predecessor's is upgrade.h.
 *
 *   predecessor  fork, exec ->  successor      $POLICYPOOL_HANDOVER: a version, then a line an
 * item: kind, descriptor, what it is about
 *                <- CHANNEL_READY              its workers serve; which items it has taken
 *                CHANNEL_GO ->                 all is yours now
 *                CHANNEL_DATA both ways        the program's own
 *
 * Until GO the predecessor is in charge and may be so for good: then this process ends without a
 * trace. */
#ifndef POLICYPOOL_HANDOVER_H
#define POLICYPOOL_HANDOVER_H

#include <event2/event.h>
#include <stdbool.h>

#include "addr.h"
#include "attr.h"
#include "span.h"

#define HANDOVER_KINDS(X)                                                          \
	X(HANDOVER_CHANNEL, "channel")	 /* about: the instance's name */          \
	X(HANDOVER_STDERR, "stderr")	 /* stderr itself is that pipe at first */ \
	X(HANDOVER_ERRORS, "errors")	 /* a pipe: what goes wrong until GO */    \
	X(HANDOVER_LISTEN, "listen")	 /* about: the address it is bound to */   \
	X(HANDOVER_CONTROL, "control")	 /* about: its path */                     \
	X(HANDOVER_PIDFILE, "pidfile")	 /* about: its path; the lock is held */   \
	X(HANDOVER_REGISTRY, "registry") /* a file in memory: the journal */
#define HANDOVER_ENUM(name, text) name,
enum handover_kind { HANDOVER_KINDS(HANDOVER_ENUM) HANDOVER_KIND_COUNT };
#undef HANDOVER_ENUM

/* Of the lines and of the messages over the channel: another one is not understood. */
enum { HANDOVER_VERSION = 1, HANDOVER_MOST = 16 };
#define HANDOVER_VARIABLE "POLICYPOOL_HANDOVER"

const char *handover_kind_text(enum handover_kind);

/* First of all in main: reads the variable and takes it away.  Until handover_settings_read()
 * stderr is the predecessor's to read.  0, also where there is no predecessor; -1 when it is not
 * understood, with a line on stderr. */
MUST_CHECK int handover_open(void);
void handover_settings_read(void);

bool handover_is_on(void); /* there is a predecessor */

/* The descriptor of that kind and about that, close-on-exec, the caller's; -1: none.  about NULL:
 * any. */
MUST_CHECK int handover_take(enum handover_kind, const char *about);
/* The same for the socket that listens at *wanted; port 0 there is whatever port it has. */
MUST_CHECK int handover_listener(const struct addr *wanted);

/* Is it the predecessor's instance that goes by this name?  True without one. */
bool handover_is_of(const char *name);

struct handover_ops {
	/* The predecessor lets go: all is ours.  Also when it is gone. */
	void (*on_go)(void *ctx);
	void (*on_data)(struct span, void *ctx);
};

/* Closes what nobody took and listens to the predecessor; without one it does nothing.  0, or -1 on
 * ENOMEM. */
MUST_CHECK int handover_begin(struct event_base *, const struct handover_ops *, void *ctx);

/* Our workers serve; on_go follows.  0, or -1 with errno, and the predecessor goes on. */
MUST_CHECK int handover_ready(void);
/* 0, or -1 with errno. */
MUST_CHECK int handover_tell(struct span);

/* In a forked worker, and at the end. */
void handover_close(void);

#endif
