/* show_pool.c - see show_pool.h. */
#include "show_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "status.h"

static void
add_lease(struct json_object *o, uint64_t end, uint64_t now)
{
	if (end == 0)
		status_add_null(o, "lease_s");
	else
		status_add_seconds(o, "lease_s", end > now ? end - now : 0);
}

static void
add_job_timeout(struct json_object *o, const struct registry_server *s)
{
	if (s->job_timeout == 0)
		status_add_null(o, "job_timeout_s");
	else
		status_add_seconds(o, "job_timeout_s", s->job_timeout);
}

static const char *
state_of(const struct registry_server *s, const struct health_view *v)
{
	if (s->admin != REGISTRY_ENABLED)
		return registry_admin_text(s->admin);
	if (s->unproved && !s->configured)
		return "unproved";
	return health_word(v);
}

const char *
show_state_word(unsigned i)
{
	static const char *const others[] = {"unproved", NULL};
	unsigned n = 0;

	while (health_words[n] != NULL)
		n++;
	if (i < n)
		return health_words[i];
	i -= n;
	/* The first order is to take requests: then it is the health that is told. */
	if (i + 1 < REGISTRY_ADMIN_COUNT)
		return registry_admin_text((enum registry_admin)(i + 1));
	i -= REGISTRY_ADMIN_COUNT - 1;
	return i < sizeof others / sizeof *others ? others[i] : NULL;
}

/* As far as anybody knows. */
static bool
takes_requests(const struct registry_server *s, const struct health_view *v)
{
	return s->admin == REGISTRY_ENABLED && !v->failing && v->state < HEALTH_EJECTED;
}

static void
add_key(struct json_object *o, const struct registry *r, unsigned i)
{
	const char *keyid = registry_tenure_of(r, i)->keyid;
	char text[PACKET_ID_MAX + sizeof " (old secret)"];

	(void)snprintf(text, sizeof text, "%s%s", keyid,
		       registry_tenure_of(r, i)->old_secret ? " (old secret)" : "");
	status_add_text_or_null(o, "key", text);
}

static void
add_since(struct json_object *o, uint64_t since, uint64_t now)
{
	status_add_seconds(o, "since_s", now > since ? now - since : 0);
}

static void
add_check(struct json_object *o, const struct health_view *v, uint64_t now)
{
	char text[48] = "";
	uint64_t ago = now > v->probed ? now - v->probed : 0;

	if (v->probed > 0)
		(void)snprintf(text, sizeof text, "%s %llu.%llus ago",
			       v->passed ? "passed" : "missed", (unsigned long long)(ago / 1000),
			       (unsigned long long)(ago % 1000 / 100));
	status_add_text_or_null(o, "last_check", text);
}

static struct json_object *
server_status(const struct registry *r, struct counters *t, struct health_monitor *w, unsigned i,
	      uint64_t now)
{
	const struct registry_server *s = registry_server(r, i);
	struct json_object *o = json_object_new_object();
	struct server_stats_cell sum;
	struct health_view v;
	char text[ADDR_TEXT];
	const char *reason;

	if (o == NULL)
		return NULL;
	counters_sum(t, i, &sum);
	health_monitor_snapshot(w, i, &v);
	status_add_text(o, "id", s->id);
	status_add_text(o, "policy", registry_policy(r, s->policy)->name);
	status_add_text(o, "addr", addr_text(&s->addr, text));
	status_add_text(o, "job", s->job);
	status_add_text(o, "kind", s->pooled ? "pooled" : "plain");
	status_add_text(o, "source", s->configured ? "static" : "announced");
	status_add_text(o, "known", registry_known_text(registry_known(r, i)));
	status_add_text_or_null(o, "by", registry_tenure_of(r, i)->by);
	status_add_bool(o, "tls", s->tls);
	add_key(o, r, i);
	status_add_text(o, "state", state_of(s, &v));
	add_since(o, s->admin != REGISTRY_ENABLED ? registry_tenure_of(r, i)->ordered : v.since,
		  now);
	status_add_seconds(o, "age_s", now - registry_tenure_of(r, i)->joined);
	add_lease(o, registry_tenure_of(r, i)->lease_end, now);
	status_add_number(o, "weight", s->weight);
	status_add_number(o, "slots", s->slots);
	status_add_number(o, "pipeline", s->pipeline);
	status_add_bool(o, "backup", s->backup);
	status_add_bool(o, "repeat", !s->once);
	add_job_timeout(o, s);
	status_add_text_or_null(o, "job_keys", registry_tenure_of(r, i)->job_keys);
	status_add_counters(o, &server_stats_cell_type, &sum);
	status_add_number(o, "ejections", v.ejected);
	status_add_number(o, "p50_us", counters_quantile(sum.latency, 0.50));
	status_add_number(o, "p99_us", counters_quantile(sum.latency, 0.99));
	add_check(o, &v, now);
	reason = s->admin != REGISTRY_ENABLED ? "an operator's order" : health_monitor_reason(&v);
	status_add_text_or_null(o, "reason", strcmp(reason, "-") == 0 ? NULL : reason);
	return o;
}

