/* takeover.h - a successor's side of an upgrade: what crosses the exec from its predecessor, and
 * when it takes over.  The predecessor's is upgrade.h.
 *
 *   predecessor  fork, exec ->  successor      $POLICYPOOL_HANDOVER: a version, then a line for
 *                                              each item: kind, descriptor, what it is about
 *                <- CHANNEL_READY              its workers serve; which items it has taken
 *                CHANNEL_GO ->                 all is yours now
 *                CHANNEL_DATA both ways        the program's own
 *
 * Until GO the predecessor is in charge and may be so for good: then this process ends without a
 * trace.  The end of the channel says neither: only where the predecessor's process has ended too
 * (its pidfd says so) is all ours without GO. */
#ifndef POLICYPOOL_TAKEOVER_H
#define POLICYPOOL_TAKEOVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "addr.h"
#include "compiler.h"
#include "span.h"

#define TAKEOVER_KINDS(X)                                                                 \
	X(TAKEOVER_CHANNEL, "channel")	 /* about: the instance's name */                 \
	X(TAKEOVER_STDERR, "stderr")	 /* stderr itself is that pipe at first */        \
	X(TAKEOVER_ERRORS, "errors")	 /* a pipe: what goes wrong until GO */           \
	X(TAKEOVER_LISTEN, "listen")	 /* about: the address it is bound to */          \
	X(TAKEOVER_CONTROL, "control")	 /* about: its path */                            \
	X(TAKEOVER_PIDFILE, "pidfile")	 /* about: its path; the lock is held */          \
	X(TAKEOVER_JOURNAL, "journal")	 /* about: its path; the lock is held */          \
	X(TAKEOVER_REGISTRY, "registry") /* a file in memory: the journal's text */       \
	X(TAKEOVER_PROXIES, "proxies")	 /* a file in memory: see registrar_set_save() */ \
	X(TAKEOVER_BOOT, "boot")	 /* a file in memory: see pool_store.h */         \
	X(TAKEOVER_TICKETS, "tickets")	 /* a pipe: see tls_tickets.h */                  \
	X(TAKEOVER_FORMER, "former")	 /* a pidfd of it; about: its pid */              \
	X(TAKEOVER_PARENT, "parent")	 /* the line to it, see reaper.h; about: its pid */
#define TAKEOVER_ENUM(name, text) name,
enum takeover_kind { TAKEOVER_KINDS(TAKEOVER_ENUM) TAKEOVER_KIND_COUNT };
#undef TAKEOVER_ENUM

/* Of the lines and of the messages over the channel: another one is not understood. */
enum { TAKEOVER_VERSION = 1, TAKEOVER_MOST = 32 };
/* Room for the names of all that can be taken. */
enum { TAKEOVER_TAKEN = TAKEOVER_MOST * 16 };
/* Behind a Unix socket's address whose path is the service manager's. */
#define TAKEOVER_GIVEN	  " given"
#define TAKEOVER_VARIABLE "POLICYPOOL_HANDOVER"

const char *takeover_kind_text(enum takeover_kind);

/* First of all in main: reads the variable and takes it away.  Until takeover_settings_read()
 * stderr is the predecessor's to read.  0, also where there is no predecessor; -1 when it is not
 * understood, with a line on stderr. */
MUST_CHECK int takeover_open(void);
void takeover_settings_read(void);

bool takeover_is_on(void); /* there is a predecessor */

/* The descriptor of that kind and about that, close-on-exec, the caller's; -1: none.  about NULL:
 * any. */
MUST_CHECK int takeover_take(enum takeover_kind, const char *about);
/* The same for the socket that listens at *wanted; port 0 there is whatever port it has. */
MUST_CHECK int takeover_listener(const struct addr *wanted);
/* The same of a Unix socket, which is known by what it is about, for it was bound to another name;
 * *given: it is the service manager's (TAKEOVER_GIVEN). */
MUST_CHECK int takeover_unix_listener(const struct addr *wanted, bool *given);

/* Is it the predecessor's instance that goes by this name?  True without one. */
bool takeover_is_of(const char *name);

struct takeover_ops {
	/* The predecessor lets go: all is ours.  Also when it has ended, once our workers serve. */
	void (*on_go)(void *ctx);
	void (*on_data)(struct span, void *ctx);
	/* This process is to end: in charge, for the process with the pid that was started is gone;
	 * otherwise for the predecessor goes on, which is to notice nothing. */
	void (*on_end)(bool in_charge, void *ctx);
};

/* Closes what nobody took and listens to the predecessor; without one it does nothing.  0, or -1 on
 * ENOMEM. */
MUST_CHECK int takeover_begin(struct event_base *, const struct takeover_ops *, void *ctx);

/* Our workers serve; on_go follows.  0, or -1 with errno, and the predecessor goes on. */
MUST_CHECK int takeover_ready(void);
/* 0, or -1 with errno. */
MUST_CHECK int takeover_send(struct span);

/* A successor, and GO was not told. */
bool takeover_is_pending(void);

/* The line to the process with the pid that was started, borrowed, and that pid in
 * *parent; -1: this process is not below one. */
int takeover_parent(pid_t *parent);

/* The predecessor's workers may still be at work: to a service manager it ends with this process,
 * which so waits for it.  False once it has ended, for the one that is our parent, and when ms have
 * passed since this was first asked; the base's loop is left when it becomes false. */
bool takeover_predecessor_is_left(uint64_t ms);
/* To the predecessor, while that is so: at once. */
void takeover_hurry_predecessor(void);

/* In a forked worker, and at the end. */
void takeover_close(void);

#endif
