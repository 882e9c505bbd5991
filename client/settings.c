/* settings.c - see settings.h. */
#include "settings.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "input.h"
#include "packet.h"

#define AT(member) offsetof(struct client_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)
#define GIGABYTE   ((uint64_t)1 << 30)

enum { COUNT_MAX = 1000000000 };

static const char program[] = "ppool-client";

/* ---- the table ---- */

static const char *
judge_id(const char *text)
{
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
	if (addr_split(text, host, &port, &why) < 0)
		return why;
	return port == 0 ? "there is no port 0 to connect to" : NULL;
}

/* max_message is larger than the daemons' default so that their limit can be tried. */
static const struct conf_key keys[] = {
	{.name = "id",
	 .original = "id",
	 .type = CONF_TEXT,
	 .offset = AT(id),
	 .fallback = "1",
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "id of this client; given, it replaces the packet's srcid"},
	{.name = "revproc",
	 .original = "revproc",
	 .type = CONF_TEXT,
	 .offset = AT(revproc),
	 .max = ADDR_HOST,
	 .judge = judge_address,
	 .help = "PORT or HOST:PORT of the proxy (required)"},
	{.name = "host",
	 .type = CONF_TEXT,
	 .offset = AT(host),
	 .fallback = "127.0.0.1",
	 .min = 1,
	 .max = ADDR_HOST - 1,
	 .help = "host of the proxy where revproc names none"},
	{.name = "pkt",
	 .original = "pkt",
	 .type = CONF_TEXT,
	 .offset = AT(pkt),
	 .max = 4096,
	 .help = "file of the request packet to send, - for standard input"},
	{.name = "policy",
	 .type = CONF_TEXT,
	 .offset = AT(policy),
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "policy to ask for; replaces the packet's"},
	{.name = "payload",
	 .type = CONF_TEXT,
	 .offset = AT(payload),
	 .max = GIGABYTE,
	 .help = "text to send, - for standard input; replaces the packet's"},
	{.name = "size",
	 .type = CONF_SIZE,
	 .offset = AT(size),
	 .fallback = "0",
	 .max = GIGABYTE,
	 .help = "bytes of random text to send as the payload"},
	{.name = "vary",
	 .type = CONF_BOOL,
	 .offset = AT(vary),
	 .fallback = "no",
	 .help = "give each request a payload of its own"},
	{.name = "count",
	 .letter = 'n',
	 .type = CONF_INT,
	 .offset = AT(count),
	 .fallback = "1",
	 .min = 1,
	 .max = COUNT_MAX,
	 .help = "requests to send"},
	{.name = "duration",
	 .type = CONF_DURATION,
	 .offset = AT(duration),
	 .fallback = "0s",
	 .max = 24 * HOUR,
	 .help = "how long to send; 0s: count alone says when to stop"},
	{.name = "parallel",
	 .type = CONF_INT,
	 .offset = AT(parallel),
	 .fallback = "1",
	 .min = 1,
	 .max = 10000,
	 .help = "connections at once"},
	{.name = "pipeline",
	 .type = CONF_INT,
	 .offset = AT(pipeline),
	 .fallback = "1",
	 .min = 1,
	 .max = 1024,
	 .help = "requests in flight on each connection"},
	{.name = "keepalive",
	 .type = CONF_BOOL,
	 .offset = AT(keepalive),
	 .fallback = "yes",
	 .help = "send more than one request over a connection"},
	{.name = "retries",
	 .type = CONF_INT,
	 .offset = AT(retries),
	 .fallback = "6",
	 .max = 1000,
	 .help = "tries in a row to replace a lost connection"},
	{.name = "timeout",
	 .type = CONF_DURATION,
	 .offset = AT(timeout),
	 .fallback = "30s",
	 .min = 1,
	 .max = 24 * HOUR,
	 .help = "how long a reply may take"},
	{.name = "connect_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(connect_timeout),
	 .fallback = "5s",
	 .min = 1,
	 .max = HOUR,
	 .help = "how long connecting may take"},
	{.name = "max_message",
	 .type = CONF_SIZE,
	 .offset = AT(max_message),
	 .fallback = "64M",
	 .min = 256,
	 .max = GIGABYTE,
	 .help = "largest packet to send or to take"},
	{.name = "quiet",
	 .letter = 'q',
	 .type = CONF_BOOL,
	 .offset = AT(quiet),
	 .fallback = "no",
	 .help = "say nothing but what prevents the work"},
	{.name = "json",
	 .letter = 'j',
	 .type = CONF_BOOL,
	 .offset = AT(json),
	 .fallback = "no",
	 .help = "print the outcome as one JSON object"},
	{.name = "tls",
	 .type = CONF_BOOL,
	 .offset = AT(tls),
	 .fallback = "no",
	 .help = "speak TLS to the proxy"},
	{.name = "ca",
	 .type = CONF_TEXT,
	 .offset = AT(ca),
	 .max = 4096,
	 .help = "PEM file of the CAs that sign the proxy's certificate; needed with tls"},
	{.name = "cert",
	 .type = CONF_TEXT,
	 .offset = AT(cert),
	 .max = 4096,
	 .help = "PEM file of the certificate to show to the proxy"},
	{.name = "key",
	 .type = CONF_TEXT,
	 .offset = AT(key),
	 .max = 4096,
	 .help = "PEM file of its key, which others must not be able to read"},
	{.name = "server_name",
	 .type = CONF_TEXT,
	 .offset = AT(server_name),
	 .max = ADDR_HOST - 1,
	 .judge = judge_id,
	 .help = "name that the proxy's certificate must be for; empty: its host"},
	{.name = "insecure",
	 .type = CONF_BOOL,
	 .offset = AT(insecure),
	 .fallback = "no",
	 .help = "do not verify the proxy's certificate: anybody in between can be the proxy"},
};

