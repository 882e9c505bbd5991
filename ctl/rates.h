/* rates.h - rates from two samples of counters a second apart: a row for each object. */
#ifndef POLICYPOOL_RATES_H
#define POLICYPOOL_RATES_H

#include <json-c/json.h>
#include <stddef.h>

enum rates_kind {
	RATES_AS_IS,
	RATES_GROWTH,  /* of a counter: its growth a second */
	RATES_QUANTILE /* of [[most, count], ...], counts of what was no more than that and more
			  than the one before: the value at or below which a share q of what came in
			  between lies; null when nothing did */
};

struct rates_column {
	const char *from; /* member of what was looked at */
	const char *to;	  /* in the row */
	enum rates_kind kind;
	double q;
};

/* before and after are arrays of objects, told apart by their member `key`; one that was not there
 * before, or with a counter that has gone back, has not grown.  An array, a row for each of after;
 * the caller's. */
struct json_object *rates_of(struct json_object *before, struct json_object *after, const char *key,
			     const struct rates_column *, size_t n, double seconds);

/* A counter's growth a second. */
double rates_growth(struct json_object *before, struct json_object *after, const char *member,
		    double seconds);

#endif
