/* server_master.c - see server_master.h. */
#include "server_master_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "job_child.h"
#include "log.h"
#include "proctitle.h"
#include "server_reach.h"
#include "status.h"
#include "supervisor.h"

static_assert(MASTER_NAME > sizeof "ppool-server-" + PACKET_ID_MAX, "an id is part of the name");

enum { PROXIES_TEXT = 65536 }; /* what they all tell is shorter */

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
	server_settings_announcement(s, server_reach_place(proxy, &base->listen),
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
	if (master_pages(base, server_master_pages, m) < 0)
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
	"  --once                        answer the packet on standard input, without a pool\n",
	"/etc/policypool/server.conf"};

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
	.describe = server_master_describe,
	.keep = keep,
	.took_over = took_over,
	.give = give,
	.given = given,
};
