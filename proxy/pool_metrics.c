/* pool_metrics.c - see pool_metrics.h. */
#include "pool_metrics.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Octaves of microseconds, 64 us to 16.8 s. */
enum { FIRST_OCTAVE = 6, LAST_OCTAVE = 24, OCTAVES = LAST_OCTAVE - FIRST_OCTAVE + 1 };

/* A number that describe.h tells, as a family. */
struct family {
	const char *key, *name;
	enum exposition_type type;
	const char *help;
};

static const struct family of_server[] = {
	{"served", "policypool_server_served_total", EXPOSITION_COUNTER, "Requests it replied to."},
	{"failed", "policypool_server_failed_total", EXPOSITION_COUNTER,
	 "Requests that it was sent and did not reply to."},
	{"retried", "policypool_server_retried_total", EXPOSITION_COUNTER,
	 "Of those, requests that went to another server."},
	{"ejections", "policypool_server_ejections_total", EXPOSITION_COUNTER,
	 "Times that it was taken out of its policy for its health."},
	{"in_flight", "policypool_server_in_flight", EXPOSITION_GAUGE,
	 "Requests sent and not yet replied to."},
	{"connections", "policypool_server_connections", EXPOSITION_GAUGE, "Connections to it."},
	{"weight", "policypool_server_weight", EXPOSITION_GAUGE, "Its weight, as announced."},
	{NULL, NULL, 0, NULL},
};

static const struct family of_policy[] = {
	{"servers", "policypool_policy_servers", EXPOSITION_GAUGE, "Servers registered."},
	{"up", "policypool_policy_servers_up", EXPOSITION_GAUGE, "Servers that are up."},
	{"queued", "policypool_policy_queued", EXPOSITION_GAUGE,
	 "Requests that wait for a server."},
	{"in_flight", "policypool_policy_in_flight", EXPOSITION_GAUGE,
	 "Requests sent to its servers and not yet replied to."},
	{"refused", "policypool_policy_refused_total", EXPOSITION_COUNTER,
	 "Requests that its queue did not let in."},
	{"expired", "policypool_policy_expired_total", EXPOSITION_COUNTER,
	 "Requests that waited too long for a server."},
	{"turned_away", "policypool_policy_turned_away_total", EXPOSITION_COUNTER,
	 "Requests that a full or ending server left to the others."},
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
label_server(struct json_object *o, struct exposition_label l[3])
{
	l[0] = (struct exposition_label){"policy", text_of(o, "policy")};
	l[1] = (struct exposition_label){"server", text_of(o, "id")};
	l[2] = (struct exposition_label){NULL, NULL};
}

static void
label_policy(struct json_object *o, struct exposition_label l[3])
{
	l[0] = (struct exposition_label){"policy", text_of(o, "policy")};
	l[1] = (struct exposition_label){NULL, NULL};
}

static void
write_families(struct exposition *e, struct json_object *list, const struct family *f,
	       void (*label)(struct json_object *, struct exposition_label[3]))
{
	struct exposition_label l[3];

	for (; f->key != NULL; f++) {
		exposition_family(e, f->name, f->type, f->help);
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *o = json_object_array_get_idx(list, i), *v = NULL;
			if (!json_object_object_get_ex(o, f->key, &v))
				continue;
			label(o, l);
			exposition_number(e, l, json_object_get_uint64(v));
		}
	}
}

static void
write_states(struct exposition *e, struct json_object *servers)
{
	struct exposition_label l[4];

	exposition_family(e, "policypool_server_state", EXPOSITION_GAUGE,
			  "1 for the state that a server is in; the reason is in ppool-ctl.");
	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		struct json_object *o = json_object_array_get_idx(servers, i);
		label_server(o, l);
		l[2] = (struct exposition_label){"state", text_of(o, "state")};
		l[3] = (struct exposition_label){NULL, NULL};
		exposition_number(e, l, 1);
	}
}

/* ---- latency ---- */

struct octaves {
	uint64_t le[OCTAVES], count[OCTAVES], more, sum;
};

