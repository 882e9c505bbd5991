/* settings.h - what ppool-server can be told, by file or command line; see policypool.conf(5). */
#ifndef POLICYPOOL_SERVER_SETTINGS_H
#define POLICYPOOL_SERVER_SETTINGS_H

#include "addr.h"
#include "conf.h"
#include "daemon.h"
#include "packet.h"
#include "signer.h"

struct server_conf {
	char *id;
	char *policy;
	char *listen;	/* PORT or HOST:PORT */
	char *revproc;	/* the proxy: PORT or HOST:PORT; empty: serve without one */
	char *host;	/* to announce; empty: the proxy takes the address we come from */
	char *key_file; /* path; empty: nothing is signed */
	char *key_id;	/* of the key that signs */
	char *cluster;	/* name of the pool, part of what is signed */
	uint64_t lease; /* ms */
	bool keepalive;
	unsigned pipeline, slots, weight; /* slots 0: workers x worker_connections */
	uint64_t retry_min, retry_max, ack_timeout, reannounce; /* ms */
	bool proxy_tls;						/* the proxy is joined over TLS */
	struct tls_dial_conf proxy;
};

struct server_settings {
	/* Loaded by server_settings_check(); NULL: nothing is signed, or plain. */
	struct signer *signer;
	struct tls_creds *tls_listen, *tls_proxy;
	struct server_conf server;
	struct daemon_conf daemon;
	struct conf_table table[2];
};

/* Ties the tables to s; call first. */
void server_settings_init(struct server_settings *s);

/* Each has what the other had, its tables tied to itself. */
void server_settings_swap(struct server_settings *, struct server_settings *);

/* What no single key can judge: required keys, addresses, the key file.  Where to listen: the given
 * host, or loopback when the proxy is reached over loopback or there is none, otherwise every
 * address. 0, or -1 with one line on err. */
MUST_CHECK int server_settings_check(struct server_settings *, struct addr *listen, FILE *err);

/* Wipes and frees what was read from the key file: for workers, which never register, and at the
 * end. */
void server_settings_forget_keys(struct server_settings *);

/* Lets go of the credentials of TLS: at the end, or when they are not in force any more. */
void server_settings_forget_tls(struct server_settings *);

/* What to announce, but for the port. */
void server_settings_announcement(const struct server_settings *, struct packet_announcement *);

#endif
