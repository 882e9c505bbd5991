/* health_monitor.c - see health_monitor.h. */
#include "health_monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "health_check.h"
#include "log.h"

enum {
	TICK_MS = 100,
	LIFE_KNOWN = 1000, /* ms for which the answer to whether a server lives holds */
	NEWCOMERS = 64 /* their first reply is looked for in one tick: each costs a look at every
			  worker's count */
};

/* What was last seen of an index in the registry. */
struct monitor_seen {
	uint64_t incarnation; /* 0: nobody was there */
	uint64_t heard;
	uint64_t asked;			 /* clock_ms(): whether it still lives; 0: nobody did */
	char secret[REQUEST_SECRET + 1]; /* in probes of it; empty: there is none */
	bool told;			 /* that it was never reached */
};

struct health_monitor {
	struct health_monitor_env env;
	struct health *health;
	struct health_check *prober;
	struct event *tick;
	unsigned end;	   /* of seen */
	unsigned newcomer; /* where the next tick goes on looking */
	struct monitor_seen seen[];
};

static void on_tick(evutil_socket_t, short, void *);
static void on_result(unsigned, uint64_t, enum health_check_how, bool, enum failure_cause, void *);
static const struct health_ops health_ops;

/* The settings in force. */
static const struct proxy_conf *
in_force(const struct health_monitor *w)
{
	return w->env.conf(w->env.ctx);
}

static const struct proxy_conf *
conf_of_probes(void *arg)
{
	return in_force(arg);
}

struct health_monitor *
health_monitor_new(const struct health_monitor_env *env)
{
	unsigned servers = registry_max_servers(env->registry);
	struct health_monitor *w = calloc(1, sizeof *w + servers * sizeof *w->seen);
	struct health_check_env prober = {.base = env->base,
					  .permits = env->permits,
					  .conf = conf_of_probes,
					  .worker = env->worker,
					  .on_result = on_result,
					  .ctx = w};
	struct timeval tv = clock_timeval(TICK_MS);

	if (w == NULL)
		return NULL;
	w->env = *env;
	w->health = health_new(servers, registry_max_policies(env->registry), &in_force(w)->policy,
			       backoff_random, env->verdicts, &health_ops, w);
	w->prober = health_check_new(&prober);
	w->tick = event_new(env->base, -1, EV_PERSIST, on_tick, w);
	if (w->health == NULL || w->prober == NULL || w->tick == NULL ||
	    event_add(w->tick, &tv) < 0) {
		health_monitor_free(w);
		return NULL;
	}
	return w;
}

void
health_monitor_free(struct health_monitor *w)
{
	if (w == NULL)
		return;
	if (w->tick != NULL)
		event_free(w->tick);
	health_check_free(w->prober);
	health_free(w->health);
	free(w);
}

static const struct registry_server *
server_at(const struct health_monitor *w, unsigned i)
{
	return registry_server(w->env.registry, i);
}

static const char *
policy_of(const struct health_monitor *w, unsigned i)
{
	return registry_policy(w->env.registry, server_at(w, i)->policy)->name;
}

static const struct policy_conf *
conf_of(const struct health_monitor *w, unsigned i)
{
	return policy_conf_of(in_force(w), policy_of(w, i));
}

/* ---- telling ---- */

const char *
health_monitor_reason(const struct health_view *v)
{
	return v->reasoned && (v->failing || v->state >= HEALTH_EJECTED) ? failure_text(v->cause)
									 : "-";
}

static void
tell_ejected(struct health_monitor *w, unsigned i, const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	const char *why = failure_text(v->cause);

	log_limited(LOG_WARN, "server ejected", "id=%s policy=%s why=%s for_ms=%llu ejections=%u",
		    log_quoted(s->id), log_quoted(policy_of(w, i)), log_quoted(why),
		    (unsigned long long)(v->until - v->since), v->ejections);
	events_add(w->env.events, EVENT_EJECTED, s->id, policy_of(w, i), why);
}

static void
tell_returned(struct health_monitor *w, unsigned i, const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	const char *how = v->state == HEALTH_SLOW ? "it answers; its share grows" : "it answers";

	log_limited(LOG_INFO, "server returned", "id=%s policy=%s state=%s", log_quoted(s->id),
		    log_quoted(policy_of(w, i)), health_word(v));
	events_add(w->env.events, EVENT_RETURNED, s->id, policy_of(w, i), how);
}

