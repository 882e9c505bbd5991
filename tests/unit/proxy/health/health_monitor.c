/* health_monitor: what becomes of the registry, the events and the log by reports, probes and time.
 */
#include "health_monitor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "health_check.h"
#include "log_fixture.h"
#include "net.h"
#include "request.h"

enum { SERVERS = 8, POLICIES = 2, WORKERS = 2, HOUR = 3600000 };

static const char instance[] = "0123456789abcdef";
static struct proxy_conf conf;
static struct event_base *base;
static struct registry *registry;
static struct permits *permits;
static struct counters *tally;
static struct verdicts *verdicts;
static struct events *events;
static struct health_monitor *monitor;
static struct addr living, dead; /* where a socket listens that nobody serves; where none does */
static int listener;
static unsigned changes;

static const struct proxy_conf *
in_force(void *ctx)
{
	(void)ctx;
	return &conf;
}

static void
on_changed(void *ctx)
{
	(void)ctx;
	changes++;
	health_monitor_registry(monitor); /* as the master does */
}

static void
open_addresses(void)
{
	int closed;

	cr_assert_eq(addr_numeric(&living, "127.0.0.1", 0), 0);
	dead = living;
	listener = net_listen(&living, 64);
	closed = net_listen(&dead, 1);
	cr_assert(listener >= 0 && closed >= 0);
	cr_assert(net_local(listener, &living) == 0 && net_local(closed, &dead) == 0);
	(void)close(closed);
}

static void
open_settings(void)
{
	static char empty[1], id[] = "proxy";

	conf = (struct proxy_conf){.policy = {.eject_after = 1,
					      .eject_share = 100,
					      .eject_time = HOUR,
					      .eject_max = HOUR,
					      .check_interval = HOUR,
					      .check_timeout = 5000,
					      .check_rise = 1,
					      .check_fall = 1},
				   .server = {.name = empty},
				   .id = id};
}

static void
begin(void)
{
	struct health_monitor_env env = {
		.conf = in_force, .instance = instance, .worker = WORKERS, .changed = on_changed};

	open_addresses();
	open_settings();
	log_to_memory();
	base = env.base = event_base_new();
	registry = env.registry = registry_new(SERVERS, POLICIES);
	permits = env.permits = permits_new(SERVERS, WORKERS + 1);
	tally = env.tally = server_stats_new(WORKERS, SERVERS);
	verdicts = env.verdicts = verdicts_new(SERVERS);
	events = env.events = events_new();
	permits_admit(permits, WORKERS);
	monitor = health_monitor_new(&env);
	cr_assert_not_null(monitor);
}

static void
end(void)
{
	health_monitor_free(monitor);
	events_free(events);
	verdicts_free(verdicts);
	counters_free(tally);
	permits_free(permits);
	registry_free(registry);
	event_base_free(base);
	(void)close(listener);
}

TestSuite(health_monitor, .init = begin, .fini = end, .timeout = 60);

/* ---- what befalls the pool ---- */

static unsigned
index_of(const char *id)
{
	int i = registry_find(registry, id);

	cr_assert_geq(i, 0, "%s is not there", id);
	return (unsigned)i;
}

static struct packet_announcement
announcement(const char *id, unsigned lease)
{
	struct packet_announcement a = {
		.policy = "111", .slots = 4, .lease = lease, .keepalive = true, .pipeline = 1};

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	return a;
}

static unsigned
join(const char *id, const struct addr *at, unsigned lease)
{
	struct packet_announcement a = announcement(id, lease);

	a.port = addr_port(at);
	cr_assert_eq(registry_join(registry, &a, at, clock_ms()), REGISTRY_JOINED);
	health_monitor_registry(monitor);
	return index_of(id);
}

