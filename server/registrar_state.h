/* registrar_state.h - what the files of the registrar share: registrar.c (its states, clocks and
 * ways to the proxy), registrar_talk.c (what is said on the connection).  Internal to them. */
#ifndef POLICYPOOL_REGISTRAR_STATE_H
#define POLICYPOOL_REGISTRAR_STATE_H

#include <event2/dns.h>

#include "addr.h"
#include "backoff.h"
#include "conn.h"
#include "registrar.h"

#define STATES(X)                     \
	X(PAUSING, "pausing")         \
	X(RESOLVING, "resolving")     \
	X(CONNECTING, "connecting")   \
	X(ANNOUNCED, "announced")     \
	X(JOINED, "joined")           \
	X(UNCONFIRMED, "unconfirmed") \
	X(LEAVING, "leaving")         \
	X(LEFT, "left")
#define STATE_ENUM(name, text) name,
enum state { STATES(STATE_ENUM) };
#undef STATE_ENUM

struct registrar {
	struct event_base *base;
	struct registrar_conf conf;
	struct packet_announcement announcement;
	char host[ADDR_HOST];
	uint16_t port;
	enum state state;
	uint64_t since;
	bool renewing;	 /* ANNOUNCED again over a connection on which it has joined */
	uint64_t joined; /* clock_ms(): JOINED since then, through all renewals */
	bool ever_acked; /* it is one of our proxies: leases hold, and it understands type 5 */
	bool complained; /* the present trouble has been logged */
	bool said_leave; /* LEAVING: the proxy has been told */
	char trouble[256];
	struct backoff pause;
	struct conn_loop *loop;
	struct conn *conn; /* NULL, or the one to the proxy */
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *lookup;
	struct event *clock; /* of the state */
	void (*told)(
		void *); /* the proxy knows the present announcement, or can't be told; or NULL */
	void *told_ctx;
	void (*done)(void *);
	void *done_ctx;
};

/* ---- registrar.c ---- */

void registrar_set_state(struct registrar *, enum state);
void registrar_arm(struct registrar *, uint64_t ms);

/* Whoever waits for the present announcement to be known to the proxy waits no more. */
void registrar_tell(struct registrar *);

/* It did not work: tries again after a pause. */
void registrar_pause(struct registrar *, const char *why);
void registrar_try(struct registrar *);

/* A proxy that closes or stays silent instead of acknowledging. */
void registrar_unconfirmed(struct registrar *, const char *why);

/* The end. */
void registrar_left(struct registrar *);

/* ---- registrar_talk.c ---- */

extern const struct conn_ops registrar_conn_ops;

void registrar_say_join(struct registrar *, struct conn *);
/* 0, or -1 when it can't be told. */
int registrar_say_leave(struct registrar *);

#endif
