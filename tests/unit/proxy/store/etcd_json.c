/* What is said to etcd and what it answers: texts as 3.4.23 has them. */
#include "etcd_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HEADER                                                 \
	"\"header\":{\"cluster_id\":\"15118495548433857066\"," \
	"\"member_id\":\"13668033151171901709\",\"revision\":\"4\",\"raft_term\":\"2\"}"

static struct buf out = BUF_INIT;
static char told[1024];
static char why[ETCD_WHY];

static struct json_object *
parse(const char *text)
{
	struct json_object *o = etcd_json_parse(span_str(text));

	cr_assert_not_null(o, "%s", text);
	return o;
}

static void
tell(const struct etcd_kv *kv, bool deleted, void *ctx)
{
	size_t n = strlen(told);

	(void)ctx;
	(void)snprintf(told + n, sizeof told - n, "%s%.*s=%.*s,%d,%d,%llx ", deleted ? "-" : "",
		       SPAN_ARG(kv->key), SPAN_ARG(kv->value), (int)kv->create_rev,
		       (int)kv->mod_rev, (unsigned long long)kv->lease);
}

static void
is_put(const char *text)
{
	cr_assert(span_eq_str(buf_span(&out), text), "%.*s", SPAN_ARG(buf_span(&out)));
	buf_clear(&out);
}

Test(etcd_json, numbers_are_strings_and_keys_base64)
{
	cr_assert_eq(etcd_json_put_range(&out, span_str("a"), span_str("b"), 500, 0), 0);
	is_put("{\"key\":\"YQ==\",\"range_end\":\"Yg==\",\"limit\":\"500\"}");
	cr_assert_eq(etcd_json_put_range(&out, span_str("a"), span_str("b"), 1, UINT64_MAX), 0);
	is_put("{\"key\":\"YQ==\",\"range_end\":\"Yg==\",\"limit\":\"1\","
	       "\"revision\":\"18446744073709551615\"}");
	cr_assert_eq(etcd_json_put_newest(&out, span_str("a"), span_str("b")), 0);
	is_put("{\"key\":\"YQ==\",\"range_end\":\"Yg==\",\"limit\":\"1\",\"sort_target\":\"MOD\","
	       "\"sort_order\":\"DESCEND\",\"keys_only\":true}");
	cr_assert_eq(etcd_json_put_watch(&out, span_str("a"), span_str("b"), 5), 0);
	is_put("{\"create_request\":{\"key\":\"YQ==\",\"range_end\":\"Yg==\","
	       "\"start_revision\":\"5\",\"fragment\":true}}");
	cr_assert_eq(etcd_json_put_grant(&out, 10), 0);
	is_put("{\"TTL\":\"10\"}");
	cr_assert_eq(etcd_json_put_lease(&out, 4111120330429841416), 0);
	is_put("{\"ID\":\"4111120330429841416\"}");
	cr_assert_eq(etcd_json_put_login(&out, "pro\"xy", "se\\cret"), 0);
	is_put("{\"name\":\"pro\\\"xy\",\"password\":\"se\\\\cret\"}");
}

Test(etcd_json, each_change_has_its_condition_and_all_have_the_fence)
{
	const struct etcd_op op[] = {
		{.key = {"x", 1}, .value = {"1", 1}, .lease = 7},
		{.key = {"y", 1}, .remove = true, .expected = 99},
	};

	cr_assert_eq(etcd_json_put_txn(&out, span_str("me"), 7, op, 2), 0);
	is_put("{\"compare\":[{\"key\":\"bWU=\",\"target\":\"LEASE\",\"lease\":\"7\"}],"
	       "\"success\":[{\"request_txn\":{\"compare\":[{\"key\":\"eA==\","
	       "\"target\":\"CREATE\",\"create_revision\":\"0\"}],\"success\":[{"
	       "\"request_put\":{\"key\":\"eA==\",\"value\":\"MQ==\",\"lease\":\"7\"}}]}},"
	       "{\"request_txn\":{\"compare\":[{\"key\":\"eQ==\",\"target\":\"MOD\","
	       "\"mod_revision\":\"99\"}],\"success\":[{\"request_delete_range\":{"
	       "\"key\":\"eQ==\"}}]}}]}");
	cr_assert_eq(etcd_json_put_txn(&out, span_of("", 0), 0, op, 0), 0);
	is_put("{\"compare\":[],\"success\":[]}");
}

Test(etcd_json, a_page_is_read)
{
	struct json_object *o = parse(
		"{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":\"2\","
		"\"mod_revision\":\"3\",\"version\":\"1\",\"value\":\"dg==\","
		"\"lease\":\"4111120330429841416\"},{\"key\":\"Yg==\","
		"\"create_revision\":\"4\",\"mod_revision\":\"4\",\"version\":\"1\"}],"
		"\"more\":true,\"count\":\"3\"}");
	struct etcd_header h;
	uint64_t count;
	bool more;

	cr_assert_eq(etcd_json_judge(200, o, span_str(""), why), ETCD_OK);
	etcd_json_header(o, &h);
	cr_assert_eq(h.cluster, 15118495548433857066ULL);
	cr_assert_eq(h.revision, 4);
	cr_assert_eq(h.term, 2);
	cr_assert_eq(etcd_json_range(o, tell, NULL, &more, &count), 0);
	cr_assert_str_eq(told, "a=v,2,3,390da228ac284008 b=,4,4,0 ");
	cr_assert(more);
	cr_assert_eq(count, 3);
	json_object_put(o);
}

