/* inquiry.h - questions about routing that a worker answers: the master asks one for an operator.
 */
#ifndef POLICYPOOL_INQUIRY_H
#define POLICYPOOL_INQUIRY_H

#include <event2/event.h>

#include "attr.h"
#include "conf.h"
#include "control.h"
#include "registry.h"
#include "span.h"
#include "watch.h"

struct inquiry_env {
	struct event_base *base; /* borrowed, all of them */
	const struct registry *registry;
	const struct conf_list *balance;
	struct watch *watch;
	/* Asks a worker that serves.  0, or -1 when there is none. */
	int (*ask)(struct span question, void *ctx);
	void *ctx;
};

struct inquiry;

/* NULL on ENOMEM. */
struct inquiry *inquiry_new(const struct inquiry_env *);
/* Those who wait are answered that it ends. */
void inquiry_free(struct inquiry *);
/* In a forked worker, after the control socket is freed, whose end tells those who wait. */
void inquiry_after_fork(struct inquiry *);

/* Who of a policy would be chosen now, and why each other would not; key may be NULL.  The caller
 * is answered later, or, where it can't be asked, by whoever called this, with *error. */
void inquiry_explain(struct inquiry *, const struct control_call *, const char *policy,
		     const char *key, const char **error);

/* A worker's answer, HANDOFF_EXPLAIN. */
void inquiry_answer(struct inquiry *, struct span message);

#endif
