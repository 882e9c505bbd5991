/* console.h - what an operator asks and orders about servers and policies: verbs of the proxy's
 * control socket.  The master's. */
#ifndef POLICYPOOL_CONSOLE_H
#define POLICYPOOL_CONSOLE_H

#include <event2/event.h>

#include "conf.h"
#include "control.h"
#include "events.h"
#include "join.h"
#include "ledger.h"
#include "meter.h"
#include "registry.h"
#include "span.h"
#include "tally.h"
#include "watch.h"

struct console_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct tally *tally;
	struct ledger *ledger;
	struct meter *meter;
	const struct join_counts *joins;
	struct events *events;
	struct watch *watch;
	const struct conf_list *balance;
	void (*changed)(void *ctx); /* the registry has: tell the workers */
	/* Asks a worker that serves.  0, or -1 when there is none. */
	int (*ask)(struct span question, void *ctx);
	void *ctx;
};

struct console;

/* NULL on ENOMEM. */
struct console *console_new(const struct console_env *);
void console_free(struct console *);

/* A worker's answer to what it was asked. */
void console_answer(struct console *, struct span message);

/* In a forked worker, after the control socket is freed: who waits there is told to the console. */
void console_after_fork(struct console *);

/* For control_add(), with the console as ctx. */
extern const struct control_verb console_verbs[];

#endif
