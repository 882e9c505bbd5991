/* server_reach.c - see server_reach.h. */
#include "server_reach.h"

#include <string.h>

#include "conf_check.h"

/* Is it on this machine, as far as its text tells? */
static bool
is_here(const char *proxy)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;
	struct addr a;

	if (addr_split(proxy, host, &port, &why) < 0 || host[0] == '\0' ||
	    strcmp(host, "localhost") == 0)
		return true;
	return addr_numeric(&a, host, port) == 0 && addr_is_loopback(&a);
}

static bool
is_here_at(const char *proxy, uint16_t listened)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	return is_here(proxy) && addr_split(proxy, host, &port, &why) == 0 && port == listened;
}

const char *
server_reach_default_host(const struct server_conf *c)
{
	for (size_t i = 0; i < c->revproc.n; i++)
		if (!is_here(c->revproc.item[i]))
			return "0.0.0.0";
	return "127.0.0.1";
}

const struct addr *
server_reach_place(const char *proxy, const struct listen_socket *v)
{
	if (addr_is_unix_text(proxy))
		for (unsigned i = 0; i < v->n; i++)
			if (addr_is_unix(&v->at[i].addr))
				return &v->at[i].addr;
	return listen_socket_main(v);
}

/* Where the proxy is told to reach this server.  It has been judged. */
static struct addr
announced_place(const struct server_conf *c, const struct addr *listen)
{
	struct addr at = *listen;
	const char *why;

	if (c->host[0] != '\0' && addr_parse_host(&at, c->host, addr_port(listen), &why) < 0)
		at = *listen;
	return at;
}

/* NULL, or why the proxy can't reach the server there, or would not take it, and what to do. */
static const char *
judge_reach(const struct server_conf *c, const char *revproc, const struct addr *listen,
	    const struct addr *at)
{
	char host[ADDR_HOST];
	struct addr proxy;
	const char *why;
	uint16_t port;

	if (!addr_is_unix(at) && addr_is_unix(listen))
		return "there is no port to announce with it: name a Unix socket, or listen at a port";
	if (addr_is_unix_text(revproc) || addr_split(revproc, host, &port, &why) < 0)
		return NULL;
	/* One that is given by name may be anywhere: the registrar sees. */
	if (addr_numeric(&proxy, host, port) == 0 && !addr_is_loopback(&proxy) &&
	    addr_is_loopback(at))
		return c->host[0] != '\0'
			       ? "the proxy cannot reach this address: name another"
			       : "the proxy cannot reach this address: listen at another, or name "
				 "one that leads here with host";
	if (addr_is_unix(at) && c->key_file[0] == '\0')
		return "a proxy that is joined over TCP takes no server at a Unix socket unless it "
		       "signs: give revproc as unix:/PATH, or key_file";
	return NULL;
}

/* A loopback address is of no use to a proxy elsewhere, which would refuse it. */
static int
check_reach_from(const struct server_conf *c, const char *proxy, const struct addr *listen,
		 FILE *err)
{
	bool named = c->host[0] != '\0';
	struct addr at = announced_place(c, listen);
	const char *why = judge_reach(c, proxy, listen, &at);
	char text[ADDR_TEXT];

	if (why == NULL)
		return 0;
	(void)fprintf(err, "ppool-server: %s: %s, revproc %s: %s\n", named ? "host" : "listen",
		      named		 ? c->host
		      : c->listen.n == 1 ? c->listen.item[0]
					 : addr_text(listen, text),
		      proxy, why);
	return -1;
}

/* One that joins itself would send all that it is asked back to itself. */
static int
check_not_itself(const char *proxy, const struct listen_socket *asked, FILE *err)
{
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < asked->n; i++) {
		const struct addr *at = &asked->at[i].addr;

		if (addr_is_wildcard(at) ? !is_here_at(proxy, addr_port(at))
					 : !conf_check_same_peer(proxy, addr_text(at, text)))
			continue;
		(void)fprintf(err,
			      "ppool-server: revproc %s: it is where this server listens, not a "
			      "proxy\n",
			      proxy);
		return -1;
	}
	return 0;
}

int
server_reach_check(const struct server_conf *c, const struct listen_socket *asked, FILE *err)
{
	for (size_t i = 0; i < c->revproc.n; i++) {
		const char *proxy = c->revproc.item[i];

		if (check_not_itself(proxy, asked, err) < 0 ||
		    check_reach_from(c, proxy, server_reach_place(proxy, asked), err) < 0)
			return -1;
	}
	return 0;
}
