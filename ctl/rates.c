/* rates.c - see rates.h. */
#include "rates.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(o, key, &v) && v != NULL ? json_object_get_string(v) : "";
}

static struct json_object *
find(struct json_object *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		if (strcmp(text_of(o, key), value) == 0)
			return o;
	}
	return NULL;
}

double
rates_growth(struct json_object *before, struct json_object *after, const char *member,
	     double seconds)
{
	struct json_object *x = NULL, *y = NULL;
	double growth;

	if (before == NULL || seconds <= 0 || !json_object_object_get_ex(before, member, &x) ||
	    !json_object_object_get_ex(after, member, &y))
		return 0;
	growth = json_object_get_double(y) - json_object_get_double(x);
	return growth > 0 ? growth / seconds : 0;
}

static struct json_object *
rate(double v)
{
	char text[32];

	(void)snprintf(text, sizeof text, v >= 10 ? "%.0f" : "%.1f", v);
	return json_object_new_double_s(v, text);
}

/* ---- what came in between ---- */

static uint64_t
number_at(struct json_object *pair, size_t i)
{
	struct json_object *v = json_object_is_type(pair, json_type_array)
					? json_object_array_get_idx(pair, i)
					: NULL;

	return v != NULL ? json_object_get_uint64(v) : 0;
}

static uint64_t
count_of(struct json_object *pairs, uint64_t most)
{
	size_t n = pairs != NULL ? json_object_array_length(pairs) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *pair = json_object_array_get_idx(pairs, i);
		if (number_at(pair, 0) == most)
			return number_at(pair, 1);
	}
	return 0;
}

static uint64_t
grown(struct json_object *before, struct json_object *pair)
{
	uint64_t was = count_of(before, number_at(pair, 0)), is = number_at(pair, 1);

	return is > was ? is - was : 0;
}

static struct json_object *
pairs_of(struct json_object *o, const char *member)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(o, member, &v);
	return json_object_is_type(v, json_type_array) ? v : NULL;
}

/* NULL when nothing came, or nothing can be said since it was not there before. */
static struct json_object *
quantile(struct json_object *before, struct json_object *after, const struct rates_column *column)
{
	struct json_object *was = before != NULL ? pairs_of(before, column->from) : NULL,
			   *is = pairs_of(after, column->from);
	uint64_t all = 0, seen = 0;
	size_t n = before != NULL && is != NULL ? json_object_array_length(is) : 0;

	for (size_t i = 0; i < n; i++)
		all += grown(was, json_object_array_get_idx(is, i));
	for (size_t i = 0; i < n && all > 0; i++) {
		struct json_object *pair = json_object_array_get_idx(is, i);
		seen += grown(was, pair);
		if ((double)seen >= column->q * (double)all)
			return json_object_new_uint64(number_at(pair, 0));
	}
	return NULL;
}

/* ---- rows ---- */

static struct json_object *
cell_of(struct json_object *before, struct json_object *after, const struct rates_column *column,
	double seconds)
{
	struct json_object *v = NULL;

	switch (column->kind) {
	case RATES_AS_IS:
		(void)json_object_object_get_ex(after, column->from, &v);
		return json_object_get(v);
	case RATES_GROWTH: return rate(rates_growth(before, after, column->from, seconds));
	case RATES_QUANTILE: return quantile(before, after, column);
	}
	return NULL;
}

static struct json_object *
row_of(struct json_object *before, struct json_object *after, const struct rates_column *column,
       size_t n, double seconds)
{
	struct json_object *row = json_object_new_object();

	for (size_t i = 0; i < n; i++)
		(void)json_object_object_add(row, column[i].to,
					     cell_of(before, after, &column[i], seconds));
	return row;
}

struct json_object *
rates_of(struct json_object *before, struct json_object *after, const char *key,
	 const struct rates_column *column, size_t n, double seconds)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(after); i++) {
		struct json_object *o = json_object_array_get_idx(after, i);
		(void)json_object_array_add(
			rows, row_of(find(before, key, text_of(o, key)), o, column, n, seconds));
	}
	return rows;
}
