/* server_conf.c - see server_conf.h. */
#include "server_conf.h"

#include <stdio.h>
#include <string.h>

#include "conf_check.h"
#include "keys_of_daemons.h"
#include "server_reach.h"
#include "tls_tickets.h"

#define AT(member) offsetof(struct server_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)

/* As the proxy will judge it. */
static const char *
judge_host(const char *text)
{
	struct addr a;
	const char *why;

	if (text[0] == '\0')
		return NULL;
	if (addr_is_unix_text(text))
		return addr_unix(&a, text, &why) < 0 ? why : NULL;
	if (addr_numeric(&a, text, 0) < 0)
		return "neither a numeric IPv4 or IPv6 address nor unix:/PATH";
	return addr_is_unicast(&a) ? NULL : "no server can be at this address";
}

/* Answers come in the order of the requests, so what is pipelined to a handler would wait for slow
 * jobs though others are idle. */
enum { PIPELINE = 64, PIPELINE_OF_A_HANDLER = 1 };

static const struct conf_key keys[] = {
	{.name = "id",
	 .original = "id",
	 .type = CONF_TEXT,
	 .offset = AT(id),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .fixed = true,
	 .help = "id of this server, unique in the pool (required)"},
	{.name = "policy",
	 .original = "pp",
	 .type = CONF_TEXT,
	 .offset = AT(policy),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_policy,
	 .help = "policy that it serves (required)"},
	{.name = "listen",
	 .original = "listen",
	 .type = CONF_LIST,
	 .offset = AT(listen),
	 .max = ADDR_HOST,
	 .judge = conf_check_listen,
	 .help = "PORT, HOST:PORT or unix:/PATH to serve on; port 0 takes a free one (required)"},
	{.name = "revproc",
	 .original = "revproc",
	 .type = CONF_LIST,
	 .offset = AT(revproc),
	 .max = ADDR_HOST,
	 .judge = conf_check_peer,
	 .judge_all = conf_check_peers,
	 .adds = true,
	 .help = "PORT, HOST:PORT or unix:/PATH of each proxy to join; none: join none"},
	{.name = "learn_proxies",
	 .type = CONF_BOOL,
	 .offset = AT(learn_proxies),
	 .fallback = "yes",
	 .help = "join the further proxies too that those of revproc tell of"},
	{.name = "host",
	 .type = CONF_TEXT,
	 .offset = AT(host),
	 .max = ADDR_HOST - 1,
	 .judge = judge_host,
	 .help = "address or unix:/PATH to announce; empty: that of listen, or the one that the proxy sees"},
	{.name = "key_file",
	 .type = CONF_TEXT,
	 .offset = AT(key_file),
	 .judge = conf_check_path,
	 .help = "file of the key that signs registrations; empty: nothing is signed"},
	{.name = "key_id",
	 .type = CONF_TEXT,
	 .offset = AT(key_id),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "name of that key in the proxy's keyring"},
	{.name = "cluster",
	 .type = CONF_TEXT,
	 .offset = AT(cluster),
	 .fallback = "policypool",
	 .min = 1,
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "name of the pool, which is part of what is signed"},
	{.name = "lease",
	 .type = CONF_DURATION,
	 .offset = AT(lease),
	 .fallback = "10s",
	 .min = 1000,
	 .max = 24 * HOUR,
	 .help = "how long the proxy may believe in this server without news"},
	{.name = "keepalive",
	 .type = CONF_BOOL,
	 .offset = AT(keepalive),
	 .fallback = "yes",
	 .help = "announce that connections may be kept and requests pipelined"},
	{.name = "pipeline",
	 .type = CONF_INT,
	 .offset = AT(pipeline),
	 .fallback = "0",
	 .max = 65535,
	 .help = "requests that may be in flight on one connection; 0: 64, with a handler 1"},
	{.name = "slots",
	 .type = CONF_INT,
	 .offset = AT(slots),
	 .fallback = "0",
	 .max = 65535,
	 .help = "connections served at once; 0: workers x worker_connections, with a handler "
		 "x 2 x handler_processes"},
	{.name = "weight",
	 .type = CONF_INT,
	 .offset = AT(weight),
	 .fallback = "1",
	 .min = 1,
	 .max = 1000,
	 .help = "share of this server among those of its policy"},
	{.name = "backup",
	 .type = CONF_BOOL,
	 .offset = AT(backup),
	 .fallback = "no",
	 .help = "announce that it is to be used while no other server of its policy is up"},
	{.name = "retry_min",
	 .type = CONF_DURATION,
	 .offset = AT(retry_min),
	 .fallback = "200ms",
	 .min = 10,
	 .max = HOUR,
	 .help = "first pause when the proxy cannot be reached"},
	{.name = "retry_max",
	 .type = CONF_DURATION,
	 .offset = AT(retry_max),
	 .fallback = "3s",
	 .min = 10,
	 .max = HOUR,
	 .help = "longest pause when the proxy cannot be reached"},
	{.name = "ack_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(ack_timeout),
	 .fallback = "2s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long the proxy has to acknowledge"},
	{.name = "reannounce",
	 .type = CONF_DURATION,
	 .offset = AT(reannounce),
	 .fallback = "1m",
	 .max = 24 * HOUR,
	 .help = "pause between announcements to a proxy that never acknowledges; 0: announce once"},
	{.name = "client_send_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(client_send_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "how long a peer may take to send a packet that it has begun; 0: no limit"},
	{.name = "client_read_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(client_read_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "how long a peer may take to read the answers that wait for it; 0: no limit"},
	{.name = "revproc_tls",
	 .type = CONF_BOOL,
	 .offset = AT(proxy_tls),
	 .fallback = "no",
	 .help = "join the proxy over TLS"},
	{.name = "revproc_ca",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.ca),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of the CAs that sign the proxy's certificate"},
	{.name = "revproc_name",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.name),
	 .max = ADDR_HOST - 1,
	 .judge = conf_check_id,
	 .help = "name that the proxy's certificate must be for; empty: the host of revproc"},
	{.name = "revproc_verify",
	 .type = CONF_BOOL,
	 .offset = AT(proxy.verify),
	 .fallback = "yes",
	 .help = "verify the proxy's certificate; no: anybody in between can be the proxy"},
	{.name = "revproc_certificate",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.certificate),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of the certificate that this server shows to the proxy; empty: none"},
	{.name = "revproc_key",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.key),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of its key"},
};

static size_t
tie(struct settings *base)
{
	struct server_conf *c = &((struct server_settings *)base)->server;

	base->table[0] = (struct conf_table){.key = keys,
					     .n = sizeof keys / sizeof *keys,
					     .settings = c,
					     .title = "the server",
					     .elsewhere = keys_of_daemons};
	base->table[1] = (struct conf_table){.key = handler_keys,
					     .n = HANDLER_KEYS,
					     .settings = &c->handler,
					     .title = "its job",
					     .origin = c->handler_origin};
	return 2;
}

/* All that is missing, at once. */
static int
check_required(const struct server_conf *c, FILE *err)
{
	const struct {
		const char *value, *option;
	} needed[] = {{c->id, "-id ID"},
		      {c->policy, "-pp POLICY"},
		      {c->listen.n > 0 ? c->listen.item[0] : "", "-listen PORT"}};
	const char *missing[3];
	int n = 0;

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (needed[i].value == NULL || needed[i].value[0] == '\0')
			missing[n++] = needed[i].option;
	if (n == 0)
		return 0;
	(void)fputs("ppool-server: ", err);
	for (int i = 0; i < n; i++)
		(void)fprintf(err, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", missing[i]);
	(void)fprintf(
		err, " %s needed, as in: ppool-server -id 100 -pp 111 -listen 2105 -revproc 2100\n",
		n > 1 ? "are" : "is");
	return -1;
}

static int
load_key(struct server_settings *s, FILE *err)
{
	const struct server_conf *c = &s->server;
	const struct signer_conf conf = {c->key_id, c->cluster, c->id};

	if ((c->key_file[0] == '\0') != (c->key_id[0] == '\0')) {
		(void)fprintf(err, "ppool-server: key_file and key_id need each other\n");
		return -1;
	}
	if (c->key_file[0] == '\0')
		return 0;
	s->signer = signer_load(c->key_file, &conf, err);
	return s->signer == NULL ? -1 : 0;
}

static int
load_tls(struct server_settings *s, FILE *err)
{
	const struct server_conf *c = &s->server;
	const struct tls_listen_conf *listen = &s->base.daemon.tls;

	if (tls_conf_listen(listen, "ppool-server", &s->base.tls_listen, err) < 0)
		return -1;
	if (!c->proxy_tls)
		return 0;
	if (tls_conf_dial(&c->proxy, listen->priorities,
			  "ppool-server: revproc_ca, revproc_certificate", &s->tls_proxy, err) < 0)
		return -1;
	if (s->tls_proxy != NULL)
		return 0;
	(void)fprintf(err, "ppool-server: revproc_tls needs revproc_ca\n");
	return -1;
}

static int
check(struct settings *base, struct listen_socket *asked, FILE *err)
{
	struct server_settings *s = (struct server_settings *)base;
	struct server_conf *c = &s->server;

	if (check_required(c, err) < 0)
		return -1;
	if (c->retry_min > c->retry_max) {
		(void)fprintf(err, "ppool-server: retry_min is longer than retry_max\n");
		return -1;
	}
	if (listen_socket_ask(asked, &c->listen, server_reach_default_host(c), &base->names,
			      "ppool-server", err) < 0)
		return -1;
	handler_conf_files(&c->handler, &base->daemon);
	if (server_reach_check(c, asked, err) < 0 ||
	    settings_check_daemon(base, false, asked, "ppool-server", err) < 0 ||
	    handler_conf_check(&s->server.handler, &base->daemon, s->server.handler_origin,
			       "ppool-server", err) < 0)
		return -1;
	if (c->pipeline == 0)
		c->pipeline = handler_conf_has_processes(&c->handler) ? PIPELINE_OF_A_HANDLER
								      : PIPELINE;
	return load_key(s, err) < 0 ? -1 : load_tls(s, err);
}

static void
forget_keys(struct settings *base)
{
	struct server_settings *s = (struct server_settings *)base;

	signer_free(s->signer);
	s->signer = NULL;
}

static void
forget(struct settings *base)
{
	tls_creds_unref(((struct server_settings *)base)->tls_proxy);
}

void
server_settings_forget_secrets(struct settings *base)
{
	struct server_settings *s = (struct server_settings *)base;

	forget_keys(base);
	tls_creds_unref(base->tls_listen);
	tls_creds_unref(s->tls_proxy);
	base->tls_listen = s->tls_proxy = NULL;
	tls_tickets_forget();
}

const struct settings_kind server_settings_kind = {.size = sizeof(struct server_settings),
						   .tie = tie,
						   .check = check,
						   .forget_keys = forget_keys,
						   .forget = forget};

/* One request more a job process: it is there already when the process has answered, so that one
 * wakeup of the worker does for the answer and the next job. */
static unsigned
slots_of_handler(const struct handler_conf *h)
{
	return h->processes + (h->queue < h->processes ? h->queue : h->processes);
}

static unsigned
slots_of(const struct server_settings *s)
{
	const struct handler_conf *h = &s->server.handler;
	uint64_t slots = daemon_workers(&s->base.daemon);

	if (s->server.slots > 0)
		return s->server.slots;
	slots *= handler_conf_has_processes(h) ? slots_of_handler(h)
					       : s->base.daemon.worker_connections;
	return slots > 65535 ? 65535 : (unsigned)slots;
}

void
server_settings_announcement(const struct server_settings *s, const struct addr *at,
			     bool repeatable, struct packet_announcement *a)
{
	const struct server_conf *c = &s->server;
	bool handler = handler_conf_has_processes(&c->handler);
	char text[ADDR_TEXT];

	*a = (struct packet_announcement){
		.ack = true,
		.keepalive = c->keepalive,
		.tls = s->base.daemon.tls.mode != CONN_TLS_OFF,
		.pipeline = c->keepalive ? c->pipeline : 0,
		.slots = slots_of(s),
		.weight = c->weight,
		.lease = (unsigned)((c->lease + 999) / 1000),
		.once = handler && !repeatable,
		.backup = c->backup,
		.jobtimeout = handler ? (unsigned)c->handler.job_timeout : 0,
	};
	if (strcmp(c->handler.name, PACKET_JOB) != 0)
		(void)snprintf(a->job, sizeof a->job, "%s", c->handler.name);
	(void)snprintf(a->jobkeys, sizeof a->jobkeys, "%s", c->handler.job_keys);
	(void)snprintf(a->id, sizeof a->id, "%s", c->id);
	(void)snprintf(a->policy, sizeof a->policy, "%s", c->policy);
	a->port = addr_is_unix_text(c->host) ? 0 : addr_port(at);
	if (c->host[0] != '\0' || addr_is_wildcard(at))
		(void)snprintf(a->host, sizeof a->host, "%s", c->host);
	else
		(void)snprintf(a->host, sizeof a->host, "%s", addr_host_text(at, text));
}
