/* server_master.c - see server_master.h. */
#include "server_master_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "daemon_metrics.h"
#include "job_child.h"
#include "log.h"
#include "proctitle.h"
#include "prometheus.h"
#include "status.h"
#include "supervisor.h"

static_assert(MASTER_NAME > sizeof "ppool-server-" + PACKET_ID_MAX, "an id is part of the name");

enum { PROXIES_TEXT = 65536 }; /* what they all tell is shorter */
enum { SERVER_TROUBLE = 2 * ADDR_HOST + 160 };

/* As the command line has them. */
static void
describe_proxy(struct json_object *o, const struct conf_list *proxies)
{
	struct buf text = BUF_INIT;
	int r = 0;

	for (size_t i = 0; i < proxies->n && r == 0; i++)
		r = buf_printf(&text, "%s%s", i > 0 ? "," : "", proxies->item[i]);
	if (r == 0 && buf_append(&text, "", 1) == 0)
		status_add_text(o, "proxy", buf_span(&text).p);
	buf_release(&text);
}

static void
describe_registrations(const struct registrar_set *proxies, const char *key, struct json_object *o)
{
	char trouble[SERVER_TROUBLE];
	struct registrar_view v = registrar_set_view(proxies, trouble, sizeof trouble);
	uint64_t now = clock_ms();
	struct json_object *list = status_add_list(o, "proxies");

	status_add_text(o, "registration", v.state);
	status_add_seconds(o, "registration_age_s", now - v.since);
	status_add_text(o, "registration_trouble", v.trouble);
	status_add_text(o, "registration_key", key);
	for (unsigned i = 0; i < registrar_set_count(proxies); i++) {
		struct json_object *row = status_add_row(list);

		v = registrar_set_at(proxies, i);
		status_add_text(row, "proxy", v.proxy);
		status_add_bool(row, "learned", v.learned);
		status_add_text(row, "registration", v.state);
		status_add_seconds(row, "age_s", now - v.since);
		status_add_text(row, "key", key);
		status_add_text(row, "trouble", v.trouble);
	}
}

static void
describe(struct master *base, struct json_object *o)
{
	const struct server_master *m = server_of(base);
	const struct server_conf *c = conf_of(base);
	char text[LISTEN_TEXT];

	status_add_text(o, "id", c->id);
	status_add_text(o, "policy", c->policy);
	status_add_text(o, "listen", listen_socket_text(&base->listen, text));
	describe_proxy(o, &c->revproc);
	job_admin_describe(&m->jobs, o);
	if (m->proxies != NULL && registrar_set_count(m->proxies) > 0)
		describe_registrations(m->proxies, c->key_id, o);
}

static void announce(struct master *, void (*done)(void *master));

static void
joined(void *arg)
{
	(void)arg;
}

/* With a handler only now: it may take long until that is up, and says whether jobs can be done
 * twice. */
static void
join_once_up(struct master *base)
{
	const struct server_master *m = server_of(base);

	if (!m->joining && !takeover_is_on())
		announce(base, joined);
}

static void
serving(struct master *base)
{
	const struct server_conf *c = conf_of(base);
	const struct addr *at = listen_socket_main(&base->listen);
	struct supervisor_view v;
	char text[LISTEN_TEXT];

	supervisor_snapshot(base->supervisor, &v);
	(void)listen_socket_text(&base->listen, text);
	if (!log_is_narrated())
		log_event(LOG_INFO, "serving", "id=%s policy=%s listen=%s workers=%u",
			  log_quoted(c->id), log_quoted(c->policy), log_quoted(text), v.ready);
	if (base->listen.n == 1 && !addr_is_unix(at))
		log_narrate("Server running with id %s, policy %s, listening on port %u", c->id,
			    c->policy, addr_port(at));
	else
		log_narrate("Server running with id %s, policy %s, listening at %s", c->id,
			    c->policy, text);
	if (c->revproc.n == 0) {
		if (!log_is_narrated())
			log_event(LOG_INFO, "joined to no proxy: revproc is not set", NULL);
		log_narrate("Server %s: joined to no proxy; -revproc names one", c->id);
	}
	join_once_up(base);
	proctitle_set("master %s/%s %s%s", c->id, c->policy, addr_is_unix(at) ? "" : ":",
		      listen_socket_label(&base->listen, text));
}

