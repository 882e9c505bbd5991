/* load.h - sends requests over connections to the proxy, and tells the outcome of each.
 *
 * Every request is told of twice, whatever happens: once by on_send, and once by on_answer or
 * on_fail.  A connection that is lost is connected anew, with pauses, as long as there is something
 * left to send: at the same address where that had answered, otherwise at the next of the proxies',
 * see proxies.h.  What it left unanswered is sent again on another, which on_resend tells, be it
 * that the proxy ended it in order or that it broke; only so often in a row without any answer.
 * Where asking twice may do harm (conf.resend is false) it has failed instead, but for a request
 * that was answered `shutting-down`, which has not run.  What had no reply in time, and what was on
 * a connection after a bad reply, has failed. */
#ifndef POLICYPOOL_LOAD_H
#define POLICYPOOL_LOAD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxies.h"
#include "reply.h"
#include "template.h"
#include "tls.h"

struct load;

struct load_conf {
	const struct proxies *proxies; /* one at least; borrowed */
	bool random;		       /* each connection has its own order of them */
	unsigned count;		       /* requests */
	unsigned parallel;	       /* connections */
	unsigned pipeline;	       /* requests in flight on one connection */
	unsigned retries;  /* rounds of failures, in a row, until a connection is given up */
	bool keepalive;	   /* false: a connection for each request */
	bool resend;	   /* what has no answer when its connection is lost is sent again */
	uint64_t duration; /* ms after which nothing new is sent; 0: count alone bounds it */
	uint64_t timeout, connect_timeout; /* ms */
	size_t max_message;		   /* bytes of a reply */
	struct tls_creds *tls;		   /* NULL: plain; borrowed, as the name */
	const char *tls_name; /* the name in each proxy's certificate; NULL: that of its place */
	const struct expect *expect; /* of each reply; borrowed */
};

enum load_end {
	LOAD_DONE,	 /* nothing left: all is answered or has failed */
	LOAD_UNREACHABLE /* no connection could be made at all; nothing was sent */
};

struct load_ops {
	/* n requests are given to a connection at that place, or given up for want of one (with a
	 * duration: of those that were never sent one at most). */
	void (*on_send)(unsigned n, unsigned place, void *ctx);
	/* No connection could be made to that place; another follows, or the end. */
	void (*on_unreachable)(unsigned place, const char *why, void *ctx);
	/* latency: since it was sent for the first time. */
	void (*on_answer)(const struct reply *, uint64_t latency_us, void *ctx);
	/* n requests go out again, for their connection is lost. */
	void (*on_resend)(unsigned n, const char *why, void *ctx);
	/* n requests will have no answer. */
	void (*on_fail)(unsigned n, const char *why, void *ctx);
	/* A packet came that answers no request. */
	void (*on_stray)(void *ctx);
	/* Everything has been told.  why is for UNREACHABLE. */
	void (*on_end)(enum load_end, const char *why, void *ctx);
};

/* proxies, conf's numbers and template must be fit for use.  NULL on ENOMEM.  Release: load_free().
 */
struct load *load_new(struct event_base *, const struct load_conf *, struct template *,
		      const struct load_ops *, void *ctx);
void load_free(struct load *);

/* Connects.  on_end may be called before it returns. */
void load_start(struct load *);

/* Sends nothing more and fails what is in flight.  on_end is not called. */
void load_stop(struct load *, const char *why);

#endif
