/* control.h - the daemon's end of its control socket: one JSON request a line, one JSON answer.
 *
 * request  {"cmd":"status"}      answer  {"ok":true,"data":...} or {"ok":false,"error":"..."}
 *
 * The socket's mode says which users may connect, the peer's credentials which may change things.
 *
 * A caller's next request is read once the answer to the former has left, and each turn of the loop
 * serves one request of those that may only look, and one of the others: nobody can hold the loop,
 * or make it hold answers.  Looking takes a quarter of the time at most, orders wait for none of
 * it. What a caller has asked that has closed its socket since is not carried out. */
#ifndef POLICYPOOL_CONTROL_H
#define POLICYPOOL_CONTROL_H

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"

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
	bool changes; /* refused to callers that may not change things */
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

/* Listens anew where somebody has removed the socket, or its folder, which is there again.  1 where
 * that was so, 0 where it is there or not ours, -1 with errno. */
MUST_CHECK int control_restore(struct control *, mode_t mode);

/* Serves further verbs with a ctx of their own; CONTROL_TABLES at most, the first among them. */
enum { CONTROL_TABLES = 8 };
void control_add(struct control *, const struct control_verb *verbs, void *ctx);

/* ---- answers that take time ---- */

struct control_deferred;

/* From run(), which then returns NULL: the answer follows by control_settle().  Until then the
 * caller is never idle; gone is told when its place is given to another, for it has left, or the
 * socket ends, and the deferred is no more.  NULL on ENOMEM. */
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
