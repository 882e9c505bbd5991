/* settings.h - what ppool-proxy can be told, by file or command line; see policypool.conf(5). */
#ifndef POLICYPOOL_PROXY_SETTINGS_H
#define POLICYPOOL_PROXY_SETTINGS_H

#include "addr.h"
#include "conf.h"
#include "daemon.h"
#include "keyring.h"

struct proxy_conf {
	char *id;			   /* what it calls itself in errors and acknowledgements */
	char *listen;			   /* PORT or HOST:PORT */
	struct conf_list trusted_networks; /* unsigned registrations are taken from these */
	char *keyring;			   /* path; empty: no signed registrations */
	char *cluster;			   /* name of the pool, part of what is signed */
	bool require_signature;		   /* also from trusted_networks */
	unsigned refusals_per_address;	   /* a second; 0: no limit */
	struct conf_list allow, deny;	   /* networks of clients, by policy */
	unsigned rate_per_address, burst_per_address; /* requests a second, at once; rate 0: off */
	unsigned rate_per_srcid, burst_per_srcid;
	unsigned max_servers, max_policies;
	unsigned server_connections;	      /* kept connections of one worker to one server */
	unsigned plain_message;		      /* bytes that a plain server can read */
	unsigned client_pipeline;	      /* requests of one client connection taken at once */
	unsigned queue_length;		      /* requests of one worker waiting for a server */
	struct conf_list policy_queue_length; /* the same of one policy, by policy */
	struct conf_list balance;	      /* by policy, see balance.h */
	unsigned retries;	/* further tries after a server failed with a request */
	int access_log;		/* enum access_mode */
	unsigned access_sample; /* SAMPLED: one in so many */
	char *access_log_file;	/* empty: where the log goes */
	char *state_file;	/* where the registry is kept; empty, "none": keeper.h */
	uint64_t state_max_age; /* ms; 0: none is too old */
	uint64_t queue_timeout, connect_timeout, reply_timeout; /* ms */
	uint64_t request_timeout;				/* ms; 0: never */
	unsigned retry_budget;	 /* percent of what is pending that may be such tries at once */
	struct conf_list verify; /* by policy: verify_words of verify.h */
	unsigned eject_after;	 /* incidents in a row, 0: never */
	unsigned eject_share;	 /* percent of a policy's servers */
	uint64_t eject_time, eject_max, slow_start; /* ms */
	struct conf_list health_check;		    /* by policy: check_words of prober.h */
	uint64_t check_interval, check_timeout;	    /* ms */
	unsigned check_rise, check_fall;
	uint64_t client_send_timeout, client_read_timeout; /* ms; 0: never */
	uint64_t max_buffered;	     /* bytes that one worker holds for clients; 0: no limit */
	struct tls_dial_conf server; /* of servers that speak TLS */
	int server_tls;		     /* 0 announced, 1 required */
	/* Set by proxy_settings_check(): credentials, NULL for none, and ms. */
	struct tls_creds *server_creds;
	uint64_t server_handshake;
};

struct proxy_settings {
	/* Loaded by proxy_settings_check(); NULL: none. */
	struct keyring *keyring;
	struct tls_creds *tls_listen;
	struct proxy_conf proxy;
	struct daemon_conf daemon;
	struct conf_table table[2];
};

/* Those of the proxy alone; their values are a struct proxy_conf. */
extern const struct conf_key proxy_keys[];
extern const size_t proxy_keys_n;

/* Ties the tables to s; call first. */
void proxy_settings_init(struct proxy_settings *s);

/* What no single key can judge, the keyring and the credentials of TLS.  Without a host the proxy
 * listens on 127.0.0.1. 0, or -1 with what is wrong on err. */
MUST_CHECK int proxy_settings_check(struct proxy_settings *, struct addr *listen, FILE *err);

/* Wipes and frees the keyring: for workers, which judge no registration, and at the end. */
void proxy_settings_forget_keys(struct proxy_settings *);

/* Lets go of the credentials of TLS: at the end, or when they are not in force any more. */
void proxy_settings_forget_tls(struct proxy_settings *);

/* Each has what the other had, its tables tied to itself. */
void proxy_settings_swap(struct proxy_settings *, struct proxy_settings *);

#endif
