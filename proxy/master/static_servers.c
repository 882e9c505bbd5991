/* static_servers.c - see static_servers.h. */
#include "static_servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "resolver.h"

enum { WHY = 128 };

/* A section of the file. */
struct static_entry {
	struct static_servers *all;
	char *id, *host; /* owned: the settings may be others when the answer comes */
	bool named;	 /* host is a name */
	bool known;	 /* at is where it is */
	bool told;	 /* that it can't be had, and */
	char why[WHY];	 /* why not */
	struct addr at;
	struct resolver *asked;
};

struct static_servers {
	struct static_servers_env env;
	struct event *again;
	struct static_entry *entry; /* in the order of the file */
	size_t n;
};

static void on_again(evutil_socket_t, short, void *);

struct static_servers *
static_servers_new(const struct static_servers_env *env)
{
	struct static_servers *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->env = *env;
	s->again = event_new(env->base, -1, 0, on_again, s);
	if (s->again != NULL)
		return s;
	static_servers_free(s);
	return NULL;
}

static void
free_entries(struct static_entry *entry, size_t n)
{
	for (size_t i = 0; entry != NULL && i < n; i++) {
		resolver_cancel(entry[i].asked);
		free(entry[i].id);
		free(entry[i].host);
	}
	free(entry);
}

void
static_servers_free(struct static_servers *s)
{
	if (s == NULL)
		return;
	free_entries(s->entry, s->n);
	if (s->again != NULL)
		event_free(s->again);
	free(s);
}

/* ---- telling ---- */

static void
tell_joined(const struct static_servers *s, const struct registry_server *r,
	    enum registry_change change)
{
	const char *policy = registry_policy(s->env.registry, r->policy)->name;
	char text[ADDR_TEXT], why[EVENTS_WHY];

	(void)snprintf(why, sizeof why, "%s, of the proxy's file", addr_text(&r->addr, text));
	events_add(s->env.events, change == REGISTRY_JOINED ? EVENT_JOINED : EVENT_REPLACED, r->id,
		   policy, why);
	if (!log_is_narrated())
		log_limited(LOG_INFO,
			    change == REGISTRY_JOINED ? "server joined" : "server replaced",
			    "id=%s policy=%s addr=%s kind=%s source=static", log_quoted(r->id),
			    log_quoted(policy), text, r->pooled ? "pooled" : "plain");
	log_narrate("Server id %s of the configuration file, policy %s, at %s", r->id, policy,
		    text);
}

static void
tell_missing(struct static_entry *e, const char *what, const char *why)
{
	(void)snprintf(e->why, sizeof e->why, "%s: %s", what, why);
	if (e->told)
		return;
	e->told = true;
	log_event(LOG_WARN, what, "id=%s host=%s why=%s again_ms=%u", log_quoted(e->id),
		  log_quoted(e->host), log_quoted(why), e->all->env.again);
}

static void
take_out(struct static_servers *s, unsigned i, const char *why)
{
	const struct registry_server *r = registry_server(s->env.registry, i);
	const char *policy = registry_policy(s->env.registry, r->policy)->name;

	log_event(LOG_INFO, "server taken out", "id=%s policy=%s why=%s", log_quoted(r->id),
		  log_quoted(policy), log_quoted(why));
	events_add(s->env.events, EVENT_REMOVED, r->id, policy, why);
	registry_remove(s->env.registry, i);
}

/* ---- into the registry ---- */

static void
describe(const struct static_servers *s, const struct static_entry *e, const struct static_conf *c,
	 struct packet_announcement *a)
{
	const char *job = static_conf_job_of(s->env.conf(s->env.ctx), c->policy);

	*a = (struct packet_announcement){.keepalive = c->kind == STATIC_POOLED,
					  .tls = c->tls,
					  .once = !c->repeat,
					  .backup = c->backup,
					  .pipeline = c->pipeline,
					  .slots = c->slots,
					  .weight = c->weight,
					  .jobtimeout = (unsigned)c->job_timeout};
	(void)snprintf(a->id, sizeof a->id, "%s", e->id);
	(void)snprintf(a->policy, sizeof a->policy, "%s", c->policy);
	(void)snprintf(a->job, sizeof a->job, "%s", job);
}

/* A plain server has one id: what was announced of it gives way. */
static bool
take_place(struct static_servers *s, const struct packet_announcement *a, const struct addr *at)
{
	struct registry *r = s->env.registry;
	bool changed = false;
	int twin;

	while (!a->keepalive && (twin = registry_find_twin(r, a->policy, a->id, at)) >= 0 &&
	       !registry_server(r, (unsigned)twin)->configured) {
		take_out(s, (unsigned)twin, "it is at the address of a server of the proxy's file");
		changed = true;
	}
	return changed;
}

/* Has the registry changed? */
static bool
put(struct static_servers *s, struct static_entry *e)
{
	const struct conf_section *section = static_conf_find(s->env.conf(s->env.ctx), e->id);
	struct packet_announcement a;
	enum registry_change change;
	bool changed;
	unsigned at;

	if (section == NULL || !e->known)
		return false;
	describe(s, e, section->settings, &a);
	changed = take_place(s, &a, &e->at);
	change = registry_configure(s->env.registry, &a, &e->at, clock_ms());
	if (change == REGISTRY_FULL) {
		tell_missing(e, "no room for a server of the file",
			     "max_servers or max_policies is reached");
		return changed;
	}
	e->told = false;
	at = (unsigned)registry_find(s->env.registry, e->id);
	if (change == REGISTRY_JOINED) {
		policy_stats_keep(s->env.ledger, at);
		counters_forget(s->env.tally, at);
	}
	if (change != REGISTRY_RENEWED)
		tell_joined(s, registry_server(s->env.registry, at), change);
	return changed || change != REGISTRY_RENEWED;
}

