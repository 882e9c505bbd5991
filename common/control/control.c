/* control.c - see control.h. */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "control_socket.h"
#include "json_text.h"
#include "log.h"
#include "process.h"

/* Callers that may only look leave room for callers that give orders, and for one another. */
enum {
	REQUEST_MAX = 65536,
	DEPTH_MAX = 8,
	CALLERS_MAX = 64,
	LOOKERS_MAX = 48,
	USER_MAX = 8, /* lookers of one user */
	WHY_MAX = 128,
	LOOK_PAUSE = 3, /* times as long as an answer to those has taken */
	IDLE_MS = 60000
};

struct control_deferred {
	struct control_caller *caller;
	void (*gone)(void *ctx);
	void *ctx;
};

/* Its conn is paused from a request until the answer has left. */
struct control_caller {
	struct control *control;
	struct conn *conn;
	struct ucred cred;
	struct json_object *request; /* not begun; NULL: none, or it is refused for why; owned */
	char why[WHY_MAX];
	bool waiting;			   /* in its lane */
	struct control_deferred *deferred; /* it waits for this answer; owned */
	LIST_ENTRY(control_caller) link;   /* in control->callers */
	TAILQ_ENTRY(control_caller) turn;  /* in its lane's waiting */
};

/* Callers that take turns: those that may only look hold up no orders. */
struct lane {
	struct event *turn; /* pending: one has had its turn, and the next one's is when it ends */
	TAILQ_HEAD(turn_list, control_caller) waiting;
};

struct control {
	struct control_socket socket;
	struct {
		const struct control_verb *verbs;
		void *ctx;
	} table[CONTROL_TABLES];
	size_t tables;
	struct conn_loop *loop;
	struct lane lanes[2]; /* of callers that may only look, and that may change things */
	unsigned n, lookers;
	LIST_HEAD(caller_list, control_caller) callers;
};

/* A process that this daemon has forked: a worker that was taken over, which may connect to Unix
 * sockets where it is a proxy's, gives no orders. */
static bool
is_own_child(const struct ucred *cred)
{
	struct procstat p;

	return procstat_read(cred->pid, &p) == 0 && p.parent == getpid();
}

static bool
may_change(const struct ucred *cred)
{
	return cred->uid == 0 || cred->uid == geteuid();
}

static struct lane *
lane_of(const struct control_caller *c)
{
	return &c->control->lanes[may_change(&c->cred)];
}

/* ---- answers ---- */

static void
answer(struct control_caller *c, struct json_object *o)
{
	size_t n;
	const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);

	if (text == NULL || conn_write(c->conn, span_of(text, n)) < 0 ||
	    conn_write(c->conn, span_of("\n", 1)) < 0) {
		log_limited_errno(LOG_WARN, "cannot answer on the control socket", NULL);
		conn_finish(c->conn);
	}
	(void)json_object_put(o);
}

static struct json_object *
error_answer(const char *why)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "ok", json_object_new_boolean(0));
	(void)json_object_object_add(o, "error", json_object_new_string(why));
	return o;
}

