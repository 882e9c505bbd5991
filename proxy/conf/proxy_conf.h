/* proxy_conf.h - the settings of ppool-proxy, by file or command line; see policypool.conf(5). */
#ifndef POLICYPOOL_PROXY_CONF_H
#define POLICYPOOL_PROXY_CONF_H

#include "addr.h"
#include "conf.h"
#include "policy_conf.h"
#include "settings.h"
#include "static_conf.h"
#include "store_conf.h"
#include "tls_conf.h"

struct keyring;

struct proxy_conf {
	struct policy_conf policy;	   /* of those that have no section */
	struct conf_sections sections;	   /* of the others: struct policy_conf, by policy */
	struct static_conf any_static;	   /* the defaults of these */
	struct conf_sections statics;	   /* struct static_conf, by id */
	char *id;			   /* what it calls itself in errors and acknowledgements */
	struct conf_list listen;	   /* PORT, HOST:PORT or a Unix socket */
	struct conf_list proxies;	   /* further ones that servers are told of */
	struct conf_list trusted_networks; /* unsigned registrations are taken from these */
	char *keyring;			   /* path; empty: no signed registrations */
	char *cluster;			   /* name of the pool, part of what is signed */
	bool require_signature;		   /* also from trusted_networks */
	unsigned refusals_per_address;	   /* a second; 0: no limit */
	unsigned servers_per_address;	   /* announced unsigned; 0: no limit */
	unsigned max_servers, max_policies;
	unsigned server_connections; /* kept connections of one worker to one server */
	unsigned plain_message;	     /* bytes that a plain server can read */
	unsigned client_pipeline;    /* requests of one client connection taken at once */
	unsigned queue_length;	     /* requests of one worker waiting for a server */
	int access_log;		     /* enum access_log_mode */
	unsigned access_sample;	     /* SAMPLED: one in so many */
	char *access_log_file;	     /* empty: where the log goes */
	char *state_file;	 /* where the registry is kept; empty, "none": registry_persist.h */
	uint64_t state_max_age;	 /* ms; 0: none is too old */
	uint64_t forget_after;	 /* ms that a server without a lease may be dead; 0: any time */
	struct store_conf store; /* what the proxies of the cluster share */
	unsigned retry_budget;	 /* percent of what is pending that may be such tries at once */
	uint64_t client_send_timeout, client_read_timeout; /* ms; 0: never */
	struct tls_dial_conf server;			   /* of servers that speak TLS */
	int server_tls;					   /* 0 announced, 1 required */
	/* Set by the check: credentials, NULL for none, and ms; whom the workers become, NULL:
	 * nobody else. */
	struct tls_creds *server_creds;
	uint64_t server_handshake;
	const struct privdrop *workers;
};

struct proxy_settings {
	struct settings base;
	struct keyring *keyring; /* NULL: no key is known */
	struct proxy_conf proxy;
};

static inline struct proxy_settings *
proxy_settings_of(struct settings *s)
{
	return (struct proxy_settings *)s;
}

#endif