/* One of the journal. */
static unsigned
restore(const char *id, const struct addr *at)
{
	struct registry_server s = {
		.used = true, .addr = *at, .slots = 4, .pooled = true, .unproved = true};
	const struct registry_tenure none = {.joined = 1};
	int policy = registry_find_policy(registry, "111");

	if (policy < 0)
		policy = registry_restore_policy(registry, "111", 0);
	cr_assert_geq(policy, 0);
	s.policy = (uint32_t)policy;
	(void)snprintf(s.id, sizeof s.id, "%s", id);
	cr_assert_eq(registry_restore_server(registry, &s, &none), 0);
	health_monitor_registry(monitor);
	return index_of(id);
}

static void
fail(unsigned i, enum failure_cause cause)
{
	const struct worker_msg_failure m = {
		.server = i,
		.incarnation = registry_server(registry, i)->incarnation,
		.at = clock_ms(),
		.cause = cause};

	health_monitor_incident(monitor, &m);
}

static struct health_view
view(unsigned i)
{
	struct health_view v;

	health_monitor_snapshot(monitor, i, &v);
	return v;
}

static void
turn(uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	(void)event_base_loopexit(base, &tv);
	(void)event_base_dispatch(base);
}

/* The suite's limit ends it. */
#define UNTIL(condition)     \
	while (!(condition)) \
	turn(10)

/* ---- forgetting ---- */

Test(health_monitor, a_server_without_a_lease_is_forgotten_once_it_was_dead_for_so_long)
{
	unsigned i = join("a", &dead, 0);

	conf.forget_after = HOUR;
	fail(i, CAUSE_RESET);
	turn(250);
	cr_assert_eq(registry_find(registry, "a"), (int)i, "not yet");
	cr_assert_eq(changes, 0);
	conf.forget_after = 1;
	UNTIL(registry_find(registry, "a") < 0);
	cr_assert_eq(changes, 1, "workers are told");
	cr_assert_eq(events_count(events, EVENT_FORGOTTEN), 1);
	expect_logged("msg=\"server forgotten\" id=a policy=111");
}

Test(health_monitor, whoever_renews_or_is_an_operators_or_lives_is_not_forgotten)
{
	static const char *const stays[] = {"leased", "drained", "disabled", "file", "lives"};
	struct packet_announcement a = announcement("file", 0);
	unsigned all[6];

	all[0] = join("leased", &dead, 3600);
	all[1] = join("drained", &dead, 0);
	all[2] = join("disabled", &dead, 0);
	all[3] = join("goes", &dead, 0);
	(void)join("lives", &living, 0);
	a.port = addr_port(&dead);
	cr_assert_eq(registry_configure(registry, &a, &dead, clock_ms()), REGISTRY_JOINED);
	health_monitor_registry(monitor);
	all[4] = index_of("file");
	cr_assert(registry_set_admin(registry, all[1], REGISTRY_DRAINING, clock_ms()));
	cr_assert(registry_set_admin(registry, all[2], REGISTRY_DISABLED, clock_ms()));
	for (unsigned i = 0; i < 5; i++)
		fail(all[i], CAUSE_RESET);
	conf.forget_after = 1;
	UNTIL(registry_find(registry, "goes") < 0);
	turn(250);
	for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
		cr_expect_geq(registry_find(registry, stays[i]), 0, "%s", stays[i]);
	cr_assert_eq(events_count(events, EVENT_FORGOTTEN), 1);
}

Test(health_monitor, where_no_time_is_set_nobody_is_forgotten)
{
	fail(join("a", &dead, 0), CAUSE_RESET);
	turn(250);
	cr_assert_geq(registry_find(registry, "a"), 0);
}

/* ---- proving ---- */

Test(health_monitor, a_server_of_the_journal_is_proved_by_the_first_probe_that_it_passes)
{
	unsigned lives, gone;

	conf.policy.health_check = HEALTH_CHECK_CONNECT;
	lives = restore("a", &living);
	gone = restore("b", &dead);
	UNTIL(!registry_server(registry, lives)->unproved);
	cr_assert_eq(changes, 1, "workers are told");
	UNTIL(view(gone).probed != 0);
	cr_assert(registry_server(registry, gone)->unproved);
	cr_assert(view(lives).state == HEALTH_UP && view(gone).state != HEALTH_UP);
	cr_assert_eq(changes, 1);
}