/* ---- the registration ---- */

static void
fill(const char *proxy, struct registrar_conf *conf, struct packet_announcement *a, void *master)
{
	const struct master *base = master;
	const struct server_settings *s = server_settings_of(base->settings);
	const struct server_conf *c = &s->server;

	*conf = (struct registrar_conf){.lease = c->lease,
					.retry_min = c->retry_min,
					.retry_max = c->retry_max,
					.ack_timeout = c->ack_timeout,
					.signer = s->signer,
					.tls = s->tls_proxy,
					.tls_name = c->proxy.name,
					.handshake = s->base.daemon.tls.handshake_timeout,
					.reannounce = c->reannounce};
	server_settings_announcement(s, server_settings_place(proxy, &base->listen),
				     ((const struct server_master *)base)->repeatable, a);
}

static const struct registrar_set_ops registrations = {.fill = fill};

/* What the predecessor's proxies told: they may be down just now. */
static void
recall_proxies(struct registrar_set *proxies)
{
	int fd = takeover_take(TAKEOVER_PROXIES, NULL);
	char text[PROXIES_TEXT];
	ssize_t n;

	if (fd < 0)
		return;
	n = pread(fd, text, sizeof text, 0);
	if (n > 0)
		registrar_set_recall(proxies, span_of(text, (size_t)n));
	(void)close(fd);
}

static int
open_registrations(struct master *base)
{
	struct server_master *m = server_of(base);

	m->proxies = registrar_set_new(base->base, &registrations, m);
	if (m->proxies != NULL) {
		registrar_set_learn(m->proxies, conf_of(base)->learn_proxies);
		if (registrar_set_list(m->proxies, &conf_of(base)->revproc) < 0)
			return -1;
		recall_proxies(m->proxies);
		return 0;
	}
	log_errno(LOG_ERROR, "cannot set up the registration", NULL);
	return -1;
}

static void
set_strikes(struct server_master *m)
{
	const struct handler_conf *c = &conf_of(&m->base)->handler;

	job_strikes_set(m->strikes, c->strikes, c->strike_time);
}

static int
open_all(struct master *base)
{
	struct server_master *m = server_of(base);

	m->stats = job_stats_new(daemon_slots(&base->settings->daemon));
	m->strikes = job_strikes_new();
	if (m->stats != NULL)
		m->processes = job_processes_new(base->base, m->stats, server_master_forget, m);
	if (m->processes != NULL && m->strikes != NULL) {
		job_child_tell_isolation(&conf_of(base)->handler, &base->settings->daemon);
		set_strikes(m);
		return open_registrations(base);
	}
	log_errno(LOG_ERROR, "cannot make the counters of jobs", NULL);
	return -1;
}

static void
announce(struct master *base, void (*done)(void *master))
{
	struct server_master *m = server_of(base);

	m->joining = true;
	if (m->proxies == NULL) {
		done(m);
		return;
	}
	registrar_set_learn(m->proxies, conf_of(base)->learn_proxies);
	registrar_set_announce(m->proxies, &conf_of(base)->revproc, conf_of(base)->ack_timeout,
			       done, m);
}

/* Not in charge, the registrations are the predecessor's. */
static void
leave(struct master *base, void (*done)(void *master))
{
	struct server_master *m = server_of(base);

	if (takeover_is_pending()) {
		registrar_set_free(m->proxies);
		m->proxies = NULL;
	}
	if (m->proxies != NULL)
		registrar_set_leave(m->proxies, done, m);
	else
		done(m);
}

/* ---- a reload ---- */

/* Where the new workers wait for the former ones to leave: it is announced then. */
static void
announce_now(struct server_master *m)
{
	if (!m->announce_later || supervisor_former(m->base.supervisor) > 0)
		return;
	m->announce_later = false;
	announce(&m->base, master_settled);
}

/* Workers of the former policy would refuse the new one's requests, so where both listen at one
 * place the former leave first; the new ones answer for both meanwhile. */
