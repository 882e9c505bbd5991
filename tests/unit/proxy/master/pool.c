/* pool: registrations and leases change the registry, and all that stands on it is told; what they
 * are judged by goes with the settings.  The registry, the judgement and the settings are real; who
 * watches and keeps it is the test's. */
#include "pool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "log_fixture.h"
#include "peer_fixture.h"
#include "proxy_settings.h"
#include "proxy_takeover.h"
#include "supervisor_fake.h"
#include "takeover.h"

enum { A_LOCK = 70 };

static struct pool p = {.journal_lock = -1};
static struct listen_socket at = {.n = 1};
static struct event_base *base;

/* Something to point at; nobody looks into it. */
static char thing[4];
#define THING(i, type) ((type *)(void *)&thing[i])

/* ---- who watches ---- */

static unsigned watched, conf_taken;
static struct health_monitor_env watch_env;
static enum server_life life;
static bool fails; /* whatever is asked of the stand-ins */

struct health_monitor *
health_monitor_new(const struct health_monitor_env *env)
{
	watch_env = *env;
	errno = ENOMEM;
	return fails ? NULL : THING(0, struct health_monitor);
}

void
health_monitor_free(struct health_monitor *w)
{
	(void)w;
}

void
health_monitor_registry(struct health_monitor *w)
{
	(void)w;
	watched++;
}

void
health_monitor_settings(struct health_monitor *w)
{
	cr_assert_eq(w, p.watch);
	conf_taken++;
}

void
health_monitor_snapshot(struct health_monitor *w, unsigned server, struct health_view *v)
{
	cr_assert_eq(w, p.watch);
	(void)server;
	*v = (struct health_view){.state = HEALTH_UP};
}

enum server_life
health_monitor_life(unsigned server, void *watch)
{
	cr_assert(server == 0 && watch == p.watch);
	return life;
}

/* ---- who keeps ---- */

static const char *keeper_at; /* NULL: nowhere */
static int keeper_error;
static unsigned kept, locked, recalled, handed_over;
static struct registry_persist_env keeper_env;

char *
registry_persist_path(const char *configured, bool detached, const char *name, int *error)
{
	cr_assert_str_empty(configured);
	cr_assert_not(detached);
	cr_assert_str_eq(name, "the name");
	*error = keeper_error;
	return keeper_at == NULL ? NULL : strdup(keeper_at);
}

int
registry_persist_check(const char *path)
{
	(void)path;
	return 0;
}

int
registry_persist_lock(const char *path, int *lock)
{
	cr_assert_str_eq(path, keeper_at);
	locked++;
	*lock = A_LOCK;
	return fails ? -1 : 0;
}

struct registry_persist *
registry_persist_new(const struct registry_persist_env *env)
{
	keeper_env = *env;
	return THING(1, struct registry_persist);
}

void
registry_persist_recall(struct registry_persist *k)
{
	cr_assert_eq(k, p.keeper);
	recalled++;
}

void
registry_persist_changed(struct registry_persist *k)
{
	(void)k;
	kept++;
}

void
registry_persist_end(struct registry_persist *k)
{
	(void)k;
}

void
registry_persist_free(struct registry_persist *k)
{
	(void)k;
}

void
registry_persist_after_fork(struct registry_persist *k)
{
	(void)k;
}

int
proxy_takeover_recall(struct registry *r)
{
	cr_assert_eq(r, p.registry);
	handed_over++;
	return fails ? -1 : 1;
}

int
listen_socket_ask(struct listen_socket *v, const struct conf_list *listen, const char *fallback,
		  struct host_names *names, const char *program, FILE *err)
{
	(void)listen, (void)fallback, (void)names, (void)program, (void)err;
	*v = at;
	return 0;
}

/* ---- */

/* A snapshot of the defaults but for these words, the caller's. */
static struct settings *
settings_with(const char *first, const char *second)
{
	char *argv[] = {(char[]){"ppool-proxy"}, NULL, NULL, NULL};
	struct settings *s = settings_new(&proxy_settings_kind);
	struct conf_command command;
	int argc = 1;

	if (first != NULL)
		argv[argc++] = strdup(first);
	if (second != NULL)
		argv[argc++] = strdup(second);
	cr_assert_not_null(s);
	cr_assert_eq(conf_load(s->table, s->tables, argc, argv, NULL, &command, stderr), 0);
	free(argv[1]);
	free(argv[2]);
	return s;
}