Test(health_monitor, an_answer_to_a_client_proves_it_too)
{
	unsigned i = restore("a", &dead);

	counter_set(&server_stats_cell(tally, 0, i)->reached_at, clock_ms() + 1);
	UNTIL(!registry_server(registry, i)->unproved);
	cr_assert_eq(changes, 1);
}

/* ---- a probe that comes back ---- */

/* The secret in the next probe; what carried it is left unanswered. */
static void
read_secret(char out[REQUEST_SECRET + 1])
{
	char text[1024];
	struct addr_peer from;
	const char *at = NULL;
	size_t n = 0;
	int fd = -1;

	UNTIL(fd >= 0 || net_accept(listener, &fd, &from) == NET_ACCEPTED);
	while (at == NULL || strlen(at) < sizeof instance - 1 + REQUEST_SECRET) {
		ssize_t got = read(fd, text + n, sizeof text - 1 - n);
		cr_assert(got > 0 || errno == EAGAIN);
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
		at = strstr(text, instance);
		turn(5);
	}
	(void)snprintf(out, REQUEST_SECRET + 1, "%s", at + sizeof instance - 1);
	(void)close(fd);
}

Test(health_monitor, a_server_whose_probe_comes_back_is_taken_out_and_no_other)
{
	char secret[REQUEST_SECRET + 1];

	/* LATE has it asked, by a request: it has answered none. */
	fail(join("loop", &living, 3600), CAUSE_LATE);
	(void)join("other", &dead, 3600);
	read_secret(secret);
	health_monitor_loop(monitor, "");
	health_monitor_loop(monitor, "fedcba9876543210");
	cr_assert_eq(changes, 0);
	health_monitor_loop(monitor, secret);
	cr_assert_eq(registry_find(registry, "loop"), -1);
	cr_assert_geq(registry_find(registry, "other"), 0);
	cr_assert_eq(changes, 1, "workers are told");
	cr_assert_eq(events_count(events, EVENT_REMOVED), 1);
	expect_logged("msg=\"server taken out\" id=loop policy=111");
}

Test(health_monitor, a_probe_that_comes_back_says_nothing_of_a_server_that_came_since)
{
	struct packet_announcement a = announcement("a", 3600);
	char former[REQUEST_SECRET + 1], secret[REQUEST_SECRET + 1];
	unsigned i = join("a", &living, 3600);

	fail(i, CAUSE_LATE);
	read_secret(former);
	a.port = addr_port(&living);
	a.slots = 5;
	cr_assert_eq(registry_join(registry, &a, &living, clock_ms()), REGISTRY_REPLACED);
	health_monitor_registry(monitor);
	health_monitor_loop(monitor, former);
	cr_assert_eq(registry_find(registry, "a"), (int)i);
	fail(i, CAUSE_LATE);
	read_secret(secret);
	health_monitor_loop(monitor, secret);
	cr_assert_eq(registry_find(registry, "a"), -1);
}

/* ---- what is told ---- */

Test(health_monitor, reports_that_make_no_sense_say_nothing)
{
	unsigned i = join("a", &living, 3600);
	uint64_t incarnation = registry_server(registry, i)->incarnation;
	const struct worker_msg_failure none[] = {
		{.server = i + 1, .incarnation = incarnation, .cause = CAUSE_RESET},
		{.server = UINT32_MAX, .incarnation = incarnation, .cause = CAUSE_RESET},
		{.server = i, .incarnation = incarnation + 1, .cause = CAUSE_RESET},
		{.server = i, .incarnation = 0, .cause = CAUSE_RESET},
		{.server = i, .incarnation = incarnation, .cause = FAILURE_CAUSE_COUNT},
		{.server = i, .incarnation = incarnation, .cause = UINT32_MAX},
		{.server = i, .incarnation = incarnation, .cause = CAUSE_SHORTAGE},
	};

	for (size_t k = 0; k < sizeof none / sizeof *none; k++) {
		struct worker_msg_failure m = none[k];
		m.at = clock_ms();
		health_monitor_incident(monitor, &m);
		cr_expect(!view(i).failing && view(i).state == HEALTH_NEW, "%zu", k);
	}
	fail(i, CAUSE_RESET);
	cr_assert_eq(view(i).state, HEALTH_EJECTED);
	cr_assert_eq(events_count(events, EVENT_EJECTED), 1);
	cr_assert_str_eq(health_monitor_reason(&(struct health_view){.state = HEALTH_UP}), "-");
}

