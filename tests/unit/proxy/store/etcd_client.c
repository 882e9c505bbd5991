/* Asking the members of an etcd cluster. */
#include "etcd_client.h"

#include "etcd_fake.h"

static struct event_base *base;
static struct etcd_fake first, second;
static struct etcd_client *client;
static char *urls[2];
static char none[] = "", user[] = "proxy";
static struct store_files files = {.password = "secret"};
static struct store_conf conf;
static unsigned failures, refusals, answers;
static enum etcd_class class;
static char why[ETCD_WHY];

static void
on_failed(const char *text, void *ctx)
{
	(void)text;
	(void)ctx;
	failures++;
}

static void
on_refused(const char *text, void *ctx)
{
	(void)text;
	(void)ctx;
	refusals++;
}

static const struct etcd_client_ops ops = {.on_failed = on_failed, .on_refused = on_refused};

static void
on_answer(const struct etcd_answer *a, void *ctx)
{
	(void)ctx;
	answers++;
	class = a->class;
	(void)snprintf(why, sizeof why, "%s", a->why != NULL ? a->why : "");
}

static void
begin(const struct fake_answer *a, const struct fake_answer *b)
{
	const char *what;

	base = event_base_new();
	fake_start(&first, base, a);
	urls[0] = first.url;
	conf = (struct store_conf){.urls = {urls, 1},
				   .ca = none,
				   .certificate = none,
				   .key = none,
				   .user = none,
				   .password_file = none};
	if (b != NULL) {
		fake_start(&second, base, b);
		urls[1] = second.url;
		conf.urls.n = 2;
	}
	client = etcd_client_new(base, &conf, &ops, &what);
	cr_assert_not_null(client, "%s", what);
}

static enum etcd_class
ask(void)
{
	unsigned before = answers;

	cr_assert_not_null(
		etcd_client_call(client, "/v3/kv/range", span_str("{}"), on_answer, NULL));
	cr_assert_eq(answers, before);
	FAKE_UNTIL(base, answers > before);
	return class;
}

static const struct fake_answer good[] = {{"/v3/kv/range", 200, "{" FAKE_HEADER(4, 2) "}", 0},
					  {NULL, 0, NULL, 0}};

Test(etcd_client, a_member_that_refuses_is_left_for_the_next)
{
	struct etcd_client_view v;

	begin(good, good);
	evhttp_free(first.http);
	cr_assert_eq(ask(), ETCD_LOST);
	cr_assert_eq(failures, 1);
	cr_assert_eq(ask(), ETCD_OK);
	etcd_client_look(client, &v);
	cr_assert_str_eq(v.endpoint, second.url);
	cr_assert_eq(v.cluster, 77);
	cr_assert_eq(v.term, 2);
	cr_assert_eq(v.errors, 1);
	cr_assert_not_null(strstr(v.error, first.url));
	etcd_client_free(client);
}

Test(etcd_client, a_member_without_a_leader_is_left_too)
{
	static const struct fake_answer bad[] = {
		{"/v3/kv/range", 503, "{\"error\":\"etcdserver: no leader\",\"code\":14}", 0},
		{NULL, 0, NULL, 0}};

	begin(bad, good);
	cr_assert_eq(ask(), ETCD_LOST);
	cr_assert_str_eq(why, "etcdserver: no leader");
	cr_assert_eq(ask(), ETCD_OK);
	etcd_client_free(client);
}

Test(etcd_client, a_member_that_says_nothing_is_left_after_a_while)
{
	static const struct fake_answer silent[] = {{"/v3/kv/range", 0, "", 0}, {NULL, 0, NULL, 0}};
	uint64_t before = clock_ms();

	begin(silent, good);
	cr_assert_eq(ask(), ETCD_LOST);
	cr_assert_geq(clock_ms() - before, 2900);
	cr_assert_eq(ask(), ETCD_OK);
	etcd_client_free(client);
}

