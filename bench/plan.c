/* plan.c - see plan.h. */
#include "plan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	VARIANTS = 1024,	/* different payloads, at most ... */
	VARIANT_BYTES = 1 << 23 /* ... and as many as this holds */
};

enum option_key {
	KEY_PROTOCOL = 'p',
	KEY_PORT = 'P',
	KEY_CONNECTIONS = 'c',
	KEY_IN_FLIGHT = 'i',
	KEY_ONE = 'o',
	KEY_SIZE = 's',
	KEY_NAME = 'n',
	KEY_POLICIES = 'N',
	KEY_SCRIPT = 'x',
	KEY_WARM = 'w',
	KEY_SECONDS = 't',
	KEY_COUNT = 'k',
	KEY_TLS = 'T',
	KEY_RESUME = 'R',
	KEY_LOADS = 'l',
	KEY_PERSIST = 'r',
	KEY_TIMEOUT = 'm'
};

static const struct option options[] = {
	{"protocol", required_argument, NULL, KEY_PROTOCOL},
	{"port", required_argument, NULL, KEY_PORT},
	{"connections", required_argument, NULL, KEY_CONNECTIONS},
	{"in-flight", required_argument, NULL, KEY_IN_FLIGHT},
	{"one-a-connection", no_argument, NULL, KEY_ONE},
	{"size", required_argument, NULL, KEY_SIZE},
	{"name", required_argument, NULL, KEY_NAME},
	{"policies", required_argument, NULL, KEY_POLICIES},
	{"script", required_argument, NULL, KEY_SCRIPT},
	{"warm", required_argument, NULL, KEY_WARM},
	{"seconds", required_argument, NULL, KEY_SECONDS},
	{"count", required_argument, NULL, KEY_COUNT},
	{"tls", no_argument, NULL, KEY_TLS},
	{"resume", no_argument, NULL, KEY_RESUME},
	{"loads", required_argument, NULL, KEY_LOADS},
	{"persist", no_argument, NULL, KEY_PERSIST},
	{"timeout", required_argument, NULL, KEY_TIMEOUT},
	{NULL, 0, NULL, 0},
};

static int
read_number(const char *text, const char *what, double min, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && *out >= min && *out <= max)
		return 0;
	(void)fprintf(stderr, "load: %s is %s: it must be %.0f to %.0f\n", what, text, min, max);
	return -1;
}

static int
read_protocol(struct plan *p, const char *text)
{
	if (protocol_named(text, &p->protocol) == 0)
		return 0;
	(void)fprintf(stderr, "load: no such protocol: %s\n", text);
	return -1;
}

static int
read_unsigned(const char *what, double max, unsigned *out)
{
	double value;

	if (read_number(optarg, what, 1, max, &value) < 0)
		return -1;
	*out = (unsigned)value;
	return 0;
}

/* unit: how many of *out make one of what is given. */
static int
read_large(const char *what, double min, double max, double unit, uint64_t *out)
{
	double value;

	if (read_number(optarg, what, min, max, &value) < 0)
		return -1;
	*out = (uint64_t)(value * unit);
	return 0;
}

static int
read_port(struct plan *p)
{
	const char *why;
	unsigned port;

	if (addr_is_unix_text(optarg) && addr_unix(&p->to, optarg, &why) == 0)
		return 0;
	if (read_unsigned("port", UINT16_MAX, &port) < 0)
		return -1;
	return addr_numeric(&p->to, "127.0.0.1", (uint16_t)port);
}

static int
read_option(struct plan *p, int key)
{
	switch (key) {
	case KEY_PROTOCOL: return read_protocol(p, optarg);
	case KEY_NAME: p->name = optarg; return 0;
	case KEY_SCRIPT: p->script = optarg; return 0;
	case KEY_ONE: p->one_a_connection = true; return 0;
	case KEY_TLS: p->tls = true; return 0;
	case KEY_RESUME: p->resume = true; return 0;
	case KEY_PERSIST: p->persist = true; return 0;
	case KEY_PORT: return read_port(p);
	case KEY_CONNECTIONS: return read_unsigned("connections", 32768, &p->connections);
	case KEY_LOADS: return read_unsigned("loads", 64, &p->loads);
	case KEY_IN_FLIGHT: return read_unsigned("in-flight", 4096, &p->in_flight);
	case KEY_SIZE: return read_unsigned("size", 1 << 24, &p->size);
	case KEY_POLICIES: return read_unsigned("policies", 65535, &p->policies);
	case KEY_COUNT: return read_large("count", 1, 1e15, 1, &p->count);
	case KEY_WARM: return read_large("warm", 0, 3600, 1e6, &p->warm_us);
	case KEY_TIMEOUT: return read_large("timeout", 0, 3600, 1e6, &p->timeout_us);
	case KEY_SECONDS: return read_large("seconds", 0, 3600, 1e6, &p->run_us);
	default: return -1; /* getopt_long() has said it */
	}
}

/* Printable, different for each i, without what JSON would escape. */
static void
fill_payload(char *payload, size_t n, unsigned i)
{
	char mark[16];
	int digits = snprintf(mark, sizeof mark, "%u-", i);

	for (size_t at = 0; at < n; at++)
		payload[at] = at < (size_t)digits ? mark[at]
						  : (char)('a' + (at * 7 + i * 13 + at / 31) % 26);
}

static int
build_variant(const struct plan *p, unsigned i, struct span payload, struct variant *v)
{
	char name[80];

	if (p->protocol == PROTOCOL_REDIS || p->policies > 1)
		(void)snprintf(name, sizeof name, "%s%u", p->name, i % p->policies);
	else
		(void)snprintf(name, sizeof name, "%s", p->name);
	digest_sha1_hex(payload, v->digest);
	return protocol_request(p->protocol, &v->text, name, p->script, payload);
}

static int
build(struct plan *p)
{
	size_t fit = VARIANT_BYTES / p->size;
	char *payload = malloc(p->size);

	p->variants = fit < 8 ? 8 : fit > VARIANTS ? VARIANTS : (unsigned)fit;
	if (p->variants < p->policies)
		p->variants = p->policies;
	p->variant = calloc(p->variants, sizeof *p->variant);
	for (unsigned i = 0; payload != NULL && p->variant != NULL && i < p->variants; i++) {
		fill_payload(payload, p->size, i);
		if (build_variant(p, i, span_of(payload, p->size), &p->variant[i]) < 0)
			break;
		if (i + 1 < p->variants)
			continue;
		free(payload);
		return 0;
	}
	free(payload);
	(void)fprintf(stderr, "load: out of memory for the requests\n");
	return -1;
}

int
plan_read(struct plan *p, int argc, char *argv[])
{
	int key;

	*p = (struct plan){.connections = 1,
			   .in_flight = 1,
			   .loads = 1,
			   .size = 64,
			   .name = "111",
			   .policies = 1,
			   .script = "",
			   .run_us = 1000000};
	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (read_option(p, key) < 0)
			return -1;
	if (optind < argc || p->to.len == 0) {
		(void)fprintf(stderr, "load: --port is needed, and nothing but options\n");
		return -1;
	}
	if (p->one_a_connection)
		p->in_flight = 1;
	if (p->loads > p->connections)
		p->loads = p->connections;
	if (p->count > 0 && p->loads > p->count)
		p->loads = (unsigned)p->count;
	return build(p);
}

void
plan_free(struct plan *p)
{
	for (unsigned i = 0; p->variant != NULL && i < p->variants; i++)
		buf_release(&p->variant[i].text);
	free(p->variant);
}
