/* table.c - see table.h. */
#include "table.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "printable.h"

enum { COLUMNS = 64, CELL = 256, GAP = 2 };

static bool
is_seconds(const char *key)
{
	size_t n = strlen(key);

	return n > 2 && strcmp(key + n - 2, "_s") == 0;
}

static bool
is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static void
cell_text(const char *key, struct json_object *v, char out[CELL])
{
	const char *unit = is_seconds(key) && is_number(v) ? "s" : "";
	char shown[CELL - 1];

	if (v == NULL)
		(void)snprintf(out, CELL, "-");
	else if (json_object_is_type(v, json_type_boolean))
		(void)snprintf(out, CELL, "%s", json_object_get_boolean(v) ? "yes" : "no");
	else
		(void)snprintf(out, CELL, "%s%s",
			       printable(json_object_get_string(v), shown, sizeof shown), unit);
}

static void
header_text(const char *key, char out[CELL])
{
	(void)printable(key, out, CELL);
	if (is_seconds(out))
		out[strlen(out) - 2] = '\0';
	for (char *p = out; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
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

struct column {
	const char *key; /* borrowed from the data */
	int width;
	bool right;
};

static size_t
columns_of(struct json_object *rows, struct column *column)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);
	char text[CELL];
	size_t n = 0;

	json_object_object_foreach(first, key, unused)
	{
		(void)unused;
		if (n == COLUMNS)
			break;
		header_text(key, text);
		column[n++] = (struct column){key, width(text), true};
	}
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		for (size_t c = 0; c < n; c++) {
			struct json_object *v = json_object_object_get(
				json_object_array_get_idx(rows, i), column[c].key);
			cell_text(column[c].key, v, text);
			if (width(text) > column[c].width)
				column[c].width = width(text);
			column[c].right = column[c].right &&
					  (is_number(v) || strcmp(text, "-") == 0);
		}
	return n;
}

static void
put_cell(const struct column *c, const char *text, bool last, FILE *out)
{
	int pad = c->width - width(text);

	if (c->right)
		(void)fprintf(out, "%*s%s%*s", pad, "", text, last ? 0 : GAP, "");
	else
		(void)fprintf(out, "%s%*s", text, last ? 0 : pad + GAP, "");
}

void
table_print(struct json_object *rows, FILE *out)
{
	struct column column[COLUMNS];
	char text[CELL];
	size_t n;

	if (json_object_array_length(rows) == 0) {
		(void)fputs("none\n", out);
		return;
	}
	n = columns_of(rows, column);
	for (size_t c = 0; c < n; c++) {
		header_text(column[c].key, text);
		put_cell(&column[c], text, c + 1 == n, out);
	}
	(void)fputc('\n', out);
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		for (size_t c = 0; c < n; c++) {
			cell_text(column[c].key, json_object_object_get(row, column[c].key), text);
			put_cell(&column[c], text, c + 1 == n, out);
		}
		(void)fputc('\n', out);
	}
}

/* ---- objects ---- */

static void
full_key(const char *prefix, const char *key, char out[CELL])
{
	char shown[CELL];

	(void)snprintf(out, CELL, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
		       printable(key, shown, sizeof shown));
	if (is_seconds(out)) /* its value has the unit */
		out[strlen(out) - 2] = '\0';
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
print_members(struct json_object *o, const char *prefix, int column, FILE *out)
{
	char name[CELL], text[CELL];

	json_object_object_foreach(o, key, value)
	{
		if (is_rows(value))
			continue;
		full_key(prefix, key, name);
		if (json_object_is_type(value, json_type_object)) {
			print_members(value, name, column, out);
			continue;
		}
		cell_text(key, value, text);
		(void)fprintf(out, "%s%*s%s\n", name, column - width(name) + GAP, "", text);
	}
}

void
table_print_object(struct json_object *o, FILE *out)
{
	print_members(o, "", longest(o, ""), out);
	json_object_object_foreach(o, key, value)
	{
		(void)key;
		if (!is_rows(value))
			continue;
		(void)fputc('\n', out);
		table_print(value, out);
	}
}

void
table_print_either(struct json_object *data, FILE *out)
{
	if (json_object_is_type(data, json_type_array))
		table_print(data, out);
	else
		table_print_object(data, out);
}

/* ---- either form ---- */

void
show_json(struct json_object *data, int flags, FILE *out)
{
	const char *text = json_object_to_json_string_ext(data, flags);
	char *shown = text == NULL ? NULL : printable_json(text);

	if (shown == NULL)
		(void)fputs("ppool-ctl: out of memory\n", stderr);
	else
		(void)fprintf(out, "%s\n", shown);
	free(shown);
}

void
show(struct json_object *data, bool json, void (*print)(struct json_object *, FILE *))
{
	int flags = isatty(STDOUT_FILENO) ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
					  : JSON_C_TO_STRING_PLAIN;

	if (json)
		show_json(data, flags, stdout);
	else
		print(data, stdout);
}
