/* rows.c - see rows.h. */
#include "rows.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum { COLUMNS = 64 };

/* A word of a list "a,b,c". */
struct word {
	const char *p;
	size_t n;
};

static bool
next_word(const char **list, struct word *w)
{
	if (**list == '\0')
		return false;
	*w = (struct word){*list, strcspn(*list, ",")};
	*list += w->n + ((*list)[w->n] == ',');
	return true;
}

/* ---- columns ---- */

static bool
same_letters(const char *key, size_t key_n, struct word w)
{
	if (key_n != w.n)
		return false;
	for (size_t i = 0; i < w.n; i++) {
		int c = w.p[i] == '-' ? '_' : tolower((unsigned char)w.p[i]);
		if (c != tolower((unsigned char)key[i]))
			return false;
	}
	return true;
}

/* By its own name, or by that of the header, which has no unit. */
static bool
is_named(const char *key, struct word w)
{
	size_t n = strlen(key);

	if (same_letters(key, n, w))
		return true;
	if (n > 2 && strcmp(key + n - 2, "_s") == 0)
		return same_letters(key, n - 2, w);
	return n > 3 && strcmp(key + n - 3, "_us") == 0 && same_letters(key, n - 3, w);
}

static void
tell_columns(struct json_object *row, struct word w, char why[ROWS_WHY])
{
	char shown[64], text[64];
	size_t used;

	(void)snprintf(text, sizeof text, "%.*s", (int)w.n, w.p);
	used = (size_t)snprintf(why, ROWS_WHY, "%s: no such column; there are",
				printable(text, shown, sizeof shown));
	json_object_object_foreach(row, key, unused)
	{
		(void)unused;
		if (used < ROWS_WHY)
			used += (size_t)snprintf(why + used, ROWS_WHY - used, " %s",
						 printable(key, shown, sizeof shown));
	}
}

/* Borrowed from the row; NULL with why. */
static const char *
find_column(struct json_object *row, struct word w, char why[ROWS_WHY])
{
	json_object_object_foreach(row, key, unused)
	{
		(void)unused;
		if (is_named(key, w))
			return key;
	}
	tell_columns(row, w, why);
	return NULL;
}

static struct json_object *
value(struct json_object *row, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(row, key, &v);
	return v;
}

/* ---- rows that are kept ---- */

static bool
is_wanted(struct json_object *v, const char *list)
{
	const char *text = v == NULL ? "" : json_object_get_string(v);
	bool none_of = list[0] == '!';
	struct word w;

	list += none_of;
	if (strcmp(text, list) == 0)
		return !none_of;
	while (next_word(&list, &w))
		if (strlen(text) == w.n && memcmp(text, w.p, w.n) == 0)
			return !none_of;
	return none_of;
}

/* The rows of all with one of these values.  NULL with why. */
static struct json_object *
keep(struct json_object *rows, const char *column, const char *list, char why[ROWS_WHY])
{
	struct json_object *first = json_object_array_get_idx(rows, 0), *kept;
	const char *key;

	if (list == NULL || first == NULL)
		return json_object_get(rows);
	key = find_column(first, (struct word){column, strlen(column)}, why);
	if (key == NULL)
		return NULL;
	kept = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		if (is_wanted(value(row, key), list))
			(void)json_object_array_add(kept, json_object_get(row));
	}
	return kept;
}

/* ---- order ---- */

struct ranked {
	struct json_object *row, *by;
	size_t nth; /* as it came: what is equal stays in order */
	bool down;
};

static bool
is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static int
compare_values(struct json_object *a, struct json_object *b)
{
	double x, y;

	if (!is_number(a) || !is_number(b))
		return strverscmp(json_object_get_string(a), json_object_get_string(b));
	x = json_object_get_double(a);
	y = json_object_get_double(b);
	return (x > y) - (x < y);
}

static int
compare(const void *p, const void *q)
{
	const struct ranked *a = p, *b = q;
	int c;

	if (a->by == NULL || b->by == NULL)
		c = (a->by == NULL) - (b->by == NULL);
	else
		c = a->down ? compare_values(b->by, a->by) : compare_values(a->by, b->by);
	return c != 0 ? c : (a->nth > b->nth) - (a->nth < b->nth);
}

/* Takes the place of *rows.  0, or -1 with why. */
static int
sort(struct json_object **rows, const char *wish, char why[ROWS_WHY])
{
	struct json_object *first = json_object_array_get_idx(*rows, 0), *sorted;
	size_t n = json_object_array_length(*rows);
	struct ranked *r;
	bool down = wish != NULL && wish[0] == '-';
	const char *key;

	if (wish == NULL || first == NULL)
		return 0;
	wish += down || wish[0] == '+';
	key = find_column(first, (struct word){wish, strlen(wish)}, why);
	if (key == NULL)
		return -1;
	r = calloc(n, sizeof *r);
	if (r == NULL) {
		(void)snprintf(why, ROWS_WHY, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(*rows, i);
		r[i] = (struct ranked){row, value(row, key), i, down};
	}
	qsort(r, n, sizeof *r, compare);
	sorted = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(sorted, json_object_get(r[i].row));
	free(r);
	(void)json_object_put(*rows);
	*rows = sorted;
	return 0;
}

/* ---- what is shown of each ---- */

static struct json_object *
cut_row(struct json_object *row, const char *const key[], size_t n)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < n; i++)
		(void)json_object_object_add(o, key[i], json_object_get(value(row, key[i])));
	return o;
}

static int
cut(struct json_object **rows, const char *wish, char why[ROWS_WHY])
{
	struct json_object *first = json_object_array_get_idx(*rows, 0), *out;
	const char *key[COLUMNS];
	struct word w;
	size_t n = 0;

	if (wish == NULL || first == NULL)
		return 0;
	while (n < COLUMNS && next_word(&wish, &w))
		if ((key[n++] = find_column(first, w, why)) == NULL)
			return -1;
	out = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(*rows); i++)
		(void)json_object_array_add(out,
					    cut_row(json_object_array_get_idx(*rows, i), key, n));
	(void)json_object_put(*rows);
	*rows = out;
	return 0;
}

/* A column that is wanted has to be there, whichever rows are kept. */
static int
look_for_columns(struct json_object *rows, const struct rows_wish *wish, char why[ROWS_WHY])
{
	struct json_object *first = json_object_array_get_idx(rows, 0);
	const char *list = wish->columns, *by = wish->sort;
	struct word w;

	if (first == NULL)
		return 0;
	while (list != NULL && next_word(&list, &w))
		if (find_column(first, w, why) == NULL)
			return -1;
	if (by != NULL && (by[0] == '-' || by[0] == '+'))
		by++;
	return by == NULL || find_column(first, (struct word){by, strlen(by)}, why) != NULL ? 0
											    : -1;
}

struct json_object *
rows_select(struct json_object *rows, const struct rows_wish *wish, char why[ROWS_WHY])
{
	struct json_object *of_policy, *kept;

	if (look_for_columns(rows, wish, why) < 0)
		return NULL;
	of_policy = keep(rows, "policy", wish->policy, why);
	kept = of_policy == NULL ? NULL : keep(of_policy, "state", wish->state, why);
	(void)json_object_put(of_policy);
	if (kept != NULL && sort(&kept, wish->sort, why) == 0 &&
	    cut(&kept, wish->columns, why) == 0)
		return kept;
	(void)json_object_put(kept);
	return NULL;
}

struct json_object *
rows_find(struct json_object *rows, const char *key, const char *text)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		struct json_object *v = value(row, key);
		if (v != NULL && strcmp(json_object_get_string(v), text) == 0)
			return row;
	}
	return NULL;
}
