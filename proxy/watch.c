/* watch.c - see watch.h. */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "backoff.h"
#include "bypolicy.h"
#include "clock.h"
#include "log.h"
#include "prober.h"

enum {
	TICK_MS = 100,
	NEWCOMERS = 64 /* whose first reply is looked for in one tick: each costs a look at every
			  worker's count */
};

/* What was last seen of an index in the registry. */
struct seen {
	uint64_t incarnation; /* 0: nobody was there */
	uint64_t heard;
};

struct watch {
	struct watch_env env;
	struct health_conf conf;
	struct health *health;
	struct prober *prober;
	struct event *tick;
	unsigned end;	   /* of seen */
	unsigned newcomer; /* where the next tick goes on looking */
	struct seen seen[];
};

static void on_tick(evutil_socket_t, short, void *);
static void on_result(unsigned, uint64_t, enum prober_how, bool, enum incident_cause, void *);
static const struct health_ops health_ops;

static void
take_settings(struct watch *w, const struct proxy_conf *c)
{
	w->env.conf = c;
	w->conf = (struct health_conf){.eject_after = c->eject_after,
				       .eject_share = c->eject_share,
				       .eject_time = c->eject_time,
				       .eject_max = c->eject_max,
				       .slow_start = c->slow_start,
				       .check_interval = c->check_interval,
				       .check_rise = c->check_rise,
				       .check_fall = c->check_fall,
				       .random = backoff_random};
}

struct watch *
watch_new(const struct watch_env *env)
{
	unsigned servers = registry_max_servers(env->registry);
	struct watch *w = calloc(1, sizeof *w + servers * sizeof *w->seen);
	struct prober_env prober = {.base = env->base,
				    .permits = env->permits,
				    .conf = env->conf,
				    .worker = env->worker,
				    .on_result = on_result,
				    .ctx = w};
	struct timeval tv = clock_timeval(TICK_MS);

	if (w == NULL)
		return NULL;
	w->env = *env;
	take_settings(w, env->conf);
	w->health = health_new(servers, registry_max_policies(env->registry), &w->conf,
			       env->verdicts, &health_ops, w);
	w->prober = prober_new(&prober);
	w->tick = event_new(env->base, -1, EV_PERSIST, on_tick, w);
	if (w->health == NULL || w->prober == NULL || w->tick == NULL ||
	    event_add(w->tick, &tv) < 0) {
		watch_free(w);
		return NULL;
	}
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->tick != NULL)
		event_free(w->tick);
	prober_free(w->prober);
	health_free(w->health);
	free(w);
}

static const struct registry_server *
server_at(const struct watch *w, unsigned i)
{
	return registry_server(w->env.registry, i);
}

static const char *
policy_of(const struct watch *w, unsigned i)
{
	return registry_policy(w->env.registry, server_at(w, i)->policy)->name;
}

static enum prober_how
check_of(const struct watch *w, unsigned i)
{
	return (enum prober_how)bypolicy_word(&w->env.conf->health_check, policy_of(w, i),
					      prober_words, PROBER_OFF);
}

/* ---- telling ---- */

const char *
watch_reason(const struct health_view *v)
{
	return v->reasoned && (v->failing || v->state >= HEALTH_EJECTED) ? incident_text(v->cause)
									 : "-";
}

static void
tell_ejected(struct watch *w, unsigned i, const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	const char *why = incident_text(v->cause);

	log_event(LOG_WARN, "server ejected", "id=%s policy=%s why=%s for_ms=%llu ejections=%u",
		  log_quoted(s->id), log_quoted(policy_of(w, i)), log_quoted(why),
		  (unsigned long long)(v->until - v->since), v->ejections);
	events_add(w->env.events, EVENT_EJECTED, s->id, policy_of(w, i), why);
}

static void
tell_returned(struct watch *w, unsigned i, const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	const char *how = v->state == HEALTH_SLOW ? "it answers; its share grows" : "it answers";

	log_event(LOG_INFO, "server returned", "id=%s policy=%s state=%s", log_quoted(s->id),
		  log_quoted(policy_of(w, i)), health_word(v));
	events_add(w->env.events, EVENT_RETURNED, s->id, policy_of(w, i), how);
}

