/* conf_key.c - see conf_key.h. */
#include "conf_key.h"

#include <string.h>

enum { WORD_MAX = 64 }; /* longer words get no suggestion */

#define AT(member) offsetof(struct conf_command, member)

const struct conf_key conf_builtin_keys[] = {
	{.name = "config",
	 .letter = 'c',
	 .type = CONF_TEXT,
	 .offset = AT(file),
	 .help = "read this file of settings"},
	{.name = "check",
	 .letter = 't',
	 .type = CONF_BOOL,
	 .offset = AT(check),
	 .help = "check the settings and exit"},
	{.name = "show",
	 .letter = 'T',
	 .type = CONF_BOOL,
	 .offset = AT(show),
	 .help = "print the settings in force, as a file, and exit"},
	{.name = "help",
	 .letter = 'h',
	 .type = CONF_BOOL,
	 .offset = AT(help),
	 .help = "print the usual options and exit"},
	{.name = "help_all",
	 .type = CONF_BOOL,
	 .offset = AT(help_all),
	 .help = "print all options and exit"},
	{.name = "version",
	 .letter = 'V',
	 .type = CONF_BOOL,
	 .offset = AT(version),
	 .help = "print the version and exit"},
};
const size_t conf_builtin_keys_n = sizeof conf_builtin_keys / sizeof *conf_builtin_keys;

const struct conf_key *
conf_key_at(const struct conf_table *tables, size_t n, size_t i, void **settings)
{
	for (size_t t = 0; t < n; t++) {
		if (i < conf_key_count(&tables[t])) {
			if (settings != NULL)
				*settings = tables[t].settings;
			return &tables[t].key[i];
		}
		i -= conf_key_count(&tables[t]);
	}
	return NULL;
}

size_t
conf_key_find(const struct conf_table *tables, size_t n, const char *name)
{
	const struct conf_key *key;
	size_t i;

	for (i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++)
		if (strcmp(key->name, name) == 0)
			break;
	return i;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char
folded(char c)
{
	return c == '-' ? '_' : c;
}

/* Letters to add, drop, change or swap with their neighbour to get from a to b. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[3][WORD_MAX + 1]; /* of the edit table: the last two and the one being filled */
	size_t *before = row[0], *last = row[1], *now = row[2];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return m + n;
	for (size_t j = 0; j <= n; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = folded(a[i - 1]) != folded(b[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

const char *
conf_key_former(const struct conf_table *tables, size_t n, const char *word)
{
	const struct conf_key *key;
	const struct conf_former *f;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++)
		for (f = key->former; f != NULL && f->name != NULL; f++)
			if (distance(f->name, word) == 0)
				return f->now;
	return strncmp(word, "no-", 3) == 0 ? conf_key_former(tables, n, word + 3) : NULL;
}

const char *
conf_key_elsewhere(const struct conf_table *tables, size_t n, const char *word)
{
	const struct conf_elsewhere *e;
	const struct conf_key *key;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++)
		if (distance(key->name, word) == 0)
			return NULL;
	for (size_t t = 0; t < n; t++)
		for (e = tables[t].elsewhere; e != NULL && e->name != NULL; e++)
			if (distance(e->name, word) == 0)
				return e->program;
	return strncmp(word, "no-", 3) == 0 ? conf_key_elsewhere(tables, n, word + 3) : NULL;
}

size_t
conf_key_nearest(const struct conf_table *tables, size_t n, const char *word)
{
	const struct conf_key *key;
	size_t best = least(strlen(word) / 3, 2) + 1, place = 0, i;

	for (i = 0; (key = conf_key_at(tables, n, i, NULL)) != NULL; i++) {
		size_t d = distance(word, key->name);

		if (key->original != NULL)
			d = least(d, distance(word, key->original));
		if (d < best) {
			best = d;
			place = i + 1;
		}
	}
	return place > 0 ? place - 1 : i;
}

const char *
conf_key_option(const struct conf_key *key, char *out, size_t size)
{
	(void)snprintf(out, size, "--%s", key->name);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return out;
}

const char *
conf_key_spelling(const struct conf_key *key, const char *word, char *out, size_t size)
{
	if (key->original == NULL || distance(word, key->name) <= distance(word, key->original))
		return conf_key_option(key, out, size);
	(void)snprintf(out, size, "-%s", key->original);
	return out;
}
