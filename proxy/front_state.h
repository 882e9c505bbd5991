/* front_state.h - what the rooms of a worker share: front.c (the whole), client.c (one client, its
 * requests in order), intake.c (what comes from a client), referral.c (what the master answers).
 * Internal to them. */
#ifndef POLICYPOOL_FRONT_STATE_H
#define POLICYPOOL_FRONT_STATE_H

#include "access.h"
#include "conn.h"
#include "drain.h"
#include "front.h"
#include "holding.h"
#include "join.h"
#include "listener.h"
#include "patience.h"
#include "relay.h"

struct client {
	struct front *front;
	struct conn *conn;
	struct join_guest guest;      /* who it is */
	struct request_list requests; /* in the order in which they came and are answered */
	unsigned n;
	struct request_places places;
	struct debtor debtor;
	struct share share;
	uint64_t heard;		 /* clock_ms() of its last packet, once draining */
	bool turned_away;	 /* a request of it, so that it is logged once */
	bool last;		 /* nothing more comes: finish when all is answered */
	LIST_ENTRY(client) link; /* in front->clients */
};

struct front {
	struct worker *worker;
	const struct front_conf *conf;
	struct scoreboard_row *row;
	struct conn_loop *loop;
	bool told_of_tls;
	struct roster *roster;
	struct relay *relay;
	struct access *access;	   /* NULL: no line is wanted */
	struct listener *listener; /* NULL once it accepts no more */
	struct drain *drain;
	struct event *nudge; /* the permits' descriptor: a permit, or a changed registry */
	struct request_list with_master;
	uint64_t tokens;
	LIST_HEAD(client_list, client) clients;
	struct patience *patience;
	struct holding holding;
	struct requests_spare spare;
	struct meter_row *meter;
};

#endif
