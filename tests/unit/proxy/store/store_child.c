/* The store process, as its master has it. */
#include "store_child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "etcd_fake.h"
#include "log.h"

static struct event_base *base;
static struct etcd_fake fake;
static struct store_child *child;
static char *urls[1];
static char none[] = "", told[1024];
static struct store_conf conf;
static struct privdrop plan = {.level = ISOLATION_UNFILTERED, .umask = 022, .max_files = 256};
static unsigned started, ended;
static struct store_state state;

static void
on_started(void *ctx)
{
	const struct store_msg keep = {
		.kind = STORE_MSG_KEEP, .key = {"servers/7", 9}, .value = {"{}", 2}};

	(void)ctx;
	started++;
	cr_assert_eq(store_child_send(child, &keep), 0);
}

static void
on_message(const struct store_msg *m, void *ctx)
{
	size_t n = strlen(told);

	(void)ctx;
	if (m->kind == STORE_MSG_STATE)
		state = m->state;
	if (m->kind == STORE_MSG_ROW)
		(void)snprintf(told + n, sizeof told - n, "%.*s=%.*s ", SPAN_ARG(m->key),
			       SPAN_ARG(m->value));
	if (m->kind == STORE_MSG_SYNCED)
		(void)snprintf(told + n, sizeof told - n, "synced ");
}

static void
on_ended(void *ctx)
{
	(void)ctx;
	ended++;
}

static void
after_fork(void *ctx)
{
	(void)ctx;
}

static void
on_child(evutil_socket_t sig, short what, void *ctx)
{
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	(void)ctx;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		cr_assert(store_child_reaped(child, pid, status));
}

static const struct fake_answer script[] = {
	{"/v3/kv/range", 200,
	 "{" FAKE_HEADER(5, 2) ",\"kvs\":[{\"key\":\"L3BvbGljeXBvb2wvb25lJTIwY2x1c3Rlci92MS9zZXJ2"
			       "ZXJzLzc=\",\"create_revision\":\"2\",\"mod_revision\":\"2\","
			       "\"value\":\"MQ==\"}],\"count\":\"1\"}",
	 0},
	{"/v3/watch", 200, "{\"result\":{" FAKE_HEADER(5, 2) ",\"created\":true}}\n", 1},
	{"/v3/lease/grant", 200, "{" FAKE_HEADER(5, 2) ",\"ID\":\"7\",\"TTL\":\"10\"}", 0},
	{"/v3/lease/revoke", 200, "{" FAKE_HEADER(5, 2) "}", 0},
	{"/v3/kv/txn", 200, "{" FAKE_HEADER(5, 2) "}", 0},
	{"/v3/lease/keepalive", 200,
	 "{\"result\":{" FAKE_HEADER(5, 2) ",\"ID\":\"7\",\"TTL\":\"10\"}}\n", 0},
	{NULL, 0, NULL, 0}};

static void
begin(void)
{
	static const struct log_options quiet = {
		.program = "test", .target = "/dev/null", .level = LOG_ERROR};
	struct store_child_env env = {.conf = &conf,
				      .isolation = &plan,
				      .cluster = "one cluster",
				      .id = "p1",
				      .boot = "b",
				      .address = "here",
				      .on_started = on_started,
				      .on_message = on_message,
				      .on_ended = on_ended,
				      .after_fork = after_fork};
	struct event *e;

	cr_assert_eq(log_open(&quiet), 0);
	base = env.base = event_base_new();
	fake_start(&fake, base, script);
	urls[0] = fake.url;
	conf = (struct store_conf){.urls = {urls, 1},
				   .ttl = 10000,
				   .ca = none,
				   .certificate = none,
				   .key = none,
				   .user = none,
				   .password_file = none};
	e = evsignal_new(base, SIGCHLD, on_child, NULL);
	cr_assert_eq(event_add(e, NULL), 0);
	child = store_child_new(&env);
	cr_assert_not_null(child);
	store_child_begin(child);
	FAKE_UNTIL(base, strstr(told, "synced") != NULL);
}

Test(store_child, rows_are_told_without_the_prefix_of_the_cluster)
{
	begin();
	cr_assert_str_eq(told, "servers/7=1 synced ");
	FAKE_UNTIL(base, state.phase == STORE_SYNCED);
	cr_assert_str_eq(state.endpoint, fake.url);
	cr_assert_eq(state.rows, 1);
	FAKE_UNTIL(base, state.wanted == 1);
	FAKE_UNTIL(base, strstr(fake.asked, "/v3/kv/txn") != NULL);
	store_child_free(child);
}

Test(store_child, a_process_that_dies_is_followed_by_another_that_is_told_all)
{
	begin();
	cr_assert_eq(started, 1);
	told[0] = '\0';
	cr_assert_eq(kill(store_child_pid(child), SIGKILL), 0);
	FAKE_UNTIL(base, strstr(told, "synced") != NULL);
	cr_assert_str_eq(told, "servers/7=1 synced ");
	cr_assert_eq(started, 2);
	cr_assert_eq(store_child_deaths(child), 1);
	store_child_free(child);
}

Test(store_child, an_orderly_end_revokes_the_lease)
{
	begin();
	FAKE_UNTIL(base, state.lease_until != 0);
	store_child_end(child, true);
	cr_assert_eq(ended, 0);
	FAKE_UNTIL(base, ended == 1);
	cr_assert_eq(store_child_pid(child), 0);
	cr_assert_not_null(strstr(fake.asked, "/v3/lease/revoke {\"ID\":\"7\"}"));
	store_child_free(child);
}

Test(store_child, an_end_for_a_successor_does_not)
{
	begin();
	FAKE_UNTIL(base, state.lease_until != 0);
	store_child_end(child, false);
	FAKE_UNTIL(base, ended == 1);
	cr_assert_null(strstr(fake.asked, "/v3/lease/revoke"));
	store_child_free(child);
}

Test(store_child, one_that_stands_still_is_killed_at_the_end)
{
	begin();
	cr_assert_eq(kill(store_child_pid(child), SIGSTOP), 0);
	store_child_end(child, false);
	FAKE_UNTIL(base, ended == 1);
	store_child_free(child);
}

Test(store_child, it_ends_with_its_master)
{
	pid_t pid;

	begin();
	pid = store_child_pid(child);
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	store_child_free(child); /* kills it */
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}