static int
open_with(const char *first, const char *second)
{
	struct settings *s = settings_with(first, second);
	int rc = pool_open(&p, base, s, "the name", &at);

	settings_release(s); /* the pool holds it */
	return rc;
}

/* Takes fresh settings, which nobody but the pool holds then. */
static void
take(const char *first, const char *second)
{
	struct settings *s = settings_with(first, second);

	cr_assert_eq(pool_take_rules(&p, s, &at), 0);
	settings_release(s);
}

static void
open_log_and_loop(void)
{
	log_to_memory();
	base = event_base_new();
	cr_assert_eq(addr_numeric(&at.at[0].addr, "127.0.0.1", 2100), 0);
}

static void
open_pool(void)
{
	open_log_and_loop();
	cr_assert_eq(open_with("--trusted-networks=127.0.0.0/8", "--cluster=pool"), 0);
	p.supervisor = &fake;
	watched = kept = 0;
}

static void
close_pool(void)
{
	pool_close(&p);
	event_base_free(base);
}

TestSuite(opening, .init = open_log_and_loop, .fini = close_pool, .timeout = 60);
TestSuite(pool, .init = open_pool, .fini = close_pool, .timeout = 60);

/* ---- registrations ---- */

static struct buf answer;

/* A worker hands that over, which came from there. */
static void
hand_over(const char *from, const char *text)
{
	struct registration_msg head;
	struct buf message = BUF_INIT;

	memset(&head, 0, sizeof head);
	head.kind = WORKER_MSG_REGISTRATION;
	head.token = 77;
	head.guest.peer = peer_at(from, 40000);
	cr_assert_eq(buf_append(&message, &head, sizeof head), 0);
	cr_assert_eq(buf_append_str(&message, text), 0);
	buf_clear(&answer);
	pool_register(&p, buf_span(&message), &answer);
	buf_release(&message);
}

#define REGISTRATION(more) "{\"type\":1,\"id\":9,\"privPolyId\":1,\"listenport\":5" more "}"

static void
was_told(const char *what)
{
	struct registration_msg head;
	struct span s;

	cr_assert_geq(buf_len(&answer), sizeof head);
	s = span_of(answer.base + answer.head + sizeof head, buf_len(&answer) - sizeof head);
	cr_assert_not_null(memmem(s.p, s.n, what, strlen(what)), "%.*s", SPAN_ARG(s));
}

/* So often, and each worker. */
static void
changed(unsigned n)
{
	int bytes;

	cr_assert_eq(watched, n);
	cr_assert_eq(kept, n);
	for (unsigned i = 0; i < FAKE_SLOTS; i++) {
		cr_assert_eq(ioctl(conn_limit_descriptor(p.permits, i), FIONREAD, &bytes), 0);
		cr_assert_eq(bytes, (int)n, "worker %u", i);
	}
}

Test(pool, a_registration_changes_it_and_is_answered)
{
	struct registration_msg head;

	hand_over("127.0.0.1", REGISTRATION(""));
	cr_assert_eq(registry_find(p.registry, "9"), 0);
	changed(1);
	was_told("\"verb\":\"registered\"");
	memcpy(&head, answer.base + answer.head, sizeof head);
	cr_assert(head.kind == WORKER_MSG_REGISTRATION && head.token == 77);
	cr_assert_eq(head.guest.incarnation, registry_server(p.registry, 0)->incarnation,
		     "what the master knows of the guest by now");
	cr_assert_eq(p.joins.done[REGISTRATION_REGISTERED], 1);
	cr_assert_eq(events_count(p.events, EVENT_JOINED), 1);
}

Test(pool, a_renewal_changes_nothing)
{
	hand_over("127.0.0.1", REGISTRATION(""));
	hand_over("127.0.0.1", REGISTRATION(""));
	was_told("\"verb\":\"renewed\"");
	changed(1);
}

Test(pool, a_refusal_changes_nothing_and_is_answered)
{
	hand_over("192.0.2.1", REGISTRATION(""));
	cr_assert_eq(registry_find(p.registry, "9"), -1);
	changed(0);
	was_told("\"code\":\"denied\"");
}