/* It is in use, and fails, or does no more. */
static void
tell_in_use(struct health_monitor *w, unsigned i, enum health_state from,
	    const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	char text[ADDR_TEXT];

	if (v->failing)
		log_limited(LOG_WARN,
			    failure_kind(v->cause) == FAILURE_LOCAL ? "server down"
								    : "server suspect",
			    "id=%s addr=%s why=%s", log_quoted(s->id), addr_text(&s->addr, text),
			    log_quoted(failure_text(v->cause)));
	else
		log_limited(from == HEALTH_NEW && !v->reasoned ? LOG_VERBOSE : LOG_INFO,
			    "server up", "id=%s addr=%s", log_quoted(s->id),
			    addr_text(&s->addr, text));
}

static void
prove(struct health_monitor *w, unsigned i)
{
	if (!server_at(w, i)->unproved)
		return;
	registry_prove(w->env.registry, i);
	w->env.changed(w->env.ctx);
}

static void
on_change(unsigned i, enum health_state from, const struct health_view *v, void *arg)
{
	struct health_monitor *w = arg;
	bool was_out = from == HEALTH_EJECTED || from == HEALTH_PROBING;

	if (v->state == HEALTH_EJECTED)
		tell_ejected(w, i, v);
	else if (v->state == HEALTH_PROBING)
		log_event(LOG_VERBOSE, "server is probed", "id=%s",
			  log_quoted(server_at(w, i)->id));
	else if (was_out && (from == HEALTH_EJECTED || v->ejected > 0))
		tell_returned(w, i, v);
	else
		tell_in_use(w, i, from, v);
	if (v->state < HEALTH_EJECTED && !v->failing)
		prove(w, i);
}

static void
on_kept(unsigned i, const struct health_view *v, void *arg)
{
	struct health_monitor *w = arg;
	const struct registry_server *s = server_at(w, i);
	char why[EVENTS_WHY];

	(void)snprintf(why, sizeof why, "%s; not ejected: eject_share allows no more of the policy",
		       failure_text(v->cause));
	log_limited(LOG_WARN, "server stays in use though it fails", "id=%s policy=%s why=%s",
		    log_quoted(s->id), log_quoted(policy_of(w, i)), log_quoted(why));
	events_add(w->env.events, EVENT_KEPT, s->id, policy_of(w, i), why);
}

static void
on_panic(unsigned policy, bool on, void *arg)
{
	struct health_monitor *w = arg;
	const char *name = registry_policy(w->env.registry, policy)->name;

	if (on)
		log_limited(LOG_WARN, "every server of a policy looks bad: all are tried",
			    "policy=%s", log_quoted(name));
	else
		log_limited(LOG_INFO, "a server of the policy is well again", "policy=%s",
			    log_quoted(name));
	events_add(w->env.events, on ? EVENT_PANIC : EVENT_CALM, NULL, name,
		   on ? "every server looks bad: all are tried" : "health counts again");
}

static const struct health_ops health_ops = {on_change, on_kept, on_panic};

/* ---- hearing ---- */

static void
look_at_entry(struct health_monitor *w, unsigned i, uint64_t now)
{
	const struct registry_server *s = server_at(w, i);
	struct monitor_seen *seen = &w->seen[i];

	if (!s->used && seen->incarnation != 0) {
		seen->incarnation = 0;
		health_end(w->health, i);
	} else if (s->used && seen->incarnation != s->incarnation) {
		seen->incarnation = s->incarnation;
		request_secret(seen->secret);
		seen->asked = 0;
		seen->told = false;
		seen->heard = registry_heard(w->env.registry, i);
		health_set_policy(w->health, s->policy, conf_of(w, i));
		health_begin(w->health, i, s->policy,
			     conf_of(w, i)->health_check != HEALTH_CHECK_OFF,
			     s->unproved ? HEALTH_RECALLED : HEALTH_ANNOUNCED, now);
		/* Nobody may ask a backup anything for days; whether it is well is to be known
		 * when it is needed.  (A plain one may not listen yet.) */
		if (s->backup && s->pooled && !s->unproved)
			health_ask(w->health, i, now);
	}
}

void
health_monitor_registry(struct health_monitor *w)
{
	uint64_t now = clock_ms();

	w->end = registry_server_end(w->env.registry);
	for (unsigned i = 0; i < w->end; i++)
		look_at_entry(w, i, now);
}

