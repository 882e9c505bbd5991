/* registrar.h - keeps this server known to its proxy: joins, renews under the lease, leaves.
 *
 *   PAUSING -> CONNECTING -> ANNOUNCED -> JOINED     our proxies acknowledge; the connection is
 * kept, ^           |             |          |        renewals go over it, and its end tells at
 * once
 *      +-----------+-------------+----------+        that the proxy has gone
 *                                |
 *                                +------> UNCONFIRMED   plain proxies never acknowledge: announced
 *                                                       and left alone but for `reannounce`
 *   any -> LEAVING -> LEFT */
#ifndef POLICYPOOL_REGISTRAR_H
#define POLICYPOOL_REGISTRAR_H

#include <event2/event.h>
#include <stdint.h>

#include "attr.h"
#include "packet.h"

struct registrar;

struct registrar_conf {
	const char *proxy; /* PORT or HOST:PORT; borrowed */
	uint64_t lease, retry_min, retry_max, ack_timeout, reannounce; /* ms */
};

/* The announcement is copied.  NULL with errno. */
struct registrar *registrar_new(struct event_base *, const struct registrar_conf *,
				const struct packet_announcement *);
/* Closes without a word to the proxy: for a forked worker too.  NULL is fine. */
void registrar_free(struct registrar *);

void registrar_start(struct registrar *);

/* Deregisters where the proxy would understand it; done is called once, maybe before the return. */
void registrar_leave(struct registrar *, void (*done)(void *ctx), void *ctx);

/* "joined", "pausing", ... for the status; since in clock_ms(). */
const char *registrar_state(const struct registrar *, uint64_t *since);

#endif