/* It is in use, and fails, or does no more. */
static void
tell_in_use(struct watch *w, unsigned i, enum health_state from, const struct health_view *v)
{
	const struct registry_server *s = server_at(w, i);
	char text[ADDR_TEXT];

	if (v->failing)
		log_event(LOG_WARN,
			  incident_kind(v->cause) == INCIDENT_LOCAL ? "server down"
								    : "server suspect",
			  "id=%s addr=%s why=%s", log_quoted(s->id), addr_text(&s->addr, text),
			  log_quoted(incident_text(v->cause)));
	else
		log_event(from == HEALTH_NEW && !v->reasoned ? LOG_VERBOSE : LOG_INFO, "server up",
			  "id=%s addr=%s", log_quoted(s->id), addr_text(&s->addr, text));
}

static void
prove(struct watch *w, unsigned i)
{
	if (!server_at(w, i)->unproved)
		return;
	registry_prove(w->env.registry, i);
	w->env.changed(w->env.ctx);
}

static void
on_change(unsigned i, enum health_state from, const struct health_view *v, void *arg)
{
	struct watch *w = arg;
	bool was_out = from == HEALTH_EJECTED || from == HEALTH_PROBING;

	if (v->state == HEALTH_EJECTED)
		tell_ejected(w, i, v);
	else if (v->state == HEALTH_PROBING)
		log_event(LOG_VERBOSE, "server is probed", "id=%s",
			  log_quoted(server_at(w, i)->id));
	else if (was_out)
		tell_returned(w, i, v);
	else
		tell_in_use(w, i, from, v);
	if (v->state < HEALTH_EJECTED && !v->failing)
		prove(w, i);
}

static void
on_kept(unsigned i, const struct health_view *v, void *arg)
{
	struct watch *w = arg;
	const struct registry_server *s = server_at(w, i);
	char why[EVENTS_WHY];

	(void)snprintf(why, sizeof why, "%s; not ejected: eject_share of the policy is",
		       incident_text(v->cause));
	log_event(LOG_WARN, "server stays in use though it fails", "id=%s policy=%s why=%s",
		  log_quoted(s->id), log_quoted(policy_of(w, i)), log_quoted(why));
	events_add(w->env.events, EVENT_KEPT, s->id, policy_of(w, i), why);
}

static void
on_panic(unsigned policy, bool on, void *arg)
{
	struct watch *w = arg;
	const char *name = registry_policy(w->env.registry, policy)->name;

	if (on)
		log_event(LOG_WARN, "every server of a policy looks bad: all are tried",
			  "policy=%s", log_quoted(name));
	else
		log_event(LOG_INFO, "a server of the policy is well again", "policy=%s",
			  log_quoted(name));
	events_add(w->env.events, on ? EVENT_PANIC : EVENT_CALM, NULL, name,
		   on ? "every server looks bad: all are tried" : "health counts again");
}

static const struct health_ops health_ops = {on_change, on_kept, on_panic};

/* ---- hearing ---- */

static void
look_at_entry(struct watch *w, unsigned i, uint64_t now)
{
	const struct registry_server *s = server_at(w, i);
	struct seen *seen = &w->seen[i];

	if (!s->used && seen->incarnation != 0) {
		seen->incarnation = 0;
		health_end(w->health, i);
	} else if (s->used && seen->incarnation != s->incarnation) {
		seen->incarnation = s->incarnation;
		seen->heard = registry_heard(w->env.registry, i);
		health_begin(w->health, i, s->policy, check_of(w, i) != PROBER_OFF,
			     s->unproved ? HEALTH_RECALLED : HEALTH_ANNOUNCED, now);
	}
}

void
watch_registry(struct watch *w)
{
	uint64_t now = clock_ms();

	w->end = registry_server_end(w->env.registry);
	for (unsigned i = 0; i < w->end; i++)
		look_at_entry(w, i, now);
}

