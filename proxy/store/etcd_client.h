/* etcd_client.h - asks one member of an etcd cluster, and another one as soon as that does not do.
 *
 * All is asked of one member at a time, so that whatever fails tells of all that is asked there: a
 * member that stopped answers no renewal either, and its watch is given up for that.  Where there
 * is a user it logs in, and anew whenever the token is refused. */
#ifndef POLICYPOOL_ETCD_CLIENT_H
#define POLICYPOOL_ETCD_CLIENT_H

#include <event2/event.h>

#include "compiler.h"
#include "etcd_json.h"
#include "span.h"
#include "store_conf.h"

struct etcd_client;
struct etcd_call;

struct etcd_answer {
	enum etcd_class class;
	struct json_object *o; /* OK, but not of a stream; borrowed for the call */
	struct etcd_header header;
	const char *why; /* not OK; can be shown */
};

typedef void etcd_answer_fn(const struct etcd_answer *, void *ctx);

struct etcd_client_ops {
	/* The member that is asked failed, and another is asked from now on; a stream that is open
	 * is still of the former one: it is to be cancelled soon, but not in this call. */
	void (*on_failed)(const char *why, void *ctx);
	/* It answers, and refuses what it was asked: a wrong password, no right, no space.  So it
	 * may each time. */
	void (*on_refused)(const char *why, void *ctx);
	void *ctx;
};

/* conf and ops are borrowed.  Before rights are given up.  NULL with *why, which stays. */
struct etcd_client *etcd_client_new(struct event_base *, const struct store_conf *,
				    const struct etcd_client_ops *, const char **why);
/* Calls that are left are cancelled. */
void etcd_client_free(struct etcd_client *);

/* path: "/v3/kv/range".  answer is told once, never from within this call.  NULL on ENOMEM. */
struct etcd_call *etcd_client_call(struct etcd_client *, const char *path, struct span body,
				   etcd_answer_fn *answer, void *ctx);
/* bytes of a stream are told as they come; answer at its end, with LOST or what was refused. */
struct etcd_call *etcd_client_stream(struct etcd_client *, const char *path, struct span body,
				     void (*bytes)(struct span, void *ctx), etcd_answer_fn *answer,
				     void *ctx);
/* Nothing more is told of it; not from within its own bytes() or answer().  NULL is fine. */
void etcd_client_cancel(struct etcd_call *);
void etcd_client_pause(struct etcd_call *, bool);

/* The member that is asked is no good, for a reason that its caller has found. */
void etcd_client_give_up(struct etcd_client *, const char *why);
/* The same for what is told in a stream: of which cluster is its header?  OK, or LOST with why
 * where it is of an older term than others were. */
enum etcd_class etcd_client_judge_header(struct etcd_client *, const struct etcd_header *,
					 char why[ETCD_WHY]);
/* Something else is wrong: it is remembered as the last error. */
void etcd_client_note(struct etcd_client *, const char *why);

struct etcd_client_view {
	const char *endpoint; /* that is asked now */
	const char *error;    /* the last one; empty: none */
	uint64_t error_at;    /* clock_ms() */
	uint64_t errors;
	uint64_t cluster, term; /* as heard last; 0: nothing was */
};
void etcd_client_look(const struct etcd_client *, struct etcd_client_view *);

#endif
