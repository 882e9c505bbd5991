/* control.h - the daemon's end of its control socket: one JSON request a line, one JSON answer.
 *
 * request  {"cmd":"status"}      answer  {"ok":true,"data":...} or {"ok":false,"error":"..."}
 *
 * Who may connect is the socket's mode; who may change things is asked of the peer's credentials.
 */
#ifndef POLICYPOOL_CONTROL_H
#define POLICYPOOL_CONTROL_H

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <sys/types.h>

#include "attr.h"

struct control;

struct control_caller;

struct control_call {
	struct json_object *args; /* the request, borrowed */
	uid_t uid;		  /* of the caller */
	bool may_change;	  /* root or the daemon's own user */
	struct control_caller *caller;
};

struct control_verb {
	const char *name;
	bool changes; /* refused to callers who may not change things */
	/* Returns the data of the answer, which passes to the caller; NULL with *error set
	 * (constant) when it can't be answered, or after control_defer(). */
	struct json_object *(*run)(const struct control_call *, const char **error, void *ctx);
};

/* Serves `verbs` (ended by a row without name; borrowed) at path.  NULL with errno; EADDRINUSE when
 * a living process has it. */
struct control *control_new(struct event_base *, const char *path, mode_t mode,
			    const struct control_verb *verbs, void *ctx);

/* Serves at a listening socket that a predecessor has opened, once told to by control_go(): until
 * then it is the predecessor's, and so is the path.  NULL with errno, fd then still the caller's.
 */
struct control *control_adopt(struct event_base *, int fd, const char *path,
			      const struct control_verb *verbs, void *ctx);
void control_go(struct control *);

/* For a successor.  Borrowed. */
int control_fd(const struct control *);
const char *control_path(const struct control *);
/* It has it: nothing new is accepted here, and the path is not ours any more. */
void control_hand_over(struct control *);

/* Serves further verbs with a ctx of their own; CONTROL_TABLES at most, the first among them. */
enum { CONTROL_TABLES = 8 };
void control_add(struct control *, const struct control_verb *verbs, void *ctx);

/* ---- answers that take time ---- */

struct control_deferred;

/* From run(), which then returns NULL: the answer follows by control_settle().  Until then the
 * caller is asked nothing else and never idle; gone is told when it leaves before, and the deferred
 * is no more.  NULL on ENOMEM. */
struct control_deferred *control_defer(const struct control_call *, void (*gone)(void *ctx),
				       void *ctx);

/* Answers with data, which passes to the callee, or where that is NULL with the error, which is
 * borrowed.  The deferred is no more. */
void control_settle(struct control_deferred *, struct json_object *data, const char *error);

/* The argument at that place as text; NULL where there is none. */
const char *control_argument(const struct control_call *, size_t i);

/* Closes all and removes the socket's path.  NULL is fine. */
void control_free(struct control *);

/* In a forked worker: closes and frees, leaves the path alone. */
void control_after_fork(struct control *);

#endif
