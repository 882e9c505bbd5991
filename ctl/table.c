/* table.c - see table.h. */
#include "table.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "color.h"
#include "human.h"
#include "printable.h"

enum { COLUMNS = 64, CELL = 256, GAP = 2 };
enum { LAST = 20 }; /* that a last column of text has at least, where it is longer */

static bool
ends_in(const char *key, const char *unit)
{
	size_t n = strlen(key), u = strlen(unit);

	return n > u && strcmp(key + n - u, unit) == 0;
}

static bool
is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool
is_empty(struct json_object *v)
{
	return v == NULL ||
	       (json_object_is_type(v, json_type_string) && json_object_get_string_len(v) == 0);
}

static void
cell_text(const char *key, struct json_object *v, char out[CELL])
{
	char time[HUMAN_TEXT];

	if (is_empty(v))
		(void)snprintf(out, CELL, "-");
	else if (json_object_is_type(v, json_type_boolean))
		(void)snprintf(out, CELL, "%s", json_object_get_boolean(v) ? "yes" : "no");
	else if (is_number(v) && ends_in(key, "_s"))
		(void)snprintf(out, CELL, "%s", human_seconds(json_object_get_double(v), time));
	else if (is_number(v) && ends_in(key, "_us"))
		(void)snprintf(out, CELL, "%s", human_micros(json_object_get_double(v), time));
	else
		(void)printable(json_object_get_string(v), out, CELL);
}

/* Values have the unit. */
static void
cut_unit(char *name)
{
	if (ends_in(name, "_s"))
		name[strlen(name) - 2] = '\0';
	else if (ends_in(name, "_us"))
		name[strlen(name) - 3] = '\0';
}

static void
header_text(const char *key, const struct table_look *look, char out[CELL])
{
	bool marked = look->marked != NULL && strcmp(look->marked, key) == 0;

	(void)printable(key, out, CELL - 1);
	cut_unit(out);
	for (char *p = out; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	if (marked)
		(void)strcat(out, "*");
}

/* Columns on a terminal, not bytes: continuation bytes of UTF-8 take none. */
static int
width(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Cuts text to so many columns, the last of them an ellipsis. */
static void
cut(char text[CELL], int columns)
{
	char *p = text;

	if (width(text) <= columns)
		return;
	for (; *p != '\0'; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && columns-- == 1)
			break;
	(void)snprintf(p, (size_t)(text + CELL - p), "\xe2\x80\xa6");
}

struct column {
	const char *key; /* borrowed from the data */
	int width;
	bool right, empty, shown;
};

/* ---- columns ---- */

static size_t
columns_of(struct json_object *rows, const struct table_look *look, struct column *column)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);
	char text[CELL];
	size_t n = 0;

	json_object_object_foreach(first, key, unused)
	{
		(void)unused;
		if (n == COLUMNS)
			break;
		header_text(key, look, text);
		column[n++] = (struct column){key, width(text), true, true, true};
	}
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		for (size_t c = 0; c < n; c++) {
			struct json_object *v = json_object_object_get(
				json_object_array_get_idx(rows, i), column[c].key);
			cell_text(column[c].key, v, text);
			if (width(text) > column[c].width)
				column[c].width = width(text);
			column[c].right = column[c].right && (is_number(v) || is_empty(v));
			column[c].empty = column[c].empty && is_empty(v);
		}
	return n;
}

/* Its place in the list of what is important; behind it where it is not there. */
static size_t
rank(const char *list, const char *key)
{
	size_t at = 0;

	for (; list != NULL && *list != '\0'; at++) {
		size_t n = strcspn(list, ",");
		if (strlen(key) == n && memcmp(key, list, n) == 0)
			break;
		list += n + (list[n] == ',');
	}
	return at;
}

/* What it takes at least: the last one may be cut. */
static int
least(const struct column *c, size_t n, size_t i)
{
	return i + 1 == n && !c[i].right && c[i].width > LAST ? LAST : c[i].width;
}

/* Of equal rank those that stand first.  n when none is left. */
static size_t
next_important(const struct column *c, const bool *seen, size_t n, const char *list)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (!seen[i] && (best == n || rank(list, c[i].key) < rank(list, c[best].key)))
			best = i;
	return best;
}

/* Hides what does not fit or has nothing to show; how many that have something. */
static unsigned
choose(struct column *c, size_t n, const struct table_look *look)
{
	bool seen[COLUMNS] = {false};
	int used = 0, need;
	unsigned left_out = 0;
	size_t i;

	while ((i = next_important(c, seen, n, look->first)) < n) {
		seen[i] = true;
		need = least(c, n, i) + (used > 0 ? GAP : 0);
		c[i].shown = !c[i].empty && (used == 0 || used + need <= (int)look->width);
		used += c[i].shown ? need : 0;
		left_out += !c[i].shown && !c[i].empty;
	}
	if (n > 0 && c[n - 1].shown && used < (int)look->width) {
		int room = least(c, n, n - 1) + (int)look->width - used;
		c[n - 1].width = c[n - 1].width < room ? c[n - 1].width : room;
	} else if (n > 0 && c[n - 1].shown) {
		c[n - 1].width = least(c, n, n - 1);
	}
	return left_out;
}

