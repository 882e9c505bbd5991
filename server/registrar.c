/* registrar.c - see registrar.h. */
#include "registrar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "registrar_state.h"

enum { ANSWER_MAX = 65536, CONNECT_MS = 3000 };

void
registrar_set_state(struct registrar *r, enum state s)
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

void
registrar_arm(struct registrar *r, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(r->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the registration clock", NULL);
}

void
registrar_tell(struct registrar *r)
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

void
registrar_left(struct registrar *r)
{
	drop_conn(r);
	(void)event_del(r->clock);
	registrar_set_state(r, LEFT);
	registrar_tell(r);
	r->done(r->done_ctx);
}

/* One line for a trouble, not one for each try; another reason is another trouble. */
static void
complain(struct registrar *r, const char *why)
{
	bool said = r->complained && strcmp(r->trouble, why) == 0;

	(void)snprintf(r->trouble, sizeof r->trouble, "%s", why);
	log_event(said ? LOG_VERBOSE : LOG_WARN, "not registered with the proxy", "proxy=%s why=%s",
		  r->conf.proxy, log_quoted(why));
	if (!said)
		log_narrate("Server %s: proxy %s: %s; trying again", r->announcement.id,
			    r->conf.proxy, why);
	r->complained = true;
}

void
registrar_pause(struct registrar *r, const char *why)
{
	drop_conn(r);
	complain(r, why);
	registrar_set_state(r, PAUSING);
	registrar_arm(r, backoff_next(&r->pause, backoff_random()));
	registrar_tell(r);
}

void
registrar_unconfirmed(struct registrar *r, const char *why)
{
	if (r->ever_acked || r->conf.signer != NULL || r->conf.tls != NULL) {
		registrar_pause(r, why);
		return;
	}
	drop_conn(r);
	backoff_reset(&r->pause);
	if (r->state != UNCONFIRMED && !r->complained)
		log_event(LOG_INFO, "announced to a proxy that does not acknowledge", "proxy=%s",
			  r->conf.proxy);
	r->complained = false;
	r->trouble[0] = '\0';
	registrar_set_state(r, UNCONFIRMED);
	if (r->conf.reannounce > 0)
		registrar_arm(r, r->conf.reannounce);
	registrar_tell(r);
}

/* ---- the way to the proxy ---- */

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

	r->conn = conn_connect_tls(r->loop, to, CONNECT_MS, &peer, &registrar_conn_ops, r);
	if (r->conn == NULL)
		registrar_pause(r, strerror(errno));
	else
		registrar_set_state(r, CONNECTING);
}

static void
on_resolved(int result, struct evutil_addrinfo *found, void *arg)
{
	struct registrar *r = arg;
	struct addr to = {.len = 0};

	r->lookup = NULL;
	if (result == EVUTIL_EAI_CANCEL)
		return;
	if (result != 0 || found->ai_addrlen > sizeof to.u) {
		registrar_pause(r, evutil_gai_strerror(result));
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
		registrar_pause(r, "no resolver (see resolv.conf(5))");
		return;
	}
	registrar_set_state(r, RESOLVING);
	lookup = evdns_getaddrinfo(r->dns, r->host, NULL, &hints, on_resolved, r);
	if (r->state == RESOLVING) /* otherwise it was answered at once, and is gone */
		r->lookup = lookup;
}

void
registrar_try(struct registrar *r)
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
	case UNCONFIRMED: registrar_try(r); break;
	case JOINED:
		r->renewing = true;
		registrar_say_join(r, r->conn);
		break;
	case ANNOUNCED: registrar_unconfirmed(r, "no acknowledgement in time"); break;
	case LEAVING: registrar_left(r); break;
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
	registrar_try(r);
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
		registrar_set_state(r, PAUSING);
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
			registrar_try(r);
		else
			registrar_tell(r);
		return;
	}
	switch (r->state) {
	case JOINED:
	case ANNOUNCED: registrar_say_join(r, r->conn); break;
	case PAUSING:
	case UNCONFIRMED:
		(void)event_del(r->clock);
		registrar_try(r);
		break;
	case RESOLVING:
	case CONNECTING: break; /* it will be said once connected */
	case LEAVING:
	case LEFT: registrar_tell(r); break;
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
	if (!understands || (can_sign(r) && registrar_say_leave(r) < 0)) {
		registrar_left(r);
		return;
	}
	registrar_set_state(r, LEAVING);
	registrar_arm(r, r->conf.ack_timeout);
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
