/* store_process.h - the store process: keeps what its master wants kept in the store, and tells it
 * of all that is there.
 *
 * It knows nothing of servers, and has no key but what it logs in to the store with.  The master
 * forks it (store_child.h) before anything of libcurl was used, for that promises nothing to forks.
 * It ends with its master, and when that can't be told any more what it has to be told. */
#ifndef POLICYPOOL_STORE_PROCESS_H
#define POLICYPOOL_STORE_PROCESS_H

#include <sys/types.h>

#include "compiler.h"
#include "privdrop.h"
#include "store_conf.h"

/* All is borrowed. */
struct store_process_place {
	int channel;  /* to the master */
	pid_t master; /* which must still be the parent */
	const struct store_conf *conf;
	const struct privdrop *isolation;	   /* what it gives up */
	const char *cluster, *id, *boot, *address; /* as in store_child.h */
};

/* In the child, signals blocked: gives up what it is not to have, then serves until it is told to
 * end, or its master has gone.  Returns the exit status. */
int store_process_run(const struct store_process_place *);

#endif
