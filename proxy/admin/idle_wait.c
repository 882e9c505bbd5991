/* idle_wait.c - see idle_wait.h. */
#include "idle_wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "clock.h"
#include "log.h"
#include "status.h"

/* A worker that has not heard of the change yet may send one more: two looks tell. */
enum { LOOK_MS = 50, LOOKS = 2 };

struct waiter {
	struct idle_wait *quiet;
	struct control_deferred *deferred;
	unsigned server;
	unsigned looks; /* on end that found nothing */
	uint64_t since, until;
	char id[PACKET_ID_MAX + 1];
	LIST_ENTRY(waiter) link; /* in quiet->waiters */
};

struct idle_wait {
	struct counters *tally;
	const struct registry *registry;
	struct event *look; /* pending while somebody waits */
	LIST_HEAD(waiter_list, waiter) waiters;
};

static void
waiter_free(struct waiter *w)
{
	LIST_REMOVE(w, link);
	free(w);
}

static void
on_gone(void *arg)
{
	waiter_free(arg);
}

static void
settle(struct waiter *w, struct json_object *data, const char *error)
{
	control_settle(w->deferred, data, error);
	waiter_free(w);
}

static void
settle_well(struct waiter *w, uint64_t now)
{
	struct json_object *o = json_object_new_object();

	if (o != NULL) {
		status_add_text(o, "id", w->id);
		status_add_number(o, "in_flight", 0);
		status_add_seconds(o, "waited_s", now - w->since);
	}
	settle(w, o, "out of memory");
}

static void
look_at(struct waiter *w, uint64_t now)
{
	struct server_stats_cell sum;
	char why[96];

	counters_sum(w->quiet->tally, w->server, &sum);
	w->looks = counter_get(&sum.in_flight) == 0 ? w->looks + 1 : 0;
	if (w->looks >= LOOKS) {
		settle_well(w, now);
	} else if (now >= w->until) {
		(void)snprintf(why, sizeof why, "time is up, %" PRIu64 " still in flight",
			       counter_get(&sum.in_flight));
		settle(w, NULL, why);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct idle_wait *q = arg;
	struct waiter *w, *next;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	for (w = LIST_FIRST(&q->waiters); w != NULL; w = next) {
		next = LIST_NEXT(w, link);
		look_at(w, now);
	}
	if (LIST_EMPTY(&q->waiters))
		(void)event_del(q->look);
}

int
idle_wait_begin(struct idle_wait *q, const struct control_call *call, unsigned server,
		uint64_t limit_ms)
{
	struct waiter *w = calloc(1, sizeof *w);
	struct timeval tv = clock_timeval(LOOK_MS);

	if (w == NULL)
		return -1;
	*w = (struct waiter){.quiet = q, .server = server, .since = clock_ms()};
	w->until = w->since + limit_ms;
	(void)snprintf(w->id, sizeof w->id, "%s", registry_server(q->registry, server)->id);
	w->deferred = control_defer(call, on_gone, w);
	if (w->deferred == NULL) {
		free(w);
		return -1;
	}
	if (!event_pending(q->look, EV_TIMEOUT, NULL) && event_add(q->look, &tv) < 0)
		log_event(LOG_ERROR, "cannot look for what is in flight", NULL);
	LIST_INSERT_HEAD(&q->waiters, w, link);
	return 0;
}

struct idle_wait *
idle_wait_new(struct event_base *base, const struct registry *registry, struct counters *tally)
{
	struct idle_wait *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->tally = tally;
	q->registry = registry;
	LIST_INIT(&q->waiters);
	q->look = event_new(base, -1, EV_PERSIST, on_look, q);
	if (q->look == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

void
idle_wait_after_fork(struct idle_wait *q)
{
	if (q == NULL)
		return;
	event_free(q->look);
	free(q);
}

void
idle_wait_free(struct idle_wait *q)
{
	struct waiter *w;

	if (q == NULL)
		return;
	while ((w = LIST_FIRST(&q->waiters)) != NULL)
		settle(w, NULL, "the proxy ends");
	idle_wait_after_fork(q);
}
