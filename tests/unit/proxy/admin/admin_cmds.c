/* admin_cmds: what an operator asks and orders, as the control socket calls it. */
#include "admin_cmds.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"

enum { SERVERS = 4, POLICIES = 2, WORKERS = 2 };

static struct event_base *base;
static struct registry *registry;
static struct counters *tally;
static struct worker_stats *meter;
static struct events *events;
static struct permits *permits;
static struct verdicts *verdicts;
static struct health_monitor *watch;
static struct admin_cmds *console;
static char roundrobin[] = "roundrobin";
static struct proxy_conf conf;
static unsigned changes;
static const char *error;

static void
changed(void *ctx)
{
	cr_assert_eq(ctx, &changes);
	changes++;
}

static int
ask(struct span question, void *ctx)
{
	(void)question;
	(void)ctx;
	return -1;
}

static void
join(const char *id, const char *policy)
{
	struct packet_announcement a = {.port = 1, .lease = 10};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, 1000), REGISTRY_JOINED);
}

static const struct proxy_conf *
conf_in_force(void *ctx)
{
	(void)ctx;
	return &conf;
}

static void
open_console(void)
{
	struct admin_cmds_env env;
	struct health_monitor_env watched;

	base = event_base_new();
	registry = registry_new(SERVERS, POLICIES);
	tally = server_stats_new(WORKERS, SERVERS);
	meter = worker_stats_new(WORKERS, POLICIES);
	events = events_new();
	permits = permits_new(SERVERS, WORKERS + 1);
	permits_admit(permits, WORKERS);
	verdicts = verdicts_new(SERVERS);
	watched = (struct health_monitor_env){.base = base,
					      .conf = conf_in_force,
					      .registry = registry,
					      .permits = permits,
					      .tally = tally,
					      .verdicts = verdicts,
					      .events = events,
					      .worker = WORKERS,
					      .changed = changed,
					      .ctx = &changes};
	watch = health_monitor_new(&watched);
	join("a", "111");
	join("b", "222");
	health_monitor_registry(watch);
	conf.policy.balance = roundrobin;
	env = (struct admin_cmds_env){.base = base,
				      .registry = registry,
				      .tally = tally,
				      .meter = meter,
				      .events = events,
				      .watch = watch,
				      .conf = conf_in_force,
				      .changed = changed,
				      .ask = ask,
				      .ctx = &changes};
	console = admin_cmds_new(&env);
	cr_assert(watch != NULL && console != NULL);
	changes = 0;
}

static void
close_console(void)
{
	admin_cmds_free(console);
	forget_answers();
	health_monitor_free(watch);
	verdicts_free(verdicts);
	permits_free(permits);
	events_free(events);
	worker_stats_free(meter);
	counters_free(tally);
	registry_free(registry);
	event_base_free(base);
}

TestSuite(console, .init = open_console, .fini = close_console, .timeout = 60);

static const struct control_verb *
verb(const char *name)
{
	const struct control_verb *v = admin_cmds_verbs;

	while (v->name != NULL && strcmp(v->name, name) != 0)
		v++;
	cr_assert_not_null(v->name, "%s", name);
	return v;
}

/* The data, the caller's, or NULL with error, which is NULL when the answer follows. */
static struct json_object *
run(const char *name, const char *first, const char *second)
{
	error = NULL;
	return verb(name)->run(call_as(0, first, second), &error, console);
}

static void
refused(const char *name, const char *first, const char *second, const char *why)
{
	struct json_object *o = run(name, first, second);

	cr_assert_null(o, "%s %s", name, json_object_to_json_string(o));
	cr_assert(error != NULL && strstr(error, why) != NULL, "%s: %s, not %s", name, error, why);
	cr_assert_null(answer[0].waits);
}

static void
done(const char *name, const char *id, const char *what)
{
	struct json_object *o = run(name, id, NULL);

	cr_assert_not_null(o, "%s: %s", name, error);
	cr_assert_str_eq(told(o, "done"), what);
	(void)json_object_put(o);
}

/* The last event is of that kind, of server a, with who ordered it. */
static void
remembered(enum event_kind kind)
{
	const struct event_entry *e = events_get(events, events_last(events));

	cr_assert_not_null(e);
	cr_assert_eq(e->kind, kind, "%s", event_kind_text(e->kind));
	cr_assert_str_eq(e->id, "a");
	cr_assert_str_eq(e->policy, "111");
	cr_assert_str_eq(e->why, "ordered by uid 1234");
}

Test(console, orders_stand_in_the_registry_and_are_remembered)
{
	done("drain", "a", "server a draining");
	cr_assert_eq(registry_server(registry, 0)->admin, REGISTRY_DRAINING);
	remembered(EVENT_DRAINING);
	done("disable", "a", "server a disabled");
	cr_assert_eq(registry_server(registry, 0)->admin, REGISTRY_DISABLED);
	remembered(EVENT_DISABLED);
	done("enable", "a", "server a enabled");
	cr_assert_eq(registry_server(registry, 0)->admin, REGISTRY_ENABLED);
	remembered(EVENT_ENABLED);
	cr_assert_eq(changes, 3);
	cr_assert_eq(registry_server(registry, 1)->admin, REGISTRY_ENABLED, "the other one");
}

