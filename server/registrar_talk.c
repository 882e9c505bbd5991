/* registrar_talk.c - the registrar's conversation with the proxy: packets out, packets in. */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "net.h"
#include "registrar_internal.h"

enum { RETRY_AFTER_MAX = 60000 }; /* ms; nobody signs a refusal */

void
registrar_begin(struct registrar *r)
{
	r->unanswered = 0;
	signer_begin(&r->signing);
}

void
registrar_note(struct registrar *r, const char *why)
{
	(void)snprintf(r->why, sizeof r->why, "%s", why);
}

/* ---- what the proxy says ---- */

/* Our end of the connection, as an address that others reach: at the other end of a Unix socket is
 * this machine.  0, or -1 with errno. */
static int
own_end(const struct conn *c, struct addr *own)
{
	if (net_local(conn_fd(c), own) < 0)
		return -1;
	return addr_is_unix(own) ? addr_numeric(own, "127.0.0.1", 0) : 0;
}

/* Where others reach us: as announced, or at our end of the connection. */
static const char *
own_address(const struct registrar *r, char text[ADDR_TEXT])
{
	const struct packet_announcement *a = &r->announcement;
	struct addr own;
	const char *why;

	if (addr_parse_host(&own, a->host, a->port, &why) < 0 && own_end(r->conn, &own) < 0)
		return "?";
	addr_unmap(&own);
	addr_set_port(&own, a->port);
	return addr_text(&own, text);
}

/* 0, or -1 where the acknowledgement names none. */
static int
read_rival(const struct packet *p, struct addr *rival)
{
	struct span at = packet_scalar(p, "rival");
	char text[ADDR_TEXT];
	const char *why;

	if (at.n == 0 || at.n >= sizeof text)
		return -1;
	memcpy(text, at.p, at.n);
	text[at.n] = '\0';
	return addr_parse(rival, text, &why);
}

/* The proxy refuses another server for our sake: a line for each that it names, not for each try.
 * With a key it is not believed, since no signature covers it. */
static void
warn_of_rival(struct registrar *r, const struct packet *p)
{
	char here[ADDR_TEXT], there[ADDR_TEXT];
	struct addr rival;

	if (r->conf.signer != NULL || read_rival(p, &rival) < 0 || addr_eq(&rival, &r->rival))
		return;
	r->rival = rival;
	log_limited(LOG_WARN, "another server announces itself with this id",
		    "proxy=%s id=%s addr=%s rival=%s", r->conf.proxy,
		    log_quoted(r->announcement.id), own_address(r, here), addr_text(&rival, there));
}

/* Only a line in the log, so it may be anybody's word. */
static void
warn_of_clock(struct registrar *r, const struct packet *p)
{
	int64_t ms;

	if (packet_number(p, "replytimeout", 1, INT64_MAX, &ms) <= 0 || ms == r->reply_timeout)
		return;
	r->reply_timeout = ms;
	log_limited(LOG_WARN, "job_timeout is longer than the proxy waits for a reply",
		    "proxy=%s id=%s job_timeout_ms=%u reply_timeout_ms=%lld", r->conf.proxy,
		    log_quoted(r->announcement.id), r->announcement.jobtimeout, (long long)ms);
}

void
registrar_calm(struct registrar *r)
{
	backoff_reset(&r->pause);
	r->numbers = false;
	r->complained = false;
	r->trouble[0] = '\0';
}

static void
acknowledged(struct registrar *r)
{
	if (r->complained || !r->ever_acked) {
		if (!log_is_narrated())
			log_limited(LOG_INFO, "registered with the proxy",
				    "proxy=%s id=%s policy=%s port=%u%s%s", r->conf.proxy,
				    log_quoted(r->announcement.id),
				    log_quoted(r->announcement.policy), r->announcement.port,
				    r->announcement.port == 0 ? " host=" : "",
				    r->announcement.port == 0 ? r->announcement.host : "");
		log_narrate("Server %s: registered with the proxy at %s", r->announcement.id,
			    r->conf.proxy);
	}
	r->ever_acked = true;
	registrar_calm(r);
}

/* In the clear anybody in between could tell of his own. */
static void
hear_proxies(struct registrar *r, const struct packet *p)
{
	struct span proxies = packet_scalar(p, "proxies");

	if (r->conf.on_proxies == NULL)
		return;
	if (proxies.n > PACKET_PROXIES_MAX || (r->conf.signer != NULL && !r->signing.vouched))
		proxies = span_of(NULL, 0);
	r->conf.on_proxies(proxies, r->conf.ctx);
}

