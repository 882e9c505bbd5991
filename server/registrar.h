/* registrar.h - keeps this server registered with its proxy: joins, renews within the lease,
 * leaves.
 *
 *        PAUSING <------------------- whatever failed, was refused or lost
 *           | pause over
 *           v
 *       RESOLVING <--------------+-------------------+
 *           | addresses          | once more,        | after
 *           v                    | in numbers        | `reannounce`
 *       CONNECTING               |                   |
 *           | to one of them     |                   |
 *           v   not acknowledged |    in neither     |
 *       ANNOUNCED ---------------+------------> UNCONFIRMED    a plain proxy: left alone
 *        |  ^  | another announcement
 *        |  |  +-------------> OUTDATED
 *        |  +--- answered ---------+
 *        | acknowledged
 *        v        lease / 3
 *      JOINED ---------------> RENEWING                        the connection is kept; its end
 *        |  ^-- acknowledged ------+                           tells that the proxy has gone
 *        | leave                   |
 *        v                         v
 *     LEAVING --- answered, or not in time ---> LEFT           from all others at once
 *
 * All of it is in the table of registrar.c, which drives; registrar_talk.c says and reads the
 * packets, and returns what that means as an event.
 *
 * A proxy that did not acknowledge is told once more, in numbers, over a connection of its own:
 * some take nothing else.  What it answers instead of an acknowledgement is its own affair.
 *
 * With a signer an announcement is made twice, before and after the proxy's challenge, and a proxy
 * that does not prove that it has the key is left for a while: there is no UNCONFIRMED then, nor
 * over TLS, which no plain proxy speaks.
 *
 * A refusal's retryafter, up to a minute of it, is added to the pause. */
#ifndef POLICYPOOL_REGISTRAR_H
#define POLICYPOOL_REGISTRAR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "compiler.h"
#include "packet.h"
#include "signer.h"
#include "tls.h"

struct registrar;

/* Borrowed for the call: the registrar outlives the settings that it was made of. */
struct registrar_conf {
	const char *proxy; /* PORT, HOST:PORT or unix:/PATH */
	uint64_t lease, retry_min, retry_max, ack_timeout, reannounce; /* ms */
	/* NULL: nothing is signed, and no proxy needs to prove itself.  Held by the registrar. */
	struct signer *signer;
	struct tls_creds *tls; /* NULL: plain.  Held by the registrar. */
	const char *tls_name;  /* the name in the proxy's certificate; empty: its host */
	uint64_t handshake;    /* ms that TLS's may take */
	/* Is another registrar at that place, so that this one stays away?  NULL: no other is. */
	bool (*is_taken)(const struct addr *, void *ctx);
	/* What the proxy tells of further ones, parted by commas, empty where it tells of none:
	 * with each acknowledgement.  With a signer only what is signed.  NULL: it is passed over.
	 */
	void (*on_proxies)(struct span, void *ctx);
	void *ctx;
	bool afar; /* it was told of by a proxy that is not on this machine: it is not here either
		    */
};

/* NULL with errno. */
struct registrar *registrar_new(struct event_base *, const struct registrar_conf *,
				const struct packet_announcement *);
/* Closes without a word to the proxy: for a forked worker too.  NULL is fine. */
void registrar_free(struct registrar *);

/* To be called once, unless registrar_announce() is. */
void registrar_start(struct registrar *);

/* Is it this proxy that it joins, over TLS or plain as it is said there? */
bool registrar_is_of(const struct registrar *, const struct registrar_conf *);

/* Is it connected to that place, or being so; or has it announced itself to a plain proxy there? */
bool registrar_is_at(const struct registrar *, const struct addr *);

/* Is that place on this machine? */
bool registrar_is_near(const struct registrar *);

/* For another conf of the same proxy: what is announced from now on.  done is called once, when the
 * proxy knows it or can't be told for now, maybe before the return.  Starts what is not started. */
void registrar_announce(struct registrar *, const struct registrar_conf *,
			const struct packet_announcement *, void (*done)(void *ctx), void *ctx);

/* Deregisters where the proxy would understand it; done is called once, maybe before the return. */
void registrar_leave(struct registrar *, void (*done)(void *ctx), void *ctx);

/* "joined", "pausing", ... for the status; since in clock_ms(). */
const char *registrar_state(const struct registrar *, uint64_t *since);
/* All of these, ended by NULL. */
extern const char *const registrar_states[];

/* What keeps it from being registered; empty when nothing does. */
const char *registrar_trouble(const struct registrar *);

#endif
