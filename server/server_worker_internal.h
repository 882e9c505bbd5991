/* server_worker_internal.h - the inside of a server's worker.  Calls go down only:
 *
 *   server_worker.c   the worker: start, the master's messages, draining, the end
 *   server_peer.c     its connections: packets come, answers leave in the order of the packets */
#ifndef POLICYPOOL_SERVER_WORKER_INTERNAL_H
#define POLICYPOOL_SERVER_WORKER_INTERNAL_H

#include <sys/queue.h>

#include "client_limits.h"
#include "conn.h"
#include "drain.h"
#include "handler.h"
#include "job_dispatch.h"
#include "listener.h"
#include "server_worker.h"

struct peer {
	struct server_worker *worker;
	struct conn *conn;
	struct addr_peer addr;
	struct client_mem_share share;
	struct client_stalls stalls;
	struct job_tasks jobs; /* requests with job processes, and answers that wait for theirs */
	unsigned in_hand;      /* of them */
	bool full;	       /* it leaves too much unread: nothing is read from it */
	bool ended;	       /* nothing more comes: finish after the last answer */
	unsigned long refused; /* packets of it: the first is logged, the others are counted */
	uint64_t heard;	       /* clock_ms() of its last packet or answer, once draining */
	LIST_ENTRY(peer) link; /* in worker->peers */
};

struct server_worker {
	struct worker *worker;
	const struct server_worker_conf *conf;
	struct scoreboard_row *row;
	struct conn_loop *loop;
	bool told_of_tls, done;
	struct listener
		*listener; /* NULL before job processes are ready, and once the grace is over */
	struct drain *drain;
	uint64_t drained_by; /* clock_ms() */
	struct handler handler;
	struct job_dispatch *dispatch; /* NULL: all is answered here */
	struct buf later;	       /* an answer that has to wait for others */
	unsigned in_flight;	       /* of all peers */
	struct client_mem mem;
	struct client_timeout *timeout;
	LIST_HEAD(peer_list, peer) peers;
};

/* A connection was accepted; a listener_fn, its ctx a struct server_worker. */
void server_peer_accept(int fd, const struct addr_peer *from, void *worker);
/* Its connection is closed already. */
void server_peer_free(struct peer *);
/* Draining, and it has no job in hand: what it has asked since was not read and is not run. */
void server_peer_part(struct peer *);
/* A request of it has been with a job process; done of struct job_dispatch_ops. */
void server_peer_done(void *worker, struct job_task *, const struct job_result *);
/* A client_timeout_fn. */
void server_peer_too_slow(void *peer, enum conn_stall, void *ctx);

/* ---- server_peer_answers.c ---- */

/* It is with a job process from now on, or is an answer that waits for those before it. */
void server_peer_add_task(struct peer *, struct job_task *);
/* All of these: nobody waits for them any more. */
void server_peer_abandon(struct peer *);
/* Is it read from?  Not while it has more in hand than it may. */
void server_peer_regulate(struct peer *);
/* Where its next answer is written; then server_peer_settle() for what became of the packet.  0, or
 * -1 without memory for an answer. */
struct buf *server_peer_output(struct peer *);
MUST_CHECK int server_peer_settle(struct peer *, enum handler_outcome, const struct handler_note *);
/* What became of its job: in its turn it leaves, with those that waited for it.  The same. */
MUST_CHECK int server_peer_answer(struct peer *, struct job_task *, const struct job_result *);

/* ---- server_worker.c ---- */

/* Draining, and nobody is left: it ends. */
void server_worker_check_done(struct server_worker *);

#endif
