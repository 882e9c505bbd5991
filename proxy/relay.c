/* relay.c - see relay.h. */
#include "relay.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chooser.h"
#include "clock.h"
#include "log.h"
#include "route.h"

enum {
	TICK_MS = 25,	       /* while anything is pending: clocks are that precise */
	RETRY_AFTER_MS = 1000, /* what an overloaded client is told */
	WHY_MAX = 160
};

struct queue {
	struct request_list waiting;
	unsigned n;
	bool listed;
	char policy[PACKET_ID_MAX + 1]; /* whose it is: an index may pass to another policy */
	char why[WHY_MAX];		/* what kept the last one from being sent */
	LIST_ENTRY(queue) link;		/* in relay->busy: those with somebody waiting */
};

struct relay {
	struct relay_env env;
	const struct relay_ops *ops;
	void *ctx;
	struct roster *roster;
	struct upstreams *upstreams;
	struct queue *queue; /* by policy index */
	LIST_HEAD(queue_list, queue) busy;
	unsigned queued;
	struct chooser *chooser;
	struct event *tick;
};

static void on_reply(struct request *, unsigned, struct span, void *);
static void on_lost(struct request *, unsigned, enum upstream_loss, const char *, void *);
static void on_room(void *);
static void on_tick(evutil_socket_t, short, void *);

static const struct upstream_ops upstream_ops = {on_reply, on_lost, on_room};

/* ---- the relay itself ---- */

struct relay *
relay_new(const struct relay_env *env, const struct relay_ops *ops, void *ctx)
{
	struct relay *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->env = *env;
	r->ops = ops;
	r->ctx = ctx;
	r->roster = env->upstream.roster;
	LIST_INIT(&r->busy);
	r->queue = calloc(registry_max_policies(env->registry), sizeof *r->queue);
	r->chooser = chooser_new(&env->upstream, env->registry);
	r->upstreams = upstreams_new(&env->upstream, &upstream_ops, r);
	r->tick = event_new(env->base, -1, EV_PERSIST, on_tick, r);
	if (r->queue == NULL || r->chooser == NULL || r->upstreams == NULL || r->tick == NULL) {
		relay_free(r);
		return NULL;
	}
	return r;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	if (r->upstreams != NULL)
		upstreams_abandon(r->upstreams);
	upstreams_free(r->upstreams);
	if (r->tick != NULL)
		event_free(r->tick);
	free(r->queue);
	chooser_free(r->chooser);
	free(r);
}

unsigned
relay_pending(const struct relay *r)
{
	return r->queued + upstreams_in_flight(r->upstreams);
}

