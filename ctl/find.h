/* find.h - the daemons of a runtime folder, by their control sockets. */
#ifndef POLICYPOOL_FIND_H
#define POLICYPOOL_FIND_H

#include <stddef.h>

#include "attr.h"

struct find_list {
	char **name; /* "ppool-proxy-2100", sorted; owned */
	size_t n;
};

/* Every NAME.sock in dir; a folder that is not there holds none.  0, or -1 with errno. */
MUST_CHECK int find_daemons(const char *dir, struct find_list *);
void find_free(struct find_list *);

/* The one daemon that is meant when none was named: the only one; or the only proxy, where only a
 * proxy can answer or no other rule decides.  NULL when that leaves none or several. */
const char *find_only(const struct find_list *, _Bool proxy_only);

#endif
