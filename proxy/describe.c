/* describe.c - see describe.h. */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance.h"
#include "clock.h"
#include "status.h"

static void
add_lease(struct json_object *o, uint64_t end, uint64_t now)
{
	if (end == 0)
		status_add_text(o, "lease_s", "-");
	else
		status_add_seconds(o, "lease_s", end > now ? end - now : 0);
}

static const char *
state_of(const struct registry_server *s, const struct health_view *v)
{
	if (s->admin != REGISTRY_ENABLED)
		return registry_admin_text(s->admin);
	if (s->unproved)
		return "unproved";
	return health_word(v);
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
	const char *keyid = registry_keyid(r, i);
	char text[PACKET_ID_MAX + sizeof " (old secret)"];

	(void)snprintf(text, sizeof text, "%s%s", keyid[0] != '\0' ? keyid : "-",
		       registry_old_secret(r, i) ? " (old secret)" : "");
	status_add_text(o, "key", text);
}

static void
add_since(struct json_object *o, uint64_t since, uint64_t now)
{
	status_add_seconds(o, "since_s", now > since ? now - since : 0);
}

static void
add_check(struct json_object *o, const struct health_view *v, uint64_t now)
{
	char text[48] = "-";
	uint64_t ago = now > v->probed ? now - v->probed : 0;

	if (v->probed > 0)
		(void)snprintf(text, sizeof text, "%s %llu.%llus ago",
			       v->passed ? "passed" : "missed", (unsigned long long)(ago / 1000),
			       (unsigned long long)(ago % 1000 / 100));
	status_add_text(o, "last_check", text);
}

static struct json_object *
server_status(const struct registry *r, struct tally *t, struct watch *w, unsigned i, uint64_t now)
{
	const struct registry_server *s = registry_server(r, i);
	struct json_object *o = json_object_new_object();
	struct tally_cell sum;
	struct health_view v;
	char text[ADDR_TEXT];

	if (o == NULL)
		return NULL;
	tally_sum(t, i, &sum);
	watch_look(w, i, &v);
	status_add_text(o, "id", s->id);
	status_add_text(o, "policy", registry_policy(r, s->policy)->name);
	status_add_text(o, "addr", addr_text(&s->addr, text));
	status_add_text(o, "kind", s->pooled ? "pooled" : "plain");
	status_add_text(o, "tls", s->tls ? "yes" : "no");
	add_key(o, r, i);
	status_add_text(o, "state", state_of(s, &v));
	add_since(o, s->admin != REGISTRY_ENABLED ? registry_ordered(r, i) : v.since, now);
	status_add_seconds(o, "age_s", now - registry_joined(r, i));
	add_lease(o, registry_lease_end(r, i), now);
	status_add_number(o, "weight", s->weight);
	status_add_number(o, "slots", s->slots);
	status_add_number(o, "pipeline", s->pipeline);
	status_add_number(o, "connections", tally_get(&sum.connections));
	status_add_number(o, "in_flight", tally_get(&sum.in_flight));
	status_add_number(o, "served", tally_get(&sum.served));
	status_add_number(o, "failed", tally_get(&sum.failed));
	status_add_number(o, "retried", tally_get(&sum.retried));
	status_add_number(o, "ejections", v.ejected);
	status_add_number(o, "p50_us", tally_quantile(&sum, 0.50));
	status_add_number(o, "p99_us", tally_quantile(&sum, 0.99));
	add_check(o, &v, now);
	status_add_text(o, "reason",
			s->admin != REGISTRY_ENABLED ? "an operator's order" : watch_reason(&v));
	return o;
}

struct json_object *
describe_servers(const struct registry *r, struct tally *t, struct watch *w, uint64_t now)
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
		(void)json_object_array_add(list, server_status(r, t, w, index[i], now));
	free(index);
	return list;
}

/* NULL on ENOMEM. */
static struct json_object *
latencies_of(const struct tally_cell *c)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < TALLY_BUCKETS; i++) {
		uint32_t n = atomic_load_explicit(&c->latency[i], memory_order_relaxed);
		struct json_object *pair = n > 0 ? json_object_new_array() : NULL;
		if (pair == NULL)
			continue;
		(void)json_object_array_add(pair, json_object_new_uint64(tally_bucket_top(i)));
		(void)json_object_array_add(pair, json_object_new_uint64(n));
		(void)json_object_array_add(list, pair);
	}
	return list;
}

void
describe_latencies(struct json_object *servers, const struct registry *r, struct tally *t)
{
	struct json_object *row, *id;
	struct tally_cell sum;
	int at;

	for (size_t i = 0; i < json_object_array_length(servers); i++) {
		row = json_object_array_get_idx(servers, i);
		if (!json_object_object_get_ex(row, "id", &id))
			continue;
		at = registry_find(r, json_object_get_string(id));
		if (at < 0)
			continue;
		tally_sum(t, (unsigned)at, &sum);
		(void)json_object_object_add(row, "latencies", latencies_of(&sum));
	}
}

struct policy_sum {
	unsigned servers, up;
	uint64_t served, failed, in_flight;
};

