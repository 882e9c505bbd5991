/* pages.c - see pages.h. */
#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "describe.h"
#include "exposition.h"
#include "pool_metrics.h"
#include "status.h"
#include "vitals.h"

enum { EVENTS_SHOWN = 50 };

static const char json_media[] = "application/json";

/* The page, as it lies beside this file; one file, so that it works without a network. */
extern const char page_html[];
__asm__(".section .rodata\n"
	".global page_html\n"
	"page_html:\n"
	".incbin \"proxy/page.html\"\n"
	".byte 0\n"
	".previous\n");

static int
write_page(struct evbuffer *out, void *ctx)
{
	(void)ctx;
	return evbuffer_add(out, page_html, strlen(page_html)) < 0 ? 500 : 200;
}

/* Writes o, which passes to the callee; NULL is what ENOMEM left. */
static int
write_json(struct evbuffer *out, struct json_object *o)
{
	const char *text;
	size_t n;
	int rc = -1;

	text = o == NULL ? NULL : json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);
	if (text != NULL && evbuffer_add(out, text, n) == 0)
		rc = evbuffer_add(out, "\n", 1);
	(void)json_object_put(o);
	return rc < 0 ? 500 : 200;
}

/* ---- the parts ---- */

static struct json_object *
servers_of(const struct pages *p)
{
	return describe_servers(p->pool->registry, p->pool->tally, p->pool->watch, clock_ms());
}

static struct json_object *
policies_of(const struct pages *p)
{
	return describe_policies(p->pool->registry, p->pool->tally, p->pool->watch, p->pool->meter,
				 p->pool->balance);
}

static struct json_object *
events_of(const struct pages *p, uint64_t most)
{
	uint64_t last = events_last(p->pool->events);

	return describe_events(p->pool->events, last > most ? last - most : 0);
}

static int
write_servers(struct evbuffer *out, void *ctx)
{
	return write_json(out, servers_of(ctx));
}

static int
write_policies(struct evbuffer *out, void *ctx)
{
	return write_json(out, policies_of(ctx));
}

static int
write_events(struct evbuffer *out, void *ctx)
{
	return write_json(out, events_of(ctx, EVENTS_ROOM));
}

/* ---- all of it ---- */

/* The counts of a cell's buckets up to the last that is not empty. */
static struct json_object *
latency_of(const struct tally_cell *c)
{
	struct json_object *list = json_object_new_array();
	unsigned end = TALLY_BUCKETS;

	while (end > 0 && atomic_load_explicit(&c->latency[end - 1], memory_order_relaxed) == 0)
		end--;
	for (unsigned i = 0; list != NULL && i < end; i++)
		(void)json_object_array_add(list, json_object_new_uint64(atomic_load_explicit(
							  &c->latency[i], memory_order_relaxed)));
	return list;
}

/* servers, each with the latencies of its replies; NULL on ENOMEM. */
static struct json_object *
servers_with_latency(const struct pages *p)
{
	struct json_object *list = servers_of(p);
	unsigned *index = calloc(registry_server_end(p->pool->registry) + 1, sizeof *index), n;
	struct tally_cell sum;

	if (list == NULL || index == NULL) {
		(void)json_object_put(list);
		free(index);
		return NULL;
	}
	n = registry_list(p->pool->registry, index);
	for (unsigned i = 0; i < n && i < json_object_array_length(list); i++) {
		tally_sum(p->pool->tally, index[i], &sum);
		(void)json_object_object_add(json_object_array_get_idx(list, i), "latency",
					     latency_of(&sum));
	}
	free(index);
	return list;
}

static struct json_object *
bucket_tops(void)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < TALLY_BUCKETS; i++)
		(void)json_object_array_add(list, json_object_new_uint64(tally_bucket_top(i)));
	return list;
}

static int
write_overview(struct evbuffer *out, void *ctx)
{
	const struct pages *p = ctx;
	struct json_object *o = json_object_new_object(), *servers = servers_with_latency(p);

	if (o == NULL || servers == NULL) {
		(void)json_object_put(o);
		(void)json_object_put(servers);
		return 500;
	}
	status_add_number(o, "at_us", clock_us());
	(void)json_object_object_add(o, "latency_le_us", bucket_tops());
	(void)json_object_object_add(o, "status", p->status(p->ctx));
	(void)json_object_object_add(o, "policies", policies_of(p));
	(void)json_object_object_add(o, "servers", servers);
	(void)json_object_object_add(o, "events", events_of(p, EVENTS_SHOWN));
	return write_json(out, o);
}

static int
write_metrics(struct evbuffer *out, void *ctx)
{
	const struct pages *p = ctx;
	struct exposition e = {.out = out};
	struct json_object *servers = servers_of(p), *policies = policies_of(p);

	vitals_write(&e, "ppool-proxy", p->supervisor);
	if (servers != NULL && policies != NULL)
		pool_metrics_write(&e, servers, policies, p->pool);
	else
		e.error = ENOMEM;
	(void)json_object_put(servers);
	(void)json_object_put(policies);
	return e.error != 0 ? 500 : 200;
}

const struct admin_page pages[] = {
	{"/", "text/html; charset=utf-8", write_page},
	{"/overview", json_media, write_overview},
	{"/servers", json_media, write_servers},
	{"/policies", json_media, write_policies},
	{"/events", json_media, write_events},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
	{NULL, NULL, NULL},
};
