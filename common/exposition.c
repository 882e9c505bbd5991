/* exposition.c - see exposition.h. */
#include "exposition.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "attr.h"
#include "jsonchar.h"

static void print(struct exposition *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
print(struct exposition *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (evbuffer_add_vprintf(e->out, fmt, ap) < 0)
		e->error = ENOMEM;
	va_end(ap);
}

static void
add(struct exposition *e, const char *p, size_t n)
{
	if (evbuffer_add(e->out, p, n) < 0)
		e->error = ENOMEM;
}

void
exposition_family(struct exposition *e, const char *name, enum exposition_type type,
		  const char *help)
{
	static const char *const text[] = {"counter", "gauge", "histogram"};

	e->family = name;
	print(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, text[type]);
}

/* ---- labels ---- */

/* The bytes of the character at p, 0 if it is malformed. */
static size_t
character(const char *p, const char *end)
{
	return (unsigned char)*p < 0x80 ? 1 : jsonchar_utf8(p, end);
}

/* A label's value: quote, backslash and newline escaped; a byte that is part of no character is
 * told as U+FFFD. */
static void
add_value(struct exposition *e, const char *p)
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
add_labels(struct exposition *e, const struct exposition_label *l, const char *le)
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
begin(struct exposition *e, const char *suffix, const struct exposition_label *labels,
      const char *le)
{
	print(e, "%s%s", e->family, suffix);
	add_labels(e, labels, le);
	add(e, " ", 1);
}

/* ---- samples ---- */

void
exposition_number(struct exposition *e, const struct exposition_label *labels, uint64_t value)
{
	begin(e, "", labels, NULL);
	print(e, "%" PRIu64 "\n", value);
}

/* Exactly, without the detour over floating point. */
static void
add_seconds(struct exposition *e, uint64_t us)
{
	print(e, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

void
exposition_us(struct exposition *e, const struct exposition_label *labels, uint64_t us)
{
	begin(e, "", labels, NULL);
	add_seconds(e, us);
	add(e, "\n", 1);
}

void
exposition_ms(struct exposition *e, const struct exposition_label *labels, uint64_t ms)
{
	exposition_us(e, labels, ms * 1000);
}

static void
add_bucket(struct exposition *e, const struct exposition_label *labels, const char *le, uint64_t n)
{
	begin(e, "_bucket", labels, le);
	print(e, "%" PRIu64 "\n", n);
}

void
exposition_histogram(struct exposition *e, const struct exposition_label *labels,
		     const struct exposition_histogram *h)
{
	uint64_t below = 0;
	char le[32];

	for (unsigned i = 0; i < h->n; i++) {
		below += h->count[i];
		(void)snprintf(le, sizeof le, "%" PRIu64 ".%06" PRIu64, h->le_us[i] / 1000000,
			       h->le_us[i] % 1000000);
		add_bucket(e, labels, le, below);
	}
	add_bucket(e, labels, "+Inf", below + h->more);
	begin(e, "_sum", labels, NULL);
	add_seconds(e, h->sum_us);
	add(e, "\n", 1);
	begin(e, "_count", labels, NULL);
	print(e, "%" PRIu64 "\n", below + h->more);
}
