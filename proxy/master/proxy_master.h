/* proxy_master.h - the proxy's master: what it does beside what both daemons do: keeps the pool of
 * servers, hears its workers, and tells operators.
 */
#ifndef POLICYPOOL_PROXY_MASTER_H
#define POLICYPOOL_PROXY_MASTER_H

#include "admin_cmds.h"
#include "master.h"
#include "pool.h"
#include "proxy_pages.h"
#include "proxy_worker.h"

/* Zeroed, the descriptors -1, before master_main(). */
struct proxy_master {
	struct master base;
	struct pool pool;
	struct proxy_worker_conf front; /* all that a worker sees, in its process */
	int access_fd;			/* of the access log's file; -1: it has none */
	int former_access_fd;		/* while a reload's workers come up */
	struct admin_cmds_env shown;	/* what the console and the pages tell of */
	struct admin_cmds *console;
	struct proxy_pages pages;
};

/* For a struct proxy_master. */
extern const struct master_ops proxy_master_ops;

#endif
