/* health.h - which servers can be trusted with requests: a state a server, moved by what is told of
 * it and by time.  Pure: no socket, no clock, no chance of its own.
 *
 *   NEW -> UP                  it answered for the first time; until then nobody is blamed for not
 *                              being there: servers announce themselves before they listen
 *   UP, SLOW -> EJECTED        eject_after incidents in a row, one lie, or check_fall failed checks
 *   EJECTED -> PROBING         the pause is over, or it announced itself anew
 *   PROBING -> SLOW -> UP      check_rise probes passed; its share of the turns grows
 *
 * At most eject_share percent of a policy's servers are ejected at once: the others stay in use
 * though they fail.  When all of a policy look bad, nobody's health counts (panic): all are tried,
 * and who answers is back.
 *
 * The result of each is a verdict (verdict.h), which workers read. */
#ifndef POLICYPOOL_HEALTH_H
#define POLICYPOOL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "incident.h"
#include "verdict.h"

/* Incidents of one server within so many ms of the first are one: a death breaks many connections,
 * in several workers. */
enum { HEALTH_BURST = 100 };

#define HEALTH_STATES(X)             \
	X(HEALTH_NEW, "new")         \
	X(HEALTH_UP, "up")           \
	X(HEALTH_SLOW, "slow-start") \
	X(HEALTH_EJECTED, "ejected") \
	X(HEALTH_PROBING, "probing")
#define HEALTH_ENUM(name, text) name,
enum health_state { HEALTH_STATES(HEALTH_ENUM) };
#undef HEALTH_ENUM

/* Times in ms. */
struct health_conf {
	unsigned eject_after; /* incidents in a row; 0: nobody is ever ejected */
	unsigned eject_share; /* percent */
	uint64_t eject_time;  /* the first pause, times the ejections remembered */
	uint64_t eject_max;   /* the longest pause; one ejection is forgotten after so long */
	uint64_t slow_start;  /* 0: none */
	uint64_t check_interval;
	unsigned check_rise, check_fall; /* in a row, at least 1 */
	uint32_t (*random)(void);	 /* 32 uniform bits */
};

struct health_view {
	enum health_state state;
	bool failing; /* incidents since the last success, not ejected for them */
	bool kept;    /* would be ejected but for eject_share */
	bool panic;   /* of its policy: used whatever its state */
	bool reasoned;
	enum incident_cause cause; /* where reasoned: of the last incident */
	uint64_t since;		   /* state and failing are so since */
	uint64_t until;		   /* EJECTED: the pause's end */
	unsigned ejections;	   /* remembered */
	uint64_t ejected;	   /* how often since it came; never less */
	uint64_t probed;	   /* when the last probe's result came, 0: none */
	bool passed;		   /* which it was */
};

struct health_ops {
	/* state or failing has changed. */
	void (*on_change)(unsigned server, enum health_state from, const struct health_view *,
			  void *ctx);
	/* It would be ejected but for eject_share; told once until it answers. */
	void (*on_kept)(unsigned server, const struct health_view *, void *ctx);
	/* Nobody's health counts in the policy from now on, or again. */
	void (*on_panic)(unsigned policy, bool on, void *ctx);
};

struct health;

/* conf, verdicts, ops and ctx are borrowed.  NULL on ENOMEM. */
struct health *health_new(unsigned servers, unsigned policies, const struct health_conf *,
			  struct verdicts *, const struct health_ops *, void *ctx);
void health_free(struct health *);

/* ---- what is told, at a time in clock_ms() ---- */

enum health_origin {
	HEALTH_ANNOUNCED, /* it has come, or another in its place */
	HEALTH_RECALLED	  /* it is remembered from an earlier life of the proxy: to be probed */
};

/* A server begins at this index.  checked: it is probed on check_interval for as long as it is
 * there. */
void health_begin(struct health *, unsigned server, unsigned policy, bool checked,
		  enum health_origin, uint64_t now);
void health_end(struct health *, unsigned server);

/* The settings have changed: is it to be checked from now on? */
void health_set_checked(struct health *, unsigned server, bool checked, uint64_t now);

/* It announced itself, unchanged: who could not be reached may be there again. */
void health_announced(struct health *, unsigned server, uint64_t now);

/* It failed a request.  reached: when it last answered one, 0 never. */
void health_incident(struct health *, unsigned server, enum incident_cause, uint64_t at,
		     uint64_t reached);

/* It answered a request, rightly as far as anybody can tell. */
void health_success(struct health *, unsigned server, uint64_t at);

/* A probe's result.  whole: it was a request and not just a connection. */
void health_passed(struct health *, unsigned server, bool whole, uint64_t now);
void health_missed(struct health *, unsigned server, enum incident_cause, uint64_t now);

void health_tick(struct health *, uint64_t now);

/* ---- what follows ---- */

/* Is a probe due?  Whoever starts one says so; health_passed() or health_missed() follows. */
bool health_is_due(const struct health *, unsigned server, uint64_t now);
void health_started(struct health *, unsigned server);
/* It could not be started: again a little later. */
void health_postpone(struct health *, unsigned server, uint64_t now);

void health_look(const struct health *, unsigned server, struct health_view *);

/* Does news of a success matter now? */
bool health_is_waiting(const struct health *, unsigned server);

/* "up", "new", "slow-start", "ejected", "probing"; "down" where it is in use and could not be
 * reached, "suspect" where it is in use and answered badly. */
const char *health_word(const struct health_view *);

#endif
