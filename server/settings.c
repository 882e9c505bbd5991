/* settings.c - see settings.h. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct server_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)

static const char *
judge_id(const char *text)
{
	if (strlen(text) > PACKET_ID_MAX)
		return "longer than 64 bytes";
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
			return "control characters, quotes and backslashes cannot be part of it";
	return NULL;
}

static const char *
judge_address(const char *text)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	if (text[0] == '\0')
		return NULL;
	return addr_split(text, host, &port, &why) < 0 ? why : NULL;
}

static const char *
judge_path(const char *text)
{
	return text[0] == '/' ? NULL : "the path must begin with /";
}

static const struct conf_key keys[] = {
	{.name = "id",
	 .original = "id",
	 .type = CONF_TEXT,
	 .offset = AT(id),
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .fixed = true,
	 .help = "id of this server, unique in the pool (required)"},
	{.name = "policy",
	 .original = "pp",
	 .type = CONF_TEXT,
	 .offset = AT(policy),
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "policy that it serves (required)"},
	{.name = "listen",
	 .original = "listen",
	 .type = CONF_TEXT,
	 .offset = AT(listen),
	 .max = ADDR_HOST,
	 .judge = judge_address,
	 .help = "PORT or HOST:PORT to serve on; port 0 takes a free one (required)"},
	{.name = "revproc",
	 .original = "revproc",
	 .type = CONF_TEXT,
	 .offset = AT(revproc),
	 .max = ADDR_HOST,
	 .judge = judge_address,
	 .help = "PORT or HOST:PORT of the proxy to join; empty: join none"},
	{.name = "host",
	 .type = CONF_TEXT,
	 .offset = AT(host),
	 .max = ADDR_HOST - 1,
	 .judge = judge_id,
	 .help = "host to announce; empty: the address that the proxy sees"},
	{.name = "key_file",
	 .type = CONF_TEXT,
	 .offset = AT(key_file),
	 .judge = judge_path,
	 .help = "file of the key that signs registrations; empty: nothing is signed"},
	{.name = "key_id",
	 .type = CONF_TEXT,
	 .offset = AT(key_id),
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "name of that key in the proxy's keyring"},
	{.name = "cluster",
	 .type = CONF_TEXT,
	 .offset = AT(cluster),
	 .fallback = "policypool",
	 .min = 1,
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
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
	 .fallback = "64",
	 .min = 1,
	 .max = 65535,
	 .help = "requests that may be in flight on one connection"},
	{.name = "slots",
	 .type = CONF_INT,
	 .offset = AT(slots),
	 .fallback = "0",
	 .max = 65535,
	 .help = "connections served at once; 0: workers x worker_connections"},
	{.name = "weight",
	 .type = CONF_INT,
	 .offset = AT(weight),
	 .fallback = "1",
	 .min = 1,
	 .max = 1000,
	 .help = "share of this server among those of its policy"},
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
	{.name = "revproc_tls",
	 .type = CONF_BOOL,
	 .offset = AT(proxy_tls),
	 .fallback = "no",
	 .help = "join the proxy over TLS"},
	{.name = "revproc_ca",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.ca),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "PEM file of the CAs that sign the proxy's certificate"},
	{.name = "revproc_name",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.name),
	 .max = ADDR_HOST - 1,
	 .judge = judge_id,
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
	 .judge = judge_path,
	 .help = "PEM file of the certificate that this server shows to the proxy; empty: none"},
	{.name = "revproc_key",
	 .type = CONF_TEXT,
	 .offset = AT(proxy.key),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "PEM file of its key"},
};

static void
tie(struct server_settings *s)
{
	s->table[0] = (struct conf_table){keys, sizeof keys / sizeof *keys, &s->server};
	s->table[1] = (struct conf_table){daemon_keys, daemon_keys_n, &s->daemon};
}

void
server_settings_init(struct server_settings *s)
{
	memset(s, 0, sizeof *s);
	tie(s);
}

void
server_settings_swap(struct server_settings *a, struct server_settings *b)
{
	struct server_settings c = *a;

	*a = *b;
	*b = c;
	tie(a);
	tie(b);
}

static int
required(const char *value, const char *option, FILE *err)
{
	if (value != NULL && value[0] != '\0')
		return 0;
	(void)fprintf(err, "ppool-server: %s is needed\n", option);
	return -1;
}

/* The host part given to listen on, or the one that fits how the proxy is reached. */
static const char *
default_host(const struct server_conf *c)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;
	struct addr a;

	if (c->revproc[0] == '\0' || addr_split(c->revproc, host, &port, &why) < 0 ||
	    host[0] == '\0' || strcmp(host, "localhost") == 0)
		return "127.0.0.1";
	if (addr_numeric(&a, host, port) == 0 && addr_is_loopback(&a))
		return "127.0.0.1";
	return "0.0.0.0";
}

