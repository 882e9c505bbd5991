/* etcd_json.c - see etcd_json.h. */
#include "etcd_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json_text.h"
#include "printable.h"

/* ---- requests ---- */

static int
put_bytes(struct buf *out, const char *name, struct span s)
{
	return buf_printf(out, "\"%s\":\"", name) < 0 || digest_base64(out, s) < 0 ||
			       buf_append_str(out, "\"") < 0
		       ? -1
		       : 0;
}

static int
put_between(struct buf *out, struct span key, struct span end)
{
	return put_bytes(out, "key", key) < 0 || buf_append_str(out, ",") < 0 ||
			       put_bytes(out, "range_end", end) < 0
		       ? -1
		       : 0;
}

int
etcd_json_put_range(struct buf *out, struct span key, struct span end, unsigned limit,
		    uint64_t revision)
{
	if (buf_append_str(out, "{") < 0 || put_between(out, key, end) < 0 ||
	    buf_printf(out, ",\"limit\":\"%u\"", limit) < 0)
		return -1;
	if (revision > 0 && buf_printf(out, ",\"revision\":\"%" PRIu64 "\"", revision) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
etcd_json_put_newest(struct buf *out, struct span key, struct span end)
{
	return buf_append_str(out, "{") < 0 || put_between(out, key, end) < 0 ||
			       buf_append_str(out,
					      ",\"limit\":\"1\",\"sort_target\":\"MOD\","
					      "\"sort_order\":\"DESCEND\",\"keys_only\":true}") < 0
		       ? -1
		       : 0;
}

int
etcd_json_put_watch(struct buf *out, struct span key, struct span end, uint64_t from)
{
	return buf_append_str(out, "{\"create_request\":{") < 0 || put_between(out, key, end) < 0 ||
			       buf_printf(out,
					  ",\"start_revision\":\"%" PRIu64 "\",\"fragment\":true}}",
					  from) < 0
		       ? -1
		       : 0;
}

int
etcd_json_put_grant(struct buf *out, uint64_t ttl_s)
{
	return buf_printf(out, "{\"TTL\":\"%" PRIu64 "\"}", ttl_s);
}

int
etcd_json_put_lease(struct buf *out, uint64_t lease)
{
	return buf_printf(out, "{\"ID\":\"%" PRIu64 "\"}", lease);
}

int
etcd_json_put_login(struct buf *out, const char *user, const char *password)
{
	return buf_append_str(out, "{\"name\":") < 0 || json_text_quote(out, span_str(user)) < 0 ||
			       buf_append_str(out, ",\"password\":") < 0 ||
			       json_text_quote(out, span_str(password)) < 0 ||
			       buf_append_str(out, "}") < 0
		       ? -1
		       : 0;
}

static int
put_change(struct buf *out, const struct etcd_op *op)
{
	if (op->remove)
		return buf_append_str(out, "{\"request_delete_range\":{") < 0 ||
				       put_bytes(out, "key", op->key) < 0 ||
				       buf_append_str(out, "}}") < 0
			       ? -1
			       : 0;
	return buf_append_str(out, "{\"request_put\":{") < 0 ||
			       put_bytes(out, "key", op->key) < 0 || buf_append_str(out, ",") < 0 ||
			       put_bytes(out, "value", op->value) < 0 ||
			       buf_printf(out, ",\"lease\":\"%" PRIu64 "\"}}", op->lease) < 0
		       ? -1
		       : 0;
}

/* A transaction of its own, for one that is refused must not hold up the others. */
static int
put_op(struct buf *out, const struct etcd_op *op)
{
	const char *target = op->expected == 0 ? "\"target\":\"CREATE\",\"create_revision\""
					       : "\"target\":\"MOD\",\"mod_revision\"";

	return buf_append_str(out, "{\"request_txn\":{\"compare\":[{") < 0 ||
			       put_bytes(out, "key", op->key) < 0 ||
			       buf_printf(out, ",%s:\"%" PRIu64 "\"}],\"success\":[", target,
					  op->expected) < 0 ||
			       put_change(out, op) < 0 || buf_append_str(out, "]}}") < 0
		       ? -1
		       : 0;
}

int
etcd_json_put_txn(struct buf *out, struct span fence, uint64_t fence_lease,
		  const struct etcd_op *op, size_t n)
{
	if (buf_append_str(out, "{\"compare\":[") < 0)
		return -1;
	if (fence.n > 0 &&
	    (buf_append_str(out, "{") < 0 || put_bytes(out, "key", fence) < 0 ||
	     buf_printf(out, ",\"target\":\"LEASE\",\"lease\":\"%" PRIu64 "\"}", fence_lease) < 0))
		return -1;
	if (buf_append_str(out, "],\"success\":[") < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && buf_append_str(out, ",") < 0) || put_op(out, &op[i]) < 0)
			return -1;
	return buf_append_str(out, "]}");
}

/* ---- answers ---- */

struct json_object *
etcd_json_parse(struct span text)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;

	if (t != NULL && text.n <= INT32_MAX)
		o = json_tokener_parse_ex(t, text.p, (int)text.n);
	if (t != NULL)
		json_tokener_free(t);
	if (o == NULL || json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *m = NULL;

	if (o == NULL || !json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, &m))
		return NULL;
	return m;
}

