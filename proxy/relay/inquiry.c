/* inquiry.c - see inquiry.h. */
#include "inquiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "lb_conf.h"
#include "log.h"
#include "status.h"
#include "worker_msg.h"

enum { LOOK_MS = 100, LIMIT_MS = 2000, WHY_MAX = 160 };

/* A caller that waits for a worker's answer. */
struct asker {
	struct inquiry *inquiry;
	struct control_deferred *deferred;
	uint64_t token, until;
	struct json_object *rows; /* told so far */
	char policy[PACKET_ID_MAX + 1];
	LIST_ENTRY(asker) link; /* in inquiry->askers */
};

struct inquiry {
	struct inquiry_env env;
	struct event *look; /* pending while somebody waits */
	uint64_t tokens;
	LIST_HEAD(asker_list, asker) askers;
};

static void
asker_free(struct asker *a)
{
	LIST_REMOVE(a, link);
	(void)json_object_put(a->rows);
	free(a);
}

static void
on_gone(void *arg)
{
	asker_free(arg);
}

static void
settle(struct asker *a, const char *error)
{
	struct json_object *rows = error == NULL ? json_object_get(a->rows) : NULL;

	control_settle(a->deferred, rows, error);
	asker_free(a);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct inquiry *q = arg;
	struct asker *a, *next;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	for (a = LIST_FIRST(&q->askers); a != NULL; a = next) {
		next = LIST_NEXT(a, link);
		if (now >= a->until)
			settle(a, "no worker has answered in time");
	}
	if (LIST_EMPTY(&q->askers))
		(void)event_del(q->look);
}

/* ---- asking ---- */

static int
asker_new(struct inquiry *q, const struct control_call *call, const char *policy, uint64_t token)
{
	struct asker *a = calloc(1, sizeof *a);

	if (a == NULL)
		return -1;
	*a = (struct asker){.inquiry = q, .token = token, .until = clock_ms() + LIMIT_MS};
	(void)snprintf(a->policy, sizeof a->policy, "%s", policy);
	a->rows = json_object_new_array();
	a->deferred = a->rows == NULL ? NULL : control_defer(call, on_gone, a);
	if (a->deferred == NULL) {
		(void)json_object_put(a->rows);
		free(a);
		return -1;
	}
	LIST_INSERT_HEAD(&q->askers, a, link);
	return 0;
}

