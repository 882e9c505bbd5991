/* client_limits.h - what clients may take of a worker: its memory, and time to send a packet and
 * to read answers. */
#ifndef POLICYPOOL_CLIENT_LIMITS_H
#define POLICYPOOL_CLIENT_LIMITS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn.h"
#include "timeout_list.h"

/* ---- memory.  Pure. ---- */

/* The bytes that a worker holds for its clients.  They are those of connections, which
 * conn_loop_held() counts (unfinished objects, what is not sent yet, TLS), and those of packets,
 * which their owner counts here. */
struct client_mem {
	uint64_t limit;	       /* 0: none */
	uint64_t packets;      /* bytes of requests, and of answers that wait for their turn */
	uint64_t peers;	       /* connections */
	const uint64_t *conns; /* bytes of connections; borrowed */
};

/* What of it is one client's; zeroed. */
struct client_mem_share {
	size_t packets;
};

void client_mem_join(struct client_mem *);
void client_mem_leave(struct client_mem *, struct client_mem_share *);

void client_mem_take(struct client_mem *, struct client_mem_share *, size_t bytes);
void client_mem_give(struct client_mem *, struct client_mem_share *, size_t bytes);

static inline uint64_t
client_mem_bytes(const struct client_mem *h)
{
	return h->packets + *h->conns;
}

/* Nothing new is to be taken. */
static inline bool
client_mem_is_full(const struct client_mem *h)
{
	return h->limit > 0 && client_mem_bytes(h) > h->limit;
}

/* Full, and a client whose connection holds so much more has more than the others on average. */
bool client_mem_is_greedy(const struct client_mem *, const struct client_mem_share *, size_t more);

/* ---- time ---- */

struct client_timeout;

/* Part of a client; zeroed. */
struct client_stalls {
	struct wait sending, reading;
};

/* The client has stalled for too long; told once. */
typedef void client_timeout_fn(void *client, enum conn_stall, void *ctx);

/* Times in ms, 0: no limit.  NULL on ENOMEM. */
struct client_timeout *client_timeout_new(struct event_base *base, uint64_t sending,
					  uint64_t reading, client_timeout_fn *fn, void *ctx);
void client_timeout_free(struct client_timeout *); /* all clients have gone */

/* As on_stall() of a conn tells it. */
void client_timeout_note(struct client_timeout *, struct client_stalls *, void *client,
			 enum conn_stall, bool stalled);

/* The client goes. */
void client_timeout_forget(struct client_stalls *);

#endif
