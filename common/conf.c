/* conf.c - see conf.h: the order of force. */
#include "conf.h"

#include <assert.h>
#include <string.h>

#include "conf_file.h"
#include "conf_key.h"
#include "conf_option.h"
#include "conf_value.h"

enum { TABLES_MAX = 8 };

struct loader {
	struct conf_table tables[TABLES_MAX]; /* the program's n, then that of conf_builtin_keys */
	size_t n, keys;			      /* the program's */
	struct conf_command *command;
	const char *file;
	FILE *err;
};

/* ---- defaults ---- */

static void
init(struct loader *l, const struct conf_table *tables, size_t n)
{
	const struct conf_key *key;

	assert(n < TABLES_MAX);
	l->n = n;
	memcpy(l->tables, tables, n * sizeof *tables);
	l->tables[n] = (struct conf_table){conf_builtin_keys, conf_builtin_keys_n, l->command};
	while (conf_key_at(tables, n, l->keys, NULL) != NULL)
		l->keys++;
	assert(l->keys <= CONF_KEYS_MAX);
	for (size_t i = 0; (key = conf_key_at(l->tables, n + 1, i, NULL)) != NULL; i++)
		assert(conf_key_find(l->tables, n + 1, key->name) == i); /* each name once */
}

static int
set_defaults(const struct loader *l)
{
	const struct conf_key *key;
	void *settings;

	for (size_t i = 0; (key = conf_key_at(l->tables, l->n, i, &settings)) != NULL; i++)
		if (conf_value_set_default(key, settings) < 0) {
			(void)fprintf(l->err, "out of memory\n");
			return -1;
		}
	return 0;
}

/* ---- the file ---- */

static int
assign(const struct conf_assignment *a, void *arg)
{
	struct loader *l = arg;
	void *settings;
	const struct conf_key *key = conf_key_at(l->tables, l->n, a->place, &settings);
	char why[CONF_WHY];

	if (conf_value_set(key, settings, a->item, a->n, why) < 0) {
		(void)fprintf(l->err, "%s:%u: %s: %s\n", l->file, a->line, key->name, why);
		return -1;
	}
	l->command->origin[a->place] = (int)a->line;
	return 0;
}

static int
read_file(struct loader *l, const char *file)
{
	bool named = l->command->file != NULL, was_read;
	int r;

	l->file = named ? l->command->file : file;
	if (l->file == NULL)
		return 0;
	r = conf_file_read(l->file, !named, l->tables, l->n, assign, l, &was_read, l->err);
	if (was_read)
		l->command->loaded = l->file;
	return r;
}

/* ---- the command line ---- */

static int
take_option(struct loader *l, const struct conf_option *o)
{
	void *settings;
	const struct conf_key *key = conf_key_at(l->tables, l->n + 1, o->place, &settings);
	char why[CONF_WHY];

	if (o->place >= l->keys && key->type == CONF_TEXT) {
		l->command->file = o->value; /* borrowed, not copied */
		return 0;
	}
	if (conf_value_set_text(key, settings, o->value, why) < 0) {
		(void)fprintf(l->err, "%.*s: %s\n", o->spelled_n, o->spelled, why);
		return -1;
	}
	if (o->place < l->keys)
		l->command->origin[o->place] = -1;
	return 0;
}

/* The command line is walked twice: it names the file, and then overrules it.  The first walk takes
 * the options that every program has and tells what is no option, the second takes the settings. */
static int
walk(struct loader *l, int argc, char *const argv[], bool builtin)
{
	struct conf_command *c = l->command;
	struct conf_walk w = {l->tables, l->n + 1, argc, argv, 1, builtin ? l->err : NULL};
	struct conf_option o;
	int step, r = 0;

	while (!c->help && !c->version && (step = conf_option_next(&w, &o)) != 0) {
		if (step < 0 || ((o.place >= l->keys) == builtin && take_option(l, &o) < 0))
			r = -1;
	}
	c->rest = w.at;
	return r;
}

int
conf_load(const struct conf_table *tables, size_t n, int argc, char *const argv[], const char *file,
	  struct conf_command *command, FILE *err)
{
	struct loader l = {.command = command, .err = err};
	int r = 0;

	*command = (struct conf_command){.rest = 1};
	init(&l, tables, n);
	if (set_defaults(&l) < 0)
		return -1;
	if (walk(&l, argc, argv, true) < 0)
		r = -1;
	if (command->help || command->version)
		return r;
	if (read_file(&l, file) < 0)
		r = -1;
	if (walk(&l, argc, argv, false) < 0)
		r = -1;
	return r;
}

/* ---- afterwards ---- */

void
conf_free(const struct conf_table *tables, size_t n)
{
	const struct conf_key *key;
	void *settings;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, &settings)) != NULL; i++)
		conf_value_free(key, settings);
}

const char *
conf_origin(const struct conf_table *tables, size_t n, const struct conf_command *command,
	    const char *name, char *out, size_t size)
{
	size_t i = conf_key_find(tables, n, name);
	const struct conf_key *key = conf_key_at(tables, n, i, NULL);

	assert(key != NULL);
	if (command->origin[i] > 0)
		(void)snprintf(out, size, "%s:%d", command->loaded, command->origin[i]);
	else if (command->origin[i] < 0)
		return conf_key_option(key, out, size);
	else
		(void)snprintf(out, size, "default");
	return out;
}
