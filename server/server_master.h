/* server_master.h - the server's master: what it does beside what both daemons do: joins the pool,
 * and tells of that.
 */
#ifndef POLICYPOOL_SERVER_MASTER_H
#define POLICYPOOL_SERVER_MASTER_H

#include "job_admin.h"
#include "job_processes.h"
#include "job_stats.h"
#include "job_strikes.h"
#include "master.h"
#include "registrar_set.h"
#include "server_conf.h"
#include "server_pages.h"
#include "server_worker.h"

/* Zeroed before master_main(). */
struct server_master {
	struct master base;
	struct server_worker_conf serve; /* what a worker sees, in its process */
	struct registrar_set *proxies;	 /* NULL once they are the successor's */
	struct job_processes *processes;
	struct job_stats *stats;
	struct job_strikes *strikes;
	struct job_admin jobs;
	struct server_pages pages;
	char trouble[256];   /* of the handler, for the service manager */
	bool repeatable;     /* what the last job process that was ready says of its jobs */
	bool joining;	     /* it has begun to register, or has */
	bool announce_later; /* once the workers of the former policy have gone */
};

/* For a struct server_master. */
extern const struct master_ops server_master_ops;

#endif
