/* registration_learn.c - what other proxies tell of servers changes the registry; see
 * registration.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "registration_internal.h"

/* ---- may it ---- */

/* The index of the server of that record, or -1. */
static int
find(const struct registration_handling *h)
{
	return registry_find(h->j->registry, h->a.id);
}

static bool
is_of_one_key(const struct registry_tenure *t, const struct packet_signing *sign)
{
	return t->keyid[0] != '\0' && strcmp(t->keyid, sign->keyid) == 0;
}

/* Whose the id is, and of which life of the server it is told. */
static const char *
judge_owner(const struct registration_handling *h)
{
	int i = find(h);
	const struct registry_tenure *t = i < 0 ? NULL
						: registry_tenure_of(h->j->registry, (unsigned)i);

	if (t == NULL || t->keyid[0] == '\0')
		return NULL;
	if (!is_of_one_key(t, &h->a.sign))
		return "the id belongs to another key";
	return t->epoch > h->a.sign.epoch ? "a later life of this server is known" : NULL;
}

static const char *
judge_count(const struct registration_handling *h)
{
	const struct keyring_key *k = keyring_find(h->j->keyring, h->a.sign.keyid);

	if (k == NULL || k->count == 0 || find(h) >= 0)
		return NULL;
	return registry_count_owned(h->j->registry, k->name) < k->count
		       ? NULL
		       : "as many servers as the key may have are registered";
}

static int
check(struct registration_handling *h, const struct store_record *rec)
{
	const char *why = store_record_judge(rec, h->j->keyring, h->j->cluster,
					     h->j->require_signature, time(NULL), &h->old);

	if (why == NULL)
		why = judge_owner(h);
	if (why == NULL)
		why = judge_count(h);
	if (why != NULL)
		return registration_refuse(h, PACKET_DENIED, "%s", why);
	if (registration_check_told_place(h, &rec->at) < 0 ||
	    registration_check_static(h, &rec->at) < 0 || registration_check_tls(h) < 0 ||
	    registration_check_job(h) < 0)
		return -1;
	return registration_check_job_keys(h);
}

/* ---- carrying out ---- */

static void
tell(const struct registration_handling *h, const struct store_record *rec,
     enum registry_change change)
{
	char addr[ADDR_TEXT], why[EVENTS_WHY];

	(void)snprintf(why, sizeof why, "%s, as proxy %s tells", addr_text(&rec->at, addr),
		       rec->by);
	events_add(h->j->events, change == REGISTRY_JOINED ? EVENT_LEARNED : EVENT_REPLACED,
		   h->a.id, h->a.policy, why);
	log_limited(LOG_INFO,
		    change == REGISTRY_JOINED ? "server learned" : "server replaced as told",
		    "id=%s policy=%s addr=%s by=%s", log_quoted(h->a.id), log_quoted(h->a.policy),
		    addr, log_quoted(rec->by));
}

/* It announced itself here, and what is told is not of a later life: then it is only noted. */
static bool
is_outranked(const struct registration_handling *h, int i)
{
	const struct registry_tenure *t;

	if (i < 0)
		return false;
	t = registry_tenure_of(h->j->registry, (unsigned)i);
	return !t->second && !(is_of_one_key(t, &h->a.sign) && h->a.sign.epoch > t->epoch);
}

static int
carry_out(struct registration_handling *h, const struct store_record *rec)
{
	struct registry *r = h->j->registry;
	const struct registry_tenure *t;
	enum registry_change change;
	unsigned i;

	change = registry_learn(r, &h->a, &rec->at, h->now);
	if (change == REGISTRY_FULL)
		return registration_refuse(h, PACKET_OVERLOADED,
					   "no room for another server or policy");
	i = (unsigned)find(h);
	if (change == REGISTRY_JOINED)
		registration_begin_tally(h);
	if (change != REGISTRY_RENEWED) {
		tell(h, rec, change);
		h->result = REGISTRATION_CHANGED;
	}
	if (registry_set_job_keys(r, i, h->a.jobkeys))
		h->result = REGISTRATION_CHANGED;
	t = registry_tenure_of(r, i);
	if (t->epoch != h->a.sign.epoch || strcmp(t->keyid, h->a.sign.keyid) != 0 ||
	    t->old_secret != h->old) {
		registry_own(r, i, h->a.sign.keyid, h->a.sign.epoch, h->old);
		h->result = REGISTRATION_CHANGED;
	}
	return 0;
}

