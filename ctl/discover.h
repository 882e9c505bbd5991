/* discover.h - finds the daemons of the runtime folders by their control sockets. */
#ifndef POLICYPOOL_DISCOVER_H
#define POLICYPOOL_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compiler.h"

/* Which program's daemons can answer. */
enum discover_program { DISCOVER_ANY, DISCOVER_PROXY, DISCOVER_SERVER };

struct discover_entry {
	char *name;	 /* "ppool-proxy-2100"; owned */
	const char *dir; /* borrowed */
	bool answers;	 /* a trusted daemon listens there: false for what one left behind */
	pid_t pid;	 /* its process, where that is known without its answer; 0: not */
	/* Which program it says it is, where its name does not tell; 0 otherwise. */
	enum discover_program program;
};

struct discover_list {
	struct discover_entry *entry; /* by folder, then by name; owned */
	size_t n;
};

/* Which users' sockets are trusted with orders and with what is shown. */
enum discover_trust {
	DISCOVER_NAMED,	 /* the operator named the folder: its owner's too */
	DISCOVER_DEFAULT /* this user's and root's; everybody's in a folder that only root can have
			  * made
			  */
};

/* Appends every NAME.sock in dir; a folder that is not there holds none.  0, or -1 with errno:
 * EPERM when the folder is not to be trusted. */
MUST_CHECK int discover_daemons(const char *dir, enum discover_trust, struct discover_list *);
void discover_free(struct discover_list *);

/* Does a trusted daemon listen there?  0 with its pid, which is 0 in another namespace, or an
 * errno: ENOENT, ECONNREFUSED, EACCES ...; EPERM: another user's does. */
int discover_probe(const char *dir, const char *path, enum discover_trust, pid_t *pid);

bool discover_is(const struct discover_entry *, enum discover_program);

/* The one daemon that is meant when none was named: the only one of that program that answers; of
 * several of any program the only proxy.  NULL when that leaves none or several. */
const struct discover_entry *discover_only(const struct discover_list *, enum discover_program);

#endif