static void
keep(struct master *base, const struct settings *former)
{
	struct server_master *m = server_of(base);

	(void)job_strikes_clear_all(m->strikes); /* the handler may be another */
	set_strikes(m);
	server_master_guard(base);
	m->announce_later = base->same_place && server_master_former_policy(base, former) != NULL;
	if (m->announce_later)
		supervisor_retire(base->supervisor, true);
	else
		announce(base, master_settled);
	announce_now(m);
}

static void
on_room(void *arg)
{
	announce_now(arg);
}

static void
on_look(void *arg)
{
	struct server_master *m = arg;

	job_strikes_expire(m->strikes, clock_ms());
}

/* ---- an upgrade ---- */

static void
took_over(struct master *base)
{
	(void)base;
	log_event(LOG_INFO, "took over", NULL);
}

/* Without that the successor hears of further proxies again as soon as one of its list is there. */
static int
give(struct master *base)
{
	struct server_master *m = server_of(base);
	struct buf text = BUF_INIT;
	int fd = -1;

	if (m->proxies != NULL && registrar_set_save(m->proxies, &text) == 0 && buf_len(&text) > 0)
		fd = memfd_create("policypool-proxies", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, buf_span(&text).p, buf_len(&text)) == (ssize_t)buf_len(&text))
		upgrade_give(base->upgrade, TAKEOVER_PROXIES, fd, "-", true);
	else if (fd >= 0)
		(void)close(fd);
	buf_release(&text);
	return 0;
}

/* The registrations are the successor's: it has announced itself by the same id. */
static void
given(struct master *base)
{
	struct server_master *m = server_of(base);

	registrar_set_free(m->proxies);
	m->proxies = NULL;
}

/* ---- for operators ---- */

/* Of all proxies as one; NULL: there is none. */
static const char *
state_of(const struct server_master *m, uint64_t *since)
{
	char trouble[SERVER_TROUBLE];
	struct registrar_view v = {.state = NULL};

	if (m->proxies != NULL)
		v = registrar_set_view(m->proxies, trouble, sizeof trouble);
	*since = v.since;
	return v.state;
}

static void
write_registrations(const struct server_master *m, struct prometheus *e)
{
	unsigned n = m->proxies != NULL ? registrar_set_count(m->proxies) : 0;

	prometheus_family(e, "policypool_proxy_joined", PROMETHEUS_GAUGE,
			  "1 where the server is registered with that proxy, 0 where it is not.");
	for (unsigned i = 0; i < n; i++) {
		struct registrar_view v = registrar_set_at(m->proxies, i);
		const struct prometheus_label label[] = {{"proxy", v.proxy}, {NULL, NULL}};

		prometheus_number(e, label, strcmp(v.state, "joined") == 0);
	}
	prometheus_family(e, "policypool_proxy_state_seconds", PROMETHEUS_GAUGE,
			  "How long the registration with that proxy has been in its state.");
	for (unsigned i = 0; i < n; i++) {
		struct registrar_view v = registrar_set_at(m->proxies, i);
		const struct prometheus_label label[] = {{"proxy", v.proxy}, {NULL, NULL}};

		prometheus_ms(e, label, clock_ms() - v.since);
	}
}

static int
write_metrics(struct evbuffer *out, void *ctx)
{
	const struct server_master *m = ctx;
	struct prometheus e = {.out = out};
	uint64_t since = 0;
	const char *state = state_of(m, &since);

	daemon_metrics_write(&e, "ppool-server", m->base.supervisor);
	job_admin_metrics(&m->jobs, &e);
	if (state != NULL) {
		prometheus_family(
			&e, "policypool_registration_state", PROMETHEUS_GAUGE,
			"1 for the state of the registration, 0 for all others; with several "
			"proxies that of the one that it has come furthest with.");
		for (const char *const *word = registrar_states; *word != NULL; word++) {
			const struct prometheus_label label[] = {{"state", *word}, {NULL, NULL}};
			prometheus_number(&e, label, strcmp(*word, state) == 0);
		}
		prometheus_family(&e, "policypool_registration_state_seconds", PROMETHEUS_GAUGE,
				  "How long it has been in that state.");
		prometheus_ms(&e, NULL, clock_ms() - since);
		write_registrations(m, &e);
	}
	return e.error != 0 ? 500 : 200;
}