static void
add_octaves(struct octaves *o, const struct tally_cell *c)
{
	unsigned octave = 0;

	for (unsigned i = 0; i < OCTAVES; i++)
		o->le[i] = (uint64_t)1 << (FIRST_OCTAVE + i);
	for (unsigned b = 0; b < TALLY_BUCKETS; b++) {
		uint64_t n = atomic_load_explicit(&c->latency[b], memory_order_relaxed);
		while (octave < OCTAVES && tally_bucket_top(b) >= o->le[octave])
			octave++;
		*(octave < OCTAVES ? &o->count[octave] : &o->more) += n;
	}
	o->sum += tally_get(&c->latency_us);
}

static void
write_octaves(struct exposition *e, const struct exposition_label *l, const struct octaves *o)
{
	const struct exposition_histogram h = {
		.n = OCTAVES, .le_us = o->le, .count = o->count, .more = o->more, .sum_us = o->sum};

	exposition_histogram(e, l, &h);
}

static void
write_server_latencies(struct exposition *e, struct json_object *servers, struct tally *t,
		       const unsigned *index)
{
	struct exposition_label l[3];
	struct tally_cell sum;

	exposition_family(e, "policypool_server_latency_seconds", EXPOSITION_HISTOGRAM,
			  "Time from sending a request to a server to its reply.");
	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		struct octaves o = {.more = 0};
		tally_sum(t, index[i], &sum);
		add_octaves(&o, &sum);
		label_server(json_object_array_get_idx(servers, i), l);
		write_octaves(e, l, &o);
	}
}

/* ---- policies, with those who have gone ---- */

static unsigned
next_policy(const struct registry *r, unsigned at)
{
	while (at < registry_policy_end(r) && !registry_policy(r, at)->used)
		at++;
	return at;
}

static void
label_name(const struct registry *r, unsigned policy, struct exposition_label l[2])
{
	l[0] = (struct exposition_label){"policy", registry_policy(r, policy)->name};
	l[1] = (struct exposition_label){NULL, NULL};
}

static const struct {
	size_t offset; /* in struct tally_cell */
	const char *name, *help;
} of_policy_done[] = {
	{offsetof(struct tally_cell, served), "policypool_policy_served_total",
	 "Requests that its servers replied to."},
	{offsetof(struct tally_cell, failed), "policypool_policy_failed_total",
	 "Requests that its servers were sent and did not reply to."},
	{offsetof(struct tally_cell, retried), "policypool_policy_retried_total",
	 "Of those, requests that were tried again."},
};

static uint64_t
counter_at(const struct tally_cell *c, size_t offset)
{
	return tally_get((const _Atomic uint64_t *)(const void *)((const char *)c + offset));
}

static void
write_done(struct exposition *e, const struct registry *r, const struct tally_cell *sums)
{
	struct exposition_label l[2];

	for (size_t i = 0; i < sizeof of_policy_done / sizeof *of_policy_done; i++) {
		exposition_family(e, of_policy_done[i].name, EXPOSITION_COUNTER,
				  of_policy_done[i].help);
		for (unsigned p = next_policy(r, 0); p < registry_policy_end(r);
		     p = next_policy(r, p + 1)) {
			label_name(r, p, l);
			exposition_number(e, l, counter_at(&sums[p], of_policy_done[i].offset));
		}
	}
}

static void
write_policy_latencies(struct exposition *e, const struct registry *r,
		       const struct tally_cell *sums)
{
	struct exposition_label l[2];

	exposition_family(e, "policypool_policy_latency_seconds", EXPOSITION_HISTOGRAM,
			  "Time from sending a request to one of its servers to the reply.");
	for (unsigned p = next_policy(r, 0); p < registry_policy_end(r);
	     p = next_policy(r, p + 1)) {
		struct octaves o = {.more = 0};
		add_octaves(&o, &sums[p]);
		label_name(r, p, l);
		write_octaves(e, l, &o);
	}
}

static void
write_policies(struct exposition *e, const struct console_env *pool)
{
	struct tally_cell *sums = calloc(registry_policy_end(pool->registry) + 1, sizeof *sums);

	if (sums == NULL) {
		e->error = ENOMEM;
		return;
	}
	ledger_follow(pool->ledger);
	ledger_sums(pool->ledger, sums);
	write_done(e, pool->registry, sums);
	write_policy_latencies(e, pool->registry, sums);
	free(sums);
}

