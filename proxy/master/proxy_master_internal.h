/* proxy_master_internal.h - the inside of proxy_master.h, for the files that it is made of:
 *
 *   proxy_master.c           reload and upgrade, what operators see
 *   proxy_master_workers.c   workers, and the process of the store */
#ifndef POLICYPOOL_PROXY_MASTER_INTERNAL_H
#define POLICYPOOL_PROXY_MASTER_INTERNAL_H

#include "compiler.h"
#include "proxy_master.h"

static inline struct proxy_master *
proxy_of(struct master *base)
{
	return (struct proxy_master *)base;
}

/* ---- proxy_master_workers.c ---- */

/* For struct master_ops. */
void proxy_master_workers(struct supervisor_ops *);
void proxy_master_after_fork(unsigned slot, void *master);
void proxy_master_keep_open(struct fd_keep *, void *master);
/* In the process of the store; takes the master. */
void proxy_master_forget(void *);

/* The access log's file: 0, *fd -1 where the settings want none; or -1 with errno. */
MUST_CHECK int proxy_master_open_log(const struct proxy_conf *, int *fd);
/* *fd is -1 then. */
void proxy_master_close_log(int *fd);

#endif
