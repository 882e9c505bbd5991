/* registrar.h - keeps this server known to its proxy: joins, renews under the lease, leaves.
 *
 *   PAUSING -> CONNECTING -> ANNOUNCED -> JOINED     our proxies acknowledge; the connection is
 * kept, ^           |             |          |        renewals go over it, and its end tells at
 * once
 *      +-----------+-------------+----------+        that the proxy has gone
 *                                |
 *                                +------> UNCONFIRMED   plain proxies never acknowledge: announced
 *                                                       and left alone but for `reannounce`
 *   any -> LEAVING -> LEFT
 *
 * With a signer an announcement is made twice, before and after the proxy's challenge, and a proxy
 * that does not prove that it has the key is left for a while: there is no UNCONFIRMED then, nor
 * over TLS, which no plain proxy speaks. */
#ifndef POLICYPOOL_REGISTRAR_H
#define POLICYPOOL_REGISTRAR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "packet.h"
#include "signer.h"
#include "tls.h"

struct registrar;

struct registrar_conf {
	const char *proxy; /* PORT or HOST:PORT; borrowed */
	uint64_t lease, retry_min, retry_max, ack_timeout, reannounce; /* ms */
	/* NULL: nothing is signed, and no proxy needs to prove itself.  Held by the registrar. */
	struct signer *signer;
	struct tls_creds *tls; /* NULL: plain.  Held by the registrar. */
	const char
		*tls_name;  /* whom to find in the proxy's certificate; empty: its host; borrowed */
	uint64_t handshake; /* ms that TLS's may take */
};

/* The announcement is copied.  NULL with errno. */
struct registrar *registrar_new(struct event_base *, const struct registrar_conf *,
				const struct packet_announcement *);
/* Closes without a word to the proxy: for a forked worker too.  NULL is fine. */
void registrar_free(struct registrar *);

void registrar_start(struct registrar *);

/* Is it this proxy that it joins, over TLS or plain as it is said there? */
bool registrar_is_of(const struct registrar *, const struct registrar_conf *);

/* For another conf of the same proxy: what is announced from now on.  done is called once, when the
 * proxy knows it or can't be told for now, maybe before the return.  Starts what is not started. */
void registrar_announce(struct registrar *, const struct registrar_conf *,
			const struct packet_announcement *, void (*done)(void *ctx), void *ctx);

/* Deregisters where the proxy would understand it; done is called once, maybe before the return. */
void registrar_leave(struct registrar *, void (*done)(void *ctx), void *ctx);

/* "joined", "pausing", ... for the status; since in clock_ms(). */
const char *registrar_state(const struct registrar *, uint64_t *since);

/* What keeps it from being registered; empty when nothing does. */
const char *registrar_trouble(const struct registrar *);

#endif