static size_t
last_shown(const struct column *c, size_t n)
{
	while (n > 0 && !c[n - 1].shown)
		n--;
	return n - 1;
}

/* ---- rows ---- */

static void
put_cell(const struct column *c, char text[CELL], bool last, const char *color, FILE *out)
{
	int pad;

	cut(text, c->width);
	pad = c->width - width(text);
	if (c->right)
		(void)fprintf(out, "%*s", pad, "");
	(void)fprintf(out, "%s%s%s", color, text, color[0] != '\0' ? COLOR_PLAIN : "");
	(void)fprintf(out, "%*s", last ? 0 : GAP + (c->right ? 0 : pad), "");
}

static void
put_headers(const struct column *c, size_t n, const struct table_look *look, FILE *out)
{
	size_t last = last_shown(c, n);
	char text[CELL];

	for (size_t i = 0; i < n; i++) {
		if (!c[i].shown)
			continue;
		header_text(c[i].key, look, text);
		put_cell(&c[i], text, i == last, look->color ? COLOR_BOLD : "", out);
	}
	(void)fputc('\n', out);
}

static void
put_row(struct json_object *row, const struct column *c, size_t n, const struct table_look *look,
	FILE *out)
{
	size_t last = last_shown(c, n);
	char text[CELL];

	for (size_t i = 0; i < n; i++) {
		if (!c[i].shown)
			continue;
		cell_text(c[i].key, json_object_object_get(row, c[i].key), text);
		put_cell(&c[i], text, i == last, look->color ? color_of(c[i].key, text) : "", out);
	}
	(void)fputc('\n', out);
}

void
table_print(struct json_object *rows, const struct table_look *look, FILE *out)
{
	struct column column[COLUMNS];
	unsigned left_out = 0;
	size_t n;

	if (json_object_array_length(rows) == 0) {
		(void)fputs("none\n", out);
		return;
	}
	n = columns_of(rows, look, column);
	if (look->width > 0)
		left_out = choose(column, n, look);
	put_headers(column, n, look, out);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		put_row(json_object_array_get_idx(rows, i), column, n, look, out);
	if (left_out > 0 && look->tells)
		(void)fprintf(out, "%s(%u more column%s: --wide, or -o COLUMNS)%s\n",
			      look->color ? COLOR_DIM : "", left_out, left_out > 1 ? "s" : "",
			      look->color ? COLOR_PLAIN : "");
}

/* ---- objects ---- */

static void
full_key(const char *prefix, const char *key, char out[CELL])
{
	char shown[CELL];

	(void)snprintf(out, CELL, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
		       printable(key, shown, sizeof shown));
	cut_unit(out);
}

/* It is printed as a table, below. */
static bool
is_rows(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) &&
	       json_object_is_type(json_object_array_get_idx(v, 0), json_type_object);
}

static int
longest(struct json_object *o, const char *prefix)
{
	int most = 0, n;
	char name[CELL];

	json_object_object_foreach(o, key, value)
	{
		if (is_rows(value))
			continue;
		full_key(prefix, key, name);
		n = json_object_is_type(value, json_type_object) ? longest(value, name)
								 : width(name);
		most = n > most ? n : most;
	}
	return most;
}

static void
print_members(struct json_object *o, const char *prefix, int column, bool color, FILE *out)
{
	char name[CELL], text[CELL];

	json_object_object_foreach(o, key, value)
	{
		const char *paint;

		if (is_rows(value))
			continue;
		full_key(prefix, key, name);
		if (json_object_is_type(value, json_type_object)) {
			print_members(value, name, column, color, out);
			continue;
		}
		cell_text(key, value, text);
		paint = color ? color_of(key, text) : "";
		(void)fprintf(out, "%s%*s%s%s%s\n", name, column - width(name) + GAP, "", paint,
			      text, paint[0] != '\0' ? COLOR_PLAIN : "");
	}
}

void
table_print_object(struct json_object *o, const struct table_look *look, FILE *out)
{
	print_members(o, "", longest(o, ""), look->color, out);
	json_object_object_foreach(o, key, value)
	{
		(void)key;
		if (!is_rows(value))
			continue;
		(void)fputc('\n', out);
		table_print(value, look, out);
	}
}

void
table_print_either(struct json_object *data, const struct table_look *look, FILE *out)
{
	if (json_object_is_type(data, json_type_array))
		table_print(data, look, out);
	else
		table_print_object(data, look, out);
}