Test(etcd_json, an_empty_store_leaves_all_out)
{
	struct json_object *o = parse("{" HEADER "}");
	uint64_t count;
	bool more;

	cr_assert_eq(etcd_json_range(o, tell, NULL, &more, &count), 0);
	cr_assert_str_empty(told);
	cr_assert_not(more);
	cr_assert_eq(count, 0);
	json_object_put(o);
}

Test(etcd_json, what_is_no_row_is_no_answer)
{
	static const char *const bad[] = {
		"{\"kvs\":[]}",
		"{" HEADER ",\"kvs\":[{\"key\":\"%\",\"mod_revision\":\"1\"}]}",
		"{" HEADER ",\"kvs\":[{\"mod_revision\":\"1\"}]}",
		"{" HEADER ",\"kvs\":[{\"key\":\"YQ==\"}]}",
		"{" HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"-1\"}]}",
		"{" HEADER ",\"kvs\":[{\"key\":{},\"mod_revision\":\"1\"}]}",
		"{" HEADER ",\"kvs\":[7]}"};
	uint64_t count;
	bool more;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct json_object *o = parse(bad[i]);
		cr_expect_eq(etcd_json_range(o, tell, NULL, &more, &count), -1, "%s", bad[i]);
		json_object_put(o);
	}
	cr_assert_null(etcd_json_parse(span_str("[]")));
	cr_assert_null(etcd_json_parse(span_str("{\"a\":")));
	cr_assert_null(etcd_json_parse(span_str("Not Found\n")));
	cr_assert_null(etcd_json_parse(span_str("")));
}

static enum etcd_class
judge(long status, const char *text)
{
	struct json_object *o = etcd_json_parse(span_str(text));
	enum etcd_class class = etcd_json_judge(status, o, span_str(text), why);

	json_object_put(o);
	return class;
}

#define ERROR(text, code) "{\"error\":\"" text "\",\"message\":\"" text "\",\"code\":" #code "}"

Test(etcd_json, errors_are_told_apart_by_code_and_words)
{
	cr_expect_eq(judge(401, ERROR("etcdserver: invalid auth token", 16)), ETCD_TOKEN);
	cr_expect_eq(judge(400, ERROR("etcdserver: user name is empty", 3)), ETCD_TOKEN);
	cr_expect_eq(judge(400, ERROR("etcdserver: revision of auth store is old", 3)), ETCD_TOKEN);
	cr_expect_eq(judge(412, ERROR("etcdserver: authentication is not enabled", 9)),
		     ETCD_NO_AUTH);
	cr_expect_eq(judge(400, ERROR("etcdserver: authentication failed, invalid user ID or "
				      "password",
				      3)),
		     ETCD_DENIED);
	cr_expect_eq(judge(403, ERROR("etcdserver: permission denied", 7)), ETCD_DENIED);
	cr_expect_eq(judge(404, ERROR("etcdserver: requested lease not found", 5)), ETCD_NO_LEASE);
	cr_expect_eq(
		judge(400, ERROR("etcdserver: mvcc: required revision has been compacted", 11)),
		ETCD_COMPACTED);
	cr_expect_eq(
		judge(400, ERROR("etcdserver: mvcc: required revision is a future revision", 11)),
		ETCD_LOST);
	cr_expect_eq(judge(429, ERROR("etcdserver: mvcc: database space exceeded", 8)), ETCD_FULL);
	cr_expect_eq(judge(429, ERROR("etcdserver: too many requests", 8)), ETCD_LOST);
	cr_expect_eq(judge(400, ERROR("etcdserver: request is too large", 3)), ETCD_TOO_LARGE);
	cr_expect_eq(judge(400, ERROR("etcdserver: too many operations in txn request", 3)),
		     ETCD_TOO_LARGE);
	cr_expect_eq(judge(503, ERROR("etcdserver: no leader", 14)), ETCD_LOST);
	cr_expect_str_eq(why, "etcdserver: no leader");
	cr_expect_eq(judge(503, ERROR("etcdserver: request timed out", 14)), ETCD_LOST);
	cr_expect_eq(judge(500, ERROR("something that nobody knows", 2)), ETCD_LOST);
}

Test(etcd_json, an_error_of_a_stream_has_another_shape)
{
	cr_expect_eq(judge(200,
			   "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":"
			   "\"etcdserver: no leader\",\"http_status\":\"Service Unavailable\"}}"),
		     ETCD_LOST);
	cr_expect_str_eq(why, "etcdserver: no leader");
	cr_expect_eq(judge(200, "{\"error\":{\"grpc_code\":16,\"http_code\":401,\"message\":"
				"\"etcdserver: invalid auth token\"}}"),
		     ETCD_TOKEN);
}

