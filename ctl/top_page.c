/* top_page.c - see top_page.h. */
#include "top_page.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "color.h"
#include "rows.h"
#include "screen.h"
#include "table.h"

/* What matters where not all fits. */
#define OF_POLICIES "policy,servers,up,req/s,failed/s,queued,in_flight,balance,job"
#define OF_SERVERS  "server,policy,state,req/s,failed/s,p99_us,in_flight,p50_us,reason,retried/s"

enum { SMALL = 12 }; /* lines of a screen that has no room for policies */

/* ---- keys ---- */

static unsigned
columns_of(struct json_object *rows)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);

	return first == NULL ? 0 : (unsigned)json_object_object_length(first);
}

/* The key at that place of a row; NULL where there is none. */
static const char *
column_at(struct json_object *rows, unsigned place)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);

	if (first == NULL)
		return NULL;
	json_object_object_foreach(first, key, unused)
	{
		(void)unused;
		if (place-- == 0)
			return key;
	}
	return NULL;
}

static bool
is_text(struct json_object *rows, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(json_object_array_get_idx(rows, 0), key, &v);
	return json_object_is_type(v, json_type_string);
}

/* To the next column: of texts the first in the alphabet, of numbers the largest come first. */
static void
choose_column(struct top_state *s, const struct top_data *d, unsigned step)
{
	unsigned n = columns_of(d->servers);
	const char *key;

	if (n == 0)
		return;
	s->column = s->sorted ? (s->column + step) % n : step == 1 ? 0 : n - 1;
	s->sorted = true;
	key = column_at(d->servers, s->column);
	s->up = key != NULL && is_text(d->servers, key);
	s->from = 0;
}

bool
top_page_key(struct top_state *s, const struct top_data *d, int key)
{
	size_t page = s->page > 1 ? s->page - 1 : 1; /* one line stays in sight */

	switch (key) {
	case 'q':
	case 'Q':
	case SCREEN_END: return false;
	case 'h':
	case '?': s->help = !s->help; break;
	case '\033': s->help = false; break;
	case '>':
	case SCREEN_RIGHT: choose_column(s, d, 1); break;
	case '<':
	case SCREEN_LEFT: choose_column(s, d, columns_of(d->servers) - 1); break;
	case 'r': s->up = !s->up; break;
	case 'j':
	case SCREEN_DOWN: s->from++; break;
	case 'k':
	case SCREEN_UP: s->from -= s->from > 0; break;
	case ' ':
	case SCREEN_PAGE_DOWN: s->from += page; break;
	case 'b':
	case SCREEN_PAGE_UP: s->from -= s->from < page ? s->from : page; break;
	case 'g':
	case SCREEN_FIRST: s->from = 0; break;
	case 'G':
	case SCREEN_LAST: s->from = json_object_array_length(d->servers); break;
	default: break;
	}
	return true;
}

/* ---- tables ---- */

static char *
help_text(void)
{
	return strdup("Keys:\n"
		      "\n"
		      "  < >  left right      sort by the column before or after\n"
		      "  r                    reverse the order\n"
		      "  j k  up down         scroll the servers by a line\n"
		      "  space b  PgUp PgDn   by a page\n"
		      "  g G  Home End        to the first and the last\n"
		      "  h ?                  this help, and back\n"
		      "  q                    quit\n"
		      "\n"
		      "req/s, failed/s, retried/s, p50 and p99 are of the time between two looks;\n"
		      "--policy and --state choose what is shown, --sort COLUMN its order.\n");
}