void
client_settings_init(struct client_settings *s)
{
	memset(s, 0, sizeof *s);
	s->table[0] = (struct conf_table){keys, sizeof keys / sizeof *keys, &s->client};
}

/* ---- checks ---- */

/* Set by file or command line, be it to the default. */
static bool
given(const struct client_settings *s, const char *name)
{
	char origin[16];

	return strcmp(conf_origin(s->table, 1, &s->command, name, origin, sizeof origin),
		      "default") != 0;
}

static int
refuse(FILE *err, const char *what, const char *why)
{
	(void)fprintf(err, "%s: %s: %s\n", program, what, why);
	return -1;
}

static int
check_tls(const struct client_settings *s, FILE *err)
{
	static const char *const need_it[] = {"ca", "cert", "key", "server_name", "insecure"};
	const struct client_conf *c = &s->client;

	for (size_t i = 0; !c->tls && i < sizeof need_it / sizeof *need_it; i++)
		if (given(s, need_it[i]))
			return refuse(err, need_it[i], "of no use without --tls");
	if (c->tls && c->ca[0] == '\0' && !c->insecure)
		return refuse(err, "--tls", "--ca is needed, to verify the proxy's certificate");
	return 0;
}

static int
check_payload(const struct client_settings *s, FILE *err)
{
	const struct client_conf *c = &s->client;

	if (given(s, "payload") && given(s, "size"))
		return refuse(err, "--payload, --size", "only one of them can be the payload");
	if (strcmp(c->pkt, "-") == 0 && strcmp(c->payload, "-") == 0)
		return refuse(err, "-pkt, --payload", "only one of them can be standard input");
	if (c->pkt[0] != '\0')
		return 0;
	if (!given(s, "payload") && !given(s, "size"))
		return refuse(err, "-pkt", "needed, unless --payload or --size is given");
	if (c->policy[0] == '\0')
		return refuse(err, "--policy", "needed where there is no -pkt");
	return 0;
}

int
client_settings_check(const struct client_settings *s, FILE *err)
{
	const struct client_conf *c = &s->client;
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	if (c->revproc[0] == '\0')
		return refuse(err, "-revproc", "needed: PORT or HOST:PORT of the proxy");
	if (c->id[0] == '\0')
		return refuse(err, "-id", "empty");
	if (check_payload(s, err) < 0 || check_tls(s, err) < 0)
		return -1;
	if (addr_split(c->revproc, host, &port, &why) < 0)
		return refuse(err, c->revproc, why);
	return 0;
}

int
client_settings_proxy(struct client_settings *s, struct addr *proxy, FILE *err)
{
	const struct client_conf *c = &s->client;
	uint16_t port;
	const char *why;

	if (addr_split(c->revproc, s->host, &port, &why) < 0)
		return refuse(err, c->revproc, why);
	if (s->host[0] == '\0')
		(void)snprintf(s->host, sizeof s->host, "%s", c->host);
	if (addr_resolve(proxy, s->host, port, &why) < 0)
		return refuse(err, s->host, why);
	return 0;
}

