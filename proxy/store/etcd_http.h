/* etcd_http.h - POST requests to etcd: libcurl on libevent.
 *
 * A request ends by itself: its answer is whole, it failed, or its time is over.  A stream has no
 * end of its own; its bytes are told as they come. */
#ifndef POLICYPOOL_ETCD_HTTP_H
#define POLICYPOOL_ETCD_HTTP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "span.h"
#include "store_conf.h"

struct etcd_http;
struct etcd_request;

enum {
	ETCD_CONNECT_MS = 1000,
	ETCD_HANDSHAKE_MS = 2000, /* to connect, and the handshake of TLS */
	ETCD_REQUEST_MS = 3000,
	ETCD_ANSWER_MAX = 32 << 20, /* bytes of an answer, at most */
	ETCD_WATCH_MAX = 16 << 20   /* and of what a watch tells at once */
};

struct etcd_http_done {
	bool answered;	  /* a whole answer, whatever it says; or, of a stream, its end */
	bool too_long;	  /* it was longer than ETCD_ANSWER_MAX */
	long status;	  /* of HTTP */
	struct span body; /* borrowed for the call; of a stream: with another status than 200 */
	const char *why;  /* not answered */
};

struct etcd_http_ask {
	const char *url;   /* whole; copied, as all here */
	const char *token; /* NULL: none */
	struct span body;
	/* Told once, unless it is cancelled; the request is gone afterwards. */
	void (*done)(const struct etcd_http_done *, void *ctx);
	/* NULL: no stream. */
	void (*bytes)(struct span, void *ctx);
	void *ctx;
};

/* files: of the settings, NULL where they have none; copied.  Call it before rights are given up.
 * NULL with *why, which stays. */
struct etcd_http *etcd_http_new(struct event_base *, const struct store_files *, const char **why);
/* Requests that are left are cancelled. */
void etcd_http_free(struct etcd_http *);

/* NULL on ENOMEM. */
struct etcd_request *etcd_http_post(struct etcd_http *, const struct etcd_http_ask *);
/* Nothing more is told of it.  Not from within its own bytes(). */
void etcd_http_cancel(struct etcd_request *);
/* A stream's bytes wait at the other end meanwhile.  May be called from within bytes(). */
void etcd_http_pause(struct etcd_request *, bool);

#endif