static int
load_key(struct server_settings *s, FILE *err)
{
	const struct server_conf *c = &s->server;
	const struct signer_conf conf = {c->key_id, c->cluster, c->id};

	server_settings_forget_keys(s);
	if ((c->key_file[0] == '\0') != (c->key_id[0] == '\0')) {
		(void)fprintf(err, "ppool-server: key_file and key_id need each other\n");
		return -1;
	}
	if (c->key_file[0] == '\0')
		return 0;
	s->signer = signer_load(c->key_file, &conf, err);
	return s->signer == NULL ? -1 : 0;
}

void
server_settings_forget_keys(struct server_settings *s)
{
	signer_free(s->signer);
	s->signer = NULL;
}

static int
load_tls(struct server_settings *s, FILE *err)
{
	const struct server_conf *c = &s->server;

	server_settings_forget_tls(s);
	if (tls_settings_listen(&s->daemon.tls, "ppool-server", &s->tls_listen, err) < 0)
		return -1;
	if (!c->proxy_tls)
		return 0;
	if (tls_settings_dial(&c->proxy, s->daemon.tls.priorities,
			      "ppool-server: revproc_ca, revproc_certificate", &s->tls_proxy,
			      err) < 0)
		return -1;
	if (s->tls_proxy != NULL)
		return 0;
	(void)fprintf(err, "ppool-server: revproc_tls needs revproc_ca\n");
	return -1;
}

void
server_settings_forget_tls(struct server_settings *s)
{
	tls_creds_release(s->tls_listen);
	tls_creds_release(s->tls_proxy);
	s->tls_listen = s->tls_proxy = NULL;
}

int
server_settings_check(struct server_settings *s, struct addr *listen, FILE *err)
{
	const struct server_conf *c = &s->server;
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	if (required(c->id, "-id", err) < 0 || required(c->policy, "-pp", err) < 0 ||
	    required(c->listen, "-listen", err) < 0)
		return -1;
	if (c->retry_min > c->retry_max) {
		(void)fprintf(err, "ppool-server: retry_min is longer than retry_max\n");
		return -1;
	}
	if (addr_split(c->listen, host, &port, &why) < 0 ||
	    addr_resolve(listen, host[0] != '\0' ? host : default_host(c), port, &why) < 0) {
		(void)fprintf(err, "ppool-server: listen: %s: %s\n", c->listen, why);
		return -1;
	}
	if (isolate_check(&s->daemon.isolation, "ppool-server", err) < 0)
		return -1;
	return load_key(s, err) < 0 ? -1 : load_tls(s, err);
}

void
server_settings_announcement(const struct server_settings *s, struct packet_announcement *a)
{
	const struct server_conf *c = &s->server;
	uint64_t slots = c->slots;

	if (slots == 0)
		slots = (uint64_t)daemon_workers(&s->daemon) * s->daemon.worker_connections;
	*a = (struct packet_announcement){
		.ack = true,
		.keepalive = c->keepalive,
		.tls = s->daemon.tls.mode != CONN_TLS_OFF,
		.pipeline = c->keepalive ? c->pipeline : 0,
		.slots = slots > 65535 ? 65535 : (unsigned)slots,
		.weight = c->weight,
		.lease = (unsigned)((c->lease + 999) / 1000),
	};
	(void)snprintf(a->id, sizeof a->id, "%s", c->id);
	(void)snprintf(a->policy, sizeof a->policy, "%s", c->policy);
	(void)snprintf(a->host, sizeof a->host, "%s", c->host);
}
