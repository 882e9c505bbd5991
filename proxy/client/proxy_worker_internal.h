/* proxy_worker_internal.h - internal to a proxy's worker: proxy_worker.c (the whole), client.c
 * (one client), client_read.c (what comes from it), registration_forward.c (what the master
 * answers). */
#ifndef POLICYPOOL_PROXY_WORKER_INTERNAL_H
#define POLICYPOOL_PROXY_WORKER_INTERNAL_H

#include "access_log.h"
#include "client_limits.h"
#include "conn.h"
#include "dispatch.h"
#include "drain.h"
#include "listener.h"
#include "proxy_worker.h"
#include "worker_msg.h"

struct client {
	struct proxy_worker *front;
	struct conn *conn;
	struct registration_peer guest; /* its address and challenge */
	struct request_list requests;	/* in the order in which they came and are answered */
	unsigned n;
	struct request_places places;
	struct client_stalls stalls;
	struct client_mem_share share;
	uint64_t heard;		 /* clock_ms() of its last packet, once draining */
	unsigned long refused;	 /* packets of it: the first is logged, the others are counted */
	bool last;		 /* nothing more comes: finish when all is answered */
	LIST_ENTRY(client) link; /* in front->clients */
};

struct proxy_worker {
	struct worker *worker;
	const struct proxy_worker_conf *conf;
	struct scoreboard_row *row;
	struct conn_loop *loop;
	bool told_of_tls;
	struct registry_snapshot *roster;
	struct dispatch *relay;
	struct access_log *access; /* NULL: no line is wanted */
	struct listener *listener; /* NULL once it accepts no more */
	struct drain *drain;
	struct event *nudge;   /* the permits' descriptor: a permit, or a changed registry */
	struct event *restate; /* what others read of it is put right */
	struct timeout_list with_master; /* requests whose answer is the master's to give */
	uint64_t tokens;
	LIST_HEAD(client_list, client) clients;
	struct client_timeout *patience;
	struct client_mem holding;
	struct requests_spare spare;
	struct worker_stats_row *meter;
};

#endif