static void
keep_ticking(struct relay *r)
{
	struct timeval tv = clock_timeval(TICK_MS);

	if (!event_pending(r->tick, EV_TIMEOUT, NULL) && event_add(r->tick, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the relay's clock", NULL);
}

/* ---- queues ---- */

/* Its waits_since is the caller's to set. */
static void
enqueue(struct relay *r, struct request *q, bool first)
{
	struct queue *queue = &r->queue[q->policy];

	q->state = REQUEST_QUEUED;
	if (first)
		TAILQ_INSERT_HEAD(&queue->waiting, q, link);
	else
		TAILQ_INSERT_TAIL(&queue->waiting, q, link);
	queue->n++;
	r->queued++;
	if (!queue->listed)
		LIST_INSERT_HEAD(&r->busy, queue, link);
	queue->listed = true;
	keep_ticking(r);
}

static void
dequeue(struct relay *r, struct request *q)
{
	struct queue *queue = &r->queue[q->policy];

	TAILQ_REMOVE(&queue->waiting, q, link);
	queue->n--;
	r->queued--;
	if (queue->n > 0)
		return;
	LIST_REMOVE(queue, link);
	queue->listed = false;
}

/* The queue of a policy; one that nobody waits in begins anew, for whoever has this index now. */
static struct queue *
queue_of(struct relay *r, const struct roster_policy *p)
{
	struct queue *queue = &r->queue[p->index];

	if (queue->n > 0)
		return queue;
	TAILQ_INIT(&queue->waiting);
	queue->why[0] = '\0';
	(void)snprintf(queue->policy, sizeof queue->policy, "%s", p->name);
	return queue;
}

/* ---- answers of our own ---- */

static void
answer_error(struct relay *r, struct request *q, enum packet_code code, const char *why)
{
	unsigned retry_after = code == PACKET_OVERLOADED ? RETRY_AFTER_MS : 0;

	if (q->client == NULL) {
		request_free(q);
		return;
	}
	if (request_fail(q, r->env.upstream.conf->id, code, why, retry_after) < 0)
		log_event(LOG_ERROR, "out of memory for an error", "code=%s",
			  packet_code_text(code));
	r->ops->on_answer(q, NULL, span_of(NULL, 0), r->ctx);
}

/* Is there one that an operator lets take requests? */
static bool
any_enabled(const struct relay *r, const struct roster_policy *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (roster_server(r->roster, p->server[i])->admin == REGISTRY_ENABLED)
			return true;
	return false;
}

static void
answer_expired(struct relay *r, struct request *q)
{
	const struct roster_policy *p = roster_at(r->roster, q->policy);
	struct queue *queue = &r->queue[q->policy];
	char why[2 * WHY_MAX];

	dequeue(r, q);
	if (strcmp(queue->policy, p->name) != 0 || p->n == 0) {
		(void)snprintf(why, sizeof why, "no server of policy %s is registered",
			       queue->policy);
		answer_error(r, q, PACKET_NO_SERVER, why);
	} else if (!any_enabled(r, p)) {
		(void)snprintf(why, sizeof why, "every server of policy %s is draining or disabled",
			       queue->policy);
		answer_error(r, q, PACKET_NO_SERVER, why);
	} else if (queue->why[0] != '\0') {
		(void)snprintf(why, sizeof why, "no server of policy %s could be reached: %s",
			       queue->policy, queue->why);
		answer_error(r, q, PACKET_UPSTREAM_FAILED, why);
	} else {
		(void)snprintf(why, sizeof why, "every server of policy %s is busy", queue->policy);
		answer_error(r, q, PACKET_OVERLOADED, why);
	}
}

/* ---- dispatch ---- */

/* True when the request is on its way. */
static bool
dispatch_one(struct relay *r, const struct roster_policy *p, struct queue *queue, struct request *q)
{
	int pick;

	if (!chooser_begin(r->chooser, r->upstreams, p, q, clock_ms()))
		return false;
	while ((pick = chooser_next(r->chooser)) != ROUTE_NOBODY) {
		const struct registry_server *server = roster_server(r->roster, (unsigned)pick);
		const char *why = NULL;
		if (upstream_send(r->upstreams, (unsigned)pick, q, &why) == 0) {
			r->ops->on_forward(q, server, r->ctx);
			return true;
		}
		if (why != NULL)
			(void)snprintf(queue->why, sizeof queue->why, "server %s: %s", server->id,
				       why);
	}
	return false;
}

static void
dispatch(struct relay *r, struct queue *queue)
{
	struct request *q;

	while ((q = TAILQ_FIRST(&queue->waiting)) != NULL) {
		const struct roster_policy *p = roster_at(r->roster, q->policy);
		if (strcmp(queue->policy, p->name) != 0)
			return; /* another policy has this index now: they wait for their end */
		dequeue(r, q);
		if (!dispatch_one(r, p, queue, q)) {
			enqueue(r, q, true);
			return;
		}
	}
}

static void
dispatch_all(struct relay *r)
{
	struct queue *queue, *next;

	for (queue = LIST_FIRST(&r->busy); queue != NULL; queue = next) {
		next = LIST_NEXT(queue, link);
		dispatch(r, queue);
	}
	if (r->queued == 0)
		upstreams_stop_waiting(r->upstreams);
}

static void
refresh(struct relay *r)
{
	if (!roster_refresh(r->roster))
		return;
	upstreams_refresh(r->upstreams);
	chooser_refresh(r->chooser);
}

/* ---- the way in ---- */

/* Nobody of the policy could ever take a request of this size. */
static bool
too_large_for_all(const struct relay *r, const struct roster_policy *p, size_t bytes)
{
	if (p->n == 0 || bytes <= r->env.upstream.conf->plain_message)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (roster_server(r->roster, p->server[i])->pooled)
			return false;
	return true;
}

void
relay_submit(struct relay *r, struct request *q, const struct packet *packet)
{
	struct span policy = packet_scalar(packet, "privPoliId");
	const struct roster_policy *p;
	struct queue *queue;
	char why[WHY_MAX];

	refresh(r);
	p = roster_find(r->roster, policy);
	if (p == NULL) {
		(void)snprintf(why, sizeof why, "no server ever registered for policy %.*s",
			       SPAN_ARG(policy));
		answer_error(r, q, PACKET_UNKNOWN_POLICY, why);
		return;
	}
	if (too_large_for_all(r, p, q->text.n)) {
		(void)snprintf(why, sizeof why, "%zu bytes; the servers of policy %s take %u",
			       q->text.n, p->name, r->env.upstream.conf->plain_message);
		answer_error(r, q, PACKET_TOO_LARGE, why);
		return;
	}
	if (r->queued >= r->env.upstream.conf->queue_length) {
		answer_error(r, q, PACKET_OVERLOADED, "too many requests wait for a server");
		return;
	}
	q->policy = p->index;
	q->hash = chooser_key(r->chooser, p, packet);
	q->waits_since = clock_ms();
	queue = queue_of(r, p);
	enqueue(r, q, false);
	dispatch(r, queue);
}

void
relay_forget(struct relay *r, struct request *q)
{
	q->client = NULL;
	if (q->state == REQUEST_QUEUED) {
		dequeue(r, q);
		request_free(q);
	} else if (q->state == REQUEST_ANSWERED) {
		request_free(q);
	}
}

/* ---- the way back ---- */

static void
on_reply(struct request *q, unsigned server, struct span reply, void *arg)
{
	struct relay *r = arg;

	if (q->client == NULL) {
		request_free(q);
		return;
	}
	q->state = REQUEST_ANSWERED;
	r->ops->on_answer(q, roster_server(r->roster, server), reply, r->ctx);
}

static void
back_to_queue(struct relay *r, struct request *q, const char *why)
{
	struct queue *queue = &r->queue[q->policy];
	const struct roster_policy *p = roster_at(r->roster, q->policy);

	if (queue->n == 0 && strcmp(queue->policy, p->name) == 0)
		(void)queue_of(r, p);
	enqueue(r, q, true);
	(void)snprintf(queue->why, sizeof queue->why, "%s", why);
}

static void
on_lost(struct request *q, unsigned server, enum upstream_loss loss, const char *why, void *arg)
{
	struct relay *r = arg;
	const struct registry_server *s = roster_server(r->roster, server);
	char text[WHY_MAX];

	if (q->client == NULL) {
		request_free(q);
		return;
	}
	(void)snprintf(text, sizeof text, "server %s: %s", s->id, why);
	q->avoid = (int)server;
	q->tries += loss != UPSTREAM_UNREACHED;
	if (loss == UPSTREAM_TIMEOUT) {
		answer_error(r, q, PACKET_TIMEOUT, text);
	} else if (q->tries > r->env.upstream.conf->retries) {
		answer_error(r, q, PACKET_UPSTREAM_FAILED, text);
	} else {
		/* Where nobody has seen it, it has been waiting all along. */
		if (loss != UPSTREAM_UNREACHED)
			q->waits_since = clock_ms();
		back_to_queue(r, q, text);
	}
}

static void
on_room(void *arg)
{
	dispatch_all(arg);
}

/* ---- clocks ---- */

static void
expire(struct relay *r, uint64_t now)
{
	uint64_t limit = r->env.upstream.conf->queue_timeout;
	struct queue *queue, *next_queue;
	struct request *q, *next;

	for (queue = LIST_FIRST(&r->busy); queue != NULL; queue = next_queue) {
		next_queue = LIST_NEXT(queue, link);
		for (q = TAILQ_FIRST(&queue->waiting); q != NULL; q = next) {
			next = TAILQ_NEXT(q, link);
			if (now > q->waits_since && now - q->waits_since > limit)
				answer_expired(r, q);
		}
	}
}

void
relay_look(struct relay *r)
{
	refresh(r);
	upstreams_yield(r->upstreams);
	dispatch_all(r);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	upstreams_tick(r->upstreams, now);
	relay_look(r);
	expire(r, now);
	if (relay_pending(r) == 0)
		(void)event_del(r->tick);
}
