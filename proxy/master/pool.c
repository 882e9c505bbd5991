/* pool.c - see pool.h. */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "conf_check.h"
#include "log.h"
#include "proxy_settings.h"
#include "proxy_takeover.h"

enum {
	EXPIRE_MS = 200,       /* how often leases are looked at */
	STATIC_AGAIN_MS = 5000 /* see static_servers.h */
};

/* ---- changes ---- */

const struct proxy_conf *
pool_conf(void *arg)
{
	return &((const struct pool *)arg)->rules.settings->proxy;
}

void
pool_changed(void *arg)
{
	struct pool *p = arg;

	health_monitor_registry(p->watch);
	policy_stats_follow(p->ledger);
	registry_persist_changed(p->keeper);
	pool_store_changed(p->store);
	for (unsigned i = 0; i < supervisor_slots(p->supervisor); i++)
		conn_limit_nudge(p->permits, i);
}

/* Settings or keys may have changed: servers of the file come and go, and those that would be
 * refused now leave. */
static void
review(struct pool *p)
{
	bool changed = static_servers_apply(p->statics);

	if (registration_review(&p->rules.join) == REGISTRATION_CHANGED || changed)
		pool_changed(p);
	pool_store_review(p->store);
}

void
pool_register(struct pool *p, struct span message, struct buf *answer)
{
	struct registration_msg head;
	struct buf packet = BUF_INIT;
	struct span text;

	if (worker_msg_get_registration(message, &head, &text) < 0) {
		log_limited(LOG_WARN, "a worker handed over what is no registration", "bytes=%zu",
			    message.n);
		return;
	}
	/* The workers know of the change before the server knows that it is done. */
	if (registration_handle(&p->rules.join, text, &head.guest, clock_ms(), &packet) ==
	    REGISTRATION_CHANGED)
		pool_changed(p);
	if (worker_msg_put_registration(answer, head.token, &head.guest, buf_span(&packet)) < 0)
		log_limited(LOG_ERROR, "out of memory for the answer to a registration", NULL);
	buf_release(&packet);
}

static void
on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;

	(void)fd;
	(void)what;
	/* A proxy that stops takes no renewals, and needs the servers until its workers are done.
	 */
	if (!supervisor_stopping(p->supervisor) &&
	    registration_expire(&p->rules.join, clock_ms()) == REGISTRATION_CHANGED)
		pool_changed(p);
}

/* ---- what registrations are judged by ---- */

static struct addr_net *
parse_networks(const struct conf_list *list)
{
	struct addr_net *net = calloc(list->n + 1, sizeof *net);
	const char *why;

	for (size_t i = 0; net != NULL && i < list->n; i++)
		if (addr_net_parse(&net[i], list->item[i], &why) < 0)
			abort(); /* the setting was judged */
	return net;
}

static bool
is_own(const struct registration *j, const char *proxy)
{
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < j->selves; i++)
		if (conf_check_same_peer(proxy, addr_text(&j->self[i], text)))
			return true;
	return false;
}

/* But for the proxy itself: one list may be that of all.  0, or -1 on ENOMEM. */
static int
list_further_proxies(struct pool_rules *r, const struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!is_own(&r->join, list->item[i]) &&
		    buf_printf(&r->proxies, "%s%s", buf_len(&r->proxies) > 0 ? "," : "",
			       list->item[i]) < 0)
			return -1;
	if (buf_len(&r->proxies) == 0)
		return 0;
	if (buf_append(&r->proxies, "", 1) < 0)
		return -1;
	r->join.proxies = buf_span(&r->proxies).p;
	return 0;
}

static enum server_life
life_of(unsigned server, void *arg)
{
	struct pool *p = arg;

	return p->watch == NULL ? SERVER_GONE : health_monitor_life(server, p->watch);
}

static void
lease_ended(unsigned server, void *arg)
{
	pool_store_lease_ended(((struct pool *)arg)->store, server);
}

static void
free_rules(struct pool_rules *r)
{
	free(r->join.trusted);
	buf_release(&r->proxies);
	rate_limit_free(r->join.refusals);
	acl_free(r->gate);
	if (r->settings != NULL)
		settings_release(&r->settings->base);
	*r = (struct pool_rules){.settings = NULL};
}

/* 0, or -1 on ENOMEM. */
static int
make_rules(struct pool *p, struct settings *settings, const struct listen_socket *self,
	   struct pool_rules *r)
{
	struct proxy_settings *s = proxy_settings_of(settings_hold(settings));
	const struct proxy_conf *c = &s->proxy;

