/* conf.c - see conf.h: the order of force. */
#include "conf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf_file.h"
#include "conf_key.h"
#include "conf_option.h"
#include "conf_section.h"
#include "conf_value.h"

enum { TABLES_MAX = 8 };

struct loader {
	bool again;			      /* for a daemon that serves */
	struct conf_table tables[TABLES_MAX]; /* the program's n, then that of conf_builtin_keys */
	size_t n, keys;			      /* the program's */
	struct conf_command *command;
	const char *program, *file;
	FILE *err;
	const char *word[TABLES_MAX + 1]; /* that begin sections, up to NULL */
	const struct conf_table *in;	  /* the table of the section that is being read */
	struct conf_section *section;	  /* that one; NULL: none */
	struct conf_place seen[CONF_KEYS_MAX], seen_in_section[CONF_KEYS_MAX];
	bool added[CONF_KEYS_MAX]; /* by the command line, which overrules the file before */
};

/* ---- defaults ---- */

static void
init(struct loader *l, const struct conf_table *tables, size_t n)
{
	const struct conf_key *key;

	assert(n < TABLES_MAX);
	l->n = n;
	memcpy(l->tables, tables, n * sizeof *tables);
	l->tables[n] = (struct conf_table){
		.key = conf_builtin_keys, .n = conf_builtin_keys_n, .settings = l->command};
	while (conf_key_at(tables, n, l->keys, NULL) != NULL)
		l->keys++;
	assert(l->keys <= CONF_KEYS_MAX);
	for (size_t i = 0; (key = conf_key_at(l->tables, n + 1, i, NULL)) != NULL; i++)
		assert(conf_key_find(l->tables, n + 1, key->name) == i); /* each name once */
	for (size_t t = 0, words = 0; t < n; t++)
		if (tables[t].sections != NULL)
			l->word[words++] = tables[t].sections->word;
}

static int
set_defaults(const struct loader *l)
{
	for (const struct conf_table *t = l->tables; t < l->tables + l->n; t++)
		for (size_t i = 0; i < t->n; i++)
			if (conf_value_set_default(&t->key[i], t->settings) < 0) {
				(void)fprintf(l->err, "out of memory\n");
				return -1;
			}
	return 0;
}

/* Where the key at that place of all was given, for tables that want it.  0, or -1 on ENOMEM. */
PRINTF_LIKE(3, 4)
static int
note_origin(const struct loader *l, size_t place, const char *fmt, ...)
{
	const struct conf_table *t = l->tables;
	char *text;
	va_list ap;
	int n;

	for (; place >= conf_key_count(t); t++)
		place -= conf_key_count(t);
	if (t->origin == NULL)
		return 0;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		(void)fprintf(l->err, "out of memory\n");
		return -1;
	}
	free(t->origin[place]);
	t->origin[place] = text;
	return 0;
}

/* ---- what is wrong ---- */

static const struct conf_table *
table_of(const struct loader *l, const struct conf_key *key)
{
	const struct conf_table *t = l->tables;

	while (key < t->key || key >= t->key + t->n)
		t++;
	return t;
}

/* A list of POLICY=VALUE is how other programs tell what differs by policy. */
static void
hint_at_sections(const struct loader *l, const struct conf_key *key, const char *const *item,
		 size_t n)
{
	const struct conf_table *t = table_of(l, key);
	const char *sign = NULL;
	size_t i;

	if (t->sections == NULL || t->sections->alone)
		return;
	for (i = 0; i < n && sign == NULL; i++)
		sign = strrchr(item[i], '=');
	if (sign == NULL && (n < 2 || key->type == CONF_LIST))
		return;
	(void)fprintf(l->err, "; a value for one %s stands in a section of the file: %s ",
		      t->sections->word, t->sections->word);
	if (sign != NULL)
		(void)fprintf(l->err, "\"%.*s\" { %s = %s }", (int)(sign - item[i - 1]),
			      item[i - 1], conf_section_name(key), sign + 1);
	else
		(void)fprintf(l->err, "\"...\" { %s = %s }", conf_section_name(key), item[n - 1]);
}

/* Of a section with keys of its own. */
static int
unknown_here(const struct loader *l, const struct conf_assignment *a)
{
	const struct conf_table own = {.key = l->in->key, .n = l->in->n};
	size_t near = conf_key_nearest(&own, 1, a->name);

	(void)fprintf(l->err, "%s:%u: %s: no such key of a %s", a->place.path, a->place.line,
		      a->name, l->in->sections->word);
	if (near < own.n)
		(void)fprintf(l->err, " (did you mean %s?)", own.key[near].name);
	(void)putc('\n', l->err);
	return -1;
}