/* As a string of digits, or as a number; 0 where it is left out, or is none. */
static uint64_t
number_of(struct json_object *o, const char *name)
{
	struct json_object *m = member(o, name);
	const char *text;
	char *end;
	uint64_t n;

	if (m == NULL)
		return 0;
	if (json_object_is_type(m, json_type_int))
		return json_object_get_uint64(m);
	if (!json_object_is_type(m, json_type_string))
		return 0;
	text = json_object_get_string(m);
	if (text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? 0 : n;
}

static bool
is_true(struct json_object *o, const char *name)
{
	struct json_object *m = member(o, name);

	return m != NULL && json_object_is_type(m, json_type_boolean) && json_object_get_boolean(m);
}

static const char *
text_of(struct json_object *o, const char *name)
{
	struct json_object *m = member(o, name);

	return m != NULL && json_object_is_type(m, json_type_string) ? json_object_get_string(m)
								     : NULL;
}

static struct json_object *
list_of(struct json_object *o, const char *name)
{
	struct json_object *m = member(o, name);

	return m != NULL && json_object_is_type(m, json_type_array) ? m : NULL;
}

void
etcd_json_header(struct json_object *o, struct etcd_header *h)
{
	struct json_object *m = member(o, "header");

	*h = (struct etcd_header){.cluster = number_of(m, "cluster_id"),
				  .member = number_of(m, "member_id"),
				  .revision = number_of(m, "revision"),
				  .term = number_of(m, "raft_term")};
}

/* ---- errors ---- */

/* Codes of gRPC that mean more than one thing are told apart by etcd's own words. */
static const struct known {
	uint64_t code; /* 0: any */
	const char *words;
	enum etcd_class class;
} known[] = {
	{16, "", ETCD_TOKEN},
	{0, "user name is empty", ETCD_TOKEN},
	{0, "revision of auth store is old", ETCD_TOKEN},
	{0, "authentication is not enabled", ETCD_NO_AUTH},
	{0, "authentication failed", ETCD_DENIED},
	{7, "", ETCD_DENIED},
	{0, "permission denied", ETCD_DENIED},
	{0, "requested lease not found", ETCD_NO_LEASE},
	{0, "revision has been compacted", ETCD_COMPACTED},
	{0, "database space exceeded", ETCD_FULL},
	{0, "request is too large", ETCD_TOO_LARGE},
	{0, "too many operations", ETCD_TOO_LARGE},
	{0, "larger than max", ETCD_TOO_LARGE},
};

static enum etcd_class
class_of(uint64_t code, const char *text)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((known[i].code == 0 || known[i].code == code) &&
		    strstr(text, known[i].words) != NULL)
			return known[i].class;
	return ETCD_LOST;
}

static void
show(char why[ETCD_WHY], const char *text, size_t n)
{
	char copy[ETCD_WHY];
	size_t len = n < sizeof copy - 1 ? n : sizeof copy - 1;

	memcpy(copy, text, len);
	copy[len] = '\0';
	copy[strcspn(copy, "\r\n")] = '\0';
	(void)printable(copy, why, ETCD_WHY);
}

enum etcd_class
etcd_json_judge(long status, struct json_object *o, struct span text, char why[ETCD_WHY])
{
	struct json_object *e = member(o, "error");
	const char *words = text_of(o, "error");
	uint64_t code = number_of(o, "code");

	if (e == NULL && status == 200 && o != NULL)
		return ETCD_OK;
	if (e != NULL && json_object_is_type(e, json_type_object)) {
		words = text_of(e, "message");
		code = number_of(e, "grpc_code");
	}
	if (words != NULL && words[0] != '\0') {
		show(why, words, strlen(words));
		return class_of(code, words);
	}
	if (status == 200) {
		(void)snprintf(why, ETCD_WHY, "it answers what is not etcd's");
		return ETCD_LOST;
	}
	if (text.n > 0 && text.p[0] != '<' && text.p[0] != '{')
		show(why, text.p, text.n);
	else
		(void)snprintf(why, ETCD_WHY, "HTTP status %ld, and not as etcd says it", status);
	return status == 401 ? ETCD_TOKEN : ETCD_LOST;
}