Test(etcd_client, failures_of_before_do_not_count_again)
{
	static const struct fake_answer bad[] = {{"/v3/kv/range", 503, "", 0}, {NULL, 0, NULL, 0}};

	begin(bad, NULL);
	for (int i = 0; i < 3; i++)
		cr_assert_not_null(
			etcd_client_call(client, "/v3/kv/range", span_str("{}"), on_answer, NULL));
	FAKE_UNTIL(base, answers == 3);
	cr_assert_eq(failures, 1);
	etcd_client_free(client);
}

Test(etcd_client, a_member_that_was_left_behind_is_not_believed)
{
	static const struct fake_answer older[] = {
		{"/v3/kv/range", 200, "{" FAKE_HEADER(9, 3) "}", 0},
		{"/v3/kv/range", 200, "{" FAKE_HEADER(9, 2) "}", 0},
		{NULL, 0, NULL, 0}};

	begin(older, good);
	cr_assert_eq(ask(), ETCD_OK);
	cr_assert_eq(ask(), ETCD_LOST);
	cr_assert_not_null(strstr(why, "its term is 2, and it was 3"), "%s", why);
	etcd_client_free(client);
}

Test(etcd_client, it_logs_in_and_again_when_the_token_has_expired)
{
	static const struct fake_answer script[] = {
		{"/v3/auth/authenticate", 200, "{" FAKE_HEADER(4, 2) ",\"token\":\"one.1\"}", 0},
		{"/v3/auth/authenticate", 200, "{" FAKE_HEADER(4, 2) ",\"token\":\"two.2\"}", 0},
		{"/v3/kv/range", 200, "{" FAKE_HEADER(4, 2) "}", 0},
		{"/v3/kv/range", 401, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}",
		 0},
		{"/v3/kv/range", 200, "{" FAKE_HEADER(4, 2) "}", 0},
		{NULL, 0, NULL, 0}};

	begin(script, NULL);
	conf.user = user;
	conf.files = &files;
	cr_assert_eq(ask(), ETCD_OK);
	cr_assert_str_eq(first.token, "one.1");
	cr_assert_not_null(strstr(first.asked, "{\"name\":\"proxy\",\"password\":\"secret\"}"));
	cr_assert_eq(ask(), ETCD_OK);
	cr_assert_str_eq(first.token, "two.2");
	cr_assert_eq(failures, 0);
	etcd_client_free(client);
}

Test(etcd_client, a_wrong_password_is_told_to_all_that_wait_for_the_login)
{
	static const struct fake_answer script[] = {
		{"/v3/auth/authenticate", 400,
		 "{\"error\":\"etcdserver: authentication failed, invalid user ID or "
		 "password\",\"code\":3}",
		 0},
		{NULL, 0, NULL, 0}};

	begin(script, NULL);
	conf.user = user;
	conf.files = &files;
	for (int i = 0; i < 3; i++)
		cr_assert_not_null(
			etcd_client_call(client, "/v3/kv/range", span_str("{}"), on_answer, NULL));
	FAKE_UNTIL(base, answers == 3);
	cr_assert_eq(class, ETCD_DENIED);
	cr_assert_eq(first.given[0], 1);
	cr_assert_eq(refusals, 3);
	cr_assert_eq(failures, 0);
	etcd_client_free(client);
}

static void
is_no_etcd(const char *text)
{
	const struct fake_answer web[] = {{"/v3/kv/range", 200, text, 0}, {NULL, 0, NULL, 0}};

	begin(web, NULL);
	cr_assert_eq(ask(), ETCD_LOST);
	cr_assert_str_eq(why, "it answers what is not etcd's");
	etcd_client_free(client);
}

Test(etcd_client, what_is_no_etcd_is_said_to_be_none)
{
	is_no_etcd("<html>hello</html>");
	is_no_etcd("{}");
	is_no_etcd("{\"kvs\":[],\"count\":\"0\"}");
}
