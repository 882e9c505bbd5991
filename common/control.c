/* control.c - see control.h. */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "log.h"
#include "net.h"

/* Those who may only look leave room for those who give orders. */
enum { REQUEST_MAX = 65536, CALLERS_MAX = 64, LOOKERS_MAX = 48, IDLE_MS = 60000, PAUSE_MS = 200 };

struct control_deferred {
	struct control_caller *caller;
	void (*gone)(void *ctx);
	void *ctx;
};

struct control_caller {
	struct control *control;
	struct conn *conn;
	struct ucred cred;
	struct control_deferred *deferred; /* it waits for this answer; owned */
	bool ended;			   /* it asks nothing more */
	LIST_ENTRY(control_caller) link;   /* in control->callers */
};

struct control {
	int fd;
	char *path;
	bool foreign; /* path and socket are another process's: its successor's or predecessor's */
	struct {
		const struct control_verb *verbs;
		void *ctx;
	} table[CONTROL_TABLES];
	size_t tables;
	struct conn_loop *loop;
	struct event *readable;
	struct event *pause_over; /* when the system had no descriptor left */
	unsigned n, lookers;
	LIST_HEAD(caller_list, control_caller) callers;
};

static bool
may_change(const struct ucred *cred)
{
	return cred->uid == 0 || cred->uid == geteuid();
}

/* ---- answers ---- */

static void
answer(struct control_caller *c, struct json_object *o)
{
	size_t n;
	const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);

	if (text == NULL || conn_write(c->conn, span_of(text, n)) < 0 ||
	    conn_write(c->conn, span_of("\n", 1)) < 0)
		log_errno(LOG_WARN, "cannot answer on the control socket", NULL);
	(void)json_object_put(o);
}

static void
answer_error(struct control_caller *c, const char *why)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "ok", json_object_new_boolean(0));
	(void)json_object_object_add(o, "error", json_object_new_string(why));
	answer(c, o);
}

static void
answer_data(struct control_caller *c, struct json_object *data)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "ok", json_object_new_boolean(1));
	(void)json_object_object_add(o, "data", data);
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

static void
carry_out(struct control_caller *c, struct json_object *args)
{
	struct control *k = c->control;
	struct control_call call = {
		.args = args, .uid = c->cred.uid, .may_change = may_change(&c->cred), .caller = c};
	struct json_object *cmd = NULL, *data;
	const struct control_verb *verb;
	const char *error = "it cannot be answered now";
	char why[128];
	void *ctx;

	if (!json_object_object_get_ex(args, "cmd", &cmd) ||
	    !json_object_is_type(cmd, json_type_string)) {
		answer_error(c, "cmd is missing, or no string");
		return;
	}
	verb = find_verb(k, json_object_get_string(cmd), &ctx);
	if (verb == NULL) {
		(void)snprintf(why, sizeof why, "%.64s: no such command here",
			       json_object_get_string(cmd));
		answer_error(c, why);
		return;
	}
	if (verb->changes && !call.may_change) {
		answer_error(c, "only root and the daemon's own user may");
		return;
	}
	data = verb->run(&call, &error, ctx);
	if (data == NULL && c->deferred != NULL)
		return;
	if (data != NULL)
		answer_data(c, data);
	else
		answer_error(c, error);
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
	conn_set_idle(c->conn, IDLE_MS);
	if (data != NULL)
		answer_data(c, data);
	else
		answer_error(c, error);
	if (c->ended)
		conn_finish(c->conn);
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

/* ---- packets ---- */

static void
on_packet(struct conn *conn, struct span text, void *arg)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;
	struct control_caller *c = arg;

	(void)conn;
	if (c->deferred != NULL) {
		answer_error(c, "the request before this one is not answered yet");
		json_tokener_free(t);
		return;
	}
	if (t != NULL) {
		json_tokener_set_flags(t, JSON_TOKENER_STRICT);
		o = json_tokener_parse_ex(t, text.p, (int)text.n);
	}
	if (o == NULL || !json_object_is_type(o, json_type_object))
		answer_error(arg, "a request is a JSON object");
	else
		carry_out(arg, o);
	(void)json_object_put(o);
	json_tokener_free(t);
}

/* ---- callers ---- */

static void
caller_free(struct control_caller *c)
{
	LIST_REMOVE(c, link);
	c->control->n--;
	c->control->lookers -= !may_change(&c->cred);
	if (c->deferred != NULL)
		c->deferred->gone(c->deferred->ctx);
	free(c->deferred);
	free(c);
}

static void
on_fault(struct conn *conn, int error, void *arg)
{
	answer_error(arg,
		     error == EMSGSIZE ? "the request is too large" : "a request is a JSON object");
	conn_finish(conn);
}

static void
on_eof(struct conn *conn, bool cut, void *arg)
{
	struct control_caller *c = arg;

	(void)cut;
	c->ended = true;
	if (c->deferred == NULL)
		conn_finish(conn);
}

