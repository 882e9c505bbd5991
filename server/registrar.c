/* registrar.c - see registrar.h. */
#include "registrar.h"

#include <errno.h>
#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "backoff.h"
#include "clock.h"
#include "conn.h"
#include "log.h"
#include "net.h"

enum { ANSWER_MAX = 65536, CONNECT_MS = 3000, STEADY_MS = 1000 };

#define STATES(X)                     \
	X(PAUSING, "pausing")         \
	X(RESOLVING, "resolving")     \
	X(CONNECTING, "connecting")   \
	X(ANNOUNCED, "announced")     \
	X(JOINED, "joined")           \
	X(UNCONFIRMED, "unconfirmed") \
	X(LEAVING, "leaving")         \
	X(LEFT, "left")
#define STATE_ENUM(name, text) name,
enum state { STATES(STATE_ENUM) };
#undef STATE_ENUM

struct registrar {
	struct event_base *base;
	struct registrar_conf conf;
	struct packet_announcement announcement;
	char host[ADDR_HOST];
	uint16_t port;
	enum state state;
	uint64_t since;
	bool renewing;	 /* ANNOUNCED again over a connection on which it has joined */
	uint64_t joined; /* clock_ms(): JOINED since then, through all renewals */
	bool ever_acked; /* it is one of our proxies: leases hold, and it understands type 5 */
	bool complained; /* the present trouble has been logged */
	bool said_leave; /* LEAVING: the proxy has been told */
	char trouble[256];
	struct backoff pause;
	struct conn_loop *loop;
	struct conn *conn; /* NULL, or the one to the proxy */
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *lookup;
	struct event *clock; /* of the state */
	void (*told)(
		void *); /* the proxy knows the present announcement, or can't be told; or NULL */
	void *told_ctx;
	void (*done)(void *);
	void *done_ctx;
};

static void announce_over(struct registrar *, struct conn *);
static int say_leave(struct registrar *);
static void try_now(struct registrar *);

static void
set_state(struct registrar *r, enum state s)
{
	if (r->state == s)
		return;
	r->state = s;
	r->since = clock_ms();
	if (s == JOINED && !r->renewing)
		r->joined = r->since;
	if (s != ANNOUNCED)
		r->renewing = false;
}

static void
arm(struct registrar *r, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(r->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the registration clock", NULL);
}

static void
tell(struct registrar *r)
{
	void (*told)(void *) = r->told;

	r->told = NULL;
	if (told != NULL)
		told(r->told_ctx);
}

static void
drop_conn(struct registrar *r)
{
	conn_close(r->conn);
	r->conn = NULL;
}

static void
left(struct registrar *r)
{
	drop_conn(r);
	(void)event_del(r->clock);
	set_state(r, LEFT);
	tell(r);
	r->done(r->done_ctx);
}

/* One line for a trouble, not one for each try. */
static void
complain(struct registrar *r, const char *why)
{
	(void)snprintf(r->trouble, sizeof r->trouble, "%s", why);
	log_event(r->complained ? LOG_VERBOSE : LOG_WARN, "not registered with the proxy",
		  "proxy=%s why=%s", r->conf.proxy, log_quoted(why));
	if (!r->complained)
		log_narrate("Server %s: proxy %s: %s; trying again", r->announcement.id,
			    r->conf.proxy, why);
	r->complained = true;
}

static void
pause_then_try(struct registrar *r, const char *why)
{
	drop_conn(r);
	complain(r, why);
	set_state(r, PAUSING);
	arm(r, backoff_next(&r->pause, backoff_random()));
	tell(r);
}

/* A proxy that closes or stays silent instead of acknowledging. */
static void
unconfirmed(struct registrar *r, const char *why)
{
	if (r->ever_acked || r->conf.signer != NULL || r->conf.tls != NULL) {
		pause_then_try(r, why);
		return;
	}
	drop_conn(r);
	backoff_reset(&r->pause);
	if (r->state != UNCONFIRMED && !r->complained)
		log_event(LOG_INFO, "announced to a proxy that does not acknowledge", "proxy=%s",
			  r->conf.proxy);
	r->complained = false;
	r->trouble[0] = '\0';
	set_state(r, UNCONFIRMED);
	if (r->conf.reannounce > 0)
		arm(r, r->conf.reannounce);
	tell(r);
}

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
	set_state(r, JOINED);
	/* Twice in a lease, and jittered: one lost renewal does no harm, and servers spread. */
	arm(r, r->conf.lease / 3 + backoff_random() % (r->conf.lease / 6 + 1));
	tell(r);
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
		left(r);
	else
		pause_then_try(r, why);
}

