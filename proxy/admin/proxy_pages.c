/* proxy_pages.c - see proxy_pages.h. */
#include "proxy_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "daemon_metrics.h"
#include "pool_metrics.h"
#include "prometheus.h"
#include "show_pool.h"
#include "status.h"

enum { EVENTS_SHOWN = 50 };

/* The page, as it lies beside this file; one file, so that it works without a network. */
extern const char page_html[];
__asm__(".section .rodata\n"
	".global page_html\n"
	"page_html:\n"
	".incbin \"proxy/admin/page.html\"\n"
	".byte 0\n"
	".previous\n");

static int
write_page(struct evbuffer *out, void *ctx)
{
	(void)ctx;
	return evbuffer_add(out, page_html, strlen(page_html)) < 0 ? 500 : 200;
}

/* ---- the parts ---- */

static struct json_object *
servers_of(const struct proxy_pages *p)
{
	return show_servers(p->pool->registry, p->pool->tally, p->pool->watch, clock_ms());
}

static struct json_object *
policies_of(const struct proxy_pages *p)
{
	return show_policies(p->pool->registry, p->pool->tally, p->pool->watch, p->pool->meter,
			     p->pool->conf(p->pool->ctx));
}

static struct json_object *
events_of(const struct proxy_pages *p, uint64_t most)
{
	const struct events *events = p->pool->events;

	return show_events(events, events_before(events, most));
}

static int
write_servers(struct evbuffer *out, void *ctx)
{
	return http_admin_json(out, servers_of(ctx));
}

static int
write_policies(struct evbuffer *out, void *ctx)
{
	return http_admin_json(out, policies_of(ctx));
}

static int
write_events(struct evbuffer *out, void *ctx)
{
	return http_admin_json(out, events_of(ctx, EVENTS_ALL));
}

/* ---- all of it ---- */

/* The counts of a cell's buckets up to the last that is not empty. */
static struct json_object *
latency_of(const struct server_stats_cell *c)
{
	struct json_object *list = json_object_new_array();
	unsigned end = COUNTERS_BUCKETS;

	while (end > 0 && counters_bucket(c->latency, end - 1) == 0)
		end--;
	for (unsigned i = 0; list != NULL && i < end; i++)
		status_append(list, json_object_new_uint64(counters_bucket(c->latency, i)));
	return list;
}

/* servers, each with the latencies of its replies; NULL on ENOMEM. */
static struct json_object *
servers_with_latency(const struct proxy_pages *p)
{
	struct json_object *list = servers_of(p);
	unsigned *index = calloc(registry_server_end(p->pool->registry) + 1, sizeof *index), n;
	struct server_stats_cell sum;

	if (list == NULL || index == NULL) {
		(void)json_object_put(list);
		free(index);
		return NULL;
	}
	n = registry_list(p->pool->registry, index);
	for (unsigned i = 0; i < n && i < json_object_array_length(list); i++) {
		counters_sum(p->pool->tally, index[i], &sum);
		status_add(json_object_array_get_idx(list, i), "latency", latency_of(&sum));
	}
	free(index);
	return list;
}

static struct json_object *
bucket_tops(void)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < COUNTERS_BUCKETS; i++)
		status_append(list, json_object_new_uint64(counters_bucket_top(i)));
	return list;
}

static int
write_overview(struct evbuffer *out, void *ctx)
{
	const struct proxy_pages *p = ctx;
	struct json_object *o = json_object_new_object(), *servers = servers_with_latency(p);

	if (o == NULL || servers == NULL) {
		(void)json_object_put(o);
		(void)json_object_put(servers);
		return 500;
	}
	status_add_number(o, "at_us", clock_us());
	status_add(o, "latency_le_us", bucket_tops());
	status_add(o, "status", p->status(p->ctx));
	status_add(o, "policies", policies_of(p));
	status_add(o, "servers", servers);
	status_add(o, "events", events_of(p, EVENTS_SHOWN));
	return http_admin_json(out, o);
}

static int
write_metrics(struct evbuffer *out, void *ctx)
{
	const struct proxy_pages *p = ctx;
	struct prometheus e = {.out = out};
	struct json_object *servers = servers_of(p), *policies = policies_of(p);

	daemon_metrics_write(&e, "ppool-proxy", p->supervisor);
	if (servers != NULL && policies != NULL)
		pool_metrics_write(&e, servers, policies, p->pool);
	else
		e.error = ENOMEM;
	(void)json_object_put(servers);
	(void)json_object_put(policies);
	prometheus_family(
		&e, "policypool_static_servers_missing", PROMETHEUS_GAUGE,
		"Servers of the proxy's file that could not be put into the pool, for want "
		"of an address or of room.");
	prometheus_number(&e, NULL, p->missing(p->ctx));
	return e.error != 0 ? 500 : 200;
}

/* Without any server it is ready: they join through it. */
static bool
all_are_ordered_out(const struct registry *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(r); i++) {
		const struct registry_server *s = registry_server(r, i);
		if (s->used && s->admin == REGISTRY_ENABLED)
			return false;
		n += s->used;
	}
	return n > 0;
}

static int
write_readiness(struct evbuffer *out, void *ctx)
{
	const struct proxy_pages *p = ctx;
	struct supervisor_view v;

	supervisor_snapshot(p->supervisor, &v);
	if (!supervisor_stopping(p->supervisor) && v.ready > 0 &&
	    all_are_ordered_out(p->pool->registry))
		return evbuffer_add_printf(out, "every server is draining or disabled\n") < 0 ? 500
											      : 503;
	return daemon_metrics_readiness(out, p->supervisor);
}

const struct http_admin_page pages[] = {
	{"/", "text/html; charset=utf-8", write_page},
	{"/overview", HTTP_ADMIN_JSON, write_overview},
	{"/servers", HTTP_ADMIN_JSON, write_servers},
	{"/policies", HTTP_ADMIN_JSON, write_policies},
	{"/events", HTTP_ADMIN_JSON, write_events},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};