void
watch_settings(struct watch *w, const struct proxy_conf *conf)
{
	take_settings(w, conf);
	for (unsigned i = 0; i < w->end; i++)
		if (w->seen[i].incarnation != 0)
			health_set_checked(w->health, i, check_of(w, i) != PROBER_OFF, clock_ms());
}

static bool
is_there(const struct watch *w, unsigned i, uint64_t incarnation)
{
	return i < w->end && incarnation != 0 && w->seen[i].incarnation == incarnation;
}

void
watch_incident(struct watch *w, const struct handoff_incident *m)
{
	if (!is_there(w, m->server, m->incarnation) || m->cause >= INCIDENT_CAUSE_COUNT)
		return;
	health_incident(w->health, m->server, (enum incident_cause)m->cause, m->at,
			tally_reached(w->env.tally, m->server));
}

static void
on_result(unsigned i, uint64_t incarnation, enum prober_how how, bool passed,
	  enum incident_cause cause, void *arg)
{
	struct watch *w = arg;

	if (!is_there(w, i, incarnation))
		return;
	if (passed)
		health_passed(w->health, i, how == PROBER_REQUEST, clock_ms());
	else
		health_missed(w->health, i, cause, clock_ms());
}

/* Has it answered somebody since it was last thought bad, or at all? */
static void
look_for_success(struct watch *w, unsigned i)
{
	uint64_t at = tally_reached(w->env.tally, i);

	if (at != 0)
		health_success(w->health, i, at);
}

void
watch_look(struct watch *w, unsigned i, struct health_view *v)
{
	if (health_is_waiting(w->health, i))
		look_for_success(w, i);
	health_look(w->health, i, v);
}

/* ---- time ---- */

/* A server that connects only says little where it answered badly; and a plain one may not survive
 * a connection without a request. */
static enum prober_how
how_to_probe(const struct watch *w, unsigned i)
{
	enum prober_how set = check_of(w, i);
	struct health_view v;

	health_look(w->health, i, &v);
	if (!server_at(w, i)->pooled)
		return PROBER_REQUEST;
	if (v.state == HEALTH_PROBING && v.reasoned && incident_kind(v.cause) != INCIDENT_LOCAL)
		return PROBER_REQUEST;
	return set == PROBER_OFF ? PROBER_CONNECT : set;
}

static void
probe(struct watch *w, unsigned i, uint64_t now)
{
	const struct registry_server *s = server_at(w, i);

	health_started(w->health, i);
	if (s->admin == REGISTRY_DISABLED ||
	    !prober_start(w->prober, s, i, policy_of(w, i), how_to_probe(w, i),
			  w->env.conf->check_timeout))
		health_postpone(w->health, i, now);
}

/* So many of those that never answered, from where the last tick stopped. */
static void
look_at_newcomers(struct watch *w)
{
	unsigned looked = 0;

	for (unsigned n = 0; n < w->end && looked < NEWCOMERS; n++) {
		unsigned i = w->newcomer++ % w->end;
		struct health_view v;
		health_look(w->health, i, &v);
		if (w->seen[i].incarnation == 0 || v.state != HEALTH_NEW)
			continue;
		look_for_success(w, i);
		looked++;
	}
}

static void
tick_one(struct watch *w, unsigned i, uint64_t now)
{
	uint64_t heard = registry_heard(w->env.registry, i);
	struct health_view v;

	if (heard != w->seen[i].heard)
		health_announced(w->health, i, now);
	w->seen[i].heard = heard;
	health_look(w->health, i, &v);
	if ((v.state != HEALTH_NEW || v.failing) && health_is_waiting(w->health, i))
		look_for_success(w, i);
	if (health_is_due(w->health, i, now))
		probe(w, i, now);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	health_tick(w->health, now);
	for (unsigned i = 0; i < w->end; i++)
		if (w->seen[i].incarnation != 0)
			tick_one(w, i, now);
	look_at_newcomers(w);
}
