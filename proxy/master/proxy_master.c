/* proxy_master.c - see proxy_master.h. */
#include "proxy_master_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "proctitle.h"
#include "proxy_settings.h"
#include "proxy_takeover.h"
#include "show_pool.h"
#include "status.h"

enum { LEAVE_MS = 3000 }; /* for the store, that what this proxy has told is taken back */

/* Servers of the file that are not in the pool. */
static void
describe_missing(const struct static_servers *statics, struct json_object *o)
{
	struct json_object *list = status_add_list(o, "servers_missing");
	struct static_missing m;

	for (size_t i = 0; static_servers_missing(statics, i, &m); i++) {
		struct json_object *row = status_add_row(list);

		status_add_text(row, "id", m.id);
		status_add_text(row, "host", m.host);
		status_add_text(row, "why", m.why);
	}
}

static void
describe(struct master *base, struct json_object *o)
{
	struct pool *p = &proxy_of(base)->pool;
	char text[LISTEN_TEXT];

	status_add_text(o, "id", pool_conf(p)->id);
	status_add_text(o, "listen", listen_socket_text(&base->listen, text));
	show_meter(o, p->meter);
	show_permits(o, p->registry, p->permits);
	status_add_counters(o, &registration_stats_type, &p->joins);
	if (p->statics != NULL)
		describe_missing(p->statics, o);
}

static void
serving(struct master *base)
{
	struct supervisor_view v;
	char text[LISTEN_TEXT];
	const struct addr *at = listen_socket_main(&base->listen);

	supervisor_snapshot(base->supervisor, &v);
	(void)listen_socket_text(&base->listen, text);
	if (!log_is_narrated())
		log_event(LOG_INFO, "serving", "listen=%s workers=%u", log_quoted(text), v.ready);
	if (base->listen.n == 1 && !addr_is_unix(at))
		log_narrate("Proxy running on port %u", addr_port(at));
	else
		log_narrate("Proxy running at %s", text);
	proctitle_set("master %s%s", addr_is_unix(at) ? "" : ":",
		      listen_socket_label(&base->listen, text));
}

/* ---- a reload ---- */

static int
take(struct master *base, struct settings *fresh, const struct listen_socket *at, FILE *err)
{
	struct proxy_master *m = proxy_of(base);
	const struct proxy_conf *c = &proxy_settings_of(fresh)->proxy;
	int fd;

	if (proxy_master_open_log(c, &fd) < 0) {
		(void)fprintf(err, "access_log_file: %s: %s\n", c->access_log_file,
			      strerror(errno));
		return -1;
	}
	if (pool_take_rules(&m->pool, fresh, at) < 0) {
		(void)fprintf(err, "out of memory\n");
		proxy_master_close_log(&fd);
		return -1;
	}
	m->former_access_fd = m->access_fd;
	m->access_fd = fd;
	return 0;
}

static void
undo(struct master *base)
{
	struct proxy_master *m = proxy_of(base);

	pool_undo_rules(&m->pool);
	proxy_master_close_log(&m->access_fd);
	m->access_fd = m->former_access_fd;
	m->former_access_fd = -1;
	events_add(m->pool.events, EVENT_RELOADED, NULL, NULL,
		   "undone: no worker came up with the fresh settings");
}

static void
keep(struct master *base, const struct settings *former)
{
	struct proxy_master *m = proxy_of(base);

	(void)former;
	events_add(m->pool.events, EVENT_RELOADED, NULL, NULL, "fresh settings are in force");
	proxy_master_close_log(&m->former_access_fd);
	pool_keep_rules(&m->pool);
	master_settled(m);
}

/* ---- an upgrade ---- */

static void
took_over(struct master *base)
{
	struct pool *p = &proxy_of(base)->pool;
	char why[EVENTS_WHY];

	pool_keep_registry(p);
	pool_store_begin(p->store);
	log_event(LOG_INFO, "took over", "servers=%u", registry_server_end(p->registry));
	(void)snprintf(why, sizeof why, "version %s took over, servers: %u", POLICYPOOL_VERSION,
		       registry_server_end(p->registry));
	events_add(p->events, EVENT_UPGRADED, NULL, NULL, why);
}

/* A registration that came to one of its workers. */
static void
from_predecessor(struct span message, void *arg)
{
	struct proxy_master *m = arg;
	struct proxy_takeover_head head;
	struct buf answer = BUF_INIT;

	if (!proxy_takeover_read(&message, &head))
		return;
	pool_register(&m->pool, message, &answer);
	if (head.wants_answer && buf_len(&answer) > 0 &&
	    proxy_takeover_answer(&head, buf_span(&answer)) < 0)
		log_errno(LOG_WARN, "cannot answer a registration", NULL);
	buf_release(&answer);
}

/* Its answer to a registration that was forwarded. */
static void
from_successor(struct span message, void *arg)
{
	struct proxy_master *m = arg;
	struct proxy_takeover_head head;

	if (proxy_takeover_read(&message, &head) &&
	    supervisor_send(m->base.supervisor, head.slot, message) < 0)
		log_errno(LOG_VERBOSE, "cannot answer a registration", "worker=%u", head.slot);
}

static int
give(struct master *base)
{
	struct pool *p = &proxy_of(base)->pool;
	int lock;

	if (proxy_takeover_give(base->upgrade, p->registry) < 0 ||
	    pool_store_give(p->store, base->upgrade) < 0)
		return -1;
	lock = registry_persist_dup_lock(p->keeper);
	if (lock >= 0)
		upgrade_give(base->upgrade, TAKEOVER_JOURNAL, lock, p->journal_path, true);
	return 0;
}