void
health_monitor_settings(struct health_monitor *w)
{
	for (unsigned p = 0; p < registry_max_policies(w->env.registry); p++)
		health_set_policy(
			w->health, p,
			policy_conf_of(in_force(w), registry_policy(w->env.registry, p)->name));
	for (unsigned i = 0; i < w->end; i++)
		if (w->seen[i].incarnation != 0)
			health_set_checked(w->health, i,
					   conf_of(w, i)->health_check != HEALTH_CHECK_OFF,
					   clock_ms());
}

static bool
is_there(const struct health_monitor *w, unsigned i, uint64_t incarnation)
{
	return i < w->end && incarnation != 0 && w->seen[i].incarnation == incarnation;
}

/* A server that connects only says little where nobody has had an answer of it, or a bad one, or
 * waits for one; and a plain one may not survive a connection without a request. */
static enum health_check_how
how_to_probe(const struct health_monitor *w, unsigned i)
{
	enum health_check_how set = (enum health_check_how)conf_of(w, i)->health_check;
	struct health_view v;
	bool remote;

	health_snapshot(w->health, i, &v);
	remote = v.reasoned && failure_kind(v.cause) != FAILURE_LOCAL;
	if (!server_at(w, i)->pooled || (v.state == HEALTH_PROBING && remote))
		return HEALTH_CHECK_REQUEST;
	if (set != HEALTH_CHECK_OFF)
		return set;
	return v.unproved || v.asked ? HEALTH_CHECK_REQUEST : HEALTH_CHECK_CONNECT;
}

static void
probe(struct health_monitor *w, unsigned i, uint64_t now)
{
	const struct registry_server *s = server_at(w, i);

	char payload[REQUEST_PROBE + 1];

	health_started(w->health, i);
	request_probe_payload(payload, w->env.instance, w->seen[i].secret);
	if (s->admin == REGISTRY_DISABLED ||
	    !health_check_start(w->prober, s, i, policy_of(w, i), payload, how_to_probe(w, i),
				conf_of(w, i)->check_timeout))
		health_postpone(w->health, i, now);
}

/* Starts a probe that can't wait for the next tick. */
static void
probe_due(struct health_monitor *w, uint64_t now)
{
	for (unsigned i = 0; i < w->end; i++)
		if (w->seen[i].incarnation != 0 && health_is_due(w->health, i, now))
			probe(w, i, now);
}

void
health_monitor_incident(struct health_monitor *w, const struct worker_msg_failure *m)
{
	enum failure_cause cause = (enum failure_cause)m->cause;

	if (!is_there(w, m->server, m->incarnation) || m->cause >= FAILURE_CAUSE_COUNT ||
	    failure_kind(cause) == FAILURE_OWN)
		return;
	if (failure_kind(cause) == FAILURE_HINT)
		health_late(w->health, m->server, m->at);
	else
		health_incident(w->health, m->server, cause, m->at,
				server_stats_reached(w->env.tally, m->server, clock_ms()));
	probe_due(w, clock_ms());
}

/* What is sent there comes back, to be sent there: whoever else may stand behind it, no request is
 * to go that way. */
static void
take_out(struct health_monitor *w, unsigned i)
{
	static const char why[] = "it leads back to this proxy, which is among its servers";
	const struct registry_server *s = server_at(w, i);
	char text[ADDR_TEXT];

	log_limited(LOG_ERROR, "server taken out", "id=%s policy=%s addr=%s why=%s",
		    log_quoted(s->id), log_quoted(policy_of(w, i)), addr_text(&s->addr, text),
		    log_quoted(why));
	events_add(w->env.events, EVENT_REMOVED, s->id, policy_of(w, i), why);
	registry_remove(w->env.registry, i);
	w->env.changed(w->env.ctx);
}

void
health_monitor_loop(struct health_monitor *w, const char *server)
{
	for (unsigned i = 0; i < w->end && server[0] != '\0'; i++) {
		if (w->seen[i].incarnation == 0 || strcmp(w->seen[i].secret, server) != 0)
			continue;
		take_out(w, i);
		return;
	}
}

enum server_life
health_monitor_life(unsigned i, void *arg)
{
	struct health_monitor *w = arg;
	uint64_t now = clock_ms();
	struct health_view v;
	bool known;

	if (i >= w->end || w->seen[i].incarnation == 0)
		return SERVER_GONE;
	health_snapshot(w->health, i, &v);
	known = w->seen[i].asked != 0 && v.probed >= w->seen[i].asked;
	if (w->seen[i].asked == 0 || (known && now >= v.probed + LIFE_KNOWN)) {
		w->seen[i].asked = now;
		health_ask(w->health, i, now);
		probe_due(w, now);
	}
	if (!known)
		return SERVER_ASKED;
	return v.passed ? SERVER_LIVES : SERVER_GONE;
}