/* ---- rows ---- */

static int
decode(struct json_object *kv, const char *name, struct buf *space, size_t *n)
{
	struct json_object *m = member(kv, name);
	size_t before = buf_len(space);

	*n = 0;
	if (m == NULL)
		return 0;
	if (!json_object_is_type(m, json_type_string) ||
	    digest_unbase64(space, span_of(json_object_get_string(m),
					   (size_t)json_object_get_string_len(m))) < 0)
		return -1;
	*n = buf_len(space) - before;
	return 0;
}

static int
tell_row(struct json_object *kv, bool deleted, struct buf *space, etcd_json_row_fn *row, void *ctx)
{
	struct etcd_kv r = {.create_rev = number_of(kv, "create_revision"),
			    .mod_rev = number_of(kv, "mod_revision"),
			    .lease = number_of(kv, "lease")};
	size_t key_n, value_n;
	const char *at;

	buf_clear(space);
	if (decode(kv, "key", space, &key_n) < 0 || decode(kv, "value", space, &value_n) < 0 ||
	    key_n == 0 || r.mod_rev == 0)
		return -1;
	at = buf_span(space).p;
	r.key = span_of(at, key_n);
	r.value = span_of(at + key_n, value_n);
	row(&r, deleted, ctx);
	return 0;
}

int
etcd_json_range(struct json_object *o, etcd_json_row_fn *row, void *ctx, bool *more,
		uint64_t *count)
{
	struct json_object *list = list_of(o, "kvs");
	size_t n = list == NULL ? 0 : json_object_array_length(list);
	struct buf space = BUF_INIT;
	int rc = member(o, "header") == NULL ? -1 : 0;

	*more = is_true(o, "more");
	*count = number_of(o, "count");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = tell_row(json_object_array_get_idx(list, i), false, &space, row, ctx);
	buf_release(&space);
	return rc;
}

/* ---- the others ---- */

bool
etcd_json_succeeded(struct json_object *o)
{
	return is_true(o, "succeeded");
}

bool
etcd_json_did(struct json_object *o, size_t nth)
{
	struct json_object *list = list_of(o, "responses");

	if (list == NULL || nth >= json_object_array_length(list))
		return false;
	return is_true(member(json_object_array_get_idx(list, nth), "response_txn"), "succeeded");
}

struct json_object *
etcd_json_result(struct json_object *o)
{
	return member(o, "result");
}

/* Of a keepalive, which is a stream of one. */
static struct json_object *
unwrapped(struct json_object *o)
{
	struct json_object *result = etcd_json_result(o);

	return result == NULL ? o : result;
}

uint64_t
etcd_json_lease_id(struct json_object *o)
{
	return number_of(unwrapped(o), "ID");
}

uint64_t
etcd_json_lease_ttl(struct json_object *o)
{
	return number_of(unwrapped(o), "TTL");
}

const char *
etcd_json_token(struct json_object *o)
{
	return text_of(o, "token");
}

int
etcd_json_watch(struct json_object *result, struct etcd_watch *w, etcd_json_row_fn *row, void *ctx)
{
	struct json_object *list = list_of(result, "events"), *event;
	size_t n = list == NULL ? 0 : json_object_array_length(list);
	const char *type, *reason = text_of(result, "cancel_reason");
	const char *id = text_of(result, "watch_id");
	struct buf space = BUF_INIT;
	int rc = member(result, "header") == NULL ? -1 : 0;

	*w = (struct etcd_watch){.created = is_true(result, "created"),
				 .canceled = is_true(result, "canceled"),
				 .compacted = number_of(result, "compact_revision")};
	if (reason != NULL)
		show(w->why, reason, strlen(reason));
	/* Refused: said to be created, with a number that no watch has. */
	w->canceled = w->canceled || reason != NULL || (id != NULL && id[0] == '-');
	for (size_t i = 0; i < n && rc == 0; i++) {
		event = json_object_array_get_idx(list, i);
		type = text_of(event, "type");
		rc = tell_row(member(event, "kv"), type != NULL && strcmp(type, "DELETE") == 0,
			      &space, row, ctx);
	}
	buf_release(&space);
	return rc;
}