/* Told, or to be told now that it can be signed. */
static void
acknowledged_leave(struct registrar *r)
{
	if (r->said_leave || say_leave(r) < 0)
		left(r);
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
		announce_over(r, r->conn);
	else if (verdict == SIGNER_PROVEN)
		acknowledged(r);
	else
		pause_then_try(r, why);
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
	case LEAVING: left(r); break;
	case ANNOUNCED: unconfirmed(r, why); break;
	case PAUSING:
	case RESOLVING:
	case CONNECTING:
	case JOINED:
	case UNCONFIRMED:
	case LEFT: pause_then_try(r, why); break;
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
		try_now(r);
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
	announce_over(r, c);
}

static const struct conn_ops ops = {
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

static void
announce_over(struct registrar *r, struct conn *c)
{
	struct packet_announcement a = r->announcement;

	if (r->conf.signer != NULL)
		name_host(&a, c);
	if (say(r, c, PACKET_REGISTER, &a) < 0) {
		pause_then_try(r, "out of memory");
		return;
	}
	set_state(r, ANNOUNCED);
	arm(r, r->conf.ack_timeout);
}

/* 0, or -1 when it can't be told. */
static int
say_leave(struct registrar *r)
{
	struct packet_announcement a = {.ack = r->announcement.ack};

	memcpy(a.id, r->announcement.id, sizeof a.id);
	memcpy(a.policy, r->announcement.policy, sizeof a.policy);
	r->said_leave = true;
	return say(r, r->conn, PACKET_DEREGISTER, &a);
}

/* Whom the proxy's certificate must be for. */
static const char *
certified_name(const struct registrar *r)
{
	if (r->conf.tls_name != NULL && r->conf.tls_name[0] != '\0')
		return r->conf.tls_name;
	return r->host[0] != '\0' ? r->host : "127.0.0.1";
}

static void
connect_to(struct registrar *r, const struct addr *to)
{
	struct conn_tls_peer peer = {
		.creds = r->conf.tls, .name = certified_name(r), .handshake_ms = r->conf.handshake};

	r->conn = conn_connect_tls(r->loop, to, CONNECT_MS, &peer, &ops, r);
	if (r->conn == NULL)
		pause_then_try(r, strerror(errno));
	else
		set_state(r, CONNECTING);
}

/* ---- names ---- */

static void
on_resolved(int result, struct evutil_addrinfo *found, void *arg)
{
	struct registrar *r = arg;
	struct addr to = {.len = 0};

	r->lookup = NULL;
	if (result == EVUTIL_EAI_CANCEL)
		return;
	if (result != 0 || found->ai_addrlen > sizeof to.u) {
		pause_then_try(r, evutil_gai_strerror(result));
	} else {
		memcpy(&to.u, found->ai_addr, found->ai_addrlen);
		to.len = (socklen_t)found->ai_addrlen;
		addr_set_port(&to, r->port);
		connect_to(r, &to);
	}
	if (found != NULL)
		evutil_freeaddrinfo(found);
}

/* Asked anew at each try, since names go stale, and without stopping the master's loop. */
static void
resolve(struct registrar *r)
{
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct evdns_getaddrinfo_request *lookup;

	if (r->dns == NULL)
		r->dns = evdns_base_new(r->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
							 EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (r->dns == NULL) {
		pause_then_try(r, "no resolver (see resolv.conf(5))");
		return;
	}
	set_state(r, RESOLVING);
	lookup = evdns_getaddrinfo(r->dns, r->host, NULL, &hints, on_resolved, r);
	if (r->state == RESOLVING) /* otherwise it was answered at once, and is gone */
		r->lookup = lookup;
}

static void
try_now(struct registrar *r)
{
	const char *host = r->host[0] != '\0' ? r->host : "127.0.0.1";
	struct addr to;

	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (addr_numeric(&to, host, r->port) == 0)
		connect_to(r, &to);
	else
		resolve(r);
}

/* ---- clocks ---- */

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct registrar *r = arg;

	(void)fd;
	(void)what;
	switch (r->state) {
	case PAUSING:
	case UNCONFIRMED: try_now(r); break;
	case JOINED:
		r->renewing = true;
		announce_over(r, r->conn);
		break;
	case ANNOUNCED: unconfirmed(r, "no acknowledgement in time"); break;
	case LEAVING: left(r); break;
	case RESOLVING:
	case CONNECTING:
	case LEFT: break;
	}
}

/* ---- the registrar itself ---- */

struct registrar *
registrar_new(struct event_base *base, const struct registrar_conf *conf,
	      const struct packet_announcement *announcement)
{
	struct registrar *r = calloc(1, sizeof *r);
	const char *why;

	if (r == NULL)
		return NULL;
	r->base = base;
	r->conf = *conf;
	r->conf.signer = signer_hold(conf->signer);
	r->conf.tls = tls_creds_hold(conf->tls);
	r->announcement = *announcement;
	r->pause = (struct backoff){.min = (uint32_t)conf->retry_min,
				    .max = (uint32_t)conf->retry_max};
	if (addr_split(conf->proxy, r->host, &r->port, &why) < 0) {
		signer_free(r->conf.signer);
		tls_creds_release(r->conf.tls);
		free(r);
		errno = EINVAL;
		return NULL;
	}
	r->clock = event_new(base, -1, 0, on_clock, r);
	r->loop = conn_loop_new(base, ANSWER_MAX);
	if (r->clock == NULL || r->loop == NULL) {
		registrar_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void
registrar_free(struct registrar *r)
{
	if (r == NULL)
		return;
	if (r->lookup != NULL)
		evdns_getaddrinfo_cancel(r->lookup);
	if (r->dns != NULL)
		evdns_base_free(r->dns, 0);
	drop_conn(r);
	conn_loop_free(r->loop);
	if (r->clock != NULL)
		event_free(r->clock);
	signer_free(r->conf.signer);
	tls_creds_release(r->conf.tls);
	free(r);
}

void
registrar_start(struct registrar *r)
{
	try_now(r);
}

bool
registrar_is_of(const struct registrar *r, const struct registrar_conf *conf)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	return addr_split(conf->proxy, host, &port, &why) == 0 && port == r->port &&
	       strcmp(host, r->host) == 0 && (conf->tls == NULL) == (r->conf.tls == NULL);
}

/* Would the proxy read the same? */
static bool
same_announcement(const struct packet_announcement *a, const struct packet_announcement *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool same = packet_register(&x, a) == 0 && packet_register(&y, b) == 0 &&
		    span_eq(buf_span(&x), buf_span(&y));

	buf_release(&x);
	buf_release(&y);
	return same;
}

/* A challenge belongs to the connection and to who answers it: another signer begins anew. */
static void
take_conf(struct registrar *r, const struct registrar_conf *conf)
{
	struct signer *before = r->conf.signer;

	struct tls_creds *tls_before = r->conf.tls;

	r->conf = *conf;
	r->conf.signer = signer_hold(conf->signer);
	r->conf.tls = tls_creds_hold(conf->tls);
	tls_creds_release(tls_before);
	if (conf->signer != before && (r->state == JOINED || r->state == ANNOUNCED)) {
		drop_conn(r);
		set_state(r, PAUSING);
	}
	signer_free(before);
}

void
registrar_announce(struct registrar *r, const struct registrar_conf *conf,
		   const struct packet_announcement *a, void (*done)(void *ctx), void *ctx)
{
	bool same = same_announcement(&r->announcement, a) && conf->signer == r->conf.signer;

	take_conf(r, conf);
	r->announcement = *a;
	r->pause.min = (uint32_t)conf->retry_min;
	r->pause.max = (uint32_t)conf->retry_max;
	r->told = done;
	r->told_ctx = ctx;
	if (same && (r->state == JOINED || r->state == UNCONFIRMED || r->since == 0)) {
		/* Nothing new to say; one that was never started begins now. */
		if (r->since == 0)
			try_now(r);
		else
			tell(r);
		return;
	}
	switch (r->state) {
	case JOINED:
	case ANNOUNCED: announce_over(r, r->conn); break;
	case PAUSING:
	case UNCONFIRMED:
		(void)event_del(r->clock);
		try_now(r);
		break;
	case RESOLVING:
	case CONNECTING: break; /* it will be said once connected */
	case LEAVING:
	case LEFT: tell(r); break;
	}
}

/* Nothing to sign, or a challenge to sign for; otherwise the acknowledgement that is awaited brings
 * one. */
static bool
can_sign(const struct registrar *r)
{
	return r->conf.signer == NULL || signer_is_challenged(r->conf.signer);
}

void
registrar_leave(struct registrar *r, void (*done)(void *ctx), void *ctx)
{
	bool understands = r->ever_acked && (r->state == JOINED || r->state == ANNOUNCED);

	r->done = done;
	r->done_ctx = ctx;
	if (r->lookup != NULL)
		evdns_getaddrinfo_cancel(r->lookup);
	r->lookup = NULL;
	if (!understands || (can_sign(r) && say_leave(r) < 0)) {
		left(r);
		return;
	}
	set_state(r, LEAVING);
	arm(r, r->conf.ack_timeout);
}

const char *
registrar_trouble(const struct registrar *r)
{
	return r->trouble;
}

#define STATE_TEXT(name, text) text,

const char *
registrar_state(const struct registrar *r, uint64_t *since)
{
	static const char *const text[] = {STATES(STATE_TEXT)};

	/* While it renews, it is in the pool as before. */
	if (r->state == JOINED || (r->state == ANNOUNCED && r->renewing)) {
		*since = r->joined;
		return text[JOINED];
	}
	*since = r->since;
	return text[r->state];
}
