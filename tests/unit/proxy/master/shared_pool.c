/* shared_pool: what is told of servers that announced themselves here, and what follows of what the
 * store says; the store process and who watches the servers are the test's. */
#include "shared_pool.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

enum { SERVERS = 8 };

static struct event_base *base;
static struct registration j;
static struct keyring *keyring, *other_keyring;
static struct shared_pool *sp;
static uint64_t hold_ms = 60000;

/* ---- who watches ---- */

static bool fails[SERVERS];
static unsigned asked;

void
health_monitor_snapshot(struct health_monitor *w, unsigned i, struct health_view *v)
{
	(void)w;
	*v = (struct health_view){.failing = fails[i]};
}

enum server_life
health_monitor_life(unsigned i, void *w)
{
	(void)i;
	(void)w;
	asked++;
	return SERVER_ASKED;
}

/* ---- the store process ---- */

static unsigned changes, keeps, drops;
static char key[256], value[4096]; /* of the last one */
static uint64_t over;

static void
note(struct span k, struct span v, uint64_t mod_rev)
{
	(void)snprintf(key, sizeof key, "%.*s", SPAN_ARG(k));
	(void)snprintf(value, sizeof value, "%.*s", SPAN_ARG(v));
	over = mod_rev;
}

static void
keep(struct span k, struct span v, uint64_t mod_rev, void *ctx)
{
	(void)ctx;
	keeps++;
	note(k, v, mod_rev);
}

static void
drop(struct span k, struct span v, uint64_t mod_rev, void *ctx)
{
	(void)ctx;
	drops++;
	note(k, v, mod_rev);
}

static const struct registration *
join(void *ctx)
{
	(void)ctx;
	return &j;
}

static uint64_t
hold(void *ctx)
{
	(void)ctx;
	return hold_ms;
}

static void
changed(void *ctx)
{
	(void)ctx;
	changes++;
	shared_pool_changed(sp);
}

static void
open_pool(void)
{
	struct shared_pool_env env = {
		.join = join, .hold = hold, .changed = changed, .keep = keep, .drop = drop};

	keyring = keyring_parse("ring", span_str("key alpha\nsecret use " SECRET "\n"), stderr);
	other_keyring = keyring_parse(
		"ring", span_str("key alpha\nsecret install " SECRET "\nsecret use " SECRET2 "\n"),
		stderr);
	j = (struct registration){.registry = registry_new(SERVERS, 4),
				  .tally = server_stats_new(1, SERVERS),
				  .events = events_new(),
				  .proxy_id = "p1",
				  .keyring = keyring,
				  .cluster = "pool"};
	cr_assert_eq(addr_numeric(&j.self[0], "192.0.2.1", 2100), 0);
	j.selves = 1;
	base = event_base_new();
	env.base = base;
	env.registry = j.registry;
	env.events = j.events;
	sp = shared_pool_new(&env);
	cr_assert(keyring != NULL && other_keyring != NULL && base != NULL && sp != NULL);
}

static void
close_pool(void)
{
	shared_pool_free(sp);
	event_base_free(base);
	registry_free(j.registry);
	counters_free(j.tally);
	events_free(j.events);
	keyring_free(keyring);
	keyring_free(other_keyring);
}

TestSuite(shared_pool, .init = open_pool, .fini = close_pool);