enum registration_result
registration_learn(const struct registration *j, const struct store_record *rec, uint64_t now,
		   char why[REGISTRATION_WHY])
{
	struct registration_handling h = {.j = j, .now = now, .a = rec->a};
	int i = find(&h);

	why[0] = '\0';
	if (check(&h, rec) < 0 || (!is_outranked(&h, i) && carry_out(&h, rec) < 0)) {
		(void)snprintf(why, REGISTRATION_WHY, "%s", h.fault.why);
		return h.result;
	}
	if (registry_set_told(j->registry, (unsigned)find(&h), rec->by, now))
		h.result = REGISTRATION_CHANGED;
	return h.result;
}

/* ---- what is told no more ---- */

/* What is told of a server of a key is believed with the MAC of that key alone: else whoever can
 * write to the store could empty a pool. */
static bool
is_believed(const struct registration *j, unsigned i, const struct store_record *gone)
{
	const struct registry_tenure *t = registry_tenure_of(j->registry, i);
	bool old;

	return strcmp(gone->gone, STORE_RECORD_LEFT) == 0 &&
	       strcmp(t->keyid, gone->a.sign.keyid) == 0 && t->epoch <= gone->a.sign.epoch &&
	       store_record_judge(gone, j->keyring, j->cluster, j->require_signature, time(NULL),
				  &old) == NULL;
}

enum registration_result
registration_unlearn(const struct registration *j, const char *id, const struct store_record *gone,
		     uint64_t now)
{
	int found = registry_find(j->registry, id);
	unsigned i = (unsigned)found;
	const struct registry_server *s;
	char why[EVENTS_WHY];
	const char *policy;

	if (found < 0)
		return REGISTRATION_NOTHING;
	s = registry_server(j->registry, i);
	policy = registry_policy(j->registry, s->policy)->name;
	if (gone != NULL && registry_tenure_of(j->registry, i)->second && is_believed(j, i, gone)) {
		(void)snprintf(why, sizeof why, "as proxy %s tells", gone->by);
		events_add(j->events, EVENT_LEFT, s->id, policy, why);
		log_limited(LOG_INFO, "server left", "id=%s policy=%s by=%s", log_quoted(s->id),
			    log_quoted(policy), log_quoted(gone->by));
		registry_remove(j->registry, i);
		return REGISTRATION_CHANGED;
	}
	if (!registry_set_told(j->registry, i, "", now))
		return REGISTRATION_NOTHING;
	if (registry_known(j->registry, i) == REGISTRY_FADING) {
		events_add(j->events, EVENT_FADING, s->id, policy, "no proxy tells of it any more");
		log_limited(LOG_INFO, "server fades", "id=%s policy=%s why=%s", log_quoted(s->id),
			    log_quoted(policy), log_quoted("no proxy tells of it any more"));
	}
	return REGISTRATION_CHANGED;
}

void
registration_fade(const struct registration *j, unsigned i, const char *why)
{
	const struct registry_server *s = registry_server(j->registry, i);
	const char *policy = registry_policy(j->registry, s->policy)->name;

	events_add(j->events, EVENT_FADED, s->id, policy, why);
	log_limited(LOG_WARN, "server faded", "id=%s policy=%s why=%s", log_quoted(s->id),
		    log_quoted(policy), log_quoted(why));
	registry_remove(j->registry, i);
}