int
client_settings_tls(const struct client_settings *s, struct tls_creds **out, FILE *err)
{
	const struct client_conf *c = &s->client;
	const struct tls_files files = {.certificate = c->cert,
					.key = c->key,
					.ca = c->ca,
					.verify = c->insecure ? TLS_VERIFY_NO
							      : TLS_VERIFY_REQUIRED};

	*out = NULL;
	if (!c->tls)
		return 0;
	if (c->insecure)
		(void)fprintf(err,
			      "%s: --insecure: the proxy's certificate is not verified: anybody "
			      "can read and answer what is sent\n",
			      program);
	*out = tls_creds_load(TLS_CLIENT, &files, program, err);
	return *out == NULL ? -1 : 0;
}

/* ---- the request ---- */

static int
read_input(const char *path, size_t max, struct buf *out, FILE *err)
{
	char why[80];

	if (input_read(path, max, out) == 0)
		return 0;
	if (errno != EFBIG)
		return refuse(err, input_name(path), strerror(errno));
	(void)snprintf(why, sizeof why, "too large: %zu bytes are allowed", max);
	return refuse(err, input_name(path), why);
}

/* Nothing secret hangs on it. */
static uint64_t
random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed = clock_us();
	return seed;
}

static int
fill_payload(const struct client_settings *s, struct template_conf *t, struct buf *text, FILE *err)
{
	const char *payload = s->client.payload;

	if (given(s, "size")) {
		t->kind = TEMPLATE_RANDOM;
		t->size = (size_t)s->client.size;
	}
	if (!given(s, "payload"))
		return 0;
	t->kind = TEMPLATE_TEXT;
	t->payload = span_str(payload);
	if (strcmp(payload, "-") != 0)
		return 0;
	if (read_input(payload, t->max, text, err) < 0)
		return -1;
	t->payload = buf_span(text);
	return 0;
}

static int
fill_packet(const struct client_settings *s, struct template_conf *t, struct buf *text, FILE *err)
{
	const struct client_conf *c = &s->client;

	if (c->pkt[0] == '\0') {
		t->id = c->id;
		return 0;
	}
	if (read_input(c->pkt, t->max, text, err) < 0)
		return -1;
	t->packet = buf_span(text);
	if (t->packet.n == 0)
		return refuse(err, input_name(c->pkt), "empty");
	return 0;
}

static int
make_template(const struct client_settings *s, struct template *t, struct buf *packet,
	      struct buf *payload, FILE *err)
{
	const struct client_conf *c = &s->client;
	struct template_conf conf = {.id = given(s, "id") ? c->id : NULL,
				     .policy = c->policy[0] != '\0' ? c->policy : NULL,
				     .vary = c->vary,
				     .max = (size_t)c->max_message,
				     .seed = random_seed()};
	char why[TEMPLATE_WHY];

	if (fill_packet(s, &conf, packet, err) < 0 || fill_payload(s, &conf, payload, err) < 0)
		return -1;
	if (template_init(t, &conf, why) < 0)
		return refuse(err, conf.packet.n > 0 ? input_name(c->pkt) : "request", why);
	return 0;
}

int
client_settings_template(const struct client_settings *s, struct template *t, FILE *err)
{
	struct buf packet = BUF_INIT, payload = BUF_INIT;
	int result;

	memset(t, 0, sizeof *t);
	result = make_template(s, t, &packet, &payload, err);
	buf_release(&packet);
	buf_release(&payload);
	return result;
}

struct load_conf
client_settings_load(const struct client_settings *s, const struct addr *proxy)
{
	const struct client_conf *c = &s->client;

	return (struct load_conf){.proxy = *proxy,
				  .count = c->duration > 0 && !given(s, "count") ? COUNT_MAX
										 : c->count,
				  .duration = c->duration,
				  .parallel = c->parallel,
				  .pipeline = c->pipeline,
				  .retries = c->retries,
				  .keepalive = c->keepalive,
				  .timeout = c->timeout,
				  .connect_timeout = c->connect_timeout,
				  .max_message = (size_t)c->max_message,
				  .tls_name = c->server_name[0] != '\0' ? c->server_name : s->host};
}
