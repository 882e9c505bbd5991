/* inbox.c - see inbox.h. */
#include "inbox.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "master.h"

enum { EXPIRE_MS = 200 }; /* how often leases are looked at */

void
inbox_changed(struct master *m)
{
	watch_registry(m->watch);
	ledger_follow(m->ledger);
	keeper_changed(m->keeper);
	for (unsigned i = 0; i < supervisor_slots(m->supervisor); i++)
		permit_nudge(m->front.permits, i);
}

void
inbox_review(struct master *m)
{
	if (join_review(&m->join) == JOIN_CHANGED)
		inbox_changed(m);
}

void
inbox_register(struct master *m, struct span message, struct buf *answer)
{
	struct join_handoff head;
	struct span text;

	if (join_read(message, &head, &text) < 0) {
		log_event(LOG_WARN, "a worker handed over what is no registration", "bytes=%zu",
			  message.n);
		return;
	}
	/* The head stands in front of the answer, and is known when that is. */
	if (buf_append(answer, &head, sizeof head) < 0)
		return;
	/* The workers know of the change before the server knows that it is done. */
	if (join_handle(&m->join, text, &head.guest, clock_ms(), answer) == JOIN_CHANGED)
		inbox_changed(m);
	memcpy(answer->base + answer->head, &head, sizeof head);
}

static void
take_registration(struct master *m, unsigned slot, struct span message)
{
	struct buf answer = BUF_INIT;
	bool elsewhere = succession_forward(m, slot, message);

	inbox_register(m, message, &answer);
	if (!elsewhere && buf_len(&answer) > 0 &&
	    supervisor_tell(m->supervisor, slot, buf_span(&answer)) < 0)
		log_errno(LOG_WARN, "cannot answer a registration", "worker=%u", slot);
	buf_release(&answer);
}

static void
take_incident(struct master *m, struct span message)
{
	struct handoff_incident incident;

	if (handoff_read_incident(message, clock_ms(), &incident) == 0)
		watch_incident(m->watch, &incident);
}

void
inbox_message(unsigned slot, struct span message, void *arg)
{
	switch (handoff_kind_of(message)) {
	case HANDOFF_REGISTRATION: take_registration(arg, slot, message); break;
	case HANDOFF_INCIDENT: take_incident(arg, message); break;
	case HANDOFF_EXPLAIN: console_answer(((struct master *)arg)->console, message); break;
	case HANDOFF_NONE:
	case HANDOFF_END:
		log_event(LOG_WARN, "a worker said what nobody understands", "worker=%u bytes=%zu",
			  slot, message.n);
		break;
	}
}

/* ---- leases ---- */

static void
on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	/* Who stops takes no renewals, and needs the servers until its workers are done. */
	if (!supervisor_stopping(m->supervisor) &&
	    join_expire(&m->join, clock_ms()) == JOIN_CHANGED)
		inbox_changed(m);
}

int
inbox_begin(struct master *m)
{
	struct timeval tv = clock_timeval(EXPIRE_MS);

	m->expiry = event_new(m->base, -1, EV_PERSIST, on_expiry, m);
	return m->expiry == NULL || event_add(m->expiry, &tv) < 0 ? -1 : 0;
}

/* ---- what registrations are judged by ---- */

static struct addr_net *
parse_networks(const struct conf_list *list)
{
	struct addr_net *net = calloc(list->n + 1, sizeof *net);
	const char *why;

	for (size_t i = 0; net != NULL && i < list->n; i++)
		if (addr_net_parse(&net[i], list->item[i], &why) < 0)
			abort(); /* the setting was judged */
	return net;
}

int
inbox_settings(struct master *m, const struct addr *self)
{
	const struct proxy_conf *c = &m->settings.proxy;
	struct addr_net *trusted = parse_networks(&c->trusted_networks);
	struct limiter *refusals = NULL;
	struct gate *gate = NULL;

	if (c->refusals_per_address > 0)
		refusals = limiter_new(c->refusals_per_address, 0);
	if (trusted == NULL || (c->refusals_per_address > 0 && refusals == NULL) ||
	    gate_open(&gate, c, m->front.gate) < 0) {
		free(trusted);
		limiter_free(refusals);
		return -1;
	}
	free(m->join.trusted);
	limiter_free(m->join.refusals);
	gate_free(m->front.gate);
	m->front.gate = gate;
	m->join = (struct join){.registry = m->front.registry,
				.tally = m->front.tally,
				.events = m->events,
				.counts = &m->joins,
				.ledger = m->ledger,
				.proxy_id = c->id,
				.self = *self,
				.keyring = m->settings.keyring,
				.cluster = c->cluster,
				.require_signature = c->require_signature,
				.tls_known = c->server_creds != NULL,
				.tls_required = c->server_tls != 0,
				.refusals = refusals,
				.trusted = trusted,
				.trusted_n = c->trusted_networks.n};
	return 0;
}
