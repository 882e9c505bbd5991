/* prober.c - see prober.h. */
#include "prober.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "clock.h"
#include "lane.h"
#include "log.h"

static const char payload[] = "policypool";

enum { REPLY_MAX = 4096 }; /* bytes; an answer to so little is no longer */

const char *const prober_words[] = {"off", "connect", "request", NULL};

struct probe {
	struct prober *prober;
	struct lane *lane;
	struct request *request; /* NULL for a connect, and once it is answered */
	struct event *timeout;
	unsigned server;
	uint64_t incarnation;
	enum prober_how how;
	int permit;
	LIST_ENTRY(probe) link; /* in prober->probes */
};

struct prober {
	struct prober_env env;
	struct conn_loop *loop;
	LIST_HEAD(probe_list, probe) probes;
	unsigned n;
};

static const struct lane_ops lane_ops;

struct prober *
prober_new(const struct prober_env *env)
{
	struct prober *p = calloc(1, sizeof *p);

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
		(void)lane_take_last(x->lane);
		lane_free(x->lane);
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
prober_free(struct prober *p)
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
finish(struct probe *x, bool passed, enum incident_cause cause)
{
	struct prober *p = x->prober;
	struct probe was = *x;

	drop(x);
	permit_give(p->env.permits, was.server, was.permit, p->env.worker);
	p->env.on_result(was.server, was.incarnation, was.how, passed, cause, p->env.ctx);
}

/* ---- what its connection tells ---- */

static void
on_open(struct lane *l, void *arg)
{
	struct probe *x = arg;

	(void)l;
	if (x->how == PROBER_CONNECT)
		finish(x, true, CAUSE_REFUSED);
}

/* The lane has found the digest right; an error is fine for a client, not for a probe. */
static void
on_reply(struct lane *l, struct request *r, struct span reply, void *arg)
{
	(void)l;
	(void)reply;
	finish(arg, !r->refused, CAUSE_ERROR);
}

static void
on_declined(struct lane *l, struct request *r, void *arg)
{
	(void)l;
	(void)r;
	finish(arg, false, CAUSE_ERROR);
}

static void
on_end(struct lane *l, const struct lane_end *end, void *arg)
{
	(void)l;
	finish(arg, false, end->cause);
}

static const struct lane_ops lane_ops = {
	.on_open = on_open, .on_reply = on_reply, .on_declined = on_declined, .on_end = on_end};

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct probe *x = arg;

	(void)fd;
	(void)what;
	finish(x, false, x->lane->open ? CAUSE_TIMEOUT : CAUSE_CONNECT_TIMEOUT);
}

/* ---- starting ---- */

/* The request, in flight.  0, or -1. */
static int
send_request(struct probe *x, const char *policy, bool newline)
{
	struct buf text = BUF_INIT;
	struct packet_fault fault;
	struct packet p;
	int rc = -1;

	if (packet_request(&text, x->prober->env.conf->id, policy, span_str(payload)) == 0 &&
	    packet_parse(&p, buf_span(&text), &fault) == 0)
		x->request = request_new(NULL, NULL, p.text, packet_scalar(&p, "srcid"));
	if (x->request != NULL)
		rc = lane_send(x->lane, x->request, newline);
	buf_release(&text);
	return rc;
}

static struct probe *
make(struct prober *p, const struct registry_server *s, unsigned index, enum prober_how how,
     int permit)
{
	struct probe *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	*x = (struct probe){.prober = p,
			    .server = index,
			    .incarnation = s->incarnation,
			    .how = how,
			    .permit = permit};
	x->timeout = event_new(p->env.base, -1, 0, on_timeout, x);
	LIST_INSERT_HEAD(&p->probes, x, link);
	p->n++;
	return x;
}

/* False for lack of memory; what the system says of the connection is a result. */
static bool
launch(struct probe *x, const struct registry_server *s, const char *policy, uint64_t timeout_ms)
{
	struct timeval tv = clock_timeval(timeout_ms);

	if (x->timeout == NULL || event_add(x->timeout, &tv) < 0)
		return false;
	x->lane = lane_open(x->prober->loop, s, x->prober->env.conf, timeout_ms, VERIFY_DIGEST,
			    &lane_ops, x);
	if (x->lane == NULL && errno == ENOMEM)
		return false;
	if (x->lane == NULL) {
		finish(x, false, incident_of_errno(errno, false));
		return true;
	}
	return x->how == PROBER_CONNECT || send_request(x, policy, s->pooled) == 0;
}

bool
prober_start(struct prober *p, const struct registry_server *s, unsigned index, const char *policy,
	     enum prober_how how, uint64_t timeout_ms)
{
	struct probe *x;
	int permit;

	if (p->n >= PROBER_MAX)
		return false;
	permit = permit_try(p->env.permits, index, s->slots, p->env.worker);
	if (permit == PERMIT_NONE)
		return false;
	x = make(p, s, index, how, permit);
	if (x != NULL && launch(x, s, policy, timeout_ms))
		return true;
	log_event(LOG_ERROR, "out of memory for a probe", "id=%s", log_quoted(s->id));
	if (x != NULL)
		drop(x);
	permit_give(p->env.permits, index, permit, p->env.worker);
	return false;
}