	*r = (struct pool_rules){.settings = s,
				 .join = {.registry = p->registry,
					  .tally = p->tally,
					  .events = p->events,
					  .counts = &p->joins,
					  .ledger = p->ledger,
					  .proxy_id = c->id,
					  .conf = c,
					  .keyring = s->keyring,
					  .cluster = c->cluster,
					  .require_signature = c->require_signature,
					  .tls_known = c->server_creds != NULL,
					  .tls_required = c->server_tls != 0,
					  .servers_per_address = c->servers_per_address,
					  .trusted = parse_networks(&c->trusted_networks),
					  .trusted_n = c->trusted_networks.n,
					  .lease_ended = lease_ended,
					  .life = life_of,
					  .ctx = p}};
	for (unsigned i = 0; i < self->n; i++)
		r->join.self[r->join.selves++] = self->at[i].addr;
	if (c->refusals_per_address > 0)
		r->join.refusals = rate_limit_new(c->refusals_per_address, 0, RATE_LIMIT_OWN);
	if (list_further_proxies(r, &c->proxies) == 0 && r->join.trusted != NULL &&
	    (c->refusals_per_address == 0 || r->join.refusals != NULL) &&
	    acl_open(&r->gate, c, p->rules.gate) == 0)
		return 0;
	free_rules(r);
	return -1;
}

int
pool_take_rules(struct pool *p, struct settings *s, const struct listen_socket *at)
{
	struct pool_rules fresh;

	if (make_rules(p, s, at, &fresh) < 0)
		return -1;
	p->former = p->rules;
	p->rules = fresh;
	health_monitor_settings(p->watch);
	return 0;
}

void
pool_keep_rules(struct pool *p)
{
	free_rules(&p->former);
	review(p);
}

void
pool_undo_rules(struct pool *p)
{
	struct pool_rules fresh = p->rules;

	p->rules = p->former;
	p->former = (struct pool_rules){.settings = NULL};
	health_monitor_settings(p->watch);
	free_rules(&fresh); /* once nothing reads them any more */
}

/* ---- workers ---- */

void
pool_after_fork(struct pool *p, unsigned slot)
{
	if (permits_enter(p->permits, slot) < 0 || counters_enter(p->tally, slot) < 0 ||
	    worker_stats_enter(p->meter, slot) < 0) {
		log_errno(LOG_ERROR, "worker cannot give up the memory of others", NULL);
		_exit(1);
	}
	health_monitor_free(p->watch);
	p->watch = NULL;
	registry_persist_after_fork(p->keeper);
	p->keeper = NULL;
	if (p->journal_lock >= 0)
		(void)close(p->journal_lock);
	p->journal_lock = -1;
	event_free(p->expiry);
	p->expiry = NULL;
	static_servers_free(p->statics);
	p->statics = NULL;
	pool_store_free(p->store);
	p->store = NULL;
	p->rules.join.keyring = NULL; /* the master alone judges registrations */
}

static void
forget_keyring(struct pool_rules *r)
{
	if (r->settings != NULL) {
		keyring_free(r->settings->keyring);
		r->settings->keyring = NULL;
	}
	r->join.keyring = NULL;
}

void
pool_forget(struct pool *p)
{
	forget_keyring(&p->rules);
	forget_keyring(&p->former);
	pool_store_forget_keys(p->store);
	registry_persist_after_fork(p->keeper);
	p->keeper = NULL;
	permits_free(p->permits);
	registry_free(p->registry);
	counters_free(p->tally);
	worker_stats_free(p->meter);
	verdicts_free(p->verdicts);
}

void
pool_worker_ended(struct pool *p, unsigned slot)
{
	conn_limit_release_all(p->permits, slot);
	worker_stats_fold(p->meter, slot);
	counters_fold(p->tally, slot, registry_server_end(p->registry));
}

/* ---- where it is kept ---- */

/* -1 when another process has it. */
static int
lock_journal(struct pool *p, const struct proxy_settings *s, const char *name)
{
	int error;

	p->journal_path = registry_persist_path(s->proxy.state_file, s->base.daemon.daemon, name,
						&error);
	if (error != 0)
		log_event(LOG_ERROR, "out of memory: no journal is kept", NULL);
	if (p->journal_path == NULL)
		return 0;
	p->journal_lock = takeover_take(TAKEOVER_JOURNAL, p->journal_path);
	return p->journal_lock >= 0 ? 0 : registry_persist_lock(p->journal_path, &p->journal_lock);
}

/* Nothing that goes wrong there keeps the proxy from serving. */
void
pool_keep_registry(struct pool *p)
{
	struct registry_persist_env env = {.base = p->base,
					   .registry = p->registry,
					   .events = p->events,
					   .path = p->journal_path,
					   .max_age = pool_conf(p)->state_max_age,
					   .lock = p->journal_lock};

	if (p->journal_path == NULL)
		return;
	p->journal_lock = -1; /* it is the keeper's */
	p->keeper = registry_persist_new(&env);
	if (!takeover_is_on()) /* otherwise all is known, and newer */
		registry_persist_recall(p->keeper);
	health_monitor_registry(p->watch);
	registry_persist_changed(p->keeper);
}

static struct proxy_settings *
settings_in_force(void *arg)
{
	return ((struct pool *)arg)->rules.settings;
}

static const struct registration *
rules_in_force(void *arg)
{
	return &((struct pool *)arg)->rules.join;
}

static void
forget(void *arg)
{
	const struct pool *p = arg;

	p->forget(p->forget_ctx);
}

