/* health_check.c - see health_check.h. */
#include "health_check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "job.h"
#include "log.h"
#include "net.h"
#include "upstream_conn.h"

enum {
	REPLY_MAX = 4096,  /* bytes; an answer to so little is no longer */
	YIELD_AFTER = 100, /* ms */
	NGROUPS_KEPT = 256 /* of the master's; with more it connects to no Unix socket */
};

const char *const health_check_words[] = {"off", "connect", "request", NULL};

struct probe {
	struct health_check *prober;
	struct upstream_conn *lane;
	struct request *request; /* NULL for a connect, and once it is answered */
	struct event *timeout;
	unsigned server;
	uint64_t incarnation;
	enum health_check_how how;
	int permit;
	uint64_t begun;		/* clock_ms() */
	LIST_ENTRY(probe) link; /* in prober->probes */
};

struct health_check {
	struct health_check_env env;
	struct conn_loop *loop;
	LIST_HEAD(probe_list, probe) probes;
	unsigned n;
};

struct health_check *
health_check_new(const struct health_check_env *env)
{
	struct health_check *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->env = *env;
	LIST_INIT(&p->probes);
	p->loop = conn_loop_new(env->base, REPLY_MAX);
	if (p->loop == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

/* Without a word about its result. */
static void
drop(struct probe *x)
{
	if (x->lane != NULL) {
		(void)upstream_conn_take_last(x->lane);
		upstream_conn_free(x->lane);
	}
	if (x->request != NULL)
		request_free(x->request);
	if (x->timeout != NULL)
		event_free(x->timeout);
	LIST_REMOVE(x, link);
	x->prober->n--;
	free(x);
}

void
health_check_free(struct health_check *p)
{
	struct probe *x;

	if (p == NULL)
		return;
	while ((x = LIST_FIRST(&p->probes)) != NULL)
		drop(x);
	conn_loop_free(p->loop);
	free(p);
}

/* The connection is closed before anybody hears of the result, and then the permit goes on. */
static void
finish(struct probe *x, bool passed, enum failure_cause cause)
{
	struct health_check *p = x->prober;
	struct probe was = *x;

	drop(x);
	conn_limit_give(p->env.permits, was.server, was.permit, p->env.worker);
	p->env.on_result(was.server, was.incarnation, was.how, passed, cause, p->env.ctx);
}

/* ---- what its connection tells ---- */

/* A reply has been found right, its digest where the job is one; an error is fine for a client, not
 * for a probe. */
static void
on_event(struct upstream_conn *l, const struct upstream_conn_event *e, void *arg)
{
	struct probe *x = arg;

	(void)l;
	switch (e->what) {
	case UPSTREAM_CONN_OPENED:
		if (x->how == HEALTH_CHECK_CONNECT)
			finish(x, true, CAUSE_REFUSED);
		break;
	case UPSTREAM_CONN_REPLIED: finish(x, !e->request->refused, CAUSE_ERROR); break;
	case UPSTREAM_CONN_STOPPING:
	case UPSTREAM_CONN_DECLINED: finish(x, false, CAUSE_ERROR); break;
	case UPSTREAM_CONN_ENDED: finish(x, false, e->end->cause); break;
	}
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct probe *x = arg;

	(void)fd;
	(void)what;
	finish(x, false, x->lane->open ? CAUSE_PROBE_REPLY : CAUSE_PROBE_CONNECT);
}

void
health_check_yield(struct health_check *p)
{
	uint64_t now = clock_ms();
	struct probe *x, *next;

	for (x = LIST_FIRST(&p->probes); x != NULL; x = next) {
		next = LIST_NEXT(x, link);
		if (x->permit >= 0 && now >= x->begun + YIELD_AFTER &&
		    conn_limit_wanted(p->env.permits, x->server, p->env.worker))
			finish(x, false, CAUSE_SHORTAGE);
	}
}

/* ---- starting ---- */

static const struct proxy_conf *
conf_of(const struct probe *x)
{
	return x->prober->env.conf(x->prober->env.ctx);
}

/* The request, in flight.  0, or -1. */
static int
send_request(struct probe *x, const struct registry_server *s, const char *policy,
	     const char *payload)
{
	x->request = request_probe(conf_of(x)->id, policy, s->job, payload);
	return x->request == NULL ? -1 : upstream_conn_send(x->lane, x->request, s->pooled);
}

static struct probe *
make(struct health_check *p, const struct registry_server *s, unsigned index,
     enum health_check_how how, int permit)
{
	struct probe *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	*x = (struct probe){.prober = p,
			    .server = index,
			    .incarnation = s->incarnation,
			    .how = how,
			    .permit = permit,
			    .begun = clock_ms()};
	x->timeout = event_new(p->env.base, -1, 0, on_timeout, x);
	LIST_INSERT_HEAD(&p->probes, x, link);
	p->n++;
	return x;
}

/* The digest, where the job is one, unless any payload is fine for clients too. */
static struct reply_check
check_of(const struct probe *x, const struct registry_server *s, const char *policy)
{
	bool digest = job_is_digest(job_find(span_str(s->job))) &&
		      policy_conf_of(conf_of(x), policy)->verify != REPLY_CHECK_PACKET;

	return reply_check_of(digest ? REPLY_CHECK_DIGEST : REPLY_CHECK_PACKET, s->job);
}

/* The master as its workers are, for as long as it takes to connect to a Unix socket: the kernel
 * asks then whether that is allowed, and root always is.  Not by the C library's setgroups(), which
 * would change the master's other thread too, and wait for it. */
struct master {
	bool changed;
	uid_t uid;
	gid_t gid;
	int groups;
	gid_t group[NGROUPS_KEPT];
};

static bool
be_a_worker(const struct privdrop *w, const struct registry_server *s, struct master *m)
{
	m->changed = false;
	if (w == NULL || !addr_is_unix(&s->addr))
		return true;
	m->groups = getgroups(NGROUPS_KEPT, m->group);
	if (m->groups < 0 || syscall(SYS_setgroups, w->groups, w->group) < 0)
		return false;
	m->gid = (gid_t)setfsgid(w->gid);
	m->uid = (uid_t)setfsuid(w->uid);
	m->changed = true;
	return true;
}

static void
be_the_master(const struct master *m)
{
	int saved = errno;

	if (!m->changed)
		return;
	(void)setfsuid(m->uid);
	(void)setfsgid(m->gid);
	if (syscall(SYS_setgroups, m->groups, m->group) < 0)
		log_errno(LOG_ERROR, "the master cannot take its groups again", NULL);
	errno = saved;
}

static struct upstream_conn *
dial(struct probe *x, const struct registry_server *s, const char *policy, uint64_t timeout_ms)
{
	struct reply_check check = check_of(x, s, policy);
	struct upstream_conn *l;
	struct master m;

	if (!be_a_worker(conf_of(x)->workers, s, &m))
		return NULL;
	l = upstream_conn_open(x->prober->loop, s, conf_of(x), timeout_ms, &check, on_event, x);
	be_the_master(&m);
	return l;
}

/* False with errno for a shortage of our own; what the system says of the way there is a result. */
static bool
launch(struct probe *x, const struct registry_server *s, const char *policy, const char *payload,
       uint64_t timeout_ms)
{
	struct timeval tv = clock_timeval(timeout_ms);

	if (x->timeout == NULL || event_add(x->timeout, &tv) < 0) {
		errno = ENOMEM;
		return false;
	}
	x->lane = dial(x, s, policy, timeout_ms);
	if (x->lane == NULL && net_shortage(errno) != NULL)
		return false;
	if (x->lane == NULL) {
		finish(x, false, failure_of_errno(errno, false));
		return true;
	}
	if (x->how == HEALTH_CHECK_CONNECT || send_request(x, s, policy, payload) == 0)
		return true;
	errno = ENOMEM;
	return false;
}

bool
health_check_start(struct health_check *p, const struct registry_server *s, unsigned index,
		   const char *policy, const char *payload, enum health_check_how how,
		   uint64_t timeout_ms)
{
	struct probe *x;
	int permit;

	if (p->n >= HEALTH_CHECK_MAX)
		return false;
	permit = conn_limit_try(p->env.permits, index, s->slots, p->env.worker);
	if (permit == CONN_LIMIT_NONE)
		return false;
	x = make(p, s, index, how, permit);
	if (x != NULL && launch(x, s, policy, payload, timeout_ms))
		return true;
	log_limited(LOG_WARN, "a probe is put off", "id=%s why=%s", log_quoted(s->id),
		    log_quoted(net_error_text(errno)));
	if (x != NULL)
		drop(x);
	conn_limit_give(p->env.permits, index, permit, p->env.worker);
	return false;
}