static void
run(uint64_t ms)
{
	uint64_t until = clock_ms() + ms;

	while (clock_ms() < until)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
announce(const char *id, const char *host, unsigned slots, const char *keyid)
{
	struct packet_announcement a = {.policy = "111", .keepalive = true, .lease = 10};
	struct addr at;

	a.slots = slots;
	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_eq(addr_numeric(&at, host, 2105), 0);
	cr_assert_neq(registry_join(j.registry, &a, &at, clock_ms()), REGISTRY_FULL);
	registry_own(j.registry, (unsigned)registry_find(j.registry, id), keyid,
		     keyid[0] != '\0' ? 7 : 0, false);
	shared_pool_changed(sp);
}

static void
row(const char *of, const char *text, uint64_t mod_rev)
{
	shared_pool_row(sp, span_str(of), span_str(text), mod_rev);
}

/* Proxy p2 tells of it. */
static void
tell(const char *id, uint64_t mod_rev)
{
	char of[64], text[512];

	(void)snprintf(of, sizeof of, "servers/%s", id);
	(void)snprintf(text, sizeof text,
		       "{\"v\":1,\"id\":\"%s\",\"policy\":\"111\",\"addr\":\"192.0.2.7:2105\","
		       "\"pooled\":true,\"slots\":8,\"by\":\"p2\"}",
		       id);
	row(of, text, mod_rev);
}

static void
tell_left(const char *id, uint64_t mod_rev)
{
	char of[64], text[512];

	(void)snprintf(of, sizeof of, "servers/%s", id);
	(void)snprintf(text, sizeof text,
		       "{\"v\":1,\"gone\":\"left\",\"id\":\"%s\",\"policy\":\"111\",\"by\":\"p2\"}",
		       id);
	row(of, text, mod_rev);
}

static const char *
known(const char *id)
{
	int i = registry_find(j.registry, id);

	return i < 0 ? "not" : registry_known_text(registry_known(j.registry, (unsigned)i));
}

static void
synced(void)
{
	struct store_state state = {.phase = STORE_SYNCED, .claimed = 1};

	shared_pool_on(sp);
	shared_pool_synced(sp);
	shared_pool_state(sp, &state);
}

/* ---- telling ---- */

Test(shared_pool, what_announced_itself_here_is_told_once)
{
	synced();
	announce("1", "192.0.2.7", 8, "");
	cr_expect_eq(keeps, 1);
	cr_expect_str_eq(key, "servers/1");
	cr_expect_not_null(strstr(value, "\"by\":\"p1\""));
	announce("1", "192.0.2.7", 8, "");
	cr_expect_eq(keeps, 1, "a renewal is nothing new");
	announce("1", "192.0.2.8", 8, "");
	cr_expect_eq(keeps, 2);
	cr_expect_eq(drops, 0);
}

Test(shared_pool, what_other_machines_do_not_reach_or_is_plain_is_not_told)
{
	struct packet_announcement a = {
		.id = "file", .policy = "111", .keepalive = true, .slots = 8};
	struct addr at;

	synced();
	announce("1", "127.0.0.1", 8, "");
	announce("2", "192.0.2.7", 1, "");
	cr_assert_eq(addr_numeric(&at, "192.0.2.9", 2105), 0);
	(void)registry_configure(j.registry, &a, &at, 1000);
	shared_pool_changed(sp);
	cr_expect_eq(keeps, 0);
	cr_assert_eq(addr_numeric(&j.self[0], "127.0.0.1", 2100), 0);
	shared_pool_review(sp);
	cr_expect_eq(keeps, 1, "all are on this machine");
}

Test(shared_pool, another_store_process_is_told_all_anew)
{
	announce("1", "192.0.2.7", 8, "");
	announce("2", "192.0.2.8", 8, "");
	cr_expect_eq(keeps, 0);
	synced();
	cr_expect_eq(keeps, 2);
	shared_pool_on(sp);
	cr_expect_eq(keeps, 4);
}

Test(shared_pool, what_leaves_is_told_to_have_left_and_what_was_lost_is_not)
{
	synced();
	announce("1", "192.0.2.7", 8, "");
	cr_assert(registry_leave(j.registry, "1", "111"));
	shared_pool_changed(sp);
	cr_expect_eq(drops, 1);
	cr_expect_not_null(strstr(value, "\"gone\":\"left\""));
	announce("1", "192.0.2.7", 8, "");
	shared_pool_lease_ended(sp, (unsigned)registry_find(j.registry, "1"));
	registry_remove(j.registry, (unsigned)registry_find(j.registry, "1"));
	shared_pool_changed(sp);
	cr_expect_not_null(strstr(value, "\"gone\":\"lease-ended\""));
}

Test(shared_pool, what_is_of_a_key_is_signed_anew_with_another_secret)
{
	char before[sizeof value];

	synced();
	announce("1", "192.0.2.7", 8, "alpha");
	cr_expect_not_null(strstr(value, "\"mac\":\""));
	(void)strcpy(before, value);
	shared_pool_review(sp);
	cr_expect_eq(keeps, 1);
	j.keyring = other_keyring;
	shared_pool_review(sp);
	cr_expect_eq(keeps, 2);
	cr_expect_str_neq(value, before);
	j.keyring = NULL;
	shared_pool_review(sp);
	cr_expect_eq(drops, 1, "it cannot be signed any more");
}

/* ---- hearing ---- */

Test(shared_pool, what_another_tells_is_learned_and_told_to_the_rest_in_one)
{
	synced();
	tell("1", 5);
	tell("2", 6);
	cr_expect_str_eq(known("1"), "store");
	cr_expect_eq(changes, 0);
	run(1);
	cr_expect_eq(changes, 1);
	cr_expect_eq(keeps, 0, "it is not ours to tell");
}

Test(shared_pool, what_left_leaves_and_what_is_deleted_fades_until_its_first_incident)
{
	synced();
	tell("1", 5);
	tell("2", 6);
	tell("3", 6);
	tell_left("1", 7);
	cr_expect_str_eq(known("1"), "not");
	shared_pool_deleted(sp, span_str("servers/2"));
	shared_pool_deleted(sp, span_str("servers/3"));
	shared_pool_deleted(sp, span_str("servers/1"));
	cr_expect_str_eq(known("2"), "fading");
	cr_expect_eq(asked, 2);
	fails[registry_find(j.registry, "2")] = true;
	run(300);
	cr_expect_str_eq(known("2"), "not");
	cr_expect_str_eq(known("3"), "fading");
	tell("3", 8);
	cr_expect_str_eq(known("3"), "store");
	cr_expect_eq(events_count(j.events, EVENT_FADED), 1);
}

Test(shared_pool, what_fades_is_taken_out_after_store_hold_but_not_while_nobody_can_tell)
{
	struct store_state lost = {.phase = STORE_UNSYNCED};

	synced();
	tell("1", 5);
	shared_pool_deleted(sp, span_str("servers/1"));
	hold_ms = 0;
	fails[0] = true;
	shared_pool_state(sp, &lost);
	run(500);
	cr_expect_str_eq(known("1"), "fading");
	lost.phase = STORE_SYNCED;
	fails[0] = false;
	shared_pool_state(sp, &lost);
	run(500);
	cr_expect_str_eq(known("1"), "not");
}

Test(shared_pool, a_store_that_was_reset_leaves_all_and_hears_ours_again)
{
	synced();
	tell("1", 5);
	announce("2", "192.0.2.8", 8, "");
	shared_pool_reset(sp);
	cr_expect_str_eq(known("1"), "fading");
	cr_expect_str_eq(known("2"), "self");
	tell("1", 1);
	cr_expect_str_eq(known("1"), "store");
}

Test(shared_pool, rows_that_another_process_does_not_tell_of_are_gone)
{
	synced();
	tell("1", 5);
	tell("2", 5);
	shared_pool_on(sp);
	tell("2", 5);
	cr_expect_str_eq(known("1"), "store");
	shared_pool_synced(sp);
	cr_expect_str_eq(known("1"), "fading");
	cr_expect_str_eq(known("2"), "store");
}

Test(shared_pool, without_a_store_what_is_known_from_it_fades)
{
	synced();
	tell("1", 5);
	hold_ms = 100;
	shared_pool_off(sp);
	cr_expect_str_eq(known("1"), "fading");
	run(500);
	cr_expect_str_eq(known("1"), "not");
	cr_expect_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

Test(shared_pool, what_has_just_left_here_is_not_learned_from_its_own_echo)
{
	synced();
	announce("1", "192.0.2.7", 8, "");
	(void)registry_leave(j.registry, "1", "111");
	shared_pool_changed(sp);
	tell("1", 5);
	cr_expect_str_eq(known("1"), "not");
	run(2500);
	cr_expect_str_eq(known("1"), "store", "but if others go on telling of it");
}

Test(shared_pool, one_of_ours_that_others_call_gone_is_told_again)
{
	synced();
	announce("1", "192.0.2.7", 8, "");
	tell_left("1", 9);
	cr_expect_eq(keeps, 1, "it may be about to leave here too");
	run(1600);
	cr_expect_eq(keeps, 2);
	cr_expect_eq(over, 9);
	cr_expect_str_eq(known("1"), "self");
}

Test(shared_pool, a_forged_row_is_replaced_by_ours_and_named)
{
	struct json_object *o, *v;

	synced();
	announce("1", "192.0.2.7", 8, "alpha");
	row("servers/1", "{\"v\":1,\"nonsense\":true}", 9);
	cr_expect_eq(keeps, 2);
	cr_expect_eq(over, 9);
	tell("1", 10);
	cr_expect_eq(keeps, 2, "not more than once a second");
	run(1600);
	cr_expect_eq(keeps, 3);
	cr_expect_eq(over, 10);
	o = shared_pool_show(sp);
	cr_assert(json_object_object_get_ex(o, "last_refused", &v));
	cr_expect_str_eq(json_object_get_string(v), "1: the id belongs to another key");
	cr_assert(json_object_object_get_ex(o, "refused", &v));
	cr_expect_eq(json_object_get_int(v), 1);
	(void)json_object_put(o);
}

Test(shared_pool, what_stands_there_in_our_name_is_what_we_told)
{
	char ours[sizeof value];

	synced();
	announce("1", "192.0.2.7", 8, "");
	(void)strcpy(ours, value);
	row("servers/1", ours, 5);
	cr_expect_eq(keeps, 1);
	*strstr(value, "2105") = '3';
	row("servers/1", value, 6);
	cr_expect_eq(keeps, 2);
	cr_expect_eq(over, 6);
	cr_expect_str_eq(value, ours);
	cr_expect_str_eq(known("1"), "self");
}

Test(shared_pool, another_of_the_same_is_left_alone)
{
	synced();
	announce("1", "192.0.2.7", 8, "");
	tell("1", 9);
	cr_expect_str_eq(known("1"), "both");
	cr_expect_eq(keeps, 1);
	shared_pool_on(sp);
	cr_expect_eq(keeps, 2);
	cr_expect_eq(over, 0, "it says the same");
	shared_pool_deleted(sp, span_str("servers/1"));
	cr_expect_str_eq(known("1"), "self");
}

Test(shared_pool, what_was_refused_for_want_of_room_is_taken_later)
{
	char id[8];

	synced();
	for (unsigned i = 0; i < SERVERS + 1; i++) {
		(void)snprintf(id, sizeof id, "%u", i);
		tell(id, 5);
	}
	cr_expect_str_eq(known("8"), "not");
	tell_left("3", 6);
	run(300);
	cr_expect_str_eq(known("8"), "store");
}

Test(shared_pool, rows_of_no_kind_are_counted_and_proxies_are_shown)
{
	struct json_object *list, *v;

	synced();
	row("orders/1", "x", 1);
	row("servers/%zz", "x", 1);
	row("proxies/p2", "{\"boot\":\"b\",\"address\":\"a\\u0001:1\",\"version\":\"9\"}", 1);
	row("proxies/p1", "no JSON", 1);
	tell("1", 2);
	list = shared_pool_show_proxies(sp);
	cr_assert_eq(json_object_array_length(list), 2);
	cr_assert(json_object_object_get_ex(json_object_array_get_idx(list, 1), "servers", &v));
	cr_expect_eq(json_object_get_int(v), 1);
	cr_assert(json_object_object_get_ex(json_object_array_get_idx(list, 0), "self", &v));
	cr_expect(json_object_get_boolean(v));
	(void)json_object_put(list);
	shared_pool_deleted(sp, span_str("proxies/p2"));
	list = shared_pool_show_proxies(sp);
	cr_expect_eq(json_object_array_length(list), 1);
	(void)json_object_put(list);
}

Test(shared_pool, another_proxy_with_this_id_is_told_once_and_its_end_too)
{
	struct store_state mine = {.phase = STORE_SYNCED, .claimed = 1};
	struct json_object *o, *v;

	synced();
	shared_pool_clash(sp, span_str("192.0.2.9:2100"));
	shared_pool_clash(sp, span_str("192.0.2.9:2100"));
	cr_expect_eq(events_count(j.events, EVENT_STORE), 2, "synced, and that");
	o = shared_pool_show(sp);
	cr_assert(json_object_object_get_ex(o, "state", &v));
	cr_expect_str_eq(json_object_get_string(v), "clash");
	(void)json_object_put(o);
	shared_pool_state(sp, &mine);
	o = shared_pool_show(sp);
	cr_assert(json_object_object_get_ex(o, "state", &v));
	cr_expect_str_eq(json_object_get_string(v), "synced");
	(void)json_object_put(o);
}

/* Nobody who can write to the store is believed more than may be, nor harms anything. */
Test(shared_pool, anything_at_all_may_stand_in_the_store)
{
	uint64_t seed = 4711;
	char text[64], of[32];

	synced();
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = 0;
		for (; n < sizeof text - 1; n++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			text[n] = (char)(seed >> 56);
		}
		(void)snprintf(of, sizeof of, "%s%u", i % 2 ? "servers/" : "proxies/", i % 40);
		shared_pool_row(sp, span_str(of), span_of(text, n), i);
		if (i % 7 == 0)
			shared_pool_deleted(sp, span_str(of));
	}
	cr_expect_eq(registry_server_end(j.registry), 0);
	(void)json_object_put(shared_pool_show_proxies(sp));
}