Test(health_monitor, one_too_many_stays_in_use_and_that_is_told)
{
	unsigned i = join("a", &dead, 3600);

	conf.policy.eject_share = 0;
	fail(i, CAUSE_RESET);
	cr_assert(view(i).kept && view(i).state < HEALTH_EJECTED);
	cr_assert_eq(events_count(events, EVENT_KEPT), 1);
	expect_logged("msg=\"server stays in use though it fails\" id=a policy=111");
}

Test(health_monitor, a_server_of_the_file_that_was_never_there_is_told_once)
{
	struct packet_announcement a = announcement("file", 0);
	uint64_t first;

	conf.policy.health_check = HEALTH_CHECK_CONNECT;
	conf.policy.check_interval = 20;
	a.port = addr_port(&dead);
	cr_assert_eq(registry_configure(registry, &a, &dead, clock_ms()), REGISTRY_JOINED);
	health_monitor_registry(monitor);
	UNTIL(view(index_of("file")).probed != 0);
	first = view(index_of("file")).probed;
	UNTIL(view(index_of("file")).probed > first);
	cr_assert_eq(lines_with("msg=\"server down\" id=file"), 1);
}

/* ---- asking ---- */

Test(health_monitor, whether_a_server_lives_is_found_by_a_probe)
{
	unsigned lives, gone;

	conf.policy.health_check = HEALTH_CHECK_CONNECT;
	lives = join("a", &living, 3600);
	gone = join("b", &dead, 3600);
	cr_assert_eq(health_monitor_life(gone + 1, monitor), SERVER_GONE, "nobody is there");
	cr_assert_eq(health_monitor_life(lives, monitor), SERVER_ASKED);
	cr_assert_eq(health_monitor_life(gone, monitor), SERVER_ASKED);
	UNTIL(health_monitor_life(lives, monitor) != SERVER_ASKED);
	UNTIL(health_monitor_life(gone, monitor) != SERVER_ASKED);
	cr_assert_eq(health_monitor_life(lives, monitor), SERVER_LIVES);
	cr_assert_eq(health_monitor_life(gone, monitor), SERVER_GONE);
}

Test(health_monitor, checks_begin_and_end_with_the_settings)
{
	unsigned i = join("a", &living, 3600);
	uint64_t last;

	conf.policy.check_interval = 20;
	turn(250);
	cr_assert_eq(view(i).probed, 0, "none is asked for");
	conf.policy.health_check = HEALTH_CHECK_CONNECT;
	health_monitor_settings(monitor);
	UNTIL(view(i).probed != 0);
	conf.policy.health_check = HEALTH_CHECK_OFF;
	health_monitor_settings(monitor);
	turn(150); /* of one that was on its way */
	last = view(i).probed;
	turn(250);
	cr_assert_eq(view(i).probed, last);
}

Test(health_monitor, a_disabled_server_is_not_probed)
{
	unsigned asked, left;

	conf.policy.health_check = HEALTH_CHECK_CONNECT;
	conf.policy.check_interval = 20;
	left = join("left", &living, 3600);
	asked = join("asked", &living, 3600);
	cr_assert(registry_set_admin(registry, left, REGISTRY_DISABLED, clock_ms()));
	UNTIL(view(asked).probed != 0);
	turn(250);
	cr_assert_eq(view(left).probed, 0);
}