/* Nobody else would say so of a server of the file that was never there. */
static void
tell_never_reached(struct health_monitor *w, unsigned i)
{
	const struct registry_server *s = server_at(w, i);
	struct health_view v;

	health_snapshot(w->health, i, &v);
	if (!s->configured || !v.unproved || w->seen[i].told)
		return;
	w->seen[i].told = true;
	v.failing = true;
	tell_in_use(w, i, v.state, &v);
}

static void
on_result(unsigned i, uint64_t incarnation, enum health_check_how how, bool passed,
	  enum failure_cause cause, void *arg)
{
	struct health_monitor *w = arg;

	if (!is_there(w, i, incarnation))
		return;
	if (passed)
		health_passed(w->health, i, how == HEALTH_CHECK_REQUEST, clock_ms());
	else if (failure_kind(cause) == FAILURE_OWN)
		health_postpone(w->health, i, clock_ms());
	else
		health_missed(w->health, i, cause, clock_ms());
	if (!passed && failure_kind(cause) != FAILURE_OWN)
		tell_never_reached(w, i);
}

/* Has it answered somebody since it was last thought bad, or at all? */
static void
look_for_success(struct health_monitor *w, unsigned i)
{
	uint64_t at = server_stats_reached(w->env.tally, i, clock_ms());

	if (at != 0)
		health_success(w->health, i, at);
}

void
health_monitor_snapshot(struct health_monitor *w, unsigned i, struct health_view *v)
{
	if (health_is_waiting(w->health, i))
		look_for_success(w, i);
	health_snapshot(w->health, i, v);
}

/* ---- time ---- */

/* So many of those that never answered, from where the last tick stopped. */
static void
look_at_newcomers(struct health_monitor *w)
{
	unsigned looked = 0;

	for (unsigned n = 0; n < w->end && looked < NEWCOMERS; n++) {
		unsigned i = w->newcomer++ % w->end;
		struct health_view v;
		health_snapshot(w->health, i, &v);
		if (w->seen[i].incarnation == 0 || v.state != HEALTH_NEW)
			continue;
		look_for_success(w, i);
		looked++;
	}
}

/* One that announces itself once, and renews nothing, would stay for ever.  True when it was. */
static bool
forget(struct health_monitor *w, unsigned i, const struct health_view *v, uint64_t now)
{
	const struct registry_server *s = server_at(w, i);
	uint64_t limit = in_force(w)->forget_after;
	char text[ADDR_TEXT], why[EVENTS_WHY];

	if (limit == 0 || v->dead == 0 || now < v->dead + limit || s->admin != REGISTRY_ENABLED ||
	    registry_known(w->env.registry, i) == REGISTRY_STORE ||
	    registry_tenure_of(w->env.registry, i)->lease != 0 || s->configured)
		return false;
	(void)snprintf(why, sizeof why, "dead for longer than forget_after: %s",
		       failure_text(v->cause));
	log_event(LOG_WARN, "server forgotten", "id=%s policy=%s addr=%s dead_s=%llu why=%s",
		  log_quoted(s->id), log_quoted(policy_of(w, i)), addr_text(&s->addr, text),
		  (unsigned long long)((now - v->dead) / 1000), log_quoted(why));
	events_add(w->env.events, EVENT_FORGOTTEN, s->id, policy_of(w, i), why);
	registry_remove(w->env.registry, i);
	return true;
}

/* True when it has left the registry. */
static bool
tick_one(struct health_monitor *w, unsigned i, uint64_t now)
{
	uint64_t heard = registry_heard(w->env.registry, i);
	struct health_view v;

	if (heard != w->seen[i].heard)
		health_announced(w->health, i, now);
	w->seen[i].heard = heard;
	health_snapshot(w->health, i, &v);
	if ((v.state != HEALTH_NEW || v.failing) && health_is_waiting(w->health, i))
		look_for_success(w, i);
	if (forget(w, i, &v, now))
		return true;
	if (health_is_due(w->health, i, now))
		probe(w, i, now);
	return false;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct health_monitor *w = arg;
	uint64_t now = clock_ms();
	bool left = false;

	(void)fd;
	(void)what;
	health_tick(w->health, now);
	health_check_yield(w->prober);
	for (unsigned i = 0; i < w->end; i++)
		if (w->seen[i].incarnation != 0)
			left |= tick_one(w, i, now);
	if (left)
		w->env.changed(w->env.ctx);
	look_at_newcomers(w);
}
