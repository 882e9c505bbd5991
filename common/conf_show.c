/* conf_show.c - the listings of conf.h: settings in force, help, keys. */
#include <string.h>

#include "conf_key.h"
#include "conf_value.h"

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
}

void
conf_keys(const struct conf_table *tables, size_t n, FILE *out)
{
	const struct conf_key *key;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++)
		(void)fprintf(out, "%s\t%s\t%s\n", key->name, conf_value_type(key->type),
			      key->fallback != NULL ? key->fallback : "");
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

void
conf_help(const struct conf_table *tables, size_t n, FILE *out)
{
	const struct conf_key *key;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++)
		help_key(key, conf_value_stand_in(key->type), out);
	(void)putc('\n', out);
	for (size_t i = 0; i < conf_builtin_keys_n; i++)
		help_key(&conf_builtin_keys[i],
			 conf_builtin_keys[i].type == CONF_TEXT ? "FILE" : "", out);
}
