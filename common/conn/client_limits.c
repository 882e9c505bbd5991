/* client_limits.c - see client_limits.h. */
#include "client_limits.h"

#include <assert.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

enum { LOOK_MS = 50 }; /* while a client stalls: the clocks are that precise */

/* ---- memory ---- */

void
client_mem_join(struct client_mem *h)
{
	h->peers++;
}

void
client_mem_take(struct client_mem *h, struct client_mem_share *s, size_t bytes)
{
	s->packets += bytes;
	h->packets += bytes;
}

void
client_mem_give(struct client_mem *h, struct client_mem_share *s, size_t bytes)
{
	assert(bytes <= s->packets);
	s->packets -= bytes;
	h->packets -= bytes;
}

void
client_mem_leave(struct client_mem *h, struct client_mem_share *s)
{
	client_mem_give(h, s, s->packets);
	h->peers--;
}

bool
client_mem_is_greedy(const struct client_mem *h, const struct client_mem_share *s, size_t more)
{
	return client_mem_is_full(h) && h->peers > 0 &&
	       s->packets + more > client_mem_bytes(h) / h->peers;
}

/* ---- time ---- */

struct client_timeout {
	struct timeout_list sending, reading;
	client_timeout_fn *fn;
	void *ctx;
	struct event *look;
};

/* Takes the client out first: fn may free it. */
static void
tell_overdue(struct client_timeout *p, struct timeout_list *list, enum conn_stall stall,
	     uint64_t now)
{
	void *client;

	while ((client = timeout_list_overdue(list, now)) != NULL) {
		wait_end(TAILQ_FIRST(&list->waits));
		p->fn(client, stall, p->ctx);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct client_timeout *p = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	tell_overdue(p, &p->sending, CONN_STALL_SENDING, now);
	tell_overdue(p, &p->reading, CONN_STALL_READING, now);
	if (timeout_list_empty(&p->sending) && timeout_list_empty(&p->reading))
		(void)event_del(p->look);
}

struct client_timeout *
client_timeout_new(struct event_base *base, uint64_t sending, uint64_t reading,
		   client_timeout_fn *fn, void *ctx)
{
	struct client_timeout *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	timeout_list_init(&p->sending, sending);
	timeout_list_init(&p->reading, reading);
	p->fn = fn;
	p->ctx = ctx;
	p->look = event_new(base, -1, EV_PERSIST, on_look, p);
	if (p->look == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
client_timeout_free(struct client_timeout *p)
{
	if (p == NULL)
		return;
	event_free(p->look);
	free(p);
}

void
client_timeout_note(struct client_timeout *p, struct client_stalls *c, void *client,
		    enum conn_stall stall, bool stalled)
{
	struct timeout_list *list = stall == CONN_STALL_SENDING ? &p->sending : &p->reading;
	struct wait *w = stall == CONN_STALL_SENDING ? &c->sending : &c->reading;
	struct timeval tv = clock_timeval(LOOK_MS);

	if (!stalled || list->limit == 0) {
		wait_end(w);
		return;
	}
	wait_begin(list, w, client, clock_ms());
	if (!event_pending(p->look, EV_TIMEOUT, NULL) && event_add(p->look, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock for slow clients", NULL);
}

void
client_timeout_forget(struct client_stalls *c)
{
	wait_end(&c->sending);
	wait_end(&c->reading);
}