static void
sum_policy(const struct registry *r, struct tally *t, struct watch *w, unsigned policy,
	   struct policy_sum *out)
{
	struct tally_cell cell;
	struct health_view v;

	*out = (struct policy_sum){.servers = 0};
	for (unsigned i = 0; i < registry_server_end(r); i++) {
		const struct registry_server *s = registry_server(r, i);
		if (!s->used || s->policy != policy)
			continue;
		tally_sum(t, i, &cell);
		out->servers++;
		watch_look(w, i, &v);
		out->up += takes_requests(s, &v);
		out->served += tally_get(&cell.served);
		out->failed += tally_get(&cell.failed);
		out->in_flight += tally_get(&cell.in_flight);
	}
}

static void
add_queue(struct json_object *o, struct meter *m, unsigned policy)
{
	struct meter_queue sum;

	meter_sum_queue(m, policy, &sum);
	status_add_number(o, "queued", scoreboard_get(&sum.queued));
	status_add_number(o, "queued_max", scoreboard_get(&sum.queued_max));
	status_add_number(o, "expired", scoreboard_get(&sum.expired));
	status_add_number(o, "refused", scoreboard_get(&sum.refused));
	status_add_number(o, "turned_away", scoreboard_get(&sum.turned_away));
}

static struct json_object *
policy_status(const struct registry *r, struct tally *t, struct watch *w, struct meter *m,
	      unsigned policy, const struct conf_list *balance)
{
	struct json_object *o = json_object_new_object();
	struct policy_sum sum;

	if (o == NULL)
		return NULL;
	sum_policy(r, t, w, policy, &sum);
	status_add_text(o, "policy", registry_policy(r, policy)->name);
	status_add_text(o, "balance", balance_text(balance, registry_policy(r, policy)->name));
	status_add_number(o, "servers", sum.servers);
	status_add_number(o, "up", sum.up);
	status_add_number(o, "in_flight", sum.in_flight);
	status_add_number(o, "served", sum.served);
	status_add_number(o, "failed", sum.failed);
	add_queue(o, m, policy);
	return o;
}

struct json_object *
describe_policies(const struct registry *r, struct tally *t, struct watch *w, struct meter *m,
		  const struct conf_list *balance)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < registry_policy_end(r); i++)
		if (registry_policy(r, i)->used)
			(void)json_object_array_add(list, policy_status(r, t, w, m, i, balance));
	return list;
}

static const char *
or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
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
	status_add_text(o, "id", or_dash(e->id));
	status_add_text(o, "policy", or_dash(e->policy));
	status_add_text(o, "why", or_dash(e->why));
	return o;
}

struct json_object *
describe_events(const struct events *events, uint64_t after)
{
	struct json_object *list = json_object_new_array();
	uint64_t last = events_last(events);

	if (last > EVENTS_ROOM && after < last - EVENTS_ROOM)
		after = last - EVENTS_ROOM;
	for (uint64_t i = after + 1; list != NULL && i <= last; i++)
		(void)json_object_array_add(list, event_status(events_get(events, i)));
	return list;
}

void
describe_meter(struct json_object *o, struct meter *m)
{
	struct json_object *errors = json_object_new_object(), *timeouts = json_object_new_object();
	struct json_object *turned_away = json_object_new_object();
	struct meter_row sum;

	meter_sum(m, &sum);
	status_add_number(o, "queued", scoreboard_get(&sum.queued));
	status_add_number(o, "queued_max", scoreboard_get(&sum.queued_max));
	status_add_number(o, "buffered", scoreboard_get(&sum.buffered));
	status_add_number(o, "buffered_max", scoreboard_get(&sum.buffered_max));
	for (int i = PACKET_OK + 1; errors != NULL && i < PACKET_CODE_COUNT; i++)
		status_add_number(errors, packet_code_text((enum packet_code)i),
				  scoreboard_get(&sum.error[i]));
	for (int i = 0; timeouts != NULL && i < METER_CLOCK_COUNT; i++)
		status_add_number(timeouts, meter_clock_text((enum meter_clock)i),
				  scoreboard_get(&sum.timeout[i]));
	for (int i = 0; turned_away != NULL && i < METER_GATE_COUNT; i++)
		status_add_number(turned_away, meter_gate_text((enum meter_gate)i),
				  scoreboard_get(&sum.gate[i]));
	(void)json_object_object_add(o, "refused", errors);
	(void)json_object_object_add(o, "timeouts", timeouts);
	(void)json_object_object_add(o, "turned_away", turned_away);
}

void
describe_joins(struct json_object *o, const struct join_counts *c)
{
	struct json_object *done = json_object_new_object(), *refused = json_object_new_object();

	for (int i = 0; done != NULL && i < JOIN_VERB_COUNT; i++)
		status_add_number(done, join_verb_text((enum join_verb)i), c->done[i]);
	for (int i = PACKET_OK + 1; refused != NULL && i < PACKET_CODE_COUNT; i++)
		if (c->refused[i] > 0)
			status_add_number(refused, packet_code_text((enum packet_code)i),
					  c->refused[i]);
	(void)json_object_object_add(o, "registrations", done);
	(void)json_object_object_add(o, "registrations_refused", refused);
}
