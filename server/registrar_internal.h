/* registrar_internal.h - the inside of the registrar, for its files: registrar.c (the table, the
 * clocks, the lookup) drives; registrar_way.c (where the proxy is, and the connection there) and
 * registrar_talk.c (what is said on it) return what came of it and call nothing of it. */
#ifndef POLICYPOOL_REGISTRAR_INTERNAL_H
#define POLICYPOOL_REGISTRAR_INTERNAL_H

#include "addr.h"
#include "backoff.h"
#include "conn.h"
#include "registrar.h"
#include "resolver.h"

/* Those that are shown: enumerator, text. */
#define REGISTRAR_STATES(X)           \
	X(PAUSING, "pausing")         \
	X(RESOLVING, "resolving")     \
	X(CONNECTING, "connecting")   \
	X(ANNOUNCED, "announced")     \
	X(JOINED, "joined")           \
	X(UNCONFIRMED, "unconfirmed") \
	X(LEAVING, "leaving")         \
	X(LEFT, "left")
#define STATE_ENUM(name, text) name,
enum registrar_state {
	STAY,				       /* in the table: as it is */
	REGISTRAR_STATES(STATE_ENUM) RENEWING, /* shown as JOINED: in the pool as before */
	OUTDATED, /* shown as ANNOUNCED: another is to be made once this one is answered */
	STATE_COUNT
};
#undef STATE_ENUM

enum registrar_event {
	NOTHING,
	DUE, /* the state's clock has run out; or the start */
	/* from the way to the proxy */
	FOUND,	 /* its addresses are known */
	OPENED,	 /* the connection stands */
	LOST,	 /* the connection is gone; r->why, as in all that follow */
	ENDED,	 /* gone in an orderly way, after a while */
	FAILED,	 /* there is no going on */
	UNHEARD, /* not acknowledged, in strings, by a proxy that may be a plain one */
	PLAIN,	 /* nor in numbers */
	/* from the conversation */
	ACKED,
	CHALLENGED, /* it is to be said again, signed */
	REFUSED,
	STRANGE, /* what is no packet of ours */
	/* from the owner */
	SAME,	 /* there is nothing new to announce */
	CHANGED, /* there is */
	REKEYED, /* with another signer, for which no challenge stands */
	LEAVE,	 /* to be told to the proxy, which would understand it */
	ABANDON, /* it would not */
	EVENT_COUNT
};

struct registrar {
	struct event_base *base;
	struct registrar_conf conf; /* its texts are the two below */
	char proxy[ADDR_HOST + 1], tls_name[ADDR_HOST];
	struct packet_announcement announcement;
	char host[ADDR_HOST];
	uint16_t port;
	enum registrar_state state;
	uint64_t since;	      /* clock_ms(), of what is shown; 0: not started */
	bool ever_acked;      /* it is one of our proxies: leases hold, and it understands type 5 */
	bool numbers;	      /* the present announcement is the one in numbers */
	bool complained;      /* the present trouble has been logged */
	bool told_plain;      /* that the proxy does not acknowledge has been logged */
	bool said_leave;      /* LEAVING: the proxy has been told */
	unsigned unanswered;  /* packets said on this connection */
	unsigned retry_after; /* ms that the proxy wants to be left alone for */
	char why[ADDR_HOST + 128];     /* what went wrong last */
	char trouble[ADDR_HOST + 128]; /* the same, as long as it lasts */
	struct addr rival;	       /* the last one that was warned of; len 0: none */
	int64_t reply_timeout;	       /* ms, of the proxy, which was warned of; 0: not so far */
	struct backoff pause;
	struct conn_loop *loop;
	struct conn *conn;	       /* NULL, or the one to the proxy */
	struct addr at;		       /* where that leads, or the last one did */
	struct signer_talk signing;    /* over it */
	struct resolver *lookup;       /* RESOLVING: what the name's addresses are */
	struct addr place[ADDR_FOUND]; /* where the proxy may be, by the last lookup */
	size_t places, tried;	       /* of these */
	struct event *clock;	       /* of the state */
	/* The proxy knows the present announcement, or can't be told; or NULL. */
	void (*told)(void *);
	void *told_ctx;
	void (*done)(void *);
	void *done_ctx;
};

/* ---- registrar_way.c ---- */

/* PORT, HOST:PORT, or a Unix socket, which is the host as a whole.  0, or -1. */
MUST_CHECK int registrar_split(const char *proxy, char host[ADDR_HOST], uint16_t *port);

/* The address, where it needs no asking.  0, or -1. */
MUST_CHECK int registrar_known_place(const struct registrar *, struct addr *out);

/* Connects to the next of its addresses, in their order: r->conn, its callbacks with r as ctx.  0,
 * or -1 with r->why when there is none left. */
MUST_CHECK int registrar_connect_next(struct registrar *, const struct conn_ops *);

/* ---- registrar_talk.c: on r->conn ---- */

/* r->why. */
void registrar_note(struct registrar *, const char *why);

/* No trouble any more. */
void registrar_calm(struct registrar *);

/* A new connection: nothing is said yet. */
void registrar_begin(struct registrar *);

/* Announces, or takes leave.  0, or -1: out of memory. */
MUST_CHECK int registrar_say_join(struct registrar *);
MUST_CHECK int registrar_say_leave(struct registrar *);

/* Nothing to sign, or a challenge to sign for; otherwise the acknowledgement that is awaited brings
 * one. */
bool registrar_can_sign(const struct registrar *);

/* What a packet of the proxy's comes to: ACKED, CHALLENGED, REFUSED, FAILED or STRANGE. */
enum registrar_event registrar_hear(struct registrar *, struct span text);

#endif
