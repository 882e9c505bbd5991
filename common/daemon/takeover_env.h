/* takeover_env.h - what a daemon leaves to its successor in the environment and as descriptors.
 * The successor's side is takeover.h; for upgrade.c. */
#ifndef POLICYPOOL_TAKEOVER_ENV_H
#define POLICYPOOL_TAKEOVER_ENV_H

#include <stdbool.h>
#include <sys/types.h>

#include "cmdline.h"
#include "compiler.h"
#include "double_fork.h"
#include "takeover.h"

struct takeover_env_item {
	enum takeover_kind kind;
	int fd;
	bool mine; /* to close */
	char *about;
};

/* Zeroed to begin with. */
struct takeover_env {
	struct takeover_env_item item[TAKEOVER_MOST];
	unsigned n;
};

/* fd is borrowed, or with `mine` closed in the end, also where it can't be taken (logged).  about
 * is copied. */
void takeover_env_add(struct takeover_env *, enum takeover_kind, int fd, const char *about,
		      bool mine);

/* Forks and executes the command with all of it; its stderr is the item TAKEOVER_ERRORS, where it
 * also says why it can't be executed.  Below a reaper it is the head of a process group of its own
 * where there is no terminal, so that what is sent to the group comes to it once.  0, or -1 with
 * errno. */
MUST_CHECK int takeover_env_execute(const struct takeover_env *, const struct cmdline *,
				    struct double_fork *);

/* Closes what is only the successor's: the end of a pipe then tells of its end. */
void takeover_env_close(struct takeover_env *);

/* The same, and forgets all of it. */
void takeover_env_drop(struct takeover_env *);

#endif
