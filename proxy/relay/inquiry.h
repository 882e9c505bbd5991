/* inquiry.h - questions about routing: the master asks a worker, for an operator. */
#ifndef POLICYPOOL_INQUIRY_H
#define POLICYPOOL_INQUIRY_H

#include <event2/event.h>

#include "compiler.h"
#include "control.h"
#include "health_monitor.h"
#include "proxy_conf.h"
#include "registry.h"
#include "span.h"

struct inquiry_env {
	struct event_base *base; /* borrowed, all of them */
	const struct registry *registry;
	const struct proxy_conf *(*conf)(void *ctx); /* in force; borrowed for the moment */
	struct health_monitor *watch;
	/* Asks a worker that serves.  0, or -1 when there is none. */
	int (*ask)(struct span question, void *ctx);
	void *ctx;
};

struct inquiry;

/* NULL on ENOMEM. */
struct inquiry *inquiry_new(const struct inquiry_env *);
/* Waiting callers are answered that the daemon ends. */
void inquiry_free(struct inquiry *);
/* In a forked worker, after the control socket is freed, which answers its callers. */
void inquiry_after_fork(struct inquiry *);

/* Which server of a policy would be chosen now, and why each other would not; key may be NULL.  The
 * caller is answered later, or, where it can't be asked, by the verb, with *error. */
void inquiry_explain(struct inquiry *, const struct control_call *, const char *policy,
		     const char *key, const char **error);

/* A worker's answer, WORKER_MSG_EXPLAIN. */
void inquiry_answer(struct inquiry *, struct span message);

#endif