static void
answer_error(struct control_caller *c, const char *why)
{
	answer(c, error_answer(why));
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
	char why[WHY_MAX];
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
static struct json_object *
read_request(struct span text, char why[WHY_MAX])
{
	struct json_tokener *t;
	struct json_text_object members;
	enum json_text_status status;
	struct json_object *o;
	size_t at;

	status = json_text_scan(text, DEPTH_MAX, &members, &at);
	if (status != JSON_TEXT_OK) {
		(void)snprintf(why, WHY_MAX, "a request is a JSON object: %s at byte %zu",
			       json_text_describe(status), at);
		return NULL;
	}
	(void)snprintf(why, WHY_MAX, "%s", strerror(ENOMEM));
	t = json_tokener_new();
	o = t == NULL ? NULL : json_tokener_parse_ex(t, text.p, (int)text.n);
	json_tokener_free(t);
	return o;
}

/* ---- callers ---- */

static void
caller_free(struct control_caller *c)
{
	if (c->waiting)
		TAILQ_REMOVE(&lane_of(c)->waiting, c, turn);
	(void)json_object_put(c->request);
	LIST_REMOVE(c, link);
	c->control->n--;
	c->control->lookers -= !may_change(&c->cred);
	if (c->deferred != NULL)
		c->deferred->gone(c->deferred->ctx);
	free(c->deferred);
	free(c);
}

static void
drop(struct control_caller *c)
{
	conn_close(c->conn);
	caller_free(c);
}

/* It has closed its socket: nobody reads an answer.  One that has only ended its side has not. */
static bool
has_left(const struct control_caller *c)
{
	struct pollfd p = {.fd = conn_fd(c->conn)};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* ---- turns: one request in each of the loop, so that signals and other sockets come between ----
 */

/* After what has taken so many us; libevent's time is that before it.  A clock that is due at once
 * is looked at after the sockets, too; whatever callers ask that may only look, three quarters of
 * the time are left to others. */
static void
end_turn(struct control *k, struct lane *lane, uint64_t us)
{
	uint64_t pause = lane == &k->lanes[0] ? (1 + LOOK_PAUSE) * us : 0;
	const struct timeval tv = {(time_t)(pause / 1000000), (suseconds_t)(pause % 1000000)};

	if (event_add(lane->turn, &tv) < 0)
		event_active(lane->turn, EV_TIMEOUT, 0);
}

static void
log_abandoned(const struct control_caller *c)
{
	struct json_object *cmd;

	if (may_change(&c->cred) && json_object_object_get_ex(c->request, "cmd", &cmd))
		log_limited(LOG_INFO, "request not carried out",
			    "request=%s by_uid=%u why=\"its caller has left\"",
			    log_quoted(json_object_get_string(cmd)), (unsigned)c->cred.uid);
}

/* c may be gone afterwards. */
static void
answer_request(struct control_caller *c)
{
	struct json_object *request = c->request;

	if (has_left(c)) {
		log_abandoned(c);
		drop(c);
		return;
	}
	c->request = NULL;
	if (request != NULL)
		carry_out(c, request);
	else
		answer_error(c, c->why);
	(void)json_object_put(request);
}

static void
serve(struct control_caller *c)
{
	struct control *k = c->control;
	struct lane *lane = lane_of(c);
	uint64_t since = clock_us();

	answer_request(c);
	end_turn(k, lane, clock_us() - since);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct lane *lane = arg;
	struct control_caller *c = TAILQ_FIRST(&lane->waiting);

	(void)fd;
	(void)what;
	if (c == NULL)
		return;
	TAILQ_REMOVE(&lane->waiting, c, turn);
	c->waiting = false;
	serve(c);
}

static void
on_packet(struct conn *conn, struct span text, void *arg)
{
	struct control_caller *c = arg;
	struct lane *lane = lane_of(c);

	conn_pause(conn);
	c->request = read_request(text, c->why);
	if (!event_pending(lane->turn, EV_TIMEOUT, NULL)) {
		serve(c);
		return;
	}
	TAILQ_INSERT_TAIL(&lane->waiting, c, turn);
	c->waiting = true;
}

/* ---- their conns ---- */

static void
on_drained(struct conn *conn, void *arg)
{
	(void)arg;
	conn_resume(conn);
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
	(void)cut;
	(void)arg;
	conn_finish(conn);
}

static void
on_close(struct conn *conn, int error, void *arg)
{
	(void)conn;
	(void)error;
	caller_free(arg);
}

static const struct conn_ops ops = {.on_packet = on_packet,
				    .on_fault = on_fault,
				    .on_eof = on_eof,
				    .on_close = on_close,
				    .on_drained = on_drained};

/* ---- room ---- */

static unsigned
count_of(const struct control *k, uid_t uid)
{
	const struct control_caller *c;
	unsigned n = 0;

	LIST_FOREACH(c, &k->callers, link)
		n += c->cred.uid == uid;
	return n;
}

/* NULL where there is room. */
static const char *
full(const struct control *k, const struct ucred *cred)
{
	bool looks = !may_change(cred);

	if (k->n >= CALLERS_MAX || (looks && k->lookers >= LOOKERS_MAX))
		return "the daemon has as many control connections as it takes";
	if (looks && count_of(k, cred->uid) >= USER_MAX)
		return "the daemon has as many control connections as it takes of one user";
	return NULL;
}

/* Those that have left while they were not read from. */
static void
drop_left(struct control *k)
{
	struct control_caller *c, *next;

	for (c = LIST_FIRST(&k->callers); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (has_left(c))
			drop(c);
	}
}

/* An empty socket takes that much; one that does not is told nothing. */
static void
refuse(int fd, const char *why)
{
	struct json_object *o = error_answer(why);
	char line[WHY_MAX + 32];
	int n = snprintf(line, sizeof line, "%s\n",
			 json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));

	(void)send(fd, line, (size_t)n, MSG_NOSIGNAL);
	(void)json_object_put(o);
}

/* NULL with the reason. */
static struct control_caller *
caller_new(struct control *k, int fd, const char **why)
{
	struct control_caller *c = calloc(1, sizeof *c);
	socklen_t n = sizeof c->cred;

	*why = "out of memory";
	if (c != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &n) == 0) {
		if (may_change(&c->cred) && is_own_child(&c->cred))
			c->cred.uid = (uid_t)-1;
		if (full(k, &c->cred) != NULL)
			drop_left(k);
		*why = full(k, &c->cred);
	}
	if (c != NULL && *why == NULL) {
		*why = "out of memory";
		c->control = k;
		c->conn = conn_new(k->loop, fd, IDLE_MS, &ops, c);
	}
	if (c != NULL && c->conn != NULL)
		return c;
	free(c);
	return NULL;
}

