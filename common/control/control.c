/* control.c - see control.h: callers, how many there may be, and their turns. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control_internal.h"
#include "log.h"
#include "process.h"

/* Callers that may only look leave room for callers that give orders, and for one another. */
enum {
	REQUEST_MAX = 65536,
	CALLERS_MAX = 64,
	LOOKERS_MAX = 48,
	USER_MAX = 8,  /* lookers of one user */
	LOOK_PAUSE = 3 /* times as long as an answer to those has taken */
};

/* A process that this daemon has forked: a worker that was taken over, which may connect to Unix
 * sockets where it is a proxy's, gives no orders. */
static bool
is_own_child(const struct ucred *cred)
{
	struct procstat p;

	return procstat_read(cred->pid, &p) == 0 && p.parent == getpid();
}

static struct control_lane *
lane_of(const struct control_caller *c)
{
	return &c->control->lanes[control_may_change(&c->cred)];
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
	c->control->lookers -= !control_may_change(&c->cred);
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
end_turn(struct control *k, struct control_lane *lane, uint64_t us)
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

	if (control_may_change(&c->cred) && json_object_object_get_ex(c->request, "cmd", &cmd))
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
		control_carry_out(c, request);
	else
		control_answer_error(c, c->why);
	(void)json_object_put(request);
}

static void
serve(struct control_caller *c)
{
	struct control *k = c->control;
	struct control_lane *lane = lane_of(c);
	uint64_t since = clock_us();

	answer_request(c);
	end_turn(k, lane, clock_us() - since);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct control_lane *lane = arg;
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
	struct control_lane *lane = lane_of(c);

	conn_pause(conn);
	c->request = control_read_request(text, c->why);
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
	control_answer_error(arg, error == EMSGSIZE ? "the request is too large"
						    : "a request is a JSON object");
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
	bool looks = !control_may_change(cred);

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
	struct json_object *o = control_error_answer(why);
	char line[CONTROL_WHY + 32];
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
		if (control_may_change(&c->cred) && is_own_child(&c->cred))
			c->cred.uid = (uid_t)-1;
		if (full(k, &c->cred) != NULL)
			drop_left(k);
		*why = full(k, &c->cred);
	}
	if (c != NULL && *why == NULL) {
		*why = "out of memory";
		c->control = k;
		c->conn = conn_new(k->loop, fd, CONTROL_IDLE_MS, &ops, c);
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
	k->lookers += !control_may_change(&c->cred);
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
