/* store_lease.c - see store_lease.h. */
#include "store_lease.h"

#include <stdlib.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"

enum { PAUSE_MIN_MS = 200, PAUSE_MAX_MS = 2000 };

struct store_lease {
	struct etcd_client *client;
	const struct store_lease_ops *ops;
	uint64_t ttl; /* ms */
	uint64_t id, until, asked_at;
	bool wanted;
	struct event *clock;
	struct backoff pause;
	struct etcd_call *call;
};

static void ask(struct store_lease *);

static void
arm(struct store_lease *l, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(l->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a clock of the store", NULL);
}

static void
try_again(struct store_lease *l)
{
	arm(l, backoff_next(&l->pause, backoff_random()));
}

static void
renewed(struct store_lease *l)
{
	l->until = l->asked_at + l->ttl;
	backoff_reset(&l->pause);
	arm(l, l->ttl / 3);
}

static void
on_grant(const struct etcd_answer *a, void *arg)
{
	struct store_lease *l = arg;

	l->call = NULL;
	if (a->class != ETCD_OK || etcd_json_lease_id(a->o) == 0) {
		try_again(l);
		return;
	}
	l->id = etcd_json_lease_id(a->o);
	renewed(l);
	l->ops->on_granted(l->id, l->ops->ctx);
}

static void
lose(struct store_lease *l)
{
	log_event(LOG_WARN, "the lease in the store has ended: another one is asked for",
		  "ttl_ms=%llu", (unsigned long long)l->ttl);
	l->id = 0;
	l->ops->on_lost(l->ops->ctx);
	arm(l, 0);
}

static void
on_renewal(const struct etcd_answer *a, void *arg)
{
	struct store_lease *l = arg;

	l->call = NULL;
	if (a->class == ETCD_OK && etcd_json_lease_ttl(a->o) > 0)
		renewed(l);
	else if (a->class == ETCD_OK || a->class == ETCD_NO_LEASE)
		lose(l);
	else
		try_again(l);
}

static void
ask(struct store_lease *l)
{
	struct buf body = BUF_INIT;
	bool renews = l->id != 0;
	int rc = renews ? etcd_json_put_lease(&body, l->id)
			: etcd_json_put_grant(&body, (l->ttl + 999) / 1000);

	l->asked_at = clock_ms();
	if (rc == 0)
		l->call = etcd_client_call(l->client,
					   renews ? "/v3/lease/keepalive" : "/v3/lease/grant",
					   buf_span(&body), renews ? on_renewal : on_grant, l);
	buf_release(&body);
	if (l->call == NULL)
		try_again(l);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_lease *l = arg;

	(void)fd;
	(void)what;
	if (l->call == NULL)
		ask(l);
}

void
store_lease_begin(struct store_lease *l)
{
	if (l->wanted)
		return;
	l->wanted = true;
	arm(l, 0);
}

void
store_lease_doubt(struct store_lease *l)
{
	if (l->id != 0)
		arm(l, 0);
}

void
store_lease_forget(struct store_lease *l)
{
	etcd_client_cancel(l->call);
	l->call = NULL;
	l->id = l->until = 0;
	if (l->wanted)
		arm(l, 0);
}

struct store_lease *
store_lease_new(struct event_base *base, struct etcd_client *client, uint64_t ttl_ms,
		const struct store_lease_ops *ops)
{
	struct store_lease *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct store_lease){.client = client,
				  .ops = ops,
				  .ttl = ttl_ms,
				  .pause = {.min = PAUSE_MIN_MS, .max = PAUSE_MAX_MS}};
	l->clock = evtimer_new(base, on_clock, l);
	if (l->clock != NULL)
		return l;
	free(l);
	return NULL;
}

void
store_lease_free(struct store_lease *l)
{
	if (l == NULL)
		return;
	etcd_client_cancel(l->call);
	event_free(l->clock);
	free(l);
}

uint64_t
store_lease_id(const struct store_lease *l)
{
	return l->id;
}

uint64_t
store_lease_until(const struct store_lease *l)
{
	return l->until;
}