/* A proxy that never acknowledges leaves it unconfirmed: more than that can't be known. */
static bool
is_waiting(const char *state)
{
	return state != NULL && strcmp(state, "joined") != 0 && strcmp(state, "unconfirmed") != 0;
}

static int
not_ready(struct evbuffer *out, const char *what, const char *why)
{
	return evbuffer_add_printf(out, "%s: %s\n", what, why) < 0 ? 500 : 503;
}

static int
write_readiness(struct evbuffer *out, void *ctx)
{
	const struct server_master *m = ctx;
	struct supervisor_view v;
	uint64_t since;
	const char *state = state_of(m, &since), *trouble = job_admin_trouble(&m->jobs);
	bool serves;

	supervisor_snapshot(m->base.supervisor, &v);
	serves = !supervisor_stopping(m->base.supervisor) && v.ready > 0;
	if (serves && is_waiting(state))
		return not_ready(out, "not registered with the proxy", state);
	if (serves && trouble != NULL)
		return not_ready(out, "the handler fails", trouble);
	return daemon_metrics_readiness(out, m->base.supervisor);
}

/* /readyz asks for the proxy's acknowledgement and a sound handler too. */
static const struct http_admin_page pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};

/* ---- putting it together ---- */

static int
name(struct master *base)
{
	const char *id = conf_of(base)->id;

	(void)snprintf(base->name, sizeof base->name, "ppool-server-%s", id);
	if (takeover_is_of(base->name))
		return 0;
	log_event(LOG_ERROR, "a server of another id is another server", "id=%s", log_quoted(id));
	return -1;
}

static uint64_t
leave_timeout(const struct master *base)
{
	return conf_of(base)->ack_timeout;
}

static const struct handler_conf *
handler_conf_of(void *arg)
{
	const struct server_master *m = arg;

	return &conf_of(&m->base)->handler;
}

static int
begin(struct master *base)
{
	struct server_master *m = server_of(base);

	m->jobs = (struct job_admin){base->supervisor, m->stats, m->strikes, handler_conf_of, m};
	m->pages = (struct server_pages){base->supervisor, &m->jobs, master_status, m};
	if (master_pages(base, pages, m) < 0)
		return -1;
	if (base->admin != NULL)
		http_admin_add(base->admin, server_pages, &m->pages);
	if (base->control != NULL)
		control_add(base->control, job_admin_verbs, &m->jobs);
	job_processes_attach(m->processes, base->supervisor);
	server_master_guard(base);
	if (!takeover_is_on() && !handler_conf_has_processes(handler_conf_of(m)))
		announce(base, joined);
	return 0;
}

static void
close_all(struct master *base)
{
	struct server_master *m = server_of(base);

	registrar_set_free(m->proxies);
	job_processes_free(m->processes);
	job_stats_free(m->stats);
	job_strikes_free(m->strikes);
}

static const char *const usual[] = {
	"id",	       "policy",   "listen", "revproc", "daemon", "workers", "worker_connections",
	"weight",      "key_file", "key_id", "tls",	"admin",  "log",     "log_level",
	"runtime_dir", "user",	   NULL};

static const struct startup_usage usage = {
	"ppool-server", "ppool-server -id 100 -pp 111 -listen 2105 -revproc 2100", usual,
	"  --once                        answer the packet on standard input, without a pool\n"};

const struct master_ops server_master_ops = {
	.usage = &usage,
	.settings = &server_settings_kind,
	.workers = server_master_workers,
	.after_fork = server_master_after_fork,
	.on_room = on_room,
	.on_look = on_look,
	.name = name,
	.leave_timeout = leave_timeout,
	.start_timeout = server_master_start_timeout,
	.open = open_all,
	.begin = begin,
	.serving = serving,
	.announce = announce,
	.leave = leave,
	.close = close_all,
	.describe = describe,
	.keep = keep,
	.took_over = took_over,
	.give = give,
	.given = given,
};
