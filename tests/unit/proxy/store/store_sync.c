/* Hearing what the store has. */
#include "store_sync.h"

#include "etcd_fake.h"

static struct event_base *base;
static struct etcd_fake fake;
static struct etcd_client *client;
static struct store_rows *rows;
static struct store_sync *sync_of;
static char *urls[1];
static char none[] = "", told[2048];
static struct store_conf conf;
static bool room = true;

static void
tell(const char *what, struct span key, struct span value)
{
	size_t n = strlen(told);

	(void)snprintf(told + n, sizeof told - n, "%s%.*s%s%.*s ", what, SPAN_ARG(key),
		       value.n > 0 ? "=" : "", SPAN_ARG(value));
}

static void
on_row(const struct store_row *r, struct span value, void *ctx)
{
	(void)ctx;
	tell("", store_row_key(r), value);
}

static void
on_deleted(struct span key, uint64_t mod_rev, void *ctx)
{
	(void)ctx;
	(void)mod_rev;
	tell("-", key, span_of("", 0));
}

static void
on_synced(uint64_t revision, void *ctx)
{
	char text[24];

	(void)ctx;
	(void)snprintf(text, sizeof text, "%d", (int)revision);
	tell("synced", span_of("", 0), span_str(text));
}

static void
on_unsynced(void *ctx)
{
	(void)ctx;
}

static void
on_reset(void *ctx)
{
	(void)ctx;
	tell("reset", span_of("", 0), span_of("", 0));
}

static bool
has_room(void *ctx)
{
	(void)ctx;
	return room;
}

static void
on_failed(const char *why, void *ctx)
{
	(void)why;
	(void)ctx;
	store_sync_failed(sync_of);
}

static const struct store_sync_ops ops = {.on_row = on_row,
					  .on_deleted = on_deleted,
					  .on_synced = on_synced,
					  .on_unsynced = on_unsynced,
					  .on_reset = on_reset,
					  .has_room = has_room};

static void
on_refused(const char *why, void *ctx)
{
	(void)why;
	(void)ctx;
}

static const struct etcd_client_ops client_ops = {.on_failed = on_failed, .on_refused = on_refused};

static void
begin(const struct fake_answer *script)
{
	const char *why;

	base = event_base_new();
	fake_start(&fake, base, script);
	urls[0] = fake.url;
	conf = (struct store_conf){.urls = {urls, 1},
				   .ca = none,
				   .certificate = none,
				   .key = none,
				   .user = none,
				   .password_file = none};
	client = etcd_client_new(base, &conf, &client_ops, &why);
	cr_assert_not_null(client, "%s", why);
	rows = store_rows_new();
	sync_of = store_sync_new(base, client, rows, "/p/", &ops);
	cr_assert_not_null(sync_of);
	store_sync_begin(sync_of);
}

static void
end(void)
{
	store_sync_free(sync_of);
	etcd_client_free(client);
	store_rows_free(rows);
}

/* "/p/a", "/p/b", "/p/c", values "1", "2" */
#define KV(key, mod, value)                                                       \
	"{\"key\":\"" key "\",\"create_revision\":\"1\",\"mod_revision\":\"" #mod \
	"\",\"version\":\"1\",\"value\":\"" value "\"}"
#define A	    "L3AvYQ=="
#define B	    "L3AvYg=="
#define C	    "L3AvYw=="
#define ONE	    "MQ=="
#define TWO	    "Mg=="
#define WATCH(rest) "{\"result\":{" FAKE_HEADER(9, 2) rest "}}\n"
#define CREATED	    WATCH(",\"created\":true")

#define PAGE_OF_TWO                                                              \
	{                                                                        \
		"/v3/kv/range", 200,                                             \
			"{" FAKE_HEADER(5, 2) ",\"kvs\":[" KV(A, 2, ONE) "," KV( \
				B, 3, ONE) "],\"count\":\"2\"}",                 \
			0                                                        \
	}

Test(store_sync, pages_of_one_revision_are_read_and_then_it_is_watched)
{
	static const struct fake_answer script[] = {
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(5, 2) ",\"kvs\":[" KV(A, 2,
						       ONE) "],\"more\":true,\"count\":\"2\"}",
		 0},
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(8, 2) ",\"kvs\":[" KV(B, 3, ONE) "],\"count\":\"2\"}", 0},
		{"/v3/watch", 200, CREATED, 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 ");
	cr_assert_not_null(strstr(fake.asked, "\"key\":\"L3Av\",\"range_end\":\"L3Aw\""));
	cr_assert_not_null(strstr(fake.asked, "\"key\":\"L3AvYQA=\""), "from behind the last");
	cr_assert_not_null(strstr(fake.asked, "\"revision\":\"5\""));
	cr_assert_not_null(strstr(fake.asked, "\"start_revision\":\"6\""));
	cr_assert_eq(store_sync_phase(sync_of), STORE_SYNCED);
	cr_assert(fake.wants_leader, "or a watch waits for ever where there is none");
	end();
}