static int
unknown_key(const struct loader *l, const struct conf_assignment *a)
{
	size_t near = conf_key_nearest(l->tables, l->n, a->name);
	const char *word = l->section != NULL ? l->in->sections->word : NULL;
	const char *now = conf_key_former(l->tables, l->n, a->name);
	bool known = conf_key_find(l->tables, l->n, a->name) < l->keys;
	const char *other = conf_key_elsewhere(l->tables, l->n, a->name);

	if (l->section != NULL && l->in->sections->alone)
		return unknown_here(l, a);
	(void)fprintf(l->err, "%s:%u: %s: ", a->place.path, a->place.line, a->name);
	if (word != NULL && known)
		(void)fprintf(l->err, "it cannot differ by %s, and stands outside of sections",
			      word);
	else if (now != NULL)
		(void)fprintf(l->err, "no such key any more; write %s", now);
	else if (other != NULL)
		(void)fprintf(l->err, "no such key here; it is a key of %s", other);
	else
		(void)fprintf(l->err, word != NULL ? "no such key of a %s" : "no such key", word);
	if (now == NULL && other == NULL && near < l->keys && !known)
		(void)fprintf(l->err, " (did you mean %s?)",
			      conf_key_at(l->tables, l->n, near, NULL)->name);
	(void)putc('\n', l->err);
	return -1;
}

static int
given_twice(const struct loader *l, const struct conf_assignment *a, const struct conf_place *first)
{
	(void)fprintf(l->err, "%s:%u: %s: given ", a->place.path, a->place.line, a->name);
	if (strcmp(first->path, a->place.path) == 0)
		(void)fprintf(l->err, "in line %u already\n", first->line);
	else
		(void)fprintf(l->err, "in %s:%u already\n", first->path, first->line);
	return -1;
}

/* ---- the file ---- */

static int
set(const struct loader *l, const struct conf_key *key, void *settings,
    const struct conf_assignment *a)
{
	char why[CONF_WHY] = "one value is wanted, not a list";

	if ((key->type == CONF_LIST || !a->list) &&
	    conf_value_set(key, settings, a->item, a->n, why) == 0)
		return 0;
	(void)fprintf(l->err, "%s:%u: %s: %s", a->place.path, a->place.line, a->name, why);
	hint_at_sections(l, key, a->item, a->n);
	(void)putc('\n', l->err);
	return -1;
}

static int
assign_in_section(struct loader *l, const struct conf_assignment *a)
{
	size_t i = 0;

	while (i < l->in->n && strcmp(conf_section_name(&l->in->key[i]), a->name) != 0)
		i++;
	if (i == l->in->n)
		return unknown_key(l, a);
	if (l->seen_in_section[i].path != NULL)
		return given_twice(l, a, &l->seen_in_section[i]);
	l->seen_in_section[i] = a->place;
	if (set(l, &l->in->key[i], l->section->settings, a) < 0)
		return -1;
	l->section->given |= UINT64_C(1) << i;
	return 0;
}

static int
assign(const struct conf_assignment *a, void *arg)
{
	struct loader *l = arg;
	const struct conf_key *key;
	void *settings;
	size_t place;

	if (l->section != NULL)
		return assign_in_section(l, a);
	place = conf_key_find(l->tables, l->n, a->name);
	if (place == l->keys)
		return unknown_key(l, a);
	if (l->seen[place].path != NULL)
		return given_twice(l, a, &l->seen[place]);
	l->seen[place] = a->place;
	key = conf_key_at(l->tables, l->n, place, &settings);
	if (set(l, key, settings, a) < 0)
		return -1;
	l->command->given[place] = true;
	return note_origin(l, place, "%s:%u: %s", a->place.path, a->place.line, a->name);
}

static int
enter_section(struct conf_place at, const char *word, const char *title, void *arg)
{
	struct loader *l = arg;
	char why[CONF_WHY];

	l->in = conf_section_table(l->tables, l->n, word);
	l->section = conf_section_add(l->in, title, at.path, at.line, why);
	memset(l->seen_in_section, 0, sizeof l->seen_in_section);
	if (l->section != NULL)
		return 0;
	(void)fprintf(l->err, "%s:%u: %s \"%s\": %s\n", at.path, at.line, word, title, why);
	return -1;
}

static void
leave_section(void *arg)
{
	struct loader *l = arg;

	l->section = NULL;
}

static int
read_file(struct loader *l, const char *file)
{
	bool named = l->command->file != NULL, was_read;
	const struct conf_sink sink = {.program = l->program,
				       .section = l->word,
				       .assign = assign,
				       .enter = enter_section,
				       .leave = leave_section,
				       .ctx = l};
	int r;

	l->file = named ? l->command->file : file;
	if (l->file == NULL)
		return 0;
	r = conf_file_read(l->file,
			   (named ? 0 : CONF_FILE_OPTIONAL) | (l->again ? CONF_FILE_AT_ONCE : 0),
			   &sink, &was_read, l->err);
	if (was_read)
		l->command->loaded = l->file;
	return r;
}

/* ---- the command line ---- */

static int
set_option(struct loader *l, const struct conf_key *key, void *settings,
	   const struct conf_option *o, char why[CONF_WHY])
{
	bool again = key->adds && l->added[o->place];

	if (key->adds)
		l->added[o->place] = true;
	return (again ? conf_value_add_text : conf_value_set_text)(key, settings, o->value, why);
}

