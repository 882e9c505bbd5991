/* answer.c - a server of every policy, for pools of more servers than a machine has room for
 * processes: answers whatever request comes to its port, over kept connections.  Prints its port.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn.h"
#include "digest.h"
#include "listener.h"
#include "net.h"
#include "packet.h"

enum { MESSAGE_MAX = 1 << 20, BACKLOG = 4096, CONNECTIONS = 16384 };

struct answer {
	struct event_base *base;
	struct conn_loop *loop;
	struct listener *listener;
	struct buf scratch;
};

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct answer *a = arg;
	struct buf *out = conn_output(c);
	struct packet_fault fault;
	struct packet p;
	struct span payload;
	char hex[DIGEST_HEX + 1];

	if (packet_parse(&p, text, &fault) < 0 || p.type != PACKET_REQUEST ||
	    packet_payload(&p, &a->scratch, &payload) < 0) {
		conn_close(c);
		return;
	}
	digest_sha1_hex(payload, hex);
	if (packet_reply(out, &p, "answer", span_str(hex)) < 0 || buf_append(out, "\n", 1) < 0)
		conn_close(c);
	else
		conn_flush_later(c);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	(void)error;
	(void)arg;
	conn_close(c);
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	(void)cut;
	(void)arg;
	conn_finish(c);
}

static void
on_close(struct conn *c, int error, void *arg)
{
	(void)c;
	(void)error;
	(void)arg;
}

static const struct conn_ops ops = {
	.on_packet = on_packet, .on_fault = on_fault, .on_eof = on_eof, .on_close = on_close};

static void
on_accept(int fd, const struct addr_peer *from, void *arg)
{
	struct answer *a = arg;

	(void)from;
	if (conn_new(a->loop, fd, 0, &ops, a) == NULL)
		(void)close(fd);
}

/* Serves until it is killed. */
static int
serve(struct answer *a, int fd)
{
	a->base = event_base_new();
	if (a->base == NULL)
		return 1;
	a->loop = conn_loop_new(a->base, MESSAGE_MAX);
	a->listener = listener_new(a->base, fd, CONNECTIONS, on_accept, a);
	if (a->loop == NULL || a->listener == NULL)
		return 1;
	return event_base_dispatch(a->base) < 0 ? 1 : 0;
}

int
main(void)
{
	struct answer answer = {.scratch = BUF_INIT};
	struct addr any;
	int fd;

	(void)net_raise_nofile(CONNECTIONS + 64UL);
	if (addr_numeric(&any, "127.0.0.1", 0) < 0 || (fd = net_listen(&any, BACKLOG)) < 0 ||
	    net_local(fd, &any) < 0) {
		perror("answer");
		return 1;
	}
	printf("%u\n", (unsigned)addr_port(&any));
	(void)fflush(stdout);
	return serve(&answer, fd);
}
