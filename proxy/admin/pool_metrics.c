/* pool_metrics.c - see pool_metrics.h. */
#include "pool_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show_pool.h"

/* A number that show_pool.h tells, as a family. */
struct family {
	const char *key, *name;
	enum prometheus_type type;
	const char *help;
};

static const struct family of_server[] = {
	{"ejections", "policypool_server_ejections_total", PROMETHEUS_COUNTER,
	 "Times that it was taken out of its policy for its health."},
	{"weight", "policypool_server_weight", PROMETHEUS_GAUGE, "Its weight, as announced."},
	{NULL, NULL, 0, NULL},
};

static const struct family of_policy[] = {
	{"servers", "policypool_policy_servers", PROMETHEUS_GAUGE, "Servers registered."},
	{"up", "policypool_policy_servers_up", PROMETHEUS_GAUGE, "Servers that are up."},
	{"in_flight", "policypool_policy_in_flight", PROMETHEUS_GAUGE,
	 "Requests sent to its servers and not yet replied to."},
	{NULL, NULL, 0, NULL},
};

static const struct family of_store[] = {
	{"revision", "policypool_store_revision", PROMETHEUS_GAUGE,
	 "Revision of the store that is known whole."},
	{"audit_s", "policypool_store_audit_age_seconds", PROMETHEUS_GAUGE,
	 "Since it was last seen that nothing of the store was missed."},
	{"published", "policypool_store_published", PROMETHEUS_GAUGE,
	 "Servers that this proxy tells the others of."},
	{"unsynced", "policypool_store_unsynced", PROMETHEUS_GAUGE,
	 "Of what this proxy tells, what is not in the store yet."},
	{"refused", "policypool_store_refused", PROMETHEUS_GAUGE,
	 "Rows of the store that are not believed, or not understood."},
	{"errors", "policypool_store_errors_total", PROMETHEUS_COUNTER,
	 "Requests to the store that failed."},
	{"resets", "policypool_store_resets_total", PROMETHEUS_COUNTER,
	 "Times that the store was found emptied, restored or another one."},
	{NULL, NULL, 0, NULL},
};

static const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "";
}

/* Every label of a row of that kind. */
static void
label_server(struct json_object *o, struct prometheus_label l[3])
{
	l[0] = (struct prometheus_label){"policy", text_of(o, "policy")};
	l[1] = (struct prometheus_label){"server", text_of(o, "id")};
	l[2] = (struct prometheus_label){NULL, NULL};
}

static void
label_policy(struct json_object *o, struct prometheus_label l[3])
{
	l[0] = (struct prometheus_label){"policy", text_of(o, "policy")};
	l[1] = (struct prometheus_label){NULL, NULL};
}

static void
write_families(struct prometheus *e, struct json_object *list, const struct family *f,
	       void (*label)(struct json_object *, struct prometheus_label[3]))
{
	struct prometheus_label l[3];

	for (; f->key != NULL; f++) {
		prometheus_family(e, f->name, f->type, f->help);
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *o = json_object_array_get_idx(list, i), *v = NULL;
			if (!json_object_object_get_ex(o, f->key, &v))
				continue;
			label(o, l);
			prometheus_number(e, l, json_object_get_uint64(v));
		}
	}
}

static void
write_jobs(struct prometheus *e, struct json_object *servers)
{
	struct prometheus_label l[6];

	prometheus_family(e, "policypool_server_info", PROMETHEUS_GAUGE,
			  "1; what it is stands in labels.");
	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		struct json_object *o = json_object_array_get_idx(servers, i);
		label_server(o, l);
		l[2] = (struct prometheus_label){"job", text_of(o, "job")};
		l[3] = (struct prometheus_label){"source", text_of(o, "source")};
		l[4] = (struct prometheus_label){"backup", text_of(o, "backup")};
		l[5] = (struct prometheus_label){NULL, NULL};
		prometheus_number(e, l, 1);
	}
}

static void
write_states(struct prometheus *e, struct json_object *servers)
{
	struct prometheus_label l[4];

	prometheus_family(e, "policypool_server_state", PROMETHEUS_GAUGE,
			  "1 for the state that a server is in, 0 for all others.");
	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		struct json_object *o = json_object_array_get_idx(servers, i);
		const char *state = text_of(o, "state"), *word;
		label_server(o, l);
		l[3] = (struct prometheus_label){NULL, NULL};
		for (unsigned k = 0; (word = show_state_word(k)) != NULL; k++) {
			l[2] = (struct prometheus_label){"state", word};
			prometheus_number(e, l, strcmp(word, state) == 0);
		}
	}
}

/* ---- counters (counters.h), a sample of each a row ---- */

/* Servers or policies. */
struct rows {
	const char *prefix;
	struct json_object *list;
	const unsigned *index; /* of each, in its table of counters */
	void (*label)(struct json_object *, struct prometheus_label[3]);
};

