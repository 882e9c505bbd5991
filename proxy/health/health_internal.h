/* health_internal.h - internal to health.  Times are in clock_ms().  Calls go down only:
 *
 *   health.c         what is told of a server: incidents, successes, the results of probes, time
 *   health_eject.c   the transitions of its state
 *   health_panic.c   what holds for all servers of a policy, and the verdict that workers read
 *   health_probe.c   when probes are due */
#ifndef POLICYPOOL_HEALTH_INTERNAL_H
#define POLICYPOOL_HEALTH_INTERNAL_H

#include <assert.h>

#include "health.h"

enum {
	HEALTH_GRACE =
		10000,	   /* ms for which a server that announced itself may refuse connections */
	HEALTH_AGAIN = 200 /* ms between the probes that a return takes, and after one put off */
};

struct health_row {
	bool used, checked;
	bool unproved; /* it has answered no request since it came */
	bool held;     /* until it has passed a probe: not used while another is well */
	bool asked;    /* a probe is wanted for what was told of it: a missed one is an incident */
	bool probing;  /* a probe is on its way */
	bool failing, kept, reasoned;
	enum health_state state;
	enum failure_cause cause;
	unsigned policy;
	unsigned incidents;	 /* in a row */
	unsigned ejections;	 /* remembered */
	uint64_t ejected;	 /* how often */
	unsigned passed, missed; /* probes in a row */
	uint64_t since;
	uint64_t announced; /* when it last did */
	uint64_t dead;	    /* since when it has failed without a sign of life, 0: it has not */
	uint64_t waited;    /* a probe's result is waited for since, at least */
	uint64_t burst;	    /* when the last incident began, 0: none */
	uint64_t until;	    /* EJECTED */
	uint64_t ramp;	    /* SLOW: the ramp's start */
	uint64_t fresh;	    /* what happened before says nothing of it as it is now */
	uint64_t calm;	    /* ejections are forgotten from here on */
	uint64_t probe_at;  /* 0: no probe is to be started */
	uint64_t missed_at; /* when the last probe was missed; 0: one was passed since */
	uint64_t probed;    /* the last probe's result, 0: there was none */
};

/* What holds for all servers of a policy. */
struct health_mood {
	const struct policy_conf *conf;
	bool panic; /* all look bad: health does not count */
	bool good;  /* one is known to be well: those that are not can be left alone */
};

struct health {
	uint32_t (*random)(void);
	struct verdicts *verdicts;
	const struct health_ops *ops;
	void *ctx;
	unsigned servers, end; /* rows in use are below end */
	struct health_row *row;
	struct health_mood *mood; /* by policy */
};

static inline struct health_row *
health_row(const struct health *h, unsigned server)
{
	assert(server < h->servers);
	return &h->row[server];
}

static inline const struct policy_conf *
health_conf(const struct health *h, const struct health_row *r)
{
	return h->mood[r->policy].conf;
}

static inline bool
health_is_out(const struct health_row *r)
{
	return r->state == HEALTH_EJECTED || r->held;
}

/* No requests go to it, or should. */
static inline bool
health_is_out_of_use(const struct health_row *r)
{
	return r->state == HEALTH_EJECTED || (r->state == HEALTH_PROBING && r->held);
}

/* It is not held against a server that it announces itself before it listens. */
static inline bool
health_is_excused(const struct health_row *r, enum failure_cause cause, uint64_t at)
{
	return r->unproved && cause == CAUSE_REFUSED && at < r->announced + HEALTH_GRACE;
}

/* ---- health_panic.c ---- */

/* Workers are told the verdict of that server. */
void health_publish(struct health *, const struct health_row *);
/* A server of the policy has changed: does health count in it, and is any of them well? */
void health_weigh(struct health *, unsigned policy);
/* May another one be ejected, by eject_share? */
bool health_share_is_left(const struct health *, unsigned policy);

/* ---- health_eject.c ---- */

/* The only place where state and failing change. */
void health_move(struct health *, struct health_row *, enum health_state, bool failing,
		 uint64_t now);
/* What was counted against it in a row counts no more. */
void health_clear(struct health_row *);
/* It lives. */
void health_revive(struct health_row *);
/* It has failed, for this cause. */
void health_fail(struct health_row *, enum failure_cause, uint64_t at);
/* It has failed too often: out, unless too many are. */
void health_condemn(struct health *, struct health_row *, uint64_t now);
/* From EJECTED: the pause is over. */
void health_probe(struct health *, struct health_row *, uint64_t now);
/* It has answered no request yet, and there is reason to see first whether it does. */
void health_distrust(struct health *, struct health_row *, uint64_t now);
/* A server that has answered no request yet is bad or late: so may the others of the policy be. */
void health_doubt(struct health *, unsigned policy, uint64_t now);
/* It is out only because nothing is known of it yet. */
bool health_never_failed(const struct health_row *);
void health_bring_back(struct health *, struct health_row *, uint64_t now);

/* ---- health_probe.c ---- */

/* A quarter less at most, so that those ejected together do not return together. */
uint64_t health_jittered(const struct health *, uint64_t ms);
uint64_t health_check_pause(const struct health *, const struct health_row *);
/* After a missed one; excused: it may be about to listen. */
uint64_t health_probe_pause(const struct health *, const struct health_row *, bool excused);
/* A probe is to be started at that time, or before. */
void health_schedule(struct health_row *, uint64_t at);

#endif