static int
take_option(struct loader *l, const char *program, const struct conf_option *o)
{
	void *settings;
	const struct conf_key *key = conf_key_at(l->tables, l->n + 1, o->place, &settings);
	char why[CONF_WHY];

	if (o->place >= l->keys && key->type == CONF_TEXT) {
		l->command->file = o->value; /* borrowed, not copied */
		return 0;
	}
	if (set_option(l, key, settings, o, why) < 0) {
		(void)fprintf(l->err, "%s: %.*s: %s", program, o->spelled_n, o->spelled, why);
		hint_at_sections(l, key, &o->value, 1);
		(void)putc('\n', l->err);
		return -1;
	}
	if (o->place >= l->keys)
		return 0;
	l->command->given[o->place] = true;
	return note_origin(l, o->place, "%s: %.*s", program, o->spelled_n, o->spelled);
}

static bool
wants_to_know(const struct conf_command *c)
{
	return c->help || c->help_all || c->version;
}

/* The command line is walked twice: it names the file, and then overrules it.  The first walk takes
 * the options that every program has and tells what is no option, the second takes the settings. */
static int
walk(struct loader *l, int argc, char *const argv[], bool builtin)
{
	struct conf_command *c = l->command;
	struct conf_walk w = {l->tables, l->n + 1, argc, argv, 1, builtin ? l->err : NULL};
	const char *program = conf_option_program(&w);
	struct conf_option o;
	int step, r = 0;

	while (!wants_to_know(c) && (step = conf_option_next(&w, &o)) != 0) {
		if (step < 0 ||
		    ((o.place >= l->keys) == builtin && take_option(l, program, &o) < 0))
			r = -1;
	}
	c->rest = w.at;
	return r;
}

static int
complete_sections(const struct loader *l)
{
	for (size_t t = 0; t < l->n; t++)
		if (l->tables[t].sections != NULL && conf_sections_complete(&l->tables[t]) < 0) {
			(void)fprintf(l->err, "out of memory\n");
			return -1;
		}
	return 0;
}

static int
load(const struct conf_table *tables, size_t n, int argc, char *const argv[], const char *file,
     bool again, struct conf_command *command, FILE *err)
{
	const struct conf_walk w = {.argc = argc, .argv = argv};
	struct loader l = {
		.command = command, .program = conf_option_program(&w), .again = again, .err = err};
	int r = 0, line = 0;

	*command = (struct conf_command){.rest = 1};
	init(&l, tables, n);
	if (set_defaults(&l) < 0)
		return -1;
	if (walk(&l, argc, argv, true) < 0)
		line = -1;
	if (!wants_to_know(command)) {
		if (read_file(&l, file) < 0)
			r = -1;
		if (walk(&l, argc, argv, false) < 0)
			line = -1;
		if (complete_sections(&l) < 0)
			r = -1;
	}
	if (line < 0)
		(void)fprintf(err, "%s: try %s --help\n", conf_option_program(&w),
			      conf_option_program(&w));
	return line < 0 ? -1 : r;
}

int
conf_load(const struct conf_table *tables, size_t n, int argc, char *const argv[], const char *file,
	  struct conf_command *command, FILE *err)
{
	return load(tables, n, argc, argv, file, false, command, err);
}

int
conf_load_again(const struct conf_table *tables, size_t n, int argc, char *const argv[],
		struct conf_command *command, FILE *err)
{
	return load(tables, n, argc, argv, NULL, true, command, err);
}

/* ---- afterwards ---- */

void
conf_free(const struct conf_table *tables, size_t n)
{
	for (const struct conf_table *t = tables; t < tables + n; t++) {
		for (size_t i = 0; i < t->n; i++)
			conf_value_free(&t->key[i], t->settings);
		for (size_t i = 0; t->origin != NULL && i < t->n; i++) {
			free(t->origin[i]);
			t->origin[i] = NULL;
		}
		if (t->sections != NULL)
			conf_sections_free(t);
	}
}

bool
conf_is_given(const struct conf_table *tables, size_t n, const struct conf_command *command,
	      const char *name)
{
	return command->given[conf_key_find(tables, n, name)];
}

/* In the file's notation; NULL on ENOMEM. */
static char *
value_text(const struct conf_key *key, const void *settings)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return NULL;
	conf_value_print(key, settings, out);
	return fclose(out) == 0 ? text : NULL;
}

bool
conf_is_default(const struct conf_key *key, const void *settings)
{
	void *defaults = calloc(1, key->offset + sizeof(struct conf_list));
	char *ours = value_text(key, settings), *theirs = NULL;
	bool same;

	if (defaults != NULL && conf_value_set_default(key, defaults) == 0)
		theirs = value_text(key, defaults);
	same = ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0;
	if (defaults != NULL)
		conf_value_free(key, defaults);
	free(defaults);
	free(ours);
	free(theirs);
	return same;
}
