/* registrar_talk.c - the registrar's conversation with the proxy: what each says on the connection.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "registrar_state.h"

enum { STEADY_MS = 1000 }; /* joined for so long, the end of the connection is no trouble */

/* ---- what the proxy says ---- */

static void
acknowledged(struct registrar *r)
{
	(void)event_del(r->clock);
	backoff_reset(&r->pause);
	if (r->since == 0 || r->complained || !r->ever_acked) {
		log_event(LOG_INFO, "registered with the proxy", "proxy=%s id=%s policy=%s port=%u",
			  r->conf.proxy, log_quoted(r->announcement.id),
			  log_quoted(r->announcement.policy), r->announcement.port);
		log_narrate("Server %s: registered with the proxy at %s", r->announcement.id,
			    r->conf.proxy);
	}
	r->ever_acked = true;
	r->complained = false;
	r->trouble[0] = '\0';
	registrar_set_state(r, JOINED);
	/* Twice in a lease, and jittered: one lost renewal does no harm, and servers spread. */
	registrar_arm(r, r->conf.lease / 3 + backoff_random() % (r->conf.lease / 6 + 1));
	registrar_tell(r);
}

static void
refused(struct registrar *r, const struct packet *p)
{
	struct span code = packet_scalar(p, "code"), message = packet_scalar(p, "message");
	char why[256];

	(void)snprintf(why, sizeof why, "refused: %.*s: %.*s", SPAN_ARG(code), SPAN_ARG(message));
	if (r->conf.signer != NULL && span_eq_str(code, "denied"))
		signer_refused(r->conf.signer);
	if (r->state == LEAVING)
		registrar_left(r);
	else
		registrar_pause(r, why);
}

/* Told, or to be told now that it can be signed. */
static void
acknowledged_leave(struct registrar *r)
{
	if (r->said_leave || registrar_say_leave(r) < 0)
		registrar_left(r);
}

static void
on_ack(struct registrar *r, const struct packet *p)
{
	enum signer_verdict verdict = SIGNER_PROVEN;
	const char *why = "";

	if (r->conf.signer != NULL)
		verdict = signer_judge(r->conf.signer, p, &why);
	if (r->state == LEAVING)
		acknowledged_leave(r);
	else if (verdict == SIGNER_CHALLENGED)
		registrar_say_join(r, r->conn);
	else if (verdict == SIGNER_PROVEN)
		acknowledged(r);
	else
		registrar_pause(r, why);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct registrar *r = arg;
	struct packet_fault fault;
	struct packet p;

	(void)c;
	if (packet_parse(&p, text, &fault) < 0)
		log_event(LOG_WARN, "proxy answered what is no packet", "why=%s",
			  log_quoted(fault.why));
	else if (p.type == PACKET_ACK)
		on_ack(r, &p);
	else if (p.type == PACKET_ERROR)
		refused(r, &p);
}

static void
lost(struct registrar *r, const char *why)
{
	r->conn = NULL;
	switch (r->state) {
	case LEAVING: registrar_left(r); break;
	case ANNOUNCED: registrar_unconfirmed(r, why); break;
	case PAUSING:
	case RESOLVING:
	case CONNECTING:
	case JOINED:
	case UNCONFIRMED:
	case LEFT: registrar_pause(r, why); break;
	}
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	struct registrar *r = arg;

	conn_close(c);
	/* A proxy worker that leaves closes what it holds; its successor is there already. */
	if (!cut && r->state == JOINED && clock_ms() - r->since >= STEADY_MS) {
		r->conn = NULL;
		registrar_try(r);
		return;
	}
	lost(r, "the proxy closed the connection");
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	(void)error;
	conn_close(c);
	lost(arg, "the proxy answered what is no packet");
}

static void
on_close(struct conn *c, int error, void *arg)
{
	lost(arg, error != 0 ? conn_why(c, error) : "the proxy closed the connection");
}

static void
on_open(struct conn *c, void *arg)
{
	struct registrar *r = arg;

	if (r->conf.signer != NULL)
		signer_begin(r->conf.signer);
	registrar_say_join(r, c);
}

const struct conn_ops registrar_conn_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
};

/* ---- what we say ---- */

typedef int build(struct buf *, const struct packet_announcement *);

static int
say(struct registrar *r, struct conn *c, int type, struct packet_announcement *a)
{
	build *write = type == PACKET_REGISTER ? packet_register : packet_deregister;
	struct buf *out = conn_output(c);

	if (out == NULL || (r->conf.signer != NULL && signer_sign(r->conf.signer, type, a) < 0) ||
	    write(out, a) < 0 || buf_append(out, "\n", 1) < 0)
		return -1;
	conn_flush_later(c);
	return 0;
}

/* What is signed says where the server is, or whoever passes it on could say that he is it: the
 * address of our end, unless the settings name another. */
static void
name_host(struct packet_announcement *a, struct conn *c)
{
	char text[ADDR_TEXT];
	struct addr own;

	if (a->host[0] != '\0' || net_local(conn_fd(c), &own) < 0)
		return;
	(void)snprintf(a->host, sizeof a->host, "%s", addr_host_text(&own, text));
}

void
registrar_say_join(struct registrar *r, struct conn *c)
{
	struct packet_announcement a = r->announcement;

	if (r->conf.signer != NULL)
		name_host(&a, c);
	if (say(r, c, PACKET_REGISTER, &a) < 0) {
		registrar_pause(r, "out of memory");
		return;
	}
	registrar_set_state(r, ANNOUNCED);
	registrar_arm(r, r->conf.ack_timeout);
}

int
registrar_say_leave(struct registrar *r)
{
	struct packet_announcement a = {.ack = r->announcement.ack};

	memcpy(a.id, r->announcement.id, sizeof a.id);
	memcpy(a.policy, r->announcement.policy, sizeof a.policy);
	r->said_leave = true;
	return say(r, r->conn, PACKET_DEREGISTER, &a);
}