Test(pool, what_is_no_registration_is_not_answered)
{
	uint32_t kind = WORKER_MSG_REGISTRATION;

	pool_register(&p, span_of((const char *)&kind, sizeof kind), &answer);
	cr_assert_eq(buf_len(&answer), 0);
	changed(0);
	expect_logged("a worker handed over what is no registration");
}

Test(pool, whether_a_rival_lives_is_asked_of_the_watch_where_there_is_one)
{
	hand_over("127.0.0.1", REGISTRATION(",\"lease\":60"));
	life = SERVER_LIVES;
	hand_over("127.0.0.2", REGISTRATION(",\"lease\":60"));
	was_told("id in use: 9 answers at 127.0.0.1:5");
	p.watch = NULL;
	hand_over("127.0.0.2", REGISTRATION(",\"lease\":60"));
	was_told("\"verb\":\"registered\"");
}

/* ---- leases ---- */

static void
turn(void)
{
	struct timeval tv = {.tv_usec = 20000};

	cr_assert_eq(event_base_loopexit(base, &tv), 0);
	cr_assert_geq(event_base_dispatch(base), 0);
}

Test(pool, a_lease_that_ends_changes_it)
{
	hand_over("127.0.0.1", REGISTRATION(",\"lease\":1"));
	changed(1);
	while (registry_find(p.registry, "9") >= 0)
		turn();
	changed(2);
	cr_assert_eq(events_count(p.events, EVENT_LEASE_ENDED), 1);
}

