/* prometheus.h - measured values as text, in Prometheus' exposition format 0.0.4.
 *
 * A family is announced once, its samples follow at once.  Everything is written so that the
 * format's strictest readers take it: one family in one piece, label values escaped, a histogram's
 * buckets cumulative and ended by +Inf. */
#ifndef POLICYPOOL_PROMETHEUS_H
#define POLICYPOOL_PROMETHEUS_H

#include <event2/buffer.h>
#include <stdint.h>

#include "counters.h"

struct prometheus {
	struct evbuffer *out; /* borrowed */
	char family[96];      /* the one announced */
	int error;	      /* ENOMEM: out is incomplete */
};

enum prometheus_type { PROMETHEUS_COUNTER, PROMETHEUS_GAUGE, PROMETHEUS_HISTOGRAM };

/* Label name and value; the list is ended by a NULL name.  Values may be any text: what is not
 * UTF-8 is replaced. */
struct prometheus_label {
	const char *name, *value;
};

/* A counter's name ends in _total. */
void prometheus_family(struct prometheus *, const char *name, enum prometheus_type,
		       const char *help);

/* labels may be NULL. */
void prometheus_number(struct prometheus *, const struct prometheus_label *labels, uint64_t value);
/* Microseconds or milliseconds, told as seconds. */
void prometheus_us(struct prometheus *, const struct prometheus_label *labels, uint64_t us);
void prometheus_ms(struct prometheus *, const struct prometheus_label *labels, uint64_t ms);

/* ---- counters (counters.h) ---- */

/* A field of them as a family, of that prefix; then its samples, from a sum.  A latency is told in
 * octaves, 64 us to 16.8 s. */
void prometheus_field(struct prometheus *, const char *prefix, const struct counters_field *);
void prometheus_words(struct prometheus *, const struct prometheus_label *labels,
		      const struct counters_field *, const _Atomic uint64_t *words);

/* All fields of one sum that have a metric's name. */
void prometheus_counters(struct prometheus *, const char *prefix, const struct counters_type *,
			 const void *sum);

#endif