static void
take(int fd, void *arg)
{
	struct control *k = arg;
	const char *why;
	struct control_caller *c = caller_new(k, fd, &why);

	if (c == NULL) {
		log_limited(LOG_WARN, "control connection refused", "connections=%u why=%s", k->n,
			    log_quoted(why));
		refuse(fd, why);
		(void)close(fd);
		return;
	}
	LIST_INSERT_HEAD(&k->callers, c, link);
	k->n++;
	k->lookers += !may_change(&c->cred);
}

/* ---- the control socket ---- */

static void
release(struct control *k)
{
	struct control_caller *c;

	while ((c = LIST_FIRST(&k->callers)) != NULL)
		drop(c);
	for (size_t i = 0; i < 2; i++)
		if (k->lanes[i].turn != NULL)
			event_free(k->lanes[i].turn);
	conn_loop_free(k->loop);
	control_socket_close(&k->socket);
	free(k);
}

void
control_add(struct control *k, const struct control_verb *verbs, void *ctx)
{
	assert(k->tables < CONTROL_TABLES);
	k->table[k->tables].verbs = verbs;
	k->table[k->tables++].ctx = ctx;
}

/* fd: of a predecessor; -1: one is made, with that mode. */
static struct control *
make(struct event_base *base, int fd, const char *path, mode_t mode,
     const struct control_verb *verbs, void *ctx)
{
	struct control *k = calloc(1, sizeof *k);
	int rc, saved;

	if (k == NULL)
		return NULL;
	control_add(k, verbs, ctx);
	LIST_INIT(&k->callers);
	k->socket.fd = -1;
	k->loop = conn_loop_new(base, REQUEST_MAX);
	for (size_t i = 0; i < 2; i++) {
		TAILQ_INIT(&k->lanes[i].waiting);
		k->lanes[i].turn = event_new(base, -1, 0, on_turn, &k->lanes[i]);
	}
	errno = ENOMEM;
	if (k->loop == NULL || k->lanes[0].turn == NULL || k->lanes[1].turn == NULL)
		rc = -1;
	else if (fd >= 0)
		rc = control_socket_adopt(&k->socket, base, fd, path, take, k);
	else
		rc = control_socket_open(&k->socket, base, path, mode, take, k);
	if (rc == 0)
		return k;
	saved = errno;
	release(k);
	errno = saved;
	return NULL;
}

struct control *
control_new(struct event_base *base, const char *path, mode_t mode,
	    const struct control_verb *verbs, void *ctx)
{
	return make(base, -1, path, mode, verbs, ctx);
}

struct control *
control_adopt(struct event_base *base, int fd, const char *path, const struct control_verb *verbs,
	      void *ctx)
{
	return make(base, fd, path, 0, verbs, ctx);
}

void
control_go(struct control *k)
{
	control_socket_go(&k->socket);
}

int
control_fd(const struct control *k)
{
	return k->socket.fd;
}

const char *
control_path(const struct control *k)
{
	return k->socket.path;
}

void
control_hand_over(struct control *k)
{
	control_socket_hand_over(&k->socket);
}

int
control_restore(struct control *k, mode_t mode)
{
	return control_socket_restore(&k->socket, mode);
}

void
control_free(struct control *k)
{
	if (k == NULL)
		return;
	control_socket_unlink(&k->socket);
	release(k);
}

void
control_after_fork(struct control *k)
{
	if (k != NULL)
		release(k);
}