Test(console, what_is_so_already_is_no_change)
{
	uint64_t last;

	done("drain", "a", "server a draining");
	last = events_last(events);
	done("drain", "a", "server a draining");
	cr_assert_eq(changes, 1);
	cr_assert_eq(events_last(events), last);
}

Test(console, who_is_removed_is_gone)
{
	done("remove", "a", "server a removed");
	cr_assert_lt(registry_find(registry, "a"), 0);
	cr_assert_eq(changes, 1);
	remembered(EVENT_REMOVED);
	refused("remove", "a", NULL, "a: no such server");
}

Test(console, many_are_removed_by_a_pattern)
{
	refused("remove", "[c-z]*", NULL, "[c-z]*: no such server");
	refused("remove", "a", "no policy", "a: no such server");
	cr_assert_geq(registry_find(registry, "a"), 0);
	done("remove", "?", "2 servers removed");
	cr_assert_lt(registry_find(registry, "a"), 0);
	cr_assert_eq(changes, 1);
}

Test(console, orders_need_the_right_to_change_and_questions_do_not)
{
	static const char *const order[] = {"drain", "enable", "disable", "remove"};
	static const char *const question[] = {"servers", "policies", "events", "explain", "wait"};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		cr_assert(verb(order[i])->changes, "%s", order[i]);
	for (size_t i = 0; i < sizeof question / sizeof *question; i++)
		cr_assert_not(verb(question[i])->changes, "%s", question[i]);
}

Test(console, what_is_missing_or_wrong_is_named)
{
	refused("drain", NULL, NULL, "id of a server is needed");
	refused("enable", "nobody", NULL, "nobody: no such server");
	refused("wait", "nobody", "5", "nobody: no such server");
	refused("wait", "a", "soon", "a number of seconds");
	refused("wait", "a", "86401", "86400 at most");
	refused("wait", "a", "99999999999999999999", "86400 at most");
	refused("events", "some", NULL, "a number of events");
	refused("events", "after", NULL, "a number of events");
	refused("events", "1x", NULL, "a number of events");
	refused("explain", NULL, NULL, "a policy is needed");
	refused("explain", "111", NULL, "no worker serves");
	refused("servers", "everything", NULL, "nothing but latencies");
	cr_assert_eq(changes, 0);
	cr_assert_eq(events_last(events), 0);
}

Test(console, servers_are_told_of_with_what_workers_counted)
{
	struct json_object *o;

	counter_add(&server_stats_cell(tally, 0, 0)->served, 3);
	counter_add(&server_stats_cell(tally, 1, 0)->served, 4);
	o = run("servers", NULL, NULL);
	cr_assert_eq(json_object_array_length(o), 2);
	cr_assert_str_eq(told(json_object_array_get_idx(o, 0), "id"), "a");
	cr_assert_str_eq(told(json_object_array_get_idx(o, 0), "served"), "7");
	cr_assert_str_eq(told(json_object_array_get_idx(o, 1), "policy"), "222");
	cr_assert_not(
		json_object_object_get_ex(json_object_array_get_idx(o, 0), "latencies", NULL));
	(void)json_object_put(o);
	o = run("policies", NULL, NULL);
	cr_assert_eq(json_object_array_length(o), 2);
	cr_assert_str_eq(told(json_object_array_get_idx(o, 0), "served"), "7");
	(void)json_object_put(o);
}

Test(console, latencies_are_told_by_time_over_all_workers)
{
	struct json_object *o;

	counters_latency(server_stats_cell(tally, 0, 0)->latency, 1);
	counters_latency(server_stats_cell(tally, 1, 0)->latency, 1);
	counters_latency(server_stats_cell(tally, 1, 0)->latency, UINT32_MAX);
	o = run("servers", "latencies", NULL);
	cr_assert_str_eq(told(json_object_array_get_idx(o, 0), "latencies"),
			 "[ [ 1, 2 ], [ 4294967296, 1 ] ]");
	cr_assert_str_eq(told(json_object_array_get_idx(o, 1), "latencies"), "[ ]");
	(void)json_object_put(o);
}

static size_t
events_of(const char *first, const char *second)
{
	struct json_object *o = run("events", first, second);
	size_t n = json_object_array_length(o);

	(void)json_object_put(o);
	return n;
}

Test(console, the_last_events_or_those_after_one)
{
	for (int i = 0; i < 5; i++)
		events_add(events, EVENT_RELOADED, NULL, NULL, "again");
	cr_assert_eq(events_of(NULL, NULL), 5);
	cr_assert_eq(events_of("2", NULL), 2);
	cr_assert_eq(events_of("9", NULL), 5);
	cr_assert_eq(events_of("after", "3"), 2);
	cr_assert_eq(events_of("after", "5"), 0);
	cr_assert_eq(events_of("after", "9223372036854775807"), 0);
}

Test(console, who_waits_for_a_server_is_answered_later)
{
	cr_assert_null(run("wait", "a", "30"));
	cr_assert_null(error);
	cr_assert_not_null(answer[0].waits);
	while (answer[0].n == 0)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_str_eq(told(answer[0].data, "id"), "a");
}

Test(console, its_end_is_told_to_who_waits)
{
	counter_set(&server_stats_cell(tally, 0, 0)->in_flight, 1);
	cr_assert_null(run("wait", "a", NULL));
	admin_cmds_free(console);
	console = NULL;
	cr_assert(strstr(answer[0].error, "the proxy ends"));
}
