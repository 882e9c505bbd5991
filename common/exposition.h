/* exposition.h - measured values as text, in Prometheus' exposition format 0.0.4.
 *
 * A family is announced once, its samples follow at once.  Everything is written so that the
 * format's strictest readers take it: one family in one piece, label values escaped, a histogram's
 * buckets cumulative and ended by +Inf. */
#ifndef POLICYPOOL_EXPOSITION_H
#define POLICYPOOL_EXPOSITION_H

#include <event2/buffer.h>
#include <stdint.h>

struct exposition {
	struct evbuffer *out; /* borrowed */
	const char *family;   /* the one announced; borrowed */
	int error;	      /* ENOMEM: out is incomplete */
};

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

/* Label name and value; the list is ended by a NULL name.  Values may be any text: what is not
 * UTF-8 is replaced. */
struct exposition_label {
	const char *name, *value;
};

/* name must live as long as samples of it follow; a counter's ends in _total. */
void exposition_family(struct exposition *, const char *name, enum exposition_type,
		       const char *help);

/* labels may be NULL. */
void exposition_number(struct exposition *, const struct exposition_label *labels, uint64_t value);
/* Microseconds or milliseconds, told as seconds. */
void exposition_us(struct exposition *, const struct exposition_label *labels, uint64_t us);
void exposition_ms(struct exposition *, const struct exposition_label *labels, uint64_t ms);

/* count[i] of n durations were at most le_us[i] and above the one before (not cumulative); those
 * above the last are more; sum_us is the sum of all. */
struct exposition_histogram {
	unsigned n;
	const uint64_t *le_us, *count;
	uint64_t more, sum_us;
};
void exposition_histogram(struct exposition *, const struct exposition_label *labels,
			  const struct exposition_histogram *);

#endif
