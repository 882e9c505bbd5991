/* bequest.h - what a daemon leaves to its successor, and the process that is executed with it.  The
 * successor's side is handover.h; for upgrade.c. */
#ifndef POLICYPOOL_BEQUEST_H
#define POLICYPOOL_BEQUEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "attr.h"
#include "command.h"
#include "handover.h"

struct bequest_item {
	enum handover_kind kind;
	int fd;
	bool mine; /* to close */
	char *about;
};

/* Zeroed to begin with. */
struct bequest {
	struct bequest_item item[HANDOVER_MOST];
	unsigned n;
};

/* fd is borrowed, or with `mine` closed in the end, also where it can't be taken (logged).  about
 * is copied. */
void bequest_add(struct bequest *, enum handover_kind, int fd, const char *about, bool mine);

/* Forks and executes the command with all of it; its stderr is the item HANDOVER_ERRORS, where it
 * also says why it can't be executed.  The pid, or -1 with errno. */
MUST_CHECK pid_t bequest_execute(const struct bequest *, const struct command *);

/* Closes what is only the successor's: the end of a pipe then tells of its end. */
void bequest_close(struct bequest *);

/* The same, and forgets all of it. */
void bequest_drop(struct bequest *);

#endif
