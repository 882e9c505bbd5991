/* server_conf.h - the settings of ppool-server, by file or command line. */
#ifndef POLICYPOOL_SERVER_CONF_H
#define POLICYPOOL_SERVER_CONF_H

#include "addr.h"
#include "conf.h"
#include "daemon.h"
#include "handler_conf.h"
#include "listen_socket.h"
#include "packet.h"
#include "settings.h"
#include "signer.h"

struct server_conf {
	char *id;
	char *policy;
	struct conf_list listen; /* PORT, HOST:PORT or a Unix socket */
	/* The proxies: PORT, HOST:PORT or a Unix socket; none: serve without one. */
	struct conf_list revproc;
	bool learn_proxies; /* and those that these tell of */
	char *host;	    /* to announce; empty: where it listens, or else where it comes from */
	char *key_file;	    /* path; empty: nothing is signed */
	char *key_id;	    /* of the key that signs */
	char *cluster;	    /* name of the pool, part of what is signed */
	uint64_t lease;	    /* ms */
	bool keepalive;
	bool backup;
	unsigned pipeline, slots, weight; /* slots 0: see server_settings_announcement() */
	uint64_t retry_min, retry_max, ack_timeout, reannounce; /* ms */
	uint64_t client_send_timeout, client_read_timeout;	/* ms; 0: never */
	bool proxy_tls;						/* the proxy is joined over TLS */
	struct tls_dial_conf proxy;
	struct handler_conf handler;
	char *handler_origin[HANDLER_KEYS]; /* where its keys were given, NULL: they were not */
};

struct server_settings {
	struct settings base;
	struct server_conf server;
	/* Loaded by the check; NULL: nothing is signed, or plain. */
	struct signer *signer;
	struct tls_creds *tls_proxy;
};

/* Of a struct server_settings.  What no single key can judge: required keys, addresses (also
 * whether the proxy can reach this server there), the key file.  Where to listen: the given host,
 * or loopback when the proxy is reached over loopback or there is none, otherwise every address. */
extern const struct settings_kind server_settings_kind;

/* In a process that runs code of others: keys and credentials are wiped. */
void server_settings_forget_secrets(struct settings *);

static inline const struct server_settings *
server_settings_of(const struct settings *s)
{
	return (const struct server_settings *)(const void *)s;
}

/* What to announce of a server that listens there: with a host where it is one address.
 * repeatable: its handler says that a job may be done twice. */
void server_settings_announcement(const struct server_settings *, const struct addr *at,
				  bool repeatable, struct packet_announcement *);

#endif
