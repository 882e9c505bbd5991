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

struct control_call {
	struct json_object *args; /* the request, borrowed */
	uid_t uid;		  /* of the caller */
	bool may_change;	  /* root or the daemon's own user */
};

struct control_verb {
	const char *name;
	bool changes; /* refused to callers who may not change things */
	/* Returns the data of the answer, which passes to the caller; NULL with *error set
	 * (constant) when it can't be answered. */
	struct json_object *(*run)(const struct control_call *, const char **error, void *ctx);
};

/* Serves `verbs` (ended by a row without name; borrowed) at path.  NULL with errno; EADDRINUSE when
 * a living process has it. */
struct control *control_new(struct event_base *, const char *path, mode_t mode,
			    const struct control_verb *verbs, void *ctx);

/* Serves further verbs with a ctx of their own; CONTROL_TABLES at most, the first among them. */
enum { CONTROL_TABLES = 4 };
void control_add(struct control *, const struct control_verb *verbs, void *ctx);

/* Closes all and removes the socket's path.  NULL is fine. */
void control_free(struct control *);

/* In a forked worker: closes and frees, leaves the path alone. */
void control_after_fork(struct control *);

#endif
