/* client_conf.c - see client_conf.h. */
#include "client_conf.h"

#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "conf_check.h"
#include "input.h"
#include "packet.h"

#define AT(member) offsetof(struct client_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)
#define GIGABYTE   ((uint64_t)1 << 30)

enum { COUNT_MAX = 1000000000 };

static const char program[] = "ppool-client";

enum { ENCODING_NONE, ENCODING_BASE64 };
static const char *const encodings[] = {"none", "base64", NULL};

enum { ORDER_LISTED, ORDER_RANDOM };
static const char *const orders[] = {"listed", "random", NULL};

enum { RESEND_AUTO, RESEND_YES, RESEND_NO };
static const char *const resends[] = {"auto", "yes", "no", NULL};

/* ---- the table ---- */

/* max_message is larger than the daemons' default so that their limit can be tried. */
static const struct conf_key keys[] = {
	{.name = "id",
	 .original = "id",
	 .type = CONF_TEXT,
	 .offset = AT(id),
	 .fallback = "1",
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "id of this client; given, it replaces the packet's srcid"},
	{.name = "revproc",
	 .original = "revproc",
	 .type = CONF_LIST,
	 .offset = AT(revproc),
	 .max = ADDR_HOST,
	 .judge = conf_check_peer,
	 .judge_all = conf_check_peers,
	 .adds = true,
	 .help = "PORT, HOST:PORT or unix:/PATH of each proxy (required)"},
	{.name = "order",
	 .type = CONF_CHOICE,
	 .offset = AT(order),
	 .choices = orders,
	 .fallback = "listed",
	 .help = "which of several proxies is tried first; random: any, for each connection"},
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
	 .original = "pp",
	 .type = CONF_TEXT,
	 .offset = AT(policy),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "policy of the request; replaces the packet's"},
	{.name = "payload",
	 .type = CONF_TEXT,
	 .offset = AT(payload),
	 .max = GIGABYTE,
	 .help = "text to send, - for standard input; replaces the packet's"},
	{.name = "payload_file",
	 .type = CONF_TEXT,
	 .offset = AT(payload_file),
	 .max = 4096,
	 .help = "file of the payload to send; replaces the packet's"},
	{.name = "encoding",
	 .type = CONF_CHOICE,
	 .offset = AT(encoding),
	 .choices = encodings,
	 .fallback = "none",
	 .help = "how the payload is sent: base64 is for bytes that are no text"},
	{.name = "size",
	 .type = CONF_SIZE,
	 .offset = AT(size),
	 .fallback = "0",
	 .max = GIGABYTE,
	 .help = "use random text of that many bytes as the payload"},
	{.name = "vary",
	 .type = CONF_BOOL,
	 .offset = AT(vary),
	 .fallback = "no",
	 .help = "use another payload for each request"},
	{.name = "expect",
	 .type = CONF_TEXT,
	 .offset = AT(expect),
	 .fallback = "sha1",
	 .max = 65536,
	 .judge = expect_judge,
	 .help = "what a reply must be: a digest's name, none, file:FILE or cmd:COMMAND"},
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
	 .help = "how long to send; 0s: no limit"},
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
	 .help = "attempts in a row to replace a lost connection"},
	{.name = "resend",
	 .type = CONF_CHOICE,
	 .offset = AT(resend),
	 .choices = resends,
	 .fallback = "auto",
	 .help = "send a request again if its connection is lost; auto: where a digest is expected"},
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
	 .help = "print only errors that prevent the run"},
	{.name = "json",
	 .letter = 'j',
	 .type = CONF_BOOL,
	 .offset = AT(json),
	 .fallback = "no",
	 .help = "print the summary as one JSON object"},
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
	 .help = "PEM file of the certificate to present to the proxy"},
	{.name = "key",
	 .type = CONF_TEXT,
	 .offset = AT(key),
	 .max = 4096,
	 .help = "PEM file of its key, not readable by other users"},
	{.name = "server_name",
	 .type = CONF_TEXT,
	 .offset = AT(server_name),
	 .max = ADDR_HOST - 1,
	 .judge = conf_check_id,
	 .help = "name that the proxy's certificate must contain; empty: its host"},
	{.name = "insecure",
	 .type = CONF_BOOL,
	 .offset = AT(insecure),
	 .fallback = "no",
	 .help = "do not verify the proxy's certificate: an attacker can pose as the proxy"},
};

void
client_settings_init(struct client_settings *s)
{
	memset(s, 0, sizeof *s);
	s->table[0] = (struct conf_table){
		.key = keys, .n = sizeof keys / sizeof *keys, .settings = &s->client};
}

/* ---- checks ---- */

/* Set by file or command line, be it to the default. */
static bool
given(const struct client_settings *s, const char *name)
{
	return conf_is_given(s->table, 1, &s->command, name);
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

	if (given(s, "payload") + given(s, "payload_file") + given(s, "size") > 1)
		return refuse(err, "--payload, --payload-file, --size",
			      "only one of them can be the payload");
	if (c->vary && expect_of(c->expect).kind == EXPECT_COMMAND)
		return refuse(err, "--expect", "cmd: is run once, so --vary does not go with it");
	if (strcmp(c->pkt, "-") == 0 && strcmp(c->payload, "-") == 0)
		return refuse(err, "-pkt, --payload", "only one of them can be standard input");
	return 0;
}