/* The rows as lines of a table, a header first; the caller's, NULL on ENOMEM. */
static char *
table_text(struct json_object *rows, const struct table_look *look)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return NULL;
	table_print(rows, look, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Behind so many lines. */
static const char *
skip_lines(const char *text, size_t lines)
{
	for (; lines > 0 && *text != '\0'; lines--)
		text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
	return text;
}

static void
put_lines(const char *text, size_t from, size_t lines, FILE *out)
{
	const char *begin = skip_lines(text, from), *end = skip_lines(begin, lines);

	(void)fwrite(begin, 1, (size_t)(end - begin), out);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* ---- a screen ---- */

/* As many as a third of the screen has room for. */
static unsigned
put_policies(const struct top_data *d, const struct table_look *look, unsigned lines, FILE *out)
{
	size_t n = json_object_array_length(d->policies), most = lines / 3;
	char *text = n == 0 || lines < SMALL ? NULL : table_text(d->policies, look);

	if (text == NULL)
		return 0;
	if (n <= most) {
		put_lines(text, 0, n + 1, out);
	} else {
		put_lines(text, 0, most, out);
		(void)fprintf(out, "(%zu more)\n", n - most + 1);
		n = most;
	}
	(void)fputc('\n', out);
	free(text);
	return (unsigned)n + 2;
}

/* Bound to what there is. */
static void
settle(struct top_state *s, size_t servers, size_t room)
{
	s->page = room;
	if (s->from + room > servers)
		s->from = servers > room ? servers - room : 0;
}

static void
put_last_line(const struct top_state *s, size_t servers, const char *sort, FILE *out)
{
	size_t to = s->from + s->page < servers ? s->from + s->page : servers;

	(void)fprintf(out, "servers %zu-%zu of %zu", to > s->from ? s->from + 1 : 0, to, servers);
	if (sort != NULL)
		(void)fprintf(out, ", by %s %s", sort + (sort[0] == '-' || sort[0] == '+'),
			      sort[0] == '-' ? "down" : "up");
	(void)fputs("   h help  < > sort  q quit", out);
}

static void
put_servers(struct top_state *s, const struct top_data *d, const struct view *v,
	    struct table_look look, unsigned lines, FILE *out)
{
	struct rows_wish wish = {.sort = v->wish.sort, .columns = v->wish.columns};
	size_t n = json_object_array_length(d->servers), room = lines > 2 ? lines - 2 : 0;
	const char *by = s->sorted ? column_at(d->servers, s->column) : NULL;
	char sort[256], why[ROWS_WHY];
	struct json_object *rows;
	char *text;

	if (by != NULL) {
		(void)snprintf(sort, sizeof sort, "%s%s", s->up ? "+" : "-", by);
		wish.sort = sort;
	}
	look.marked = by;
	rows = rows_select(d->servers, &wish, why);
	settle(s, n, room);
	text = rows == NULL ? strdup(why) : table_text(rows, &look);
	if (text != NULL) {
		put_lines(text, 0, 1, out);
		put_lines(text, 1 + s->from, room, out);
		for (size_t i = count_lines(text) > 1 ? count_lines(text) - 1 : 0; i < room; i++)
			(void)fputc('\n', out);
	}
	put_last_line(s, n, wish.sort, out);
	free(text);
	(void)json_object_put(rows);
}

char *
top_page_text(struct top_state *s, const struct top_data *d, const struct view *v, unsigned columns,
	      unsigned lines)
{
	struct table_look look = view_look(v, OF_POLICIES);
	unsigned used = (unsigned)count_lines(d->head);
	char *text = NULL;
	size_t n;
	FILE *out;

	if (s->help)
		return help_text();
	out = open_memstream(&text, &n);
	if (out == NULL)
		return NULL;
	look.tells = false;
	look.width = v->wide || v->wish.columns != NULL ? 0 : columns;
	(void)fputs(d->head, out);
	if (lines >= SMALL) {
		(void)fputc('\n', out);
		used++;
	}
	look.width = v->wide ? 0 : columns;
	used += put_policies(d, &look, lines, out);
	look.first = OF_SERVERS;
	look.width = v->wide || v->wish.columns != NULL ? 0 : columns;
	put_servers(s, d, v, look, lines > used ? lines - used : 0, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

void
top_page_print(const struct top_data *d, const struct view *v, FILE *out)
{
	const struct rows_wish wish = {.sort = v->wish.sort, .columns = v->wish.columns};
	struct table_look look = {.color = v->color};
	char why[ROWS_WHY];
	struct json_object *rows = rows_select(d->servers, &wish, why);

	(void)fprintf(out, "%s\n", d->head);
	table_print(d->policies, &look, out);
	(void)fputc('\n', out);
	if (rows != NULL)
		table_print(rows, &look, out);
	else
		(void)fprintf(out, "%s\n", why);
	(void)json_object_put(rows);
}
