/* upgrade_internal.h - internal to an upgrade: upgrade.c (its states), upgrade_start.c (starting
 * the successor), upgrade_stderr.c (what that says). */
#ifndef POLICYPOOL_UPGRADE_INTERNAL_H
#define POLICYPOOL_UPGRADE_INTERNAL_H

#include <event2/event.h>

#include "channel.h"
#include "channel_queue.h"
#include "double_fork.h"
#include "takeover_env.h"
#include "upgrade.h"

/* RELEASED: it serves, and is about to get another parent; then it is told to go ahead. */
enum upgrade_internal { UPGRADE_NONE, UPGRADE_STARTING, UPGRADE_RELEASED, UPGRADE_OVER };

enum { UPGRADE_WHY = 512, UPGRADE_SAID = 400 }; /* bytes of texts */

/* What the successor says on stderr until it is in charge. */
struct upgrade_heard {
	char line[UPGRADE_SAID];
	size_t n; /* bytes of a line that is not whole yet */
	unsigned long lines;
};

struct upgrade {
	struct upgrade_env env;
	const struct upgrade_ops *ops;
	void *ctx;
	enum upgrade_internal state;
	struct takeover_env bequest;
	struct double_fork fork; /* the successor */
	bool stays;		 /* this process is to be its parent */
	bool remembered;	 /* another one is asked for, which can't begin yet */
	int channel, errors;
	struct channel_queue *outbox; /* to the successor */
	struct event *on_channel, *on_errors, *clock, *kick;
	struct control_deferred *asker; /* waits for what comes of the order; NULL: nobody */
	char taken[TAKEOVER_TAKEN];
	struct upgrade_heard heard;
	char said[UPGRADE_SAID]; /* the last that the successor said on stderr */
	char why[UPGRADE_WHY];	 /* what was wrong with the last one; empty: nothing */
	char space[CHANNEL_MAX + 1];
};

/* ---- upgrade.c ---- */

/* The successor's messages: an event's callback. */
void upgrade_on_channel(evutil_socket_t, short, void *upgrade);

/* ---- upgrade_start.c ---- */

/* 0: it has been executed; or -1 with errno, and what is open then is the caller's to close. */
MUST_CHECK int upgrade_start(struct upgrade *);

/* ---- upgrade_stderr.c ---- */

/* An event's callback. */
void upgrade_on_stderr(evutil_socket_t, short, void *upgrade);
/* What can be read now; at most so much a turn of the loop. */
void upgrade_read_stderr(struct upgrade *);
/* What was said of a line that is not whole is one. */
void upgrade_hear_line(struct upgrade *);
/* It says no more: what was suppressed is told. */
void upgrade_hear_end(struct upgrade *);

#endif
