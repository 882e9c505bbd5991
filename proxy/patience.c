/* patience.c - see patience.h. */
#include "patience.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"

enum { LOOK_MS = 50 }; /* while anybody owes anything: the clocks are that precise */

struct patience {
	struct waitlist rest, taking;
	patience_fn *fn;
	void *ctx;
	struct event *look;
};

/* Takes the client out first: fn may free it. */
static void
tell_overdue(struct patience *p, struct waitlist *list, enum conn_debt debt, uint64_t now)
{
	void *client;

	while ((client = waitlist_overdue(list, now)) != NULL) {
		wait_end(list, TAILQ_FIRST(&list->waits));
		p->fn(client, debt, p->ctx);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct patience *p = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	tell_overdue(p, &p->rest, CONN_REST, now);
	tell_overdue(p, &p->taking, CONN_TAKING, now);
	if (waitlist_empty(&p->rest) && waitlist_empty(&p->taking))
		(void)event_del(p->look);
}

struct patience *
patience_new(struct event_base *base, uint64_t rest, uint64_t taking, patience_fn *fn, void *ctx)
{
	struct patience *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	waitlist_init(&p->rest, rest);
	waitlist_init(&p->taking, taking);
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
patience_free(struct patience *p)
{
	if (p == NULL)
		return;
	event_free(p->look);
	free(p);
}

void
patience_note(struct patience *p, struct debtor *d, void *client, enum conn_debt debt, bool owes)
{
	struct waitlist *list = debt == CONN_REST ? &p->rest : &p->taking;
	struct wait *w = debt == CONN_REST ? &d->rest : &d->taking;
	struct timeval tv = clock_timeval(LOOK_MS);

	if (!owes || list->limit == 0) {
		wait_end(list, w);
		return;
	}
	wait_begin(list, w, client, clock_ms());
	if (!event_pending(p->look, EV_TIMEOUT, NULL) && event_add(p->look, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock for slow clients", NULL);
}

void
patience_forget(struct patience *p, struct debtor *d)
{
	wait_end(&p->rest, &d->rest);
	wait_end(&p->taking, &d->taking);
}
