/* control_internal.h - the inside of the control socket, for its files.  Calls go down only:
 *
 *   control.c           callers, how many there may be, and their turns
 *   control_request.c   one request: read, carried out, answered */
#ifndef POLICYPOOL_CONTROL_INTERNAL_H
#define POLICYPOOL_CONTROL_INTERNAL_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "control.h"
#include "control_socket.h"
#include "span.h"

enum { CONTROL_WHY = 128, CONTROL_IDLE_MS = 60000 };

struct control_deferred {
	struct control_caller *caller;
	void (*gone)(void *ctx);
	void *ctx;
};

/* Its conn is paused from a request until the answer has left. */
struct control_caller {
	struct control *control;
	struct conn *conn;
	struct ucred cred;
	struct json_object *request; /* not begun; NULL: none, or it is refused for why; owned */
	char why[CONTROL_WHY];
	bool waiting;			   /* in its lane */
	struct control_deferred *deferred; /* it waits for this answer; owned */
	LIST_ENTRY(control_caller) link;   /* in control->callers */
	TAILQ_ENTRY(control_caller) turn;  /* in its lane's waiting */
};

/* Callers that take turns: those that may only look hold up no orders. */
struct control_lane {
	struct event *turn; /* pending: one has had its turn, and the next one's is when it ends */
	TAILQ_HEAD(turn_list, control_caller) waiting;
};

struct control {
	struct control_socket socket;
	struct {
		const struct control_verb *verbs;
		void *ctx;
	} table[CONTROL_TABLES];
	size_t tables;
	struct conn_loop *loop;
	struct control_lane
		lanes[2]; /* of callers that may only look, and that may change things */
	unsigned n, lookers;
	LIST_HEAD(caller_list, control_caller) callers;
};

static inline bool
control_may_change(const struct ucred *cred)
{
	return cred->uid == 0 || cred->uid == geteuid();
}

/* ---- control_request.c ---- */

/* NULL with a sentence in why.  The caller's to put. */
struct json_object *control_read_request(struct span text, char why[CONTROL_WHY]);
/* Answers it, or leaves it a deferred. */
void control_carry_out(struct control_caller *, struct json_object *args);
void control_answer_error(struct control_caller *, const char *why);
/* What is said of an error.  The caller's to put. */
struct json_object *control_error_answer(const char *why);

#endif