/* Takes as long as an audit is waited for. */
Test(store_sync, a_watch_that_keeps_silent_about_a_change_is_found_out)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(9, 2) ",\"kvs\":[" KV(A, 9,
						       TWO) "],\"more\":true,\"count\":\"2\"}",
		 0},
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(9, 2) ",\"kvs\":[" KV(A, 9,
						       TWO) "],\"more\":true,\"count\":\"2\"}",
		 0},
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(9, 2) ",\"kvs\":[" KV(A, 9, TWO) "," KV(B, 3, ONE) "]}", 0},
		{"/v3/watch", 200, CREATED, 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced=9") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 a=2 synced=9 ");
	cr_assert_not_null(strstr(fake.asked, "\"sort_target\":\"MOD\""));
	end();
}

Test(store_sync, a_watch_is_cut_into_objects_however_it_comes)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO, {"/v3/watch", 200, CREATED, 1}, {NULL, 0, NULL, 0}};
	const char *text = WATCH(",\"events\":[{\"kv\":" KV(
		A, 6, TWO) "},{\"type\":\"DELETE\","
			   "\"kv\":{\"key\":\"" B "\",\"mod_revision\":\"7\"}}]");
	char piece[2] = "";

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced") != NULL);
	for (const char *p = text; *p != '\0'; p++) {
		piece[0] = *p;
		fake_chunk(&fake, piece);
	}
	fake_chunk(&fake, WATCH(",\"events\":[{\"kv\":" KV(C, 8, ONE) "}]"));
	FAKE_UNTIL(base, strstr(told, "c=1") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 a=2 -b c=1 ");
	cr_assert_eq(store_sync_revision(sync_of), 8);
	end();
}

Test(store_sync, what_is_compacted_is_read_again_and_differences_told)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/kv/range", 200,
		 "{" FAKE_HEADER(9, 2) ",\"kvs\":[" KV(B, 3, ONE) "," KV(C, 8, TWO) "]}", 0},
		{"/v3/watch", 200, CREATED WATCH(",\"canceled\":true,\"compact_revision\":\"7\""),
		 1},
		{"/v3/watch", 200, CREATED, 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced=9") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 c=2 -a synced=9 ");
	end();
}

Test(store_sync, a_lower_revision_is_a_reset_and_nothing_is_deleted)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/kv/range", 200, "{" FAKE_HEADER(4, 2) ",\"kvs\":[" KV(B, 3, ONE) "]}", 0},
		{"/v3/watch", 200, CREATED WATCH(",\"canceled\":true"), 1},
		{"/v3/watch", 200, CREATED, 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced=4") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 reset b=1 synced=4 ");
	end();
}

Test(store_sync, another_cluster_is_a_reset_too)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/kv/range", 200,
		 "{\"header\":{\"cluster_id\":\"78\",\"revision\":\"50\",\"raft_term\":\"1\"}}", 0},
		{"/v3/watch", 200, CREATED WATCH(",\"canceled\":true"), 1},
		{"/v3/watch", 200,
		 "{\"result\":{\"header\":{\"cluster_id\":\"78\","
		 "\"revision\":\"50\",\"raft_term\":\"1\"},\"created\":true}}\n",
		 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced=50") != NULL);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 reset synced=50 ");
	end();
}

Test(store_sync, a_member_that_ends_its_watch_deletes_nothing)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/kv/range", 503, "{\"error\":\"etcdserver: no leader\",\"code\":14}", 0},
		{"/v3/watch", 200, CREATED, 1},
		{NULL, 0, NULL, 0}};

	begin(script);
	FAKE_UNTIL(base, strstr(told, "synced=5") != NULL);
	evhttp_send_reply_end(fake.stream);
	FAKE_UNTIL(base, store_sync_phase(sync_of) == STORE_UNSYNCED && fake.given[1] > 1);
	cr_assert_str_eq(told, "a=1 b=1 synced=5 ");
	end();
}

Test(store_sync, a_watch_that_is_refused_is_no_sync)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO,
		{"/v3/watch", 200,
		 WATCH(",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"
		       "\"cancel_reason\":\"permission denied\""),
		 1},
		{NULL, 0, NULL, 0}};
	struct etcd_client_view v;

	begin(script);
	FAKE_UNTIL(base, fake.given[1] > 1);
	cr_assert_str_eq(told, "a=1 b=1 ");
	etcd_client_look(client, &v);
	cr_assert_not_null(strstr(v.error, "the watch was refused: permission denied"), "%s",
			   v.error);
	end();
}

Test(store_sync, no_page_is_asked_for_while_there_is_no_room)
{
	static const struct fake_answer script[] = {
		PAGE_OF_TWO, {"/v3/watch", 200, CREATED, 1}, {NULL, 0, NULL, 0}};

	room = false;
	begin(script);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_str_empty(fake.asked);
	room = true;
	store_sync_go_on(sync_of);
	FAKE_UNTIL(base, strstr(told, "synced=5") != NULL);
	end();
}