static void
leases_do_not_end(void)
{
	struct timeval tv = {.tv_sec = 1, .tv_usec = 600000};

	hand_over("127.0.0.1", REGISTRATION(",\"lease\":1"));
	cr_assert_eq(event_base_loopexit(base, &tv), 0);
	cr_assert_geq(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
	cr_assert_eq(registry_find(p.registry, "9"), 0);
	changed(1);
}

Test(pool, none_ends_while_the_daemon_stops)
{
	fake.stopping = true;
	leases_do_not_end();
}

Test(pool, none_ends_once_the_successor_has_them)
{
	pool_handed_over(&p);
	leases_do_not_end();
}

/* ---- settings ---- */

Test(pool, registrations_are_judged_by_the_settings_in_force)
{
	const struct registration *j = &p.rules.join;

	cr_assert(!rate_limit_is(j->refusals, 3, 0) && p.rules.gate == NULL);
	cr_assert_eq(addr_numeric(&at.at[at.n++].addr, "::1", 2100), 0);
	take("--refusals-per-address=3", "--rate-per-address=5");
	cr_assert(rate_limit_is(j->refusals, 3, 0) && p.rules.gate != NULL);
	cr_assert(j->selves == 2 && addr_eq(&j->self[0], &at.at[0].addr) &&
		  addr_eq(&j->self[1], &at.at[1].addr));
	pool_keep_rules(&p);
	take("--trusted-networks=192.0.2.0/24", "--servers-per-address=7");
	cr_assert(j->servers_per_address == 7 && !j->tls_required && !j->tls_known);
	cr_assert_eq(pool_conf(&p)->servers_per_address, 7);
	cr_assert_eq(watch_env.conf(watch_env.ctx), pool_conf(&p));
	cr_assert_eq(conf_taken, 2);
	hand_over("127.0.0.1", REGISTRATION(""));
	was_told("\"code\":\"denied\"");
	pool_keep_rules(&p);
	hand_over("192.0.2.1", REGISTRATION(""));
	was_told("\"verb\":\"registered\"");
}

/* Nobody else holds the snapshots: what is used of a freed one is seen by a sanitizer. */
Test(pool, rules_that_are_undone_leave_those_before)
{
	const struct pool_rules before = p.rules;

	take("--trusted-networks=192.0.2.0/24", "--cluster=another");
	cr_assert_str_eq(p.rules.join.cluster, "another");
	pool_undo_rules(&p);
	cr_assert(p.rules.settings == before.settings && p.former.settings == NULL);
	cr_assert_str_eq(p.rules.join.cluster, "pool");
	cr_assert_eq(watch_env.conf(watch_env.ctx), &before.settings->proxy);
	hand_over("127.0.0.1", REGISTRATION(""));
	was_told("\"verb\":\"registered\"");
	for (unsigned i = 0; i < 3; i++) {
		take("--cluster=another", "--id=another-one");
		pool_keep_rules(&p);
	}
	hand_over("127.0.0.1", REGISTRATION(""));
	was_told("\"another-one\"");
}

Test(pool, rules_that_are_kept_take_out_who_is_let_in_no_more)
{
	hand_over("127.0.0.1", REGISTRATION(""));
	take("--trusted-networks=127.0.0.0/8", NULL);
	pool_keep_rules(&p);
	changed(1);
	take("--require-signature", NULL);
	changed(1);
	pool_keep_rules(&p);
	changed(2);
	cr_assert_eq(registry_find(p.registry, "9"), -1);
}

/* ---- putting it together ---- */

Test(opening, the_registry_comes_with_all_that_workers_share)
{
	cr_assert_eq(open_with("--max-servers=8", "--max-policies=4"), 0);
	cr_assert_eq(registry_max_servers(p.registry), 8);
	cr_assert_eq(registry_max_policies(p.registry), 4);
	cr_assert(p.tally != NULL && p.meter != NULL && p.permits != NULL && p.events != NULL);
	cr_assert(p.ledger != NULL && p.verdicts != NULL);
	cr_assert(watch_env.base == base && watch_env.registry == p.registry);
	cr_assert(watch_env.tally == p.tally && watch_env.permits == p.permits);
	cr_assert(watch_env.verdicts == p.verdicts && watch_env.events == p.events);
	p.supervisor = &fake;
	watch_env.changed(watch_env.ctx);
	changed(1);
}

Test(opening, the_master_takes_permits_as_one_worker_more)
{
	cr_assert_eq(open_with(NULL, NULL), 0);
	cr_assert_eq(conn_limit_try(p.permits, 7, 2, watch_env.worker), 0);
	cr_assert_eq(conn_limit_held(p.permits, 7), 1, "the master's are looked at");
	cr_assert(conn_limit_only_master(p.permits, 7));
}

Test(opening, without_a_watch_it_does_not_start)
{
	fails = true;
	cr_assert_eq(open_with(NULL, NULL), -1);
	expect_logged("cannot watch the servers");
}

Test(opening, where_nothing_is_kept_nothing_is_locked)
{
	cr_assert_eq(open_with(NULL, NULL), 0);
	cr_assert_eq(pool_begin(&p, &fake), 0);
	cr_assert(p.journal_path == NULL && p.keeper == NULL && locked == 0 && recalled == 0);
	cr_assert_eq(watched, 1);
}

Test(opening, that_no_memory_is_left_for_the_path_is_said)
{
	keeper_error = ENOMEM;
	cr_assert_eq(open_with(NULL, NULL), 0);
	expect_logged("no journal is kept");
}

Test(opening, the_journal_is_locked_read_and_kept)
{
	keeper_at = "/somewhere/journal";
	cr_assert_eq(open_with("--state-max-age=99", NULL), 0);
	cr_assert_eq(p.journal_lock, A_LOCK);
	cr_assert_eq(pool_begin(&p, &fake), 0);
	cr_assert_eq(p.keeper, THING(1, struct registry_persist));
	cr_assert_eq(p.journal_lock, -1, "it is the keeper's");
	cr_assert(keeper_env.lock == A_LOCK && keeper_env.max_age == 99000);
	cr_assert_eq(keeper_env.path, p.journal_path);
	cr_assert(recalled == 1 && watched == 2 && kept == 1);
}

Test(opening, a_journal_of_another_process_ends_the_start)
{
	keeper_at = "/somewhere/journal";
	fails = true;
	cr_assert_eq(open_with(NULL, NULL), -1);
}

Test(opening, a_successor_has_the_lock_and_knows_what_is_in_the_journal)
{
	char text[256];
	int line[2], lock = dup(STDERR_FILENO);

	keeper_at = "/somewhere/journal";
	cr_assert_eq(channel_pair(line), 0);
	(void)snprintf(text, sizeof text, "1\nchannel %d x\njournal %d %s\n", line[1], lock,
		       keeper_at);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	cr_assert_eq(takeover_open(), 0);
	cr_assert_eq(open_with(NULL, NULL), 0);
	cr_assert_eq(p.journal_lock, lock);
	cr_assert_eq(pool_begin(&p, &fake), 0);
	cr_assert(handed_over == 1 && locked == 0 && recalled == 0 && p.keeper == NULL);
	pool_keep_registry(&p);
	cr_assert(recalled == 0 && kept == 1 && keeper_env.lock == lock);
}
