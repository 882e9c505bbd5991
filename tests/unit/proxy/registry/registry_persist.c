/* registry_persist: what it wrote is what the next one reads; what can't be used is set aside. */
#include "registry_persist.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "state_lock.h"

enum { SERVERS = 4 };

static char dir[] = "/tmp/keeper-test-XXXXXX";
static char path[96];
static struct event_base *base;
static struct registry *registry;
static struct events *events;

static void
open_folder(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/made/registry.journal", dir);
	base = event_base_new();
	registry = registry_new(SERVERS, SERVERS);
	events = events_new();
}

static glob_t
files(void)
{
	char pattern[128];
	glob_t found;

	(void)snprintf(pattern, sizeof pattern, "%s*", path);
	if (glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	return found;
}

static void
close_folder(void)
{
	glob_t left = files();
	char made[96];

	for (size_t i = 0; i < left.gl_pathc; i++)
		(void)unlink(left.gl_pathv[i]);
	globfree(&left);
	(void)snprintf(made, sizeof made, "%s/made", dir);
	(void)rmdir(made);
	cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
	events_free(events);
	registry_free(registry);
	event_base_free(base);
}

TestSuite(keeper, .init = open_folder, .fini = close_folder, .timeout = 60);

static void
join(const char *id)
{
	struct packet_announcement a = {.port = 1, .policy = "111", .weight = 7};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_eq(addr_numeric(&at, "192.0.2.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, 1000), REGISTRY_JOINED);
}

static struct registry_persist *
keeper(uint64_t max_age)
{
	struct registry_persist_env env = {.base = base,
					   .registry = registry,
					   .events = events,
					   .path = path,
					   .max_age = max_age};

	cr_assert_eq(registry_persist_lock(path, &env.lock), 0);
	return registry_persist_new(&env);
}

/* As a proxy that ends with these servers would. */
static void
leave_behind(const char *id)
{
	struct registry_persist *k = keeper(0);

	cr_assert_not_null(k);
	join(id);
	registry_persist_end(k);
	registry_persist_free(k);
	registry_free(registry);
	registry = registry_new(SERVERS, SERVERS);
}

static void
recall(uint64_t max_age)
{
	struct registry_persist *k = keeper(max_age);

	cr_assert_not_null(k);
	registry_persist_recall(k);
	registry_persist_free(k);
}

/* The only event is of that kind and says so. */
static void
told_once(enum event_kind kind, const char *why)
{
	const struct event_entry *e = events_get(events, 1);

	cr_assert_eq(events_last(events), 1);
	cr_assert_eq(e->kind, kind);
	cr_assert(strstr(e->why, why) != NULL, "%s", e->why);
}

static void
is_set_aside(void)
{
	glob_t found;
	char lock[128];

	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	cr_assert_eq(unlink(lock), 0);
	found = files();
	cr_assert_eq(registry_server_end(registry), 0);
	cr_assert_eq(found.gl_pathc, 1);
	cr_assert(strstr(found.gl_pathv[0], ".journal.bad-") != NULL, "%s", found.gl_pathv[0]);
	globfree(&found);
}

Test(keeper, the_next_one_knows_the_servers_of_the_last)
{
	int at;

	leave_behind("a");
	recall(60000);
	at = registry_find(registry, "a");
	cr_assert_geq(at, 0);
	cr_assert_eq(registry_server(registry, (unsigned)at)->weight, 7);
	told_once(EVENT_RESTORED, "1 servers of 1 policies");
}

Test(keeper, a_change_is_written_by_itself)
{
	struct registry_persist *k = keeper(0);

	join("a");
	registry_persist_changed(k);
	while (access(path, F_OK) < 0)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	registry_persist_free(k);
	registry_free(registry);
	registry = registry_new(SERVERS, SERVERS);
	recall(0);
	cr_assert_geq(registry_find(registry, "a"), 0);
}

Test(keeper, nothing_is_told_where_there_was_no_file)
{
	recall(0);
	cr_assert_eq(registry_server_end(registry), 0);
	cr_assert_eq(events_last(events), 0);
}

Test(keeper, a_damaged_file_is_set_aside_and_nothing_of_it_is_believed)
{
	FILE *f;

	leave_behind("a");
	f = fopen(path, "r+");
	cr_assert(f != NULL && fseek(f, -3, SEEK_END) == 0 && fputc('#', f) == '#');
	cr_assert_eq(fclose(f), 0);
	recall(0);
	is_set_aside();
	told_once(EVENT_JOURNAL, "set aside: ");
}

Test(keeper, one_that_is_too_old_is_set_aside)
{
	uint64_t written;

	leave_behind("a");
	written = clock_wall_ms();
	while (clock_wall_ms() < written + 3)
		;
	recall(1);
	is_set_aside();
	told_once(EVENT_JOURNAL, "older than state_max_age");
}

/* What the lock's file says of when a proxy lived, whatever the journal says of its last change. */
static void
lived(uint64_t wall, uint64_t uptime, const char *boot)
{
	char lock[128];
	FILE *f;

	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	f = fopen(lock, "w");
	cr_assert_not_null(f);
	(void)fprintf(f, "{\"pid\":1,\"wall\":%llu,\"uptime\":%llu,\"boot\":\"%s\"}\n",
		      (unsigned long long)wall, (unsigned long long)uptime, boot);
	cr_assert_eq(fclose(f), 0);
}

static void
wait_ms(uint64_t ms)
{
	uint64_t begin = clock_wall_ms();

	while (clock_wall_ms() < begin + ms)
		;
}

Test(keeper, one_whose_proxy_lived_until_now_is_not_too_old)
{
	struct state_lock_beat now;

	leave_behind("a");
	wait_ms(120);
	state_lock_now(&now);
	lived(now.wall, 0, "another-boot");
	recall(100);
	cr_assert_geq(registry_find(registry, "a"), 0);
}

Test(keeper, a_clock_that_was_set_since_does_not_age_it)
{
	struct state_lock_beat now;

	leave_behind("a");
	wait_ms(120);
	state_lock_now(&now);
	lived(1000, now.uptime, now.boot); /* 1970, of this boot */
	recall(100);
	cr_assert_geq(registry_find(registry, "a"), 0);
}

Test(keeper, one_whose_proxy_lived_long_ago_is_set_aside)
{
	struct state_lock_beat now;

	leave_behind("a");
	wait_ms(120);
	state_lock_now(&now);
	lived(now.wall, now.uptime - 110, now.boot);
	recall(100);
	is_set_aside();
}

Test(keeper, only_one_at_a_time_has_it)
{
	struct registry_persist *k = keeper(0);
	int lock, other;

	cr_assert_not_null(k);
	cr_assert_eq(registry_persist_lock(path, &lock), -1, "two keep the same journal");
	lock = registry_persist_dup_lock(k);
	cr_assert_geq(lock, 0);
	registry_persist_free(k);
	cr_assert_eq(registry_persist_lock(path, &other), -1, "a successor's is not its own");
	(void)close(lock);
	cr_assert_eq(registry_persist_lock(path, &other), 0);
	cr_assert_geq(other, 0);
	(void)close(other);
}

Test(keeper, one_that_lost_the_lock_writes_nothing)
{
	struct registry_persist *k = keeper(0);
	char lock[128];
	int other;

	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	cr_assert_eq(unlink(lock), 0);
	cr_assert_eq(registry_persist_lock(path, &other), 0);
	join("a");
	registry_persist_end(k); /* which is logged */
	cr_assert_eq(access(path, F_OK), -1, "it wrote beside another");
	(void)close(other);
	registry_persist_end(k);
	cr_assert_eq(access(path, F_OK), 0);
	registry_persist_free(k);
}

Test(keeper, a_folder_that_cannot_be_one_keeps_nothing)
{
	char file[96];
	FILE *f;

	(void)snprintf(file, sizeof file, "%s/made", dir);
	f = fopen(file, "w");
	cr_assert(f != NULL && fclose(f) == 0);
	cr_assert_null(keeper(0));
	registry_persist_recall(NULL); /* as its callers do then */
	registry_persist_changed(NULL);
	registry_persist_end(NULL);
	registry_persist_free(NULL);
	registry_persist_after_fork(NULL);
	(void)unlink(file);
}

static void
lies_at(const char *configured, bool detached, const char *wanted)
{
	int error = -1;
	char *got = registry_persist_path(configured, detached, "ppool-proxy-2000", &error);

	cr_assert_eq(error, 0);
	if (wanted == NULL)
		cr_assert_null(got, "%s", got);
	else
		cr_assert(got != NULL && strcmp(got, wanted) == 0, "%s, not %s", got, wanted);
	free(got);
}

Test(keeper, where_it_lies_is_configured_or_follows_from_the_surroundings)
{
	char own[128];

	(void)unsetenv("STATE_DIRECTORY");
	(void)setenv("HOME", "/home/someone", 1);
	(void)unsetenv("XDG_STATE_HOME");
	lies_at("none", true, NULL);
	lies_at("/srv/j", false, "/srv/j");
	lies_at("", false, NULL);
	(void)snprintf(own, sizeof own, "%s/ppool-proxy-2000.journal",
		       geteuid() == 0 ? "/var/lib/policypool"
				      : "/home/someone/.local/state/policypool");
	lies_at("", true, own);
	(void)setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
	lies_at("", false, "/var/lib/one/ppool-proxy-2000.journal");
	lies_at("none", false, NULL);
	(void)setenv("STATE_DIRECTORY", "not/absolute", 1);
	lies_at("", false, NULL);
}
