/* server_master_show.c - what operators see of a server: status, metrics, readiness. */
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "daemon_metrics.h"
#include "prometheus.h"
#include "server_master_internal.h"
#include "status.h"
#include "supervisor.h"

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

void
server_master_describe(struct master *base, struct json_object *o)
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
const struct http_admin_page server_master_pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};
