/* health.h - which servers can be trusted with requests: a state for each, moved by reports and
 * by time (outlier ejection).  Pure: no socket, no clock, no chance of its own.
 *
 *   NEW -> UP                  it answered for the first time; until then it may refuse
 *                              connections for a while: servers announce themselves before they
 *                              listen
 *   any in use -> EJECTED      eject_after incidents in a row, one lie, or check_fall failed checks
 *   EJECTED -> PROBING         the pause is over, or it announced itself anew
 *   PROBING -> SLOW -> UP      check_rise probes passed; its share of the turns grows
 *   PROBING -> UP              the same of one that was never ejected, with the first probe
 *
 * Probes find out, not requests: an incident, or a server that is late, has one started at once,
 * and a missed one counts as an incident.  One that fails is not used while another is known to
 * be well, nor are those that have answered no request yet once one of these was bad, or late,
 * until they have.
 *
 * At most eject_share percent of a policy's servers are ejected at once: the others stay in use
 * though they fail, where none is known to be well.  When all of a policy look bad, health does not
 * count (panic): all are tried, and one that answers is back.
 *
 * The result of each is a verdict (server_health.h), which workers read. */
#ifndef POLICYPOOL_HEALTH_H
#define POLICYPOOL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "failure_cause.h"
#include "policy_conf.h"
#include "server_health.h"

#define HEALTH_STATES(X)             \
	X(HEALTH_NEW, "new")         \
	X(HEALTH_UP, "up")           \
	X(HEALTH_SLOW, "slow-start") \
	X(HEALTH_EJECTED, "ejected") \
	X(HEALTH_PROBING, "probing")
#define HEALTH_ENUM(name, text) name,
enum health_state { HEALTH_STATES(HEALTH_ENUM) };
#undef HEALTH_ENUM

struct health_view {
	enum health_state state;
	bool failing;  /* incidents since the last success, not ejected for them */
	bool kept;     /* would be ejected but for eject_share */
	bool panic;    /* of its policy: used whatever its state */
	bool unproved; /* it has answered no request since it came */
	bool held;     /* until it has passed a probe: not used while another is well */
	bool asked;    /* a probe is wanted for what was told of it */
	bool reasoned;
	enum failure_cause cause; /* where reasoned: of the last incident */
	uint64_t since;		  /* state and failing are so since */
	uint64_t until;		  /* EJECTED: the pause's end */
	unsigned ejections;	  /* remembered */
	uint64_t ejected;	  /* how often since it came; never less */
	uint64_t dead;	 /* since when it has failed without a sign of life, 0: it has not */
	uint64_t probed; /* when the last probe's result came, 0: none */
	bool passed;	 /* which it was */
};

struct health_ops {
	/* state or failing has changed. */
	void (*on_change)(unsigned server, enum health_state from, const struct health_view *,
			  void *ctx);
	/* It would be ejected but for eject_share; told once until it answers. */
	void (*on_kept)(unsigned server, const struct health_view *, void *ctx);
	/* Health does not count in the policy from now on, or does again. */
	void (*on_panic)(unsigned policy, bool on, void *ctx);
};

struct health;

/* What is borrowed is conf (until another one is set), verdicts, ops and ctx.  random: 32 uniform
 * bits.  NULL on ENOMEM. */
struct health *health_new(unsigned servers, unsigned policies, const struct policy_conf *,
			  uint32_t (*random)(void), struct verdicts *, const struct health_ops *,
			  void *ctx);
void health_free(struct health *);

/* What is in force for a policy from now on. */
void health_set_policy(struct health *, unsigned policy, const struct policy_conf *);

/* ---- what is told, at a time in clock_ms() ---- */

enum health_origin {
	HEALTH_ANNOUNCED, /* it has come, or another in its place */
	HEALTH_RECALLED	  /* it is remembered from an earlier life of the proxy: probed at once, and
			     meanwhile used as a new one */
};

/* A server begins at this index.  checked: it is probed on check_interval for as long as it is
 * there. */
void health_begin(struct health *, unsigned server, unsigned policy, bool checked,
		  enum health_origin, uint64_t now);
void health_end(struct health *, unsigned server);

/* The settings have changed: is it to be checked from now on? */
void health_set_checked(struct health *, unsigned server, bool checked, uint64_t now);

/* It announced itself, unchanged: one that could not be reached may be there again. */
void health_announced(struct health *, unsigned server, uint64_t now);

/* It failed a request.  reached: when it last answered one, 0 never. */
void health_incident(struct health *, unsigned server, enum failure_cause, uint64_t at,
		     uint64_t reached);

/* It owes a request a connection or a reply for longer than it should. */
void health_late(struct health *, unsigned server, uint64_t at);

/* It is asked how it is: a probe is due. */
void health_ask(struct health *, unsigned server, uint64_t now);

/* It answered a request, rightly as far as anybody can tell. */
void health_success(struct health *, unsigned server, uint64_t at);

/* A probe's result.  whole: it was a request and not just a connection. */
void health_passed(struct health *, unsigned server, bool whole, uint64_t now);
void health_missed(struct health *, unsigned server, enum failure_cause, uint64_t now);

void health_tick(struct health *, uint64_t now);

/* ---- what follows ---- */

/* Is a probe due?  Starting one is told by health_started(); health_passed() or
 * health_missed() follows. */
bool health_is_due(const struct health *, unsigned server, uint64_t now);
void health_started(struct health *, unsigned server);
/* It could not be started: again a little later. */
void health_postpone(struct health *, unsigned server, uint64_t now);

void health_snapshot(const struct health *, unsigned server, struct health_view *);

/* Does news of a success matter now? */
bool health_is_waiting(const struct health *, unsigned server);

/* "up", "new", "slow-start", "ejected", "probing"; "down" where it is in use and could not be
 * reached, "suspect" where it is in use and answered badly. */
const char *health_word(const struct health_view *);
/* All of these, ended by NULL. */
extern const char *const health_words[];

#endif