/* ---- names ---- */

static void
try_again(struct static_servers *s)
{
	struct timeval tv = clock_timeval(s->env.again);

	if (!event_pending(s->again, EV_TIMEOUT, NULL) && event_add(s->again, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of names", NULL);
}

static struct addr
place_of(const struct addr *found, uint16_t port)
{
	struct addr at = *found;

	addr_unmap(&at);
	addr_set_port(&at, port);
	return at;
}

static bool
is_down(const struct static_entry *e)
{
	const struct static_servers_env *env = &e->all->env;
	int at = e->known ? registry_find(env->registry, e->id) : -1;

	return at >= 0 && env->is_down((unsigned)at, env->ctx);
}

/* Where it was is as good as any, as long as it is among what was found; but where nobody is there,
 * the next one. */
static void
take_found(struct static_entry *e, const struct addr *found, size_t n)
{
	char host[ADDR_HOST];
	const char *why;
	uint16_t port = 0;
	size_t pick = 0;

	if (addr_split(e->host, host, &port, &why) < 0)
		return; /* it was judged */
	for (size_t i = 0; e->known && i < n; i++) {
		struct addr at = place_of(&found[i], port);

		if (addr_eq(&at, &e->at))
			pick = is_down(e) ? (i + 1) % n : i;
	}
	e->at = place_of(&found[pick], port);
	e->known = true;
}

static void
on_found(const struct addr *found, size_t n, const char *why, void *arg)
{
	struct static_entry *e = arg;
	struct static_servers *s = e->all;

	e->asked = NULL;
	if (n > 0)
		take_found(e, found, n);
	else
		tell_missing(e, "the host of a server of the file is not found", why);
	if (n > 0 && put(s, e))
		s->env.changed(s->env.ctx);
	try_again(s);
}

static void
ask(struct static_entry *e)
{
	char host[ADDR_HOST];
	const char *why;
	uint16_t port;

	if (e->asked != NULL || addr_split(e->host, host, &port, &why) < 0)
		return;
	e->asked = resolver_start(e->all->env.base, host, on_found, e);
	if (e->asked != NULL)
		return;
	tell_missing(e, "the host of a server of the file is not found", strerror(errno));
	try_again(e->all);
}

/* What could not be done is tried again; and those that are down may be elsewhere by now. */
static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct static_servers *s = arg;
	bool changed = false;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < s->n; i++) {
		struct static_entry *e = &s->entry[i];

		if (e->named && (e->told || is_down(e)))
			ask(e);
		else if (!e->named && e->told && put(s, e))
			changed = true;
		if (e->named || e->told)
			try_again(s);
	}
	if (changed)
		s->env.changed(s->env.ctx);
}

/* ---- the file's sections ---- */

/* Where it was before, unless the file says otherwise. */
static void
keep_place(const struct static_servers *s, struct static_entry *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entry[i].id, e->id) == 0 && strcmp(s->entry[i].host, e->host) == 0) {
			e->known = s->entry[i].known;
			e->at = s->entry[i].at;
			return;
		}
}

/* 0, or -1 on ENOMEM. */
static int
fill(struct static_servers *s, struct static_entry *e, const struct conf_section *section)
{
	const struct static_conf *c = section->settings;

	e->all = s;
	e->id = strdup(section->title);
	e->host = strdup(c->host);
	if (e->id == NULL || e->host == NULL)
		return -1;
	e->known = static_conf_addr(c, &e->at);
	e->named = !e->known;
	if (e->named)
		keep_place(s, e);
	return 0;
}

/* Those of the settings in force.  0, or -1 on ENOMEM with what was. */
static int
list(struct static_servers *s)
{
	const struct conf_sections *sections = &s->env.conf(s->env.ctx)->statics;
	struct static_entry *fresh = calloc(sections->n + 1, sizeof *fresh);
	int r = fresh == NULL ? -1 : 0;

	for (size_t i = 0; r == 0 && i < sections->n; i++)
		r = fill(s, &fresh[sections->section[i].nth], &sections->section[i]);
	if (r < 0) {
		free_entries(fresh, sections->n);
		return -1;
	}
	free_entries(s->entry, s->n);
	s->entry = fresh;
	s->n = sections->n;
	return 0;
}

static bool
take_out_former(struct static_servers *s)
{
	const struct registry *r = s->env.registry;
	bool changed = false;

	for (unsigned i = 0; i < registry_server_end(r); i++) {
		const struct registry_server *server = registry_server(r, i);
		if (!server->used || !server->configured ||
		    static_conf_find(s->env.conf(s->env.ctx), server->id) != NULL)
			continue;
		take_out(s, i, "the proxy's file has it no more");
		changed = true;
	}
	return changed;
}

bool
static_servers_apply(struct static_servers *s)
{
	bool changed = false;

	if (list(s) < 0) {
		log_event(LOG_ERROR, "out of memory for the servers of the file", NULL);
		return false;
	}
	changed = take_out_former(s);
	for (size_t i = 0; i < s->n; i++) {
		changed = put(s, &s->entry[i]) || changed;
		if (s->entry[i].named)
			ask(&s->entry[i]);
		else if (s->entry[i].told)
			try_again(s);
	}
	return changed;
}

/* A name that has no address any more keeps its server where it was. */
static bool
is_missing(const struct static_servers *s, const struct static_entry *e)
{
	return e->told && !(e->known && registry_find(s->env.registry, e->id) >= 0);
}

bool
static_servers_missing(const struct static_servers *s, size_t n, struct static_missing *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct static_entry *e = &s->entry[i];

		if (!is_missing(s, e) || n-- > 0)
			continue;
		*out = (struct static_missing){e->id, e->host, e->why};
		return true;
	}
	return false;
}
