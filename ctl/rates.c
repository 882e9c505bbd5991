/* rates.c - see rates.h. */
#include "rates.h"

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

static struct json_object *
row_of(struct json_object *before, struct json_object *after, const struct rates_column *column,
       size_t n, double seconds)
{
	struct json_object *row = json_object_new_object(), *v;

	for (size_t i = 0; i < n; i++) {
		v = NULL;
		if (column[i].rate)
			v = rate(rates_growth(before, after, column[i].from, seconds));
		else if (json_object_object_get_ex(after, column[i].from, &v))
			v = json_object_get(v);
		(void)json_object_object_add(row, column[i].to, v);
	}
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