struct json_object *
show_servers(const struct registry *r, struct counters *t, struct health_monitor *w, uint64_t now)
{
	struct json_object *list = json_object_new_array();
	unsigned *index = calloc(registry_server_end(r) + 1, sizeof *index), n;

	if (list == NULL || index == NULL) {
		(void)json_object_put(list);
		free(index);
		return NULL;
	}
	n = registry_list(r, index);
	for (unsigned i = 0; i < n; i++)
		status_append(list, server_status(r, t, w, index[i], now));
	free(index);
	return list;
}

/* NULL on ENOMEM. */
static struct json_object *
latencies_of(const struct server_stats_cell *c)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < COUNTERS_BUCKETS; i++) {
		uint64_t n = counters_bucket(c->latency, i);
		struct json_object *pair = n > 0 ? json_object_new_array() : NULL;
		if (pair == NULL)
			continue;
		status_append(pair, json_object_new_uint64(counters_bucket_top(i)));
		status_append(pair, json_object_new_uint64(n));
		status_append(list, pair);
	}
	return list;
}

void
show_latencies(struct json_object *servers, const struct registry *r, struct counters *t)
{
	struct json_object *row, *id;
	struct server_stats_cell sum;
	int at;

	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		row = json_object_array_get_idx(servers, i);
		if (!json_object_object_get_ex(row, "id", &id))
			continue;
		at = registry_find(r, json_object_get_string(id));
		if (at < 0)
			continue;
		counters_sum(t, (unsigned)at, &sum);
		status_add(row, "latencies", latencies_of(&sum));
	}
}

struct policy_sum {
	const char *job; /* of its servers; empty: there is none */
	unsigned servers, up;
	uint64_t served, failed, in_flight;
};

static void
sum_policy(const struct registry *r, struct counters *t, struct health_monitor *w, unsigned policy,
	   struct policy_sum *out)
{
	struct server_stats_cell cell;
	struct health_view v;

	*out = (struct policy_sum){.job = ""};
	for (unsigned i = 0; i < registry_server_end(r); i++) {
		const struct registry_server *s = registry_server(r, i);
		if (!s->used || s->policy != policy)
			continue;
		counters_sum(t, i, &cell);
		out->servers++;
		out->job = s->job;
		health_monitor_snapshot(w, i, &v);
		out->up += takes_requests(s, &v);
		out->served += counter_get(&cell.served);
		out->failed += counter_get(&cell.failed);
		out->in_flight += counter_get(&cell.in_flight);
	}
}

static void
add_queue(struct json_object *o, struct worker_stats *m, unsigned policy)
{
	struct worker_stats_queue sum;

	counters_sum(m->queues, policy, &sum);
	status_add_counters(o, &worker_stats_queue_type, &sum);
}

static struct json_object *
policy_status(const struct registry *r, struct counters *t, struct health_monitor *w,
	      struct worker_stats *m, unsigned policy, const struct proxy_conf *conf)
{
	const struct policy_conf *of = policy_conf_of(conf, registry_policy(r, policy)->name);
	struct json_object *o = json_object_new_object();
	struct policy_sum sum;

	if (o == NULL)
		return NULL;
	sum_policy(r, t, w, policy, &sum);
	status_add_text(o, "policy", registry_policy(r, policy)->name);
	status_add_text_or_null(o, "job", sum.job[0] != '\0' ? sum.job : of->job);
	status_add_text(o, "balance", of->balance);
	status_add_number(o, "servers", sum.servers);
	status_add_number(o, "up", sum.up);
	status_add_number(o, "in_flight", sum.in_flight);
	status_add_number(o, "served", sum.served);
	status_add_number(o, "failed", sum.failed);
	add_queue(o, m, policy);
	return o;
}

struct json_object *
show_policies(const struct registry *r, struct counters *t, struct health_monitor *w,
	      struct worker_stats *m, const struct proxy_conf *conf)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < registry_policy_end(r); i++)
		if (registry_policy(r, i)->used)
			status_append(list, policy_status(r, t, w, m, i, conf));
	return list;
}

static struct json_object *
event_status(const struct event_entry *e)
{
	struct json_object *o = json_object_new_object();
	char when[CLOCK_TEXT];

	if (o == NULL)
		return NULL;
	clock_text_wall(e->at, when, sizeof when);
	status_add_number(o, "number", e->number);
	status_add_text(o, "when", when);
	status_add_text(o, "event", event_kind_text(e->kind));
	status_add_text_or_null(o, "id", e->id);
	status_add_text_or_null(o, "policy", e->policy);
	status_add_number(o, "count", e->count);
	status_add_text_or_null(o, "why", e->why);
	return o;
}

struct json_object *
show_events(const struct events *events, uint64_t after)
{
	struct json_object *list = json_object_new_array();
	const struct event_entry *e;

	for (; list != NULL && (e = events_next(events, after)) != NULL; after = e->number)
		status_append(list, event_status(e));
	return list;
}

void
show_meter(struct json_object *o, const struct worker_stats *m)
{
	struct worker_stats_row sum;

	counters_sum(m->rows, 0, &sum);
	status_add_counters(o, &worker_stats_row_type, &sum);
}

void
show_permits(struct json_object *o, const struct registry *r, const struct permits *p)
{
	struct conn_limit_use use = permits_use(p, registry_server_end(r));

	status_add_number(o, "permits_held", use.held);
	status_add_number(o, "permits_awaited", use.waiting);
}