static void
on_close(struct conn *conn, int error, void *arg)
{
	(void)conn;
	(void)error;
	caller_free(arg);
}

static const struct conn_ops ops = {
	.on_packet = on_packet, .on_fault = on_fault, .on_eof = on_eof, .on_close = on_close};

static bool
has_room(const struct control *k, const struct ucred *cred)
{
	return k->n < CALLERS_MAX && (may_change(cred) || k->lookers < LOOKERS_MAX);
}

static void
take(struct control *k, int fd)
{
	struct control_caller *c = calloc(1, sizeof *c);
	socklen_t n = sizeof c->cred;

	if (c != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &n) == 0 &&
	    has_room(k, &c->cred))
		c->conn = conn_new(k->loop, fd, IDLE_MS, &ops, c);
	if (c == NULL || c->conn == NULL) {
		log_event(LOG_WARN, "control connection refused", "connections=%u", k->n);
		free(c);
		(void)close(fd);
		return;
	}
	c->control = k;
	LIST_INSERT_HEAD(&k->callers, c, link);
	k->n++;
	k->lookers += !may_change(&c->cred);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct control *k = arg;

	(void)fd;
	(void)what;
	if (event_add(k->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot go on accepting on the control socket", NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *k = arg;
	struct timeval tv = clock_timeval(PAUSE_MS);
	int accepted = net_accept_unix(fd);

	(void)what;
	if (accepted >= 0) {
		take(k, accepted);
	} else if (errno != EAGAIN) {
		log_errno(LOG_WARN, "cannot accept on the control socket", NULL);
		(void)event_del(k->readable);
		(void)event_add(k->pause_over, &tv);
	}
}

/* ---- the socket ---- */

static void
release(struct control *k)
{
	struct control_caller *c;

	if (k->readable != NULL)
		event_free(k->readable);
	if (k->pause_over != NULL)
		event_free(k->pause_over);
	while ((c = LIST_FIRST(&k->callers)) != NULL) {
		conn_close(c->conn);
		caller_free(c);
	}
	conn_loop_free(k->loop);
	if (k->fd >= 0)
		(void)close(k->fd);
	free(k->path);
	free(k);
}

void
control_add(struct control *k, const struct control_verb *verbs, void *ctx)
{
	assert(k->tables < CONTROL_TABLES);
	k->table[k->tables].verbs = verbs;
	k->table[k->tables++].ctx = ctx;
}

/* Not listening yet.  NULL on ENOMEM. */
static struct control *
make(struct event_base *base, const char *path, const struct control_verb *verbs, void *ctx)
{
	struct control *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	control_add(k, verbs, ctx);
	LIST_INIT(&k->callers);
	k->fd = -1;
	k->path = strdup(path);
	k->loop = conn_loop_new(base, REQUEST_MAX);
	k->pause_over = event_new(base, -1, 0, on_pause_over, k);
	if (k->path != NULL && k->loop != NULL && k->pause_over != NULL)
		return k;
	release(k);
	errno = ENOMEM;
	return NULL;
}

struct control *
control_adopt(struct event_base *base, int fd, const char *path, const struct control_verb *verbs,
	      void *ctx)
{
	struct control *k = make(base, path, verbs, ctx);

	if (k == NULL)
		return NULL;
	k->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, k);
	if (k->readable == NULL) {
		release(k);
		errno = ENOMEM;
		return NULL;
	}
	k->fd = fd;
	k->foreign = true;
	return k;
}

void
control_go(struct control *k)
{
	if (!k->foreign)
		return;
	k->foreign = false;
	if (event_add(k->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot accept on the control socket", NULL);
}

int
control_fd(const struct control *k)
{
	return k->fd;
}

const char *
control_path(const struct control *k)
{
	return k->path;
}

void
control_hand_over(struct control *k)
{
	k->foreign = true;
	(void)event_del(k->readable);
	(void)event_del(k->pause_over);
}

struct control *
control_new(struct event_base *base, const char *path, mode_t mode,
	    const struct control_verb *verbs, void *ctx)
{
	struct control *k = make(base, path, verbs, ctx);
	int saved;

	if (k == NULL)
		return NULL;
	k->fd = net_listen_unix(path, mode);
	saved = errno;
	if (k->fd >= 0) {
		k->readable = event_new(base, k->fd, EV_READ | EV_PERSIST, on_readable, k);
		if (k->readable != NULL && event_add(k->readable, NULL) == 0)
			return k;
		saved = ENOMEM;
		(void)unlink(path);
	}
	release(k);
	errno = saved;
	return NULL;
}

void
control_free(struct control *k)
{
	if (k == NULL)
		return;
	if (!k->foreign)
		(void)unlink(k->path);
	release(k);
}

void
control_after_fork(struct control *k)
{
	if (k != NULL)
		release(k);
}
