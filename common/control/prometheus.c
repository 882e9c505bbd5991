/* prometheus.c - see prometheus.h. */
#include "prometheus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "compiler.h"
#include "json_string.h"

static void print(struct prometheus *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
print(struct prometheus *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (evbuffer_add_vprintf(e->out, fmt, ap) < 0)
		e->error = ENOMEM;
	va_end(ap);
}

static void
add(struct prometheus *e, const char *p, size_t n)
{
	if (evbuffer_add(e->out, p, n) < 0)
		e->error = ENOMEM;
}

void
prometheus_family(struct prometheus *e, const char *name, enum prometheus_type type,
		  const char *help)
{
	static const char *const text[] = {"counter", "gauge", "histogram"};

	(void)snprintf(e->family, sizeof e->family, "%s", name);
	print(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, text[type]);
}

/* ---- labels ---- */

/* The bytes of the character at p, 0 if it is malformed. */
static size_t
character(const char *p, const char *end)
{
	return (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);
}

/* A label's value: quote, backslash and newline escaped; a byte that is part of no character is
 * told as U+FFFD. */
static void
add_value(struct prometheus *e, const char *p)
{
	const char *end = p + strlen(p);

	while (p < end) {
		size_t n = character(p, end);

		if (n == 0)
			add(e, "\xef\xbf\xbd", 3);
		else if (*p == '"' || *p == '\\')
			print(e, "\\%c", *p);
		else if (*p == '\n')
			add(e, "\\n", 2);
		else
			add(e, p, n);
		p += n == 0 ? 1 : n;
	}
}

/* {a="b",le="c"} or nothing. */
static void
add_labels(struct prometheus *e, const struct prometheus_label *l, const char *le)
{
	const char *before = "{";

	for (; l != NULL && l->name != NULL; l++) {
		print(e, "%s%s=\"", before, l->name);
		add_value(e, l->value);
		add(e, "\"", 1);
		before = ",";
	}
	if (le != NULL) {
		print(e, "%sle=\"%s\"", before, le);
		before = ",";
	}
	if (*before == ',')
		add(e, "}", 1);
}

static void
begin(struct prometheus *e, const char *suffix, const struct prometheus_label *labels,
      const char *le)
{
	print(e, "%s%s", e->family, suffix);
	add_labels(e, labels, le);
	add(e, " ", 1);
}

/* ---- samples ---- */

void
prometheus_number(struct prometheus *e, const struct prometheus_label *labels, uint64_t value)
{
	begin(e, "", labels, NULL);
	print(e, "%" PRIu64 "\n", value);
}

/* Exactly, without the detour over floating point. */
static void
add_seconds(struct prometheus *e, uint64_t us)
{
	print(e, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

void
prometheus_us(struct prometheus *e, const struct prometheus_label *labels, uint64_t us)
{
	begin(e, "", labels, NULL);
	add_seconds(e, us);
	add(e, "\n", 1);
}

void
prometheus_ms(struct prometheus *e, const struct prometheus_label *labels, uint64_t ms)
{
	prometheus_us(e, labels, ms * 1000);
}

static void
add_bucket(struct prometheus *e, const struct prometheus_label *labels, const char *le, uint64_t n)
{
	begin(e, "_bucket", labels, le);
	print(e, "%" PRIu64 "\n", n);
}

/* ---- counters ---- */

enum { FIRST_OCTAVE = 6, LAST_OCTAVE = 24 };

static void
add_latency(struct prometheus *e, const struct prometheus_label *labels,
	    const _Atomic uint64_t *latency)
{
	uint64_t below = 0;
	unsigned b = 0;
	char le[32];

	for (unsigned octave = FIRST_OCTAVE; octave <= LAST_OCTAVE; octave++) {
		uint64_t top = UINT64_C(1) << octave;
		for (; counters_bucket_top(b) <= top; b++)
			below += counters_bucket(latency, b);
		(void)snprintf(le, sizeof le, "%" PRIu64 ".%06" PRIu64, top / 1000000,
			       top % 1000000);
		add_bucket(e, labels, le, below);
	}
	for (; b < COUNTERS_BUCKETS; b++)
		below += counters_bucket(latency, b);
	add_bucket(e, labels, "+Inf", below);
	begin(e, "_sum", labels, NULL);
	add_seconds(e, counter_get(latency));
	add(e, "\n", 1);
	begin(e, "_count", labels, NULL);
	print(e, "%" PRIu64 "\n", below);
}

void
prometheus_field(struct prometheus *e, const char *prefix, const struct counters_field *f)
{
	char name[sizeof e->family];
	enum prometheus_type type = f->kind == COUNTER_LATENCY ? PROMETHEUS_HISTOGRAM
				    : f->kind == COUNTER || f->kind == COUNTER_SPARSE
					    ? PROMETHEUS_COUNTER
					    : PROMETHEUS_GAUGE;

	(void)snprintf(name, sizeof name, "%s%s", prefix, f->metric);
	prometheus_family(e, name, type, f->help);
}

/* An array has no other labels than its own. */
void
prometheus_words(struct prometheus *e, const struct prometheus_label *labels,
		 const struct counters_field *f, const _Atomic uint64_t *words)
{
	if (f->kind == COUNTER_LATENCY) {
		add_latency(e, labels, words);
	} else if (f->text == NULL) {
		prometheus_number(e, labels, counter_get(words));
	} else {
		for (unsigned i = 0; i < f->n; i++) {
			const struct prometheus_label l[] = {{f->label, f->text(i)}, {NULL, NULL}};
			if (l->value != NULL)
				prometheus_number(e, l, counter_get(&words[i]));
		}
	}
}

void
prometheus_counters(struct prometheus *e, const char *prefix, const struct counters_type *type,
		    const void *sum)
{
	for (const struct counters_field *f = type->field; f < type->field + type->fields; f++) {
		if (f->metric == NULL)
			continue;
		prometheus_field(e, prefix, f);
		prometheus_words(e, NULL, f, counters_words(type, f, sum));
	}
}
