/* csv.c - see csv.h. */
#include "csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum { NAME = 256 };

/* As long as it is: every character may become an escape of ten. */
static void
put_text(const char *text, FILE *out)
{
	size_t room = 10 * strlen(text) + 1;
	char *shown = malloc(room);

	if (shown == NULL)
		return;
	(void)printable(text, shown, room);
	if (shown[strcspn(shown, ",\"")] == '\0') {
		(void)fputs(shown, out);
	} else {
		(void)fputc('"', out);
		for (const char *p = shown; *p != '\0'; p++)
			(void)fprintf(out, *p == '"' ? "\"\"" : "%c", *p);
		(void)fputc('"', out);
	}
	free(shown);
}

static void
put_value(struct json_object *v, FILE *out)
{
	if (v != NULL)
		put_text(json_object_is_type(v, json_type_array)
				 ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)
				 : json_object_get_string(v),
			 out);
}

/* A line of the values of row, or where that is NULL of the keys. */
static void
put_line(struct json_object *first, struct json_object *row, FILE *out)
{
	bool more = false;

	json_object_object_foreach(first, key, value)
	{
		(void)fputs(more ? "," : "", out);
		value = NULL;
		if (row == NULL)
			put_text(key, out);
		else if (json_object_object_get_ex(row, key, &value))
			put_value(value, out);
		more = true;
	}
	(void)fputc('\n', out);
}

static void
print_rows(struct json_object *rows, FILE *out)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);

	if (first == NULL)
		return;
	put_line(first, NULL, out);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		put_line(first, json_object_array_get_idx(rows, i), out);
}

static void
flatten(struct json_object *o, const char *prefix, struct json_object *into)
{
	char name[NAME];

	json_object_object_foreach(o, key, value)
	{
		(void)snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
			       key);
		if (json_object_is_type(value, json_type_object))
			flatten(value, name, into);
		else
			(void)json_object_object_add(into, name, json_object_get(value));
	}
}

void
csv_print(struct json_object *data, FILE *out)
{
	struct json_object *rows, *row;

	if (json_object_is_type(data, json_type_array)) {
		print_rows(data, out);
		return;
	}
	rows = json_object_new_array();
	row = json_object_new_object();
	flatten(data, "", row);
	(void)json_object_array_add(rows, row);
	print_rows(rows, out);
	(void)json_object_put(rows);
}