static enum registrar_event
hear_ack(struct registrar *r, const struct packet *p)
{
	enum signer_verdict verdict = SIGNER_PROVEN;
	const char *why = "";

	if (r->conf.signer != NULL)
		verdict = signer_verify(r->conf.signer, &r->signing, p, &why);
	if (verdict == SIGNER_CHALLENGED)
		return CHALLENGED;
	if (verdict == SIGNER_PROVEN) {
		warn_of_rival(r, p);
		warn_of_clock(r, p);
		acknowledged(r);
		hear_proxies(r, p);
		return ACKED;
	}
	registrar_note(r, why);
	return FAILED;
}

static enum registrar_event
hear_refusal(struct registrar *r, const struct packet *p)
{
	struct span code = packet_scalar(p, "code"), message = packet_scalar(p, "message");
	int64_t ms;

	(void)snprintf(r->why, sizeof r->why, "refused: %.*s: %.*s%s", SPAN_ARG(code),
		       SPAN_ARG(message),
		       span_eq_str(code, "denied") ? "; the proxy's log says why" : "");
	if (packet_number(p, "retryafter", 0, INT64_MAX, &ms) > 0)
		r->retry_after = ms < RETRY_AFTER_MAX ? (unsigned)ms : RETRY_AFTER_MAX;
	if (r->conf.signer != NULL && span_eq_str(code, "denied"))
		signer_refused(r->conf.signer, &r->signing);
	return REFUSED;
}

/* A proxy of another kind, which has words of its own; ours would not say that. */
static enum registrar_event
hear_other(struct registrar *r, const char *why)
{
	log_limited(r->ever_acked ? LOG_WARN : LOG_VERBOSE, "proxy answered what is no packet",
		    "proxy=%s why=%s", r->conf.proxy, log_quoted(why));
	registrar_note(r, "the proxy answered what is no packet");
	return STRANGE;
}

enum registrar_event
registrar_hear(struct registrar *r, struct span text)
{
	struct packet_fault fault;
	struct packet p;

	if (packet_parse(&p, text, &fault) < 0)
		return hear_other(r, fault.why);
	if (p.type != PACKET_ACK && p.type != PACKET_ERROR)
		return hear_other(r, "neither an acknowledgement nor an error");
	if (r->unanswered > 0)
		r->unanswered--;
	return p.type == PACKET_ACK ? hear_ack(r, &p) : hear_refusal(r, &p);
}

/* ---- what we say ---- */

bool
registrar_can_sign(const struct registrar *r)
{
	return r->conf.signer == NULL || signer_is_challenged(&r->signing);
}

static int
say(struct registrar *r, int type, struct packet_announcement *a)
{
	struct buf *out = conn_output(r->conn);

	if (out == NULL ||
	    (r->conf.signer != NULL && signer_sign(r->conf.signer, &r->signing, type, a) < 0) ||
	    (type == PACKET_REGISTER ? packet_register : packet_deregister)(out, a) < 0 ||
	    buf_append(out, "\n", 1) < 0)
		return -1;
	r->unanswered++;
	conn_flush_later(r->conn);
	return 0;
}

/* What is signed says where the server is, so that it can't be relayed from elsewhere: the address
 * of our end, unless the settings name another. */
static void
name_host(struct packet_announcement *a, const struct conn *c)
{
	char text[ADDR_TEXT];
	struct addr own;

	if (a->host[0] == '\0' && own_end(c, &own) == 0)
		(void)snprintf(a->host, sizeof a->host, "%s", addr_host_text(&own, text));
}

int
registrar_say_join(struct registrar *r)
{
	struct packet_announcement a = r->announcement;

	a.numbers = r->numbers;
	if (r->conf.signer != NULL)
		name_host(&a, r->conn);
	return say(r, PACKET_REGISTER, &a);
}

int
registrar_say_leave(struct registrar *r)
{
	struct packet_announcement a = {.ack = r->announcement.ack};

	memcpy(a.id, r->announcement.id, sizeof a.id);
	memcpy(a.policy, r->announcement.policy, sizeof a.policy);
	r->said_leave = true;
	return say(r, PACKET_DEREGISTER, &a);
}
