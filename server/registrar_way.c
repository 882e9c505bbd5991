/* registrar_way.c - the registrar's way to the proxy: which of its addresses, and the connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "net.h"
#include "registrar_internal.h"

enum { CONNECT_MS = 3000 };
enum { AGAIN_LATER_MS = 30000 }; /* where only other addresses of the name would help */

int
registrar_split(const char *proxy, char host[ADDR_HOST], uint16_t *port)
{
	const char *why;

	*port = 0;
	if (!addr_is_unix_text(proxy))
		return addr_split(proxy, host, port, &why);
	(void)snprintf(host, ADDR_HOST, "%s", proxy);
	return 0;
}

/* The name that the proxy's certificate must be for. */
static const char *
certified_name(const struct registrar *r)
{
	if (r->tls_name[0] != '\0')
		return r->tls_name;
	if (addr_is_unix_text(r->host))
		return "localhost";
	return r->host[0] != '\0' ? r->host : "127.0.0.1";
}

/* Is what it announces of use there? */
static bool
can_be_reached_from(const struct registrar *r, const struct addr *proxy)
{
	const char *host = r->announcement.host;
	struct addr own;

	if (addr_is_loopback(proxy))
		return true;
	return !addr_is_unix_text(host) &&
	       (addr_numeric(&own, host, 0) < 0 || !addr_is_loopback(&own));
}

/* 0, or -1 with r->why. */
static int
connect_to(struct registrar *r, const struct addr *to, const struct conn_ops *ops)
{
	struct conn_tls_peer peer = {
		.creds = r->conf.tls, .name = certified_name(r), .handshake_ms = r->conf.handshake};
	char text[ADDR_TEXT];

	if (!can_be_reached_from(r, to)) {
		(void)snprintf(r->why, sizeof r->why,
			       "it is at %s, which cannot reach %.64s: see listen and host",
			       addr_text(to, text), r->announcement.host);
		return -1;
	}
	if (r->conf.afar && addr_is_loopback(to)) {
		registrar_note(r, "a proxy elsewhere told of it, and it would be on this machine");
		r->retry_after = AGAIN_LATER_MS;
		return -1;
	}
	if (r->conf.is_taken != NULL && r->conf.is_taken(to, r->conf.ctx)) {
		(void)snprintf(r->why, sizeof r->why, "it is at %s, as another proxy of revproc is",
			       addr_text(to, text));
		r->retry_after = AGAIN_LATER_MS;
		return -1;
	}
	r->retry_after = 0;
	r->conn = conn_connect_tls(r->loop, to, CONNECT_MS, &peer, ops, r);
	r->at = *to;
	if (r->conn == NULL)
		registrar_note(r, net_error_text(errno));
	return r->conn == NULL ? -1 : 0;
}

int
registrar_connect_next(struct registrar *r, const struct conn_ops *ops)
{
	char text[ADDR_TEXT];

	if (r->tried > 0 && r->tried < r->places)
		log_event(LOG_VERBOSE, "no connection to the proxy", "addr=%s why=%s",
			  addr_text(&r->place[r->tried - 1], text), log_quoted(r->why));
	while (r->tried < r->places)
		if (connect_to(r, &r->place[r->tried++], ops) == 0)
			return 0;
	return -1;
}

int
registrar_known_place(const struct registrar *r, struct addr *out)
{
	const char *why;

	return addr_parse_host(out, r->host[0] != '\0' ? r->host : "127.0.0.1", r->port, &why);
}

bool
registrar_is_of(const struct registrar *r, const struct registrar_conf *conf)
{
	char host[ADDR_HOST];
	uint16_t port;

	return registrar_split(conf->proxy, host, &port) == 0 && port == r->port &&
	       strcmp(host, r->host) == 0 && (conf->tls == NULL) == (r->conf.tls == NULL);
}

bool
registrar_is_at(const struct registrar *r, const struct addr *at)
{
	return (r->conn != NULL || r->state == UNCONFIRMED) && addr_eq(&r->at, at);
}

bool
registrar_is_near(const struct registrar *r)
{
	return r->at.len > 0 && addr_is_loopback(&r->at);
}