void
inquiry_explain(struct inquiry *q, const struct control_call *call, const char *policy,
		const char *key, const char **error)
{
	struct timeval tv = clock_timeval(LOOK_MS);
	struct buf question = BUF_INIT;
	int rc;

	if (strlen(policy) > PACKET_ID_MAX || (key != NULL && strlen(key) > PACKET_ID_MAX)) {
		*error = "policies and keys have at most 64 bytes";
		return;
	}
	if (worker_msg_put_question(&question, ++q->tokens, policy, key != NULL ? key : "") < 0) {
		*error = "out of memory";
		return;
	}
	rc = q->env.ask(buf_span(&question), q->env.ctx);
	buf_release(&question);
	if (rc < 0) {
		*error = "no worker serves at the moment";
		return;
	}
	if (asker_new(q, call, policy, q->tokens) < 0) {
		*error = "out of memory";
		return;
	}
	if (!event_pending(q->look, EV_TIMEOUT, NULL) && event_add(q->look, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of questions", NULL);
}

/* ---- the answer ---- */

/* Of one that could take it. */
static const char *const not_chosen[LB_BALANCE_COUNT] = {
	[LB_ROUNDROBIN] = "it is another's turn",
	[LB_WEIGHTED] = "it is another's turn",
	[LB_LEASTCONN] = "another has less in flight for its weight, or the turn among equals",
	[LB_RANDOM2] = "not drawn, or the busier of two",
	[LB_HASH] = "the key belongs to another",
};

static void
say_ejected(const struct inquiry_env *env, unsigned server, char why[WHY_MAX])
{
	struct health_view v;
	uint64_t now = clock_ms();

	health_monitor_snapshot(env->watch, server, &v);
	if (v.until > now)
		(void)snprintf(why, WHY_MAX, "%s: %s; a probe follows in %" PRIu64 " ms",
			       health_word(&v), health_monitor_reason(&v), v.until - now);
	else
		(void)snprintf(why, WHY_MAX, "%s: %s", health_word(&v), health_monitor_reason(&v));
}

static void
say_why(const struct inquiry_env *env, const struct explain_row *r, enum lb_balance how,
	char why[WHY_MAX])
{
	const struct upstream_sight *s = &r->sight;

	if (r->chosen)
		why[0] = '\0';
	else if (s->verdict == UPSTREAM_EJECTED)
		say_ejected(env, r->server, why);
	else if (s->verdict == UPSTREAM_PAUSING || s->verdict == UPSTREAM_SHORT)
		(void)snprintf(why, WHY_MAX, "%s, %" PRIu64 " ms to come",
			       upstream_verdict_text(s->verdict), s->pause);
	else if (s->verdict == UPSTREAM_FULL)
		(void)snprintf(why, WHY_MAX, "full: %u of %u in flight from this worker",
			       s->in_flight, s->room);
	else if (s->verdict != UPSTREAM_USABLE)
		(void)snprintf(why, WHY_MAX, "%s", upstream_verdict_text(s->verdict));
	else if (s->busy)
		(void)snprintf(why, WHY_MAX, "busy: the %u connection%s that it takes %s held",
			       s->slots, s->slots == 1 ? "" : "s", s->slots == 1 ? "is" : "are");
	else
		(void)snprintf(why, WHY_MAX, "%s", not_chosen[how]);
}

static struct json_object *
row_of(const struct asker *a, const struct explain_row *r)
{
	const struct inquiry_env *env = &a->inquiry->env;
	const struct registry_server *s = registry_server(env->registry, r->server);
	struct json_object *o = json_object_new_object();
	const char *balance = policy_conf_of(env->conf(env->ctx), a->policy)->balance;
	bool usable = r->sight.verdict == UPSTREAM_USABLE && !r->sight.busy;
	char why[WHY_MAX];

	if (o == NULL)
		return NULL;
	say_why(env, r, lb_conf_of(balance).how, why);
	status_add_text(o, "policy", a->policy);
	status_add_text(o, "balance", balance);
	status_add_text(o, "id", s->id);
	status_add_text(o, "choice", r->chosen ? "next" : usable ? "possible" : "no");
	status_add_number(o, "in_flight", r->sight.in_flight);
	status_add_text_or_null(o, "why_not", why);
	return o;
}

static struct asker *
find(const struct inquiry *q, uint64_t token)
{
	struct asker *a;

	LIST_FOREACH(a, &q->askers, link)
		if (a->token == token)
			return a;
	return NULL;
}

void
inquiry_answer(struct inquiry *q, struct span message)
{
	const struct registry *r = q->env.registry;
	struct explain_answer head;
	struct explain_row row[EXPLAIN_ROWS];
	struct asker *a;
	char why[WHY_MAX];

	if (worker_msg_get_answer(message, registry_max_servers(r), &head, row) < 0) {
		log_limited(LOG_WARN, "a worker explained what nobody understands", NULL);
		return;
	}
	a = find(q, head.token);
	if (a == NULL)
		return; /* the caller has gone meanwhile */
	for (uint32_t i = 0; i < head.n; i++)
		if (registry_server(r, row[i].server)->used)
			status_append(a->rows, row_of(a, &row[i]));
	(void)snprintf(why, sizeof why, "no server ever registered for policy %s", a->policy);
	if (!head.known)
		settle(a, why);
	else if (head.last)
		settle(a, NULL);
}

/* ---- making and freeing ---- */

struct inquiry *
inquiry_new(const struct inquiry_env *env)
{
	struct inquiry *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->env = *env;
	LIST_INIT(&q->askers);
	q->look = event_new(env->base, -1, EV_PERSIST, on_look, q);
	if (q->look == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

void
inquiry_after_fork(struct inquiry *q)
{
	if (q == NULL)
		return;
	event_free(q->look);
	free(q);
}

void
inquiry_free(struct inquiry *q)
{
	struct asker *a;

	if (q == NULL)
		return;
	while ((a = LIST_FIRST(&q->askers)) != NULL)
		settle(a, "the proxy ends");
	inquiry_after_fork(q);
}
