/* view.c - see view.h. */
#include "view.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "color.h"
#include "csv.h"
#include "printable.h"

enum { WIDTH = 80 }; /* of a terminal that does not say */

int
view_open(struct view *v, const char *color)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	struct winsize w;
	int wanted = color_wanted(color, terminal);

	if (wanted < 0)
		return -1;
	v->color = wanted == 1;
	v->width = 0;
	if (terminal)
		v->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col
										     : WIDTH;
	return 0;
}

bool
view_wants_rows(const struct view *v)
{
	return v->wish.columns != NULL || v->wish.sort != NULL || v->wish.policy != NULL ||
	       v->wish.state != NULL || v->wide;
}

struct table_look
view_look(const struct view *v, const char *first)
{
	bool all = v->wide || v->wish.columns != NULL;

	return (struct table_look){
		.width = all ? 0 : v->width, .first = first, .color = v->color, .tells = true};
}

void
view_json(struct json_object *data, int flags, FILE *out)
{
	const char *text = json_object_to_json_string_ext(data, flags);
	char *shown = text == NULL ? NULL : printable_json(text);

	if (shown == NULL)
		(void)fputs("ppool-ctl: out of memory\n", stderr);
	else
		(void)fprintf(out, "%s\n", shown);
	free(shown);
}

static void
print(const struct view *v, struct json_object *data, const char *first)
{
	const struct table_look look = view_look(v, first);

	switch (v->form) {
	case VIEW_JSON:
		view_json(data,
			  v->width > 0 ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
				       : JSON_C_TO_STRING_PLAIN,
			  stdout);
		break;
	case VIEW_CSV: csv_print(data, stdout); break;
	case VIEW_TEXT: table_print_either(data, &look, stdout); break;
	}
}

int
view_show(const struct view *v, struct json_object *data, const char *first, const char *what)
{
	struct json_object *rows;
	char why[ROWS_WHY];

	if (!json_object_is_type(data, json_type_array)) {
		print(v, data, first);
		return 0;
	}
	rows = rows_select(data, &v->wish, why);
	if (rows == NULL) {
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", what, why);
		return -1;
	}
	print(v, rows, first);
	(void)json_object_put(rows);
	return 0;
}
