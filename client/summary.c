/* summary.c - see summary.h. */
#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum {
	REASONS = 16, /* reasons told apart */
	LISTED = 8    /* entries of a table shown to people */
};

/* The quantiles that are told, by their names. */
static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

enum { QUANTILES = sizeof quantiles / sizeof quantiles[0] };

/* ---- counting ---- */

void
summary_init(struct summary *s)
{
	memset(s, 0, sizeof *s);
	counts_init(&s->servers, COUNTS_MAX);
	counts_init(&s->refusals, SUMMARY_CODES);
	counts_init(&s->failures, REASONS);
	counts_init(&s->mismatches, REASONS);
	counts_init(&s->resends, REASONS);
}

void
summary_free(struct summary *s)
{
	counts_free(&s->servers);
	counts_free(&s->refusals);
	counts_free(&s->failures);
	counts_free(&s->mismatches);
	counts_free(&s->resends);
}

void
summary_sent(struct summary *s, uint64_t n)
{
	s->sent += n;
}

void
summary_failed(struct summary *s, uint64_t n, const char *why)
{
	s->failed += n;
	counts_add(&s->failures, span_str(why), n);
}

void
summary_resent(struct summary *s, uint64_t n, const char *why)
{
	s->resent += n;
	counts_add(&s->resends, span_str(why), n);
}

void
summary_stray(struct summary *s)
{
	s->stray++;
}

static void
add_latency(struct summary *s, uint64_t us)
{
	if (s->latency.count == 0 || us < s->min_us)
		s->min_us = us;
	histogram_add(&s->latency, us);
}

static void
add_refusal(struct summary *s, const struct reply *r)
{
	size_t known = s->refusals.n;

	s->refused++;
	counts_add(&s->refusals, span_str(r->code), 1);
	if (s->refusals.n > known)
		memcpy(s->message[known], r->detail, sizeof s->message[known]);
}

void
summary_answer(struct summary *s, const struct reply *r, uint64_t latency_us)
{
	switch (r->verdict) {
	case REPLY_CORRECT: s->correct++; break;
	case REPLY_WRONG:
		s->wrong++;
		counts_add(&s->mismatches, span_str(r->mismatch), 1);
		break;
	case REPLY_REFUSED: add_refusal(s, r); break;
	case REPLY_BROKEN: summary_failed(s, 1, r->detail); break;
	}
	if (r->server.n > 0) {
		counts_add(&s->servers, r->server, 1);
		add_latency(s, latency_us);
	}
}

bool
summary_all_correct(const struct summary *s, uint64_t n)
{
	return s->sent == n && s->correct == n && s->stray == 0;
}

double
summary_rate(const struct summary *s)
{
	uint64_t answered = s->correct + s->wrong + s->refused;

	return s->elapsed_us > 0 ? (double)answered * 1e6 / (double)s->elapsed_us : 0;
}

/* ---- for people ---- */

/* "no-server 3, overloaded 2" and what is not listed in one sum. */
static void
print_counts(const struct counts *c, FILE *out)
{
	uint64_t listed = 0;
	char shown[512];
	size_t i;

	for (i = 0; i < c->n && i < LISTED; i++) {
		(void)fprintf(out, "%s%s %" PRIu64, i > 0 ? ", " : "",
			      printable(c->entry[i].text, shown, sizeof shown), c->entry[i].n);
		listed += c->entry[i].n;
	}
	if (listed < counts_sum(c))
		(void)fprintf(out, "%sothers %" PRIu64, i > 0 ? ", " : "", counts_sum(c) - listed);
}

static void
print_count(const char *name, uint64_t n, const struct counts *detail, FILE *out)
{
	(void)fprintf(out, "%-9s %" PRIu64, name, n);
	if (detail != NULL && n > 0) {
		(void)fputs("  (", out);
		print_counts(detail, out);
		(void)fputs(")", out);
	}
	(void)fputc('\n', out);
}

/* A code alone does not tell which limit was met. */
static void
print_messages(const struct summary *s, FILE *out)
{
	char shown[4 * REPLY_TEXT];

	for (size_t i = 0; i < s->refusals.n && i < LISTED; i++) {
		if (s->message[i][0] == '\0')
			continue;
		(void)fprintf(out, "%-9s %s: ", "",
			      printable(s->refusals.entry[i].text, shown, sizeof shown));
		(void)fprintf(out, "%s\n", printable(s->message[i], shown, sizeof shown));
	}
}

static void
print_latency(const struct summary *s, FILE *out)
{
	if (s->latency.count == 0)
		return;
	(void)fprintf(out, "%-9s min %.3f", "latency", (double)s->min_us / 1e3);
	for (size_t i = 0; i < QUANTILES; i++)
		(void)fprintf(out, "  %s %.3f", quantiles[i].name,
			      (double)histogram_quantile(&s->latency, quantiles[i].q) / 1e3);
	(void)fprintf(out, "  max %.3f ms\n", (double)s->latency.max / 1e3);
}

