/* control_request.c - a request on the control socket: read, carried out by the verb that it names,
 * answered at once or later; see control.h and control_internal.h. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_internal.h"
#include "json_text.h"
#include "log.h"
#include "status.h"

enum { DEPTH_MAX = 8 };

/* ---- answers ---- */

static void
answer(struct control_caller *c, struct json_object *o)
{
	size_t n;
	const char *text = o == NULL ? NULL
				     : json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN,
									 &n);

	if (text == NULL || conn_write(c->conn, span_of(text, n)) < 0 ||
	    conn_write(c->conn, span_of("\n", 1)) < 0) {
		log_limited_errno(LOG_WARN, "cannot answer on the control socket", NULL);
		conn_finish(c->conn);
	}
	(void)json_object_put(o);
}

struct json_object *
control_error_answer(const char *why)
{
	struct json_object *o = json_object_new_object();

	status_add(o, "ok", json_object_new_boolean(0));
	status_add(o, "error", json_object_new_string(why));
	return o;
}

void
control_answer_error(struct control_caller *c, const char *why)
{
	answer(c, control_error_answer(why));
}

static void
answer_data(struct control_caller *c, struct json_object *data)
{
	struct json_object *o = json_object_new_object();

	status_add(o, "ok", json_object_new_boolean(1));
	status_add(o, "data", data);
	answer(c, o);
}

/* ---- requests ---- */

static const struct control_verb *
find_verb(const struct control *k, const char *name, void **ctx)
{
	for (size_t i = 0; i < k->tables; i++)
		for (const struct control_verb *v = k->table[i].verbs; v->name != NULL; v++)
			if (strcmp(v->name, name) == 0) {
				*ctx = k->table[i].ctx;
				return v;
			}
	return NULL;
}

void
control_carry_out(struct control_caller *c, struct json_object *args)
{
	struct control *k = c->control;
	struct control_call call = {.args = args,
				    .uid = c->cred.uid,
				    .may_change = control_may_change(&c->cred),
				    .caller = c};
	struct json_object *cmd = NULL, *data;
	const struct control_verb *verb;
	const char *error = "it cannot be answered now";
	char why[CONTROL_WHY];
	void *ctx;

	if (!json_object_object_get_ex(args, "cmd", &cmd) ||
	    !json_object_is_type(cmd, json_type_string)) {
		control_answer_error(c, "cmd is missing, or no string");
		return;
	}
	verb = find_verb(k, json_object_get_string(cmd), &ctx);
	if (verb == NULL) {
		(void)snprintf(why, sizeof why, "%.64s: no such command here",
			       json_object_get_string(cmd));
		control_answer_error(c, why);
		return;
	}
	if (verb->changes && !call.may_change) {
		control_answer_error(c, "only root and the daemon's own user may");
		return;
	}
	data = verb->run(&call, &error, ctx);
	if (data == NULL && c->deferred != NULL)
		return;
	if (data != NULL)
		answer_data(c, data);
	else
		control_answer_error(c, error);
}

/* ---- answers that take time ---- */

struct control_deferred *
control_defer(const struct control_call *call, void (*gone)(void *ctx), void *ctx)
{
	struct control_caller *c = call->caller;

	assert(c->deferred == NULL);
	c->deferred = malloc(sizeof *c->deferred);
	if (c->deferred == NULL)
		return NULL;
	*c->deferred = (struct control_deferred){c, gone, ctx};
	conn_set_idle(c->conn, 0);
	return c->deferred;
}

void
control_settle(struct control_deferred *d, struct json_object *data, const char *error)
{
	struct control_caller *c = d->caller;

	c->deferred = NULL;
	free(d);
	conn_set_idle(c->conn, CONTROL_IDLE_MS);
	if (data != NULL)
		answer_data(c, data);
	else
		control_answer_error(c, error);
}

const char *
control_argument(const struct control_call *call, size_t i)
{
	struct json_object *args = NULL, *v;

	if (!json_object_object_get_ex(call->args, "args", &args) ||
	    !json_object_is_type(args, json_type_array))
		return NULL;
	v = json_object_array_get_idx(args, i);
	return v == NULL ? NULL : json_object_get_string(v);
}

/* ---- requests as they come ---- */

/* json-c takes what another reader might take for something else, and the last of equal keys: it
 * is given only what json_text_scan() finds nothing wrong with.  NULL with a sentence in why. */
struct json_object *
control_read_request(struct span text, char why[CONTROL_WHY])
{
	struct json_tokener *t;
	struct json_text_object members;
	enum json_text_status status;
	struct json_object *o;
	size_t at;

	status = json_text_scan(text, DEPTH_MAX, &members, &at);
	if (status != JSON_TEXT_OK) {
		(void)snprintf(why, CONTROL_WHY, "a request is a JSON object: %s at byte %zu",
			       json_text_describe(status), at);
		return NULL;
	}
	(void)snprintf(why, CONTROL_WHY, "%s", strerror(ENOMEM));
	t = json_tokener_new();
	o = t == NULL ? NULL : json_tokener_parse_ex(t, text.p, (int)text.n);
	if (t != NULL)
		json_tokener_free(t);
	return o;
}