/* Of c; or where there are sums of its cells, of these, in which gauges are not known. */
static void
write_counters(struct prometheus *e, const struct rows *r, const struct counters *c,
	       const struct server_stats_cell *sums)
{
	const struct counters_type *type = c->type;
	union {
		struct server_stats_cell server;
		struct worker_stats_queue queue;
	} sum;
	struct prometheus_label l[3];

	for (const struct counters_field *f = type->field; f < type->field + type->fields; f++) {
		if (f->metric == NULL || (sums != NULL && f->kind == COUNTER_GAUGE))
			continue;
		prometheus_field(e, r->prefix, f);
		for (size_t i = 0; i < json_object_array_length(r->list); i++) {
			const void *cell = sums != NULL ? (const void *)&sums[r->index[i]] : &sum;
			if (sums == NULL)
				counters_sum_field(c, f, r->index[i], &sum);
			r->label(json_object_array_get_idx(r->list, i), l);
			prometheus_words(e, l, f, counters_words(type, f, cell));
		}
	}
}

static void
write_policies(struct prometheus *e, struct json_object *policies,
	       const struct admin_cmds_env *pool)
{
	unsigned end = registry_policy_end(pool->registry), n = 0;
	struct server_stats_cell *sums = calloc(end + 1, sizeof *sums);
	unsigned *index = calloc(end + 1, sizeof *index);
	const struct rows r = {"policypool_policy_", policies, index, label_policy};

	if (sums == NULL || index == NULL) {
		e->error = ENOMEM;
	} else {
		for (unsigned p = 0; p < end; p++)
			if (registry_policy(pool->registry, p)->used)
				index[n++] = p;
		policy_stats_follow(pool->ledger);
		policy_stats_sums(pool->ledger, sums);
		write_families(e, policies, of_policy, label_policy);
		write_counters(e, &r, pool->meter->queues, NULL);
		/* Those of servers that have left included. */
		write_counters(e, &r, pool->tally, sums);
	}
	free(sums);
	free(index);
}

static void
write_servers(struct prometheus *e, struct json_object *servers, const struct admin_cmds_env *pool)
{
	unsigned *index = calloc(registry_server_end(pool->registry) + 1, sizeof *index);
	const struct rows r = {"policypool_server_", servers, index, label_server};

	if (index == NULL) {
		e->error = ENOMEM;
		return;
	}
	(void)registry_list(pool->registry, index);
	write_families(e, servers, of_server, label_server);
	write_counters(e, &r, pool->tally, NULL);
	write_states(e, servers);
	write_jobs(e, servers);
	free(index);
}

/* Where there is no store there is nothing to tell of it. */
static void
write_store(struct prometheus *e, const struct admin_cmds_env *pool)
{
	struct json_object *o = pool->store(pool->ctx), *v = NULL;
	const char *state = o == NULL ? "off" : text_of(o, "state");

	if (o == NULL)
		e->error = ENOMEM;
	if (strcmp(state, "off") == 0) {
		(void)json_object_put(o);
		return;
	}
	prometheus_family(e, "policypool_store_synced", PROMETHEUS_GAUGE,
			  "1 while all that the store has is known and changes are heard of.");
	prometheus_number(e, NULL, strcmp(state, "synced") == 0);
	prometheus_family(e, "policypool_store_clash", PROMETHEUS_GAUGE,
			  "1 while another proxy has the id of this one.");
	prometheus_number(e, NULL, strcmp(state, "clash") == 0);
	for (const struct family *f = of_store; f->key != NULL; f++) {
		if (!json_object_object_get_ex(o, f->key, &v) || v == NULL)
			continue;
		prometheus_family(e, f->name, f->type, f->help);
		prometheus_number(e, NULL, (uint64_t)json_object_get_double(v));
	}
	prometheus_family(e, "policypool_store_servers", PROMETHEUS_GAUGE,
			  "Servers by how they are known.");
	for (unsigned k = 0; k < REGISTRY_KNOWN_COUNT; k++) {
		const char *known = registry_known_text((enum registry_known)k);
		const struct prometheus_label l[] = {{"known", known}, {NULL, NULL}};
		if (json_object_object_get_ex(o, known, &v))
			prometheus_number(e, l, json_object_get_uint64(v));
	}
	(void)json_object_put(o);
}

static void
write_events(struct prometheus *e, const struct events *events)
{
	prometheus_family(e, "policypool_events_total", PROMETHEUS_COUNTER,
			  "What happened to the pool, by kind.");
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		const struct prometheus_label l[] = {{"event", event_kind_text((enum event_kind)i)},
						     {NULL, NULL}};
		prometheus_number(e, l, events_count(events, (enum event_kind)i));
	}
}

void
pool_metrics_write(struct prometheus *e, struct json_object *servers, struct json_object *policies,
		   const struct admin_cmds_env *pool)
{
	struct worker_stats_row sum;

	counters_sum(pool->meter->rows, 0, &sum);
	prometheus_counters(e, "policypool_", &worker_stats_row_type, &sum);
	prometheus_counters(e, "policypool_", &registration_stats_type, pool->joins);
	write_store(e, pool);
	write_events(e, pool->events);
	write_policies(e, policies, pool);
	write_servers(e, servers, pool);
}