static int
open_store(struct pool *p)
{
	struct pool_store_env env = {.base = p->base,
				     .registry = p->registry,
				     .events = p->events,
				     .watch = p->watch,
				     .settings = settings_in_force,
				     .join = rules_in_force,
				     .changed = pool_changed,
				     .after_fork = forget,
				     .ctx = p};

	p->store = pool_store_new(&env);
	if (p->store != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot share servers with other proxies", NULL);
	return -1;
}

void
pool_handed_over(struct pool *p)
{
	registry_persist_free(p->keeper);
	p->keeper = NULL;
	(void)event_del(p->expiry);
	static_servers_free(p->statics);
	p->statics = NULL;
	pool_store_handed_over(p->store);
}

/* ---- putting it together ---- */

/* The registry, and what workers share beside it. */
static int
open_registry(struct pool *p, struct settings *s, const struct listen_socket *self)
{
	const struct proxy_conf *c = &proxy_settings_of(s)->proxy;
	unsigned workers = daemon_slots(&s->daemon);
	struct timeval tv = clock_timeval(EXPIRE_MS);

	p->registry = registry_new(c->max_servers, c->max_policies);
	p->events = events_new();
	p->permits = permits_new(c->max_servers, workers + 1); /* the master's probes take some */
	if (p->permits != NULL)
		permits_admit(p->permits, workers);
	p->tally = server_stats_new(workers, c->max_servers);
	p->verdicts = verdicts_new(c->max_servers);
	p->meter = worker_stats_new(workers, c->max_policies);
	if (p->registry != NULL && p->tally != NULL)
		p->ledger = policy_stats_new(p->registry, p->tally);
	p->expiry = event_new(p->base, -1, EV_PERSIST, on_expiry, p);
	if (p->registry == NULL || p->permits == NULL || p->tally == NULL || p->meter == NULL ||
	    p->verdicts == NULL || p->events == NULL || p->ledger == NULL || p->expiry == NULL ||
	    make_rules(p, s, self, &p->rules) < 0 || event_add(p->expiry, &tv) < 0) {
		log_errno(LOG_ERROR, "cannot make the registry", NULL);
		return -1;
	}
	if (!registry_is_sealed(p->registry))
		log_event(LOG_WARN,
			  "no sealed memory can be had: a worker that is taken over could "
			  "change the registry",
			  NULL);
	return 0;
}

static int
open_watch(struct pool *p, const struct daemon_conf *d)
{
	struct health_monitor_env env = {.base = p->base,
					 .conf = pool_conf,
					 .registry = p->registry,
					 .permits = p->permits,
					 .tally = p->tally,
					 .verdicts = p->verdicts,
					 .instance = p->instance,
					 .events = p->events,
					 .worker = daemon_slots(d),
					 .changed = pool_changed,
					 .ctx = p};

	request_secret(p->instance);
	p->watch = health_monitor_new(&env);
	if (p->watch != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot watch the servers", NULL);
	return -1;
}

static bool
is_down(unsigned server, void *arg)
{
	const struct pool *p = arg;
	struct health_view v;

	if (p->watch == NULL)
		return false;
	health_monitor_snapshot(p->watch, server, &v);
	return v.state == HEALTH_EJECTED || v.state == HEALTH_PROBING || v.kept || v.failing;
}

static int
open_statics(struct pool *p)
{
	struct static_servers_env env = {.base = p->base,
					 .registry = p->registry,
					 .tally = p->tally,
					 .ledger = p->ledger,
					 .events = p->events,
					 .conf = pool_conf,
					 .changed = pool_changed,
					 .is_down = is_down,
					 .ctx = p,
					 .again = STATIC_AGAIN_MS};

	p->statics = static_servers_new(&env);
	if (p->statics != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot keep the servers of the file", NULL);
	return -1;
}

int
pool_open(struct pool *p, struct event_base *base, struct settings *s, const char *name,
	  const struct listen_socket *self)
{
	p->base = base;
	return lock_journal(p, proxy_settings_of(s), name) < 0 || open_registry(p, s, self) < 0 ||
			       open_watch(p, &s->daemon) < 0 || open_store(p) < 0
		       ? -1
		       : open_statics(p);
}

int
pool_begin(struct pool *p, struct supervisor *s)
{
	p->supervisor = s;
	if (!takeover_is_on())
		pool_keep_registry(p);
	else if (proxy_takeover_recall(p->registry) < 0)
		return -1;
	health_monitor_registry(p->watch);
	review(p);
	if (!takeover_is_on())
		pool_store_begin(p->store);
	return 0;
}

void
pool_close(struct pool *p)
{
	registry_persist_end(p->keeper);
	registry_persist_free(p->keeper);
	if (p->journal_lock >= 0)
		(void)close(p->journal_lock);
	free(p->journal_path);
	pool_store_free(p->store);
	static_servers_free(p->statics);
	health_monitor_free(p->watch);
	if (p->expiry != NULL)
		event_free(p->expiry);
	free_rules(&p->rules);
	free_rules(&p->former);
	permits_free(p->permits);
	registry_free(p->registry);
	policy_stats_free(p->ledger);
	counters_free(p->tally);
	worker_stats_free(p->meter);
	verdicts_free(p->verdicts);
	events_free(p->events);
}