/* ---- the proxy as a whole ---- */

static void
write_sum(struct exposition *e, const char *name, const char *help, uint64_t value)
{
	exposition_family(e, name, EXPOSITION_GAUGE, help);
	exposition_number(e, NULL, value);
}

static void
write_meter(struct exposition *e, struct meter *m)
{
	struct meter_row sum;

	meter_sum(m, &sum);
	exposition_family(e, "policypool_answered_errors_total", EXPOSITION_COUNTER,
			  "Errors that the proxy answered requests with, by code.");
	for (int i = PACKET_OK + 1; i < PACKET_CODE_COUNT; i++) {
		const struct exposition_label l[] = {
			{"code", packet_code_text((enum packet_code)i)}, {NULL, NULL}};
		exposition_number(e, l, scoreboard_get(&sum.error[i]));
	}
	exposition_family(e, "policypool_timeouts_total", EXPOSITION_COUNTER,
			  "Clocks that ran out, by what they bound.");
	for (int i = 0; i < METER_CLOCK_COUNT; i++) {
		const struct exposition_label l[] = {
			{"clock", meter_clock_text((enum meter_clock)i)}, {NULL, NULL}};
		exposition_number(e, l, scoreboard_get(&sum.timeout[i]));
	}
	exposition_family(e, "policypool_turned_away_total", EXPOSITION_COUNTER,
			  "Requests that were turned away, by the setting.");
	for (int i = 0; i < METER_GATE_COUNT; i++) {
		const struct exposition_label l[] = {{"by", meter_gate_text((enum meter_gate)i)},
						     {NULL, NULL}};
		exposition_number(e, l, scoreboard_get(&sum.gate[i]));
	}
	write_sum(e, "policypool_queued", "Requests that wait for a server.",
		  scoreboard_get(&sum.queued));
	write_sum(e, "policypool_buffered_bytes", "Bytes held for clients.",
		  scoreboard_get(&sum.buffered));
}

static void
write_joins(struct exposition *e, const struct join_counts *c)
{
	exposition_family(e, "policypool_registrations_total", EXPOSITION_COUNTER,
			  "Announcements of servers that were accepted, by what was done.");
	for (int i = 0; i < JOIN_VERB_COUNT; i++) {
		const struct exposition_label l[] = {{"verb", join_verb_text((enum join_verb)i)},
						     {NULL, NULL}};
		exposition_number(e, l, c->done[i]);
	}
	exposition_family(e, "policypool_registrations_refused_total", EXPOSITION_COUNTER,
			  "Announcements that were refused, by code.");
	for (int i = PACKET_OK + 1; i < PACKET_CODE_COUNT; i++) {
		const struct exposition_label l[] = {
			{"code", packet_code_text((enum packet_code)i)}, {NULL, NULL}};
		exposition_number(e, l, c->refused[i]);
	}
}

static void
write_events(struct exposition *e, const struct events *events)
{
	exposition_family(e, "policypool_events_total", EXPOSITION_COUNTER,
			  "What happened to the pool, by kind.");
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		const struct exposition_label l[] = {{"event", event_kind_text((enum event_kind)i)},
						     {NULL, NULL}};
		exposition_number(e, l, events_count(events, (enum event_kind)i));
	}
}

void
pool_metrics_write(struct exposition *e, struct json_object *servers, struct json_object *policies,
		   const struct console_env *pool)
{
	const struct registry *r = pool->registry;
	struct tally *t = pool->tally;
	unsigned *index = calloc(registry_server_end(r) + 1, sizeof *index);

	if (index == NULL) {
		e->error = ENOMEM;
		return;
	}
	(void)registry_list(r, index);
	write_meter(e, pool->meter);
	write_joins(e, pool->joins);
	write_events(e, pool->events);
	write_families(e, policies, of_policy, label_policy);
	write_policies(e, pool);
	write_families(e, servers, of_server, label_server);
	write_states(e, servers);
	write_server_latencies(e, servers, t, index);
	free(index);
}
