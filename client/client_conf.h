/* client_conf.h - what ppool-client can be told, by file or command line; see policypool.conf(5).
 */
#ifndef POLICYPOOL_CLIENT_CONF_H
#define POLICYPOOL_CLIENT_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "compiler.h"
#include "conf.h"
#include "expect.h"
#include "load.h"
#include "proxies.h"
#include "template.h"

struct client_conf {
	char *id;
	struct conf_list revproc; /* the proxies: PORT, HOST:PORT or unix:/PATH */
	int order;		  /* in which they are tried */
	char *host;		  /* of a proxy, where revproc has none */
	char *pkt;		  /* file of a request packet, "-": standard input; empty: none */
	char *policy;
	char *payload; /* text, "-": standard input */
	char *payload_file;
	int encoding;
	uint64_t size; /* bytes of random payload */
	char *expect;
	int resend;
	bool vary;
	unsigned count, parallel, pipeline, retries;
	bool keepalive;
	uint64_t timeout, connect_timeout; /* ms */
	uint64_t duration;		   /* ms; 0: count alone says when it is over */
	uint64_t max_message;		   /* bytes */
	bool quiet, json;
	bool tls, insecure;
	char *ca, *cert, *key; /* files */
	char *server_name;     /* the name in the certificate; empty: the host */
};

struct client_settings {
	struct client_conf client;
	struct conf_table table[1];
	struct conf_command command; /* filled by conf_load() */
};

/* Ties the table to s; call first. */
void client_settings_init(struct client_settings *);

/* What no single key can judge: required and contradicting keys.
 * 0, or -1 with one line on err. */
MUST_CHECK int client_settings_check(const struct client_settings *, FILE *err);

/* Where the proxies are, each maybe in several places; asks the resolver where one has a name.  0,
 * or -1: there is no place at all.  A line on err for each that has none, unless others do and the
 * settings want it quiet. */
MUST_CHECK int client_settings_proxies(const struct client_settings *, struct proxies *, FILE *err);

/* The request to send, and what is expected of its reply: reads the files that they are made of,
 * runs the command.  0, or -1 with one line on err.  Release: template_free(), expect_free(), in
 * either case; the settings must outlive both. */
MUST_CHECK int client_settings_template(const struct client_settings *, struct template *,
					struct expect *, FILE *err);

/* What TLS is to be spoken with, NULL in *out for plain.  0, or -1 with one line on err. */
MUST_CHECK int client_settings_tls(const struct client_settings *, struct tls_creds **out,
				   FILE *err);

/* How to send it; but for TLS's credentials. */
struct load_conf client_settings_load(const struct client_settings *, const struct proxies *,
				      const struct expect *);

#endif