/* From now on registrations are the successor's to judge, and leases to end. */
static void
given(struct master *base)
{
	pool_handed_over(&proxy_of(base)->pool);
}

/* ---- for operators ---- */

static void
on_order(void *arg)
{
	pool_changed(&((struct proxy_master *)arg)->pool);
}

static const struct proxy_conf *
conf_in_force(void *arg)
{
	return pool_conf(&((struct proxy_master *)arg)->pool);
}

/* Any worker that serves. */
static int
ask_worker(struct span question, void *arg)
{
	struct proxy_master *m = arg;
	struct supervisor_child w;

	for (unsigned i = 0; i < supervisor_slots(m->base.supervisor); i++) {
		supervisor_child_snapshot(m->base.supervisor, i, &w);
		if (w.state == SLOT_READY && supervisor_send(m->base.supervisor, i, question) == 0)
			return 0;
	}
	return -1;
}

static struct json_object *
show_store(void *arg)
{
	return pool_store_show(((struct proxy_master *)arg)->pool.store);
}

static struct json_object *
show_proxies(void *arg)
{
	return pool_store_show_proxies(((struct proxy_master *)arg)->pool.store);
}

static int
open_console(struct proxy_master *m)
{
	struct pool *p = &m->pool;

	m->shown = (struct admin_cmds_env){.base = m->base.base,
					   .conf = conf_in_force,
					   .meter = p->meter,
					   .joins = &p->joins,
					   .ledger = p->ledger,
					   .registry = p->registry,
					   .tally = p->tally,
					   .events = p->events,
					   .watch = p->watch,
					   .changed = on_order,
					   .ask = ask_worker,
					   .store = show_store,
					   .proxies = show_proxies,
					   .ctx = m};
	m->console = admin_cmds_new(&m->shown);
	if (m->console != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot answer an operator", NULL);
	return -1;
}

/* ---- putting it together ---- */

static int
name(struct master *base)
{
	char label[ADDR_TEXT];

	(void)snprintf(base->name, sizeof base->name, "ppool-proxy-%s",
		       listen_socket_label(&base->listen, label));
	return 0;
}

static uint64_t
leave_timeout(const struct master *base)
{
	(void)base;
	return LEAVE_MS;
}

static int
open_all(struct master *base)
{
	struct proxy_master *m = proxy_of(base);
	const struct proxy_conf *c = &proxy_settings_of(base->settings)->proxy;

	if (proxy_master_open_log(c, &m->access_fd) < 0) {
		log_errno(LOG_ERROR, "cannot open the access log", "path=%s",
			  log_quoted(c->access_log_file));
		return -1;
	}
	m->pool.forget = proxy_master_forget;
	m->pool.forget_ctx = m;
	return pool_open(&m->pool, base->base, base->settings, base->name, &base->listen) < 0
		       ? -1
		       : open_console(m);
}

static unsigned
servers_missing(void *base)
{
	const struct static_servers *statics = proxy_of(base)->pool.statics;
	struct static_missing m;
	unsigned n = 0;

	while (statics != NULL && static_servers_missing(statics, n, &m))
		n++;
	return n;
}

static int
begin(struct master *base)
{
	struct proxy_master *m = proxy_of(base);

	if (base->control != NULL)
		control_add(base->control, admin_cmds_verbs, m->console);
	m->pages = (struct proxy_pages){.pool = &m->shown,
					.supervisor = base->supervisor,
					.status = master_status,
					.missing = servers_missing,
					.ctx = base};
	return master_pages(base, pages, &m->pages) < 0 ? -1
							: pool_begin(&m->pool, base->supervisor);
}

static void
await(struct master *base)
{
	struct pool_store *store = proxy_of(base)->pool.store;

	if (!takeover_is_on())
		pool_store_wait(store);
}

static void
leave(struct master *base, void (*done)(void *))
{
	pool_store_leave(proxy_of(base)->pool.store, done, base);
}

static void
close_all(struct master *base)
{
	struct proxy_master *m = proxy_of(base);

	admin_cmds_free(m->console);
	pool_close(&m->pool);
	proxy_master_close_log(&m->access_fd);
	proxy_master_close_log(&m->former_access_fd);
}

static const char *const usual[] = {"listen",		"daemon",      "workers",    "admin",
				    "trusted_networks", "keyring",     "tls",	     "balance",
				    "health_check",	"access_log",  "state_file", "log",
				    "log_level",	"runtime_dir", "user",	     NULL};

static const struct startup_usage usage = {"ppool-proxy", "ppool-proxy -port 2100", usual, NULL,
					   "/etc/policypool/proxy.conf"};

const struct master_ops proxy_master_ops = {
	.usage = &usage,
	.settings = &proxy_settings_kind,
	.unique = true,
	.workers = proxy_master_workers,
	.after_fork = proxy_master_after_fork,
	.keep_open = proxy_master_keep_open,
	.name = name,
	.leave_timeout = leave_timeout,
	.open = open_all,
	.begin = begin,
	.await = await,
	.leave = leave,
	.serving = serving,
	.close = close_all,
	.describe = describe,
	.take = take,
	.keep = keep,
	.undo = undo,
	.give = give,
	.given = given,
	.took_over = took_over,
	.from_predecessor = from_predecessor,
	.from_successor = from_successor,
};
