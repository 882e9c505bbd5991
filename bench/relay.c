/* relay.c - relay [--shared N] PORT...: a relay of bytes before servers at these ports, the least
 * that a proxy can do: it reads, and writes once a turn.  Prints its port.
 *
 * Without --shared each client has a connection to a server of its own, and nothing is looked at.
 *
 * With it, N connections to each server are shared by all clients.  Then it must know where a
 * request ends and whose reply comes next, and without parsing that can only be seen from the line
 * breaks that the load generator and the servers of policypool write behind each packet: they are
 * counted.  The n-th line from a server is for whoever sent it the n-th; since nothing in a packet
 * says which request it answers, a client stays with one connection. */
#include <stdio.h>
#include <stdlib.h>

#include "ends.h"

enum { SERVERS = 64, SHARED = 64 };

/* Who sent the requests of a shared connection that are not answered yet; a ring. */
struct line {
	struct end *end, **who;
	size_t head, tail, room;
};

static struct addr server[SERVERS];
static unsigned servers, shared, accepted;
static struct line line[SERVERS * SHARED];

static void
no_memory(void)
{
	perror("relay");
	exit(1);
}

static void
wait_in(struct line *l, struct end *client)
{
	if (l->tail - l->head == l->room) {
		size_t room = l->room > 0 ? 2 * l->room : 1024;
		struct end **who = calloc(room, sizeof *who);

		if (who == NULL)
			no_memory();
		for (size_t i = l->head; i < l->tail; i++)
			who[i % room] = l->who[i % l->room];
		free(l->who);
		l->who = who;
		l->room = room;
	}
	l->who[l->tail++ % l->room] = client;
}

static struct line *
line_of(const struct end *e)
{
	return e->ctx;
}

static void
on_accept(struct end *e)
{
	unsigned nth = accepted++;

	if (shared > 0) {
		e->ctx = &line[nth % (servers * shared)];
		return;
	}
	e->ctx = end_connect(&server[nth % servers]);
	if (e->ctx == NULL)
		end_close(e);
	else
		((struct end *)e->ctx)->ctx = e;
}

/* Whole lines of a client go on together. */
static void
from_client(struct end *e)
{
	struct span s = buf_span(&e->in);
	const char *last = memrchr(s.p, '\n', s.n), *p = s.p;

	if (last == NULL)
		return;
	s.n = (size_t)(last - s.p) + 1;
	for (; p <= last; p = (const char *)memchr(p, '\n', (size_t)(last - p) + 1) + 1)
		wait_in(line_of(e), e);
	end_put(line_of(e)->end, s);
	buf_consume(&e->in, s.n);
}

static void
from_server(struct line *l)
{
	struct span s = buf_span(&l->end->in);
	const char *end;

	while (l->head < l->tail && s.n > 0 && (end = memchr(s.p, '\n', s.n)) != NULL) {
		struct end *client = l->who[l->head++ % l->room];
		size_t n = (size_t)(end - s.p) + 1;

		if (client != NULL)
			end_put(client, span_of(s.p, n));
		buf_consume(&l->end->in, n);
		s = buf_span(&l->end->in);
	}
}

static void
on_bytes(struct end *e)
{
	if (shared == 0) {
		end_put(e->ctx, buf_span(&e->in));
		buf_clear(&e->in);
	} else if (line_of(e)->end == e) {
		from_server(line_of(e));
	} else {
		from_client(e);
	}
}

static void
on_close(struct end *e)
{
	if (shared == 0) {
		end_close(e->ctx);
		return;
	}
	if (line_of(e)->end == e) {
		(void)fprintf(stderr, "relay: a server has closed\n");
		exit(1);
	}
	for (size_t i = line_of(e)->head; i < line_of(e)->tail; i++)
		if (line_of(e)->who[i % line_of(e)->room] == e)
			line_of(e)->who[i % line_of(e)->room] = NULL;
}

static void
share_connections(void)
{
	for (unsigned i = 0; i < servers * shared; i++) {
		line[i].end = end_connect(&server[i % servers]);
		if (line[i].end == NULL)
			no_memory();
		line[i].end->ctx = &line[i];
	}
}

int
main(int argc, char *argv[])
{
	static const struct ends_ops ops = {on_accept, on_bytes, on_close};
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--shared") == 0) {
		shared = (unsigned)strtoul(argv[2], NULL, 10) % (SHARED + 1);
		i = 3;
	}
	for (; i < argc && servers < SERVERS; i++)
		if (addr_numeric(&server[servers++], "127.0.0.1",
				 (uint16_t)strtoul(argv[i], NULL, 10)) < 0)
			servers = SERVERS;
	if (servers == 0 || servers == SERVERS) {
		(void)fprintf(stderr, "usage: relay [--shared N] PORT...\n");
		return 2;
	}
	if (ends_begin(&ops) < 0) {
		perror("relay");
		return 1;
	}
	share_connections();
	return ends_run() < 0 ? 1 : 0;
}
