/* conf_show.c - the listings of conf.h: settings in force, help. */
#include <assert.h>
#include <string.h>

#include "conf_key.h"
#include "conf_section.h"

enum { COLUMNS = 90, HELP_COLUMN = 32, LEFT_TEXT = 128 };

void
conf_show(const struct conf_table *tables, size_t n, FILE *out)
{
	const struct conf_key *key;
	void *settings;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, &settings)) != NULL; i++) {
		(void)fprintf(out, "%s# %s", i > 0 ? "\n" : "", key->help);
		for (size_t c = 0; key->type == CONF_CHOICE && key->choices[c] != NULL; c++)
			(void)fprintf(out, "%s %s", c > 0 ? "," : ":", key->choices[c]);
		(void)fprintf(out, "\n%s = ", key->name);
		conf_value_print(key, settings, out);
		(void)putc('\n', out);
	}
	for (size_t t = 0; t < n; t++)
		if (tables[t].sections != NULL)
			conf_sections_print(&tables[t], out);
}

/* ---- help ---- */

struct paragraph {
	FILE *out;
	size_t column; /* where the line has got to */
};

static void
put_indent(struct paragraph *p)
{
	(void)fprintf(p->out, "%*s", HELP_COLUMN, "");
	p->column = HELP_COLUMN;
}

/* Writes the words of text, on new lines where they don't fit. */
static void
put_words(struct paragraph *p, const char *text)
{
	while (text[0] != '\0') {
		size_t len = strcspn(text, " ");
		bool first = p->column == HELP_COLUMN;

		if (!first && len + 1 > COLUMNS - p->column) {
			(void)putc('\n', p->out);
			put_indent(p);
			first = true;
		}
		(void)fprintf(p->out, "%s%.*s", first ? "" : " ", (int)len, text);
		p->column += len + (first ? 0 : 1);
		text += len;
		text += strspn(text, " ");
	}
}

/* The choices and the default, in brackets. */
static void
put_range(struct paragraph *p, const struct conf_key *key)
{
	char range[256] = "";
	bool has_default = key->fallback != NULL && key->fallback[0] != '\0' &&
			   key->type != CONF_BOOL;
	size_t used = 0;

	if (key->type == CONF_BOOL && key->fallback != NULL)
		has_default = strcmp(key->fallback, "no") != 0;
	for (size_t i = 0; key->type == CONF_CHOICE && key->choices[i] != NULL; i++)
		if (used < sizeof range)
			used += (size_t)snprintf(range + used, sizeof range - used, "%s%s",
						 i > 0 ? ", " : "(", key->choices[i]);
	if (has_default && used < sizeof range)
		used += (size_t)snprintf(range + used, sizeof range - used, "%sdefault %s",
					 used > 0 ? "; " : "(", key->fallback);
	if (used > 0 && used < sizeof range - 1)
		range[used] = ')';
	put_words(p, range);
}

static void
help_key(const struct conf_key *key, const char *value, FILE *out)
{
	struct paragraph p = {out, 0};
	char left[LEFT_TEXT], option[CONF_OPTION], letter[] = "-x, ";
	const char *original = key->original != NULL ? key->original : "";

	letter[1] = key->letter;
	(void)snprintf(left, sizeof left, "  %s%s%s%s%s%s%s", key->letter != '\0' ? letter : "",
		       original[0] != '\0' ? "-" : "", original, original[0] != '\0' ? ", " : "",
		       conf_key_option(key, option, sizeof option), value[0] != '\0' ? " " : "",
		       value);
	(void)fprintf(out, "%-*s", HELP_COLUMN, left);
	p.column = HELP_COLUMN;
	if (strlen(left) >= HELP_COLUMN) {
		(void)putc('\n', out);
		put_indent(&p);
	}
	put_words(&p, key->help);
	put_range(&p, key);
	(void)putc('\n', out);
}

static void
help_all(const struct conf_table *tables, size_t n, FILE *out)
{
	for (size_t t = 0; t < n; t++) {
		if (conf_key_count(&tables[t]) == 0)
			continue;
		if (tables[t].title != NULL)
			(void)fprintf(out, "%s:\n", tables[t].title);
		for (size_t i = 0; i < tables[t].n; i++)
			help_key(&tables[t].key[i], conf_value_stand_in(tables[t].key[i].type),
				 out);
		(void)putc('\n', out);
	}
}

static void
help_usual(const struct conf_table *tables, size_t n, const char *const *usual, FILE *out)
{
	const struct conf_key *key;

	for (; *usual != NULL; usual++) {
		key = conf_key_at(tables, n, conf_key_find(tables, n, *usual), NULL);
		assert(key != NULL);
		help_key(key, conf_value_stand_in(key->type), out);
	}
	(void)putc('\n', out);
}

void
conf_help(const struct conf_table *tables, size_t n, const char *const *usual, FILE *out)
{
	if (usual != NULL)
		help_usual(tables, n, usual, out);
	else
		help_all(tables, n, out);
	for (size_t i = 0; i < conf_builtin_keys_n; i++)
		help_key(&conf_builtin_keys[i],
			 conf_builtin_keys[i].type == CONF_TEXT ? "FILE" : "", out);
}

size_t
conf_options(const struct conf_table *tables, size_t n)
{
	size_t count = conf_builtin_keys_n;

	for (size_t t = 0; t < n; t++)
		count += conf_key_count(&tables[t]);
	return count;
}