void
summary_print(const struct summary *s, FILE *out)
{
	print_count("sent", s->sent, NULL, out);
	print_count("correct", s->correct, NULL, out);
	print_count("wrong", s->wrong, &s->mismatches, out);
	print_count("refused", s->refused, &s->refusals, out);
	print_messages(s, out);
	print_count("failed", s->failed, &s->failures, out);
	if (s->resent > 0)
		print_count("resent", s->resent, &s->resends, out);
	if (s->stray > 0)
		print_count("stray", s->stray, NULL, out);
	(void)fprintf(out, "%-9s %.3f s\n", "elapsed", (double)s->elapsed_us / 1e6);
	(void)fprintf(out, "%-9s %.0f requests/s\n", "rate", summary_rate(s));
	print_latency(s, out);
	if (counts_sum(&s->servers) > 0) {
		(void)fprintf(out, "%-9s ", "servers");
		print_counts(&s->servers, out);
		(void)fputc('\n', out);
	}
}

/* ---- for programs ---- */

/* Every step keeps going: what could not be made is told once, at the end. */
struct summary_writer {
	bool failed;
};

static void
add(struct summary_writer *w, struct json_object *to, const char *key, struct json_object *value)
{
	if (value == NULL || json_object_object_add(to, key, value) < 0) {
		(void)json_object_put(value);
		w->failed = true;
	}
}

static void
add_number(struct summary_writer *w, struct json_object *to, const char *key, uint64_t n)
{
	add(w, to, key, json_object_new_uint64(n));
}

/* With a fixed number of decimals: a double's 17 digits help nobody. */
static void
add_decimal(struct summary_writer *w, struct json_object *to, const char *key, double d,
	    int decimals)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%.*f", decimals, d);
	add(w, to, key, json_object_new_double_s(d, text));
}

static struct json_object *
latency_json(struct summary_writer *w, const struct summary *s)
{
	struct json_object *o = json_object_new_object();

	if (o == NULL || s->latency.count == 0)
		return o;
	add_number(w, o, "min", s->min_us);
	for (size_t i = 0; i < QUANTILES; i++)
		add_number(w, o, quantiles[i].name,
			   histogram_quantile(&s->latency, quantiles[i].q));
	add_number(w, o, "max", s->latency.max);
	return o;
}

static struct json_object *
counts_json(struct summary_writer *w, const struct counts *c)
{
	struct json_object *o = json_object_new_object();

	if (o == NULL)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		add_number(w, o, c->entry[i].text, c->entry[i].n);
	return o;
}

static struct json_object *
messages_json(struct summary_writer *w, const struct summary *s)
{
	struct json_object *o = json_object_new_object();

	if (o == NULL)
		return NULL;
	for (size_t i = 0; i < s->refusals.n; i++)
		add(w, o, s->refusals.entry[i].text, json_object_new_string(s->message[i]));
	return o;
}

static void
fill(struct summary_writer *w, struct json_object *o, const struct summary *s)
{
	add_number(w, o, "sent", s->sent);
	add_number(w, o, "correct", s->correct);
	add_number(w, o, "wrong", s->wrong);
	add_number(w, o, "refused", s->refused);
	add_number(w, o, "failed", s->failed);
	add_number(w, o, "resent", s->resent);
	add_number(w, o, "stray", s->stray);
	add_decimal(w, o, "elapsed_s", (double)s->elapsed_us / 1e6, 6);
	add_decimal(w, o, "rate", summary_rate(s), 1);
	add(w, o, "latency_us", latency_json(w, s));
	add(w, o, "servers", counts_json(w, &s->servers));
	add_number(w, o, "servers_other", s->servers.other);
	add(w, o, "errors", counts_json(w, &s->refusals));
	add(w, o, "error_messages", messages_json(w, s));
	add(w, o, "failures", counts_json(w, &s->failures));
	add(w, o, "mismatches", counts_json(w, &s->mismatches));
	add(w, o, "resends", counts_json(w, &s->resends));
}

int
summary_print_json(const struct summary *s, FILE *out)
{
	struct summary_writer w = {false};
	struct json_object *o = json_object_new_object();
	const char *text = NULL;
	char *shown = NULL;
	int rc = -1;

	if (o != NULL) {
		fill(&w, o, s);
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE);
	}
	if (text != NULL && !w.failed)
		shown = printable_json(text);
	if (shown != NULL) {
		(void)fprintf(out, "%s\n", shown);
		rc = 0;
	}
	free(shown);
	(void)json_object_put(o);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}