Test(etcd_json, what_is_no_etcd_is_said_to_be_none)
{
	cr_expect_eq(judge(404, "Not Found\n"), ETCD_LOST);
	cr_expect_str_eq(why, "Not Found");
	cr_expect_eq(judge(200, "<html>hello</html>"), ETCD_LOST);
	cr_expect_str_eq(why, "it answers what is not etcd's");
	cr_expect_eq(judge(502, "<html>Bad gateway</html>"), ETCD_LOST);
	cr_expect_str_eq(why, "HTTP status 502, and not as etcd says it");
	cr_expect_eq(judge(401, ""), ETCD_TOKEN);
	cr_expect_eq(judge(400, "a\033[31mb"), ETCD_LOST);
	cr_expect_null(strchr(why, '\033'));
}

Test(etcd_json, a_transaction_tells_which_changes_were_done)
{
	struct json_object *o = parse(
		"{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_txn\":{"
		"\"header\":{},\"succeeded\":true,\"responses\":[{\"response_put\":{"
		"\"header\":{\"revision\":\"4\"}}}]}},{\"response_txn\":{\"header\":{}}}]}");

	cr_assert(etcd_json_succeeded(o));
	cr_assert(etcd_json_did(o, 0));
	cr_assert_not(etcd_json_did(o, 1));
	cr_assert_not(etcd_json_did(o, 2));
	json_object_put(o);
	o = parse("{" HEADER "}"); /* the fence was not as expected */
	cr_assert_not(etcd_json_succeeded(o));
	cr_assert_not(etcd_json_did(o, 0));
	json_object_put(o);
}

Test(etcd_json, a_lease_that_has_ended_has_no_ttl)
{
	struct json_object *o = parse("{" HEADER ",\"ID\":\"7\",\"TTL\":\"10\"}");

	cr_assert_eq(etcd_json_lease_id(o), 7);
	cr_assert_eq(etcd_json_lease_ttl(o), 10);
	json_object_put(o);
	o = parse("{\"result\":{" HEADER ",\"ID\":\"7\",\"TTL\":\"60\"}}");
	cr_assert_eq(etcd_json_lease_ttl(o), 60);
	json_object_put(o);
	o = parse("{\"result\":{" HEADER ",\"ID\":\"7\"}}");
	cr_assert_eq(etcd_json_lease_id(o), 7);
	cr_assert_eq(etcd_json_lease_ttl(o), 0);
	json_object_put(o);
}

static int
watch(const char *text, struct etcd_watch *w)
{
	struct json_object *o = parse(text);
	int rc = etcd_json_watch(etcd_json_result(o), w, tell, NULL);

	json_object_put(o);
	return rc;
}

Test(etcd_json, a_watch_tells_of_puts_without_a_type)
{
	struct etcd_watch w;

	cr_assert_eq(watch("{\"result\":{" HEADER ",\"created\":true}}", &w), 0);
	cr_assert(w.created && !w.canceled);
	cr_assert_eq(watch("{\"result\":{" HEADER ",\"events\":[{\"kv\":{\"key\":\"YQ==\","
			   "\"create_revision\":\"2\",\"mod_revision\":\"2\",\"version\":\"1\","
			   "\"value\":\"dg==\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"YQ==\","
			   "\"mod_revision\":\"5\"}}]}}",
			   &w),
		     0);
	cr_assert_not(w.created || w.canceled);
	cr_assert_str_eq(told, "a=v,2,2,0 -a=,0,5,0 ");
}

Test(etcd_json, a_watch_that_is_refused_or_too_late_is_canceled)
{
	struct etcd_watch w;

	cr_assert_eq(watch("{\"result\":{" HEADER ",\"canceled\":true,"
			   "\"compact_revision\":\"5\"}}",
			   &w),
		     0);
	cr_assert(w.canceled);
	cr_assert_eq(w.compacted, 5);
	cr_assert_eq(watch("{\"result\":{" HEADER ",\"watch_id\":\"-1\",\"created\":true,"
			   "\"canceled\":true,\"cancel_reason\":\"rpc error: code = "
			   "PermissionDenied desc = etcdserver: permission denied\"}}",
			   &w),
		     0);
	cr_assert(w.canceled);
	cr_assert_not_null(strstr(w.why, "permission denied"));
	cr_assert_eq(watch("{\"result\":{" HEADER ",\"watch_id\":\"-1\",\"created\":true}}", &w),
		     0);
	cr_assert(w.canceled);
	cr_assert_eq(watch("{\"result\":{\"created\":true}}", &w), -1);
}

Test(etcd_json, a_token_is_a_text)
{
	struct json_object *o = parse("{" HEADER ",\"token\":\"abc.7\"}");

	cr_assert_str_eq(etcd_json_token(o), "abc.7");
	json_object_put(o);
	o = parse("{" HEADER ",\"token\":7}");
	cr_assert_null(etcd_json_token(o));
	json_object_put(o);
}