/* All that is missing, at once. */
static int
check_required(const struct client_settings *s, FILE *err)
{
	const struct client_conf *c = &s->client;
	bool packet = c->pkt[0] != '\0',
	     payload = given(s, "payload") || given(s, "payload_file") || given(s, "size");
	const char *missing[2];
	int n = 0;

	if (c->revproc.n == 0)
		missing[n++] = "-revproc PORT";
	if (!packet && !payload)
		missing[n++] = "-pkt FILE (or --policy POLICY with --payload TEXT or --size SIZE)";
	else if (!packet && c->policy[0] == '\0')
		missing[n++] = "--policy POLICY (or -pkt FILE)";
	if (n == 0)
		return 0;
	(void)fprintf(
		err, "%s: %s%s%s %s needed, as in: %s -revproc 2100 --policy 111 --payload hello\n",
		program, missing[0], n > 1 ? " and " : "", n > 1 ? missing[1] : "",
		n > 1 ? "are" : "is", program);
	return -1;
}

int
client_settings_check(const struct client_settings *s, FILE *err)
{
	const struct client_conf *c = &s->client;

	if (check_required(s, err) < 0)
		return -1;
	if (c->id[0] == '\0')
		return refuse(err, "-id", "empty");
	return check_payload(s, err) < 0 ? -1 : check_tls(s, err);
}

/* The places of one.  0, or -1 with what has none and why. */
static int
find_proxy(const struct client_conf *c, unsigned i, struct proxies *out, char host[ADDR_HOST],
	   const char **why)
{
	const char *text = c->revproc.item[i];
	struct addr at[ADDR_FOUND];
	uint16_t port;
	int n;

	if (addr_is_unix_text(text)) {
		(void)snprintf(host, ADDR_HOST, "%s", text);
		if (addr_unix(&at[0], text, why) < 0)
			return -1;
		(void)proxies_add(out, i, &at[0], "localhost"); /* that a certificate names */
		return 0;
	}
	if (addr_split(text, host, &port, why) < 0) {
		(void)snprintf(host, ADDR_HOST, "%s", text);
		return -1;
	}
	if (host[0] == '\0')
		(void)snprintf(host, ADDR_HOST, "%s", c->host);
	n = addr_resolve_all(at, ADDR_FOUND, host, port, why);
	for (int k = 0; k < n; k++)
		if (!proxies_add(out, i, &at[k], host))
			break; /* as many as are worth trying */
	return n < 0 ? -1 : 0;
}

int
client_settings_proxies(const struct client_settings *s, struct proxies *out, FILE *err)
{
	const struct client_conf *c = &s->client;
	char host[ADDR_HOST];
	const char *why;

	out->n = 0;
	for (unsigned i = 0; i < c->revproc.n; i++)
		if (find_proxy(c, i, out, host, &why) < 0 && (!c->quiet || c->revproc.n == 1))
			(void)refuse(err, host, why);
	if (out->n == 0 && c->quiet && c->revproc.n > 1)
		(void)refuse(err, "-revproc", "none of the names has an address");
	return out->n == 0 ? -1 : 0;
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
			      "%s: --insecure: the proxy's certificate is not verified: an "
			      "attacker on the network can read and answer what is sent\n",
			      program);
	*out = tls_creds_load(TLS_CLIENT, &files, program, err);
	return *out == NULL ? -1 : 0;
}

/* ---- the request ---- */

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
	bool file = given(s, "payload_file");
	const char *payload = s->client.payload;

	if (given(s, "size")) {
		t->kind = TEMPLATE_RANDOM;
		t->size = (size_t)s->client.size;
	}
	if (!file && !given(s, "payload"))
		return 0;
	t->kind = TEMPLATE_TEXT;
	t->payload = span_str(payload);
	if (!file && strcmp(payload, "-") != 0)
		return 0;
	if (input_read(file ? s->client.payload_file : "-", t->max, text, err) < 0)
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
	if (input_read(c->pkt, t->max, text, err) < 0)
		return -1;
	t->packet = span_without_mark(buf_span(text));
	if (t->packet.n == 0)
		return refuse(err, input_name(c->pkt), "empty");
	return 0;
}

static int
make_template(const struct client_settings *s, struct template *t, const struct expect *e,
	      struct buf *packet, struct buf *payload, FILE *err)
{
	const struct client_conf *c = &s->client;
	struct template_conf conf = {.id = given(s, "id") ? c->id : NULL,
				     .policy = c->policy[0] != '\0' ? c->policy : NULL,
				     .vary = c->vary,
				     .base64 = c->encoding == ENCODING_BASE64,
				     .job = e->kind == EXPECT_DIGEST ? e->job : NULL,
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
client_settings_template(const struct client_settings *s, struct template *t, struct expect *e,
			 FILE *err)
{
	struct buf packet = BUF_INIT, payload = BUF_INIT;
	int result;

	memset(t, 0, sizeof *t);
	*e = expect_of(s->client.expect);
	result = make_template(s, t, e, &packet, &payload, err);
	if (result == 0)
		result = expect_load(e, buf_span(&t->payload), t->conf.max, err);
	buf_release(&packet);
	buf_release(&payload);
	return result;
}

struct load_conf
client_settings_load(const struct client_settings *s, const struct proxies *proxies,
		     const struct expect *e)
{
	const struct client_conf *c = &s->client;
	bool resend = c->resend == RESEND_AUTO ? e->kind == EXPECT_DIGEST : c->resend == RESEND_YES;

	return (struct load_conf){.proxies = proxies,
				  .random = c->order == ORDER_RANDOM,
				  .count = c->duration > 0 && !given(s, "count") ? COUNT_MAX
										 : c->count,
				  .duration = c->duration,
				  .parallel = c->parallel,
				  .pipeline = c->pipeline,
				  .retries = c->retries,
				  .keepalive = c->keepalive,
				  .resend = resend,
				  .expect = e,
				  .timeout = c->timeout,
				  .connect_timeout = c->connect_timeout,
				  .max_message = (size_t)c->max_message,
				  .tls_name = c->server_name[0] != '\0' ? c->server_name : NULL};
}
