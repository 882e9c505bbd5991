/* conf_section.c - see conf_section.h. */
#include "conf_section.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct conf_table *
conf_section_table(const struct conf_table *tables, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (tables[i].sections != NULL && strcmp(tables[i].sections->word, word) == 0)
			return &tables[i];
	return NULL;
}

const char *
conf_section_name(const struct conf_key *key)
{
	return key->in_section != NULL ? key->in_section : key->name;
}

struct title {
	const char *p;
	size_t n;
};

static int
compare(struct title a, struct title b)
{
	int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

static struct title
title_of(const struct conf_section *s)
{
	return (struct title){s->title, strlen(s->title)};
}

static int
compare_to(const void *title, const void *section)
{
	return compare(*(const struct title *)title, title_of(section));
}

static int
compare_sections(const void *a, const void *b)
{
	return compare(title_of(a), title_of(b));
}

const struct conf_section *
conf_section_find(const struct conf_sections *s, const char *title, size_t title_n)
{
	struct title wanted = {title, title_n};

	return s->n == 0 ? NULL
			 : bsearch(&wanted, s->section, s->n, sizeof *s->section, compare_to);
}

bool
conf_section_gives(const struct conf_sections *s, const struct conf_section *section, size_t offset)
{
	for (size_t i = 0; i < CONF_SECTION_KEYS_MAX; i++)
		if ((section->given >> i & 1) != 0 && s->key[i].offset == offset)
			return true;
	return false;
}

static void
free_section(const struct conf_table *t, struct conf_section *s)
{
	for (size_t i = 0; s->settings != NULL && i < t->n; i++)
		conf_value_free(&t->key[i], s->settings);
	free(s->settings);
	free(s->title);
	free(s->origin);
}

struct conf_section *
conf_section_add(const struct conf_table *t, const char *title, const char *path, unsigned line,
		 char why[CONF_WHY])
{
	struct conf_sections *s = t->sections;
	const char *wrong = title[0] == '\0' ? "the title is empty" : s->judge(title);
	struct conf_section *more;

	assert(t->n <= CONF_SECTION_KEYS_MAX);
	for (size_t i = 0; wrong == NULL && i < s->n; i++)
		if (strcmp(s->section[i].title, title) == 0) {
			(void)snprintf(why, CONF_WHY, "given already in %s", s->section[i].origin);
			return NULL;
		}
	(void)snprintf(why, CONF_WHY, "%s", wrong != NULL ? wrong : "out of memory");
	more = wrong != NULL ? NULL : reallocarray(s->section, s->n + 1, sizeof *more);
	if (more == NULL)
		return NULL;
	s->section = more;
	s->key = t->key;
	more += s->n;
	*more = (struct conf_section){.title = strdup(title), .settings = calloc(1, s->size)};
	if (asprintf(&more->origin, "%s:%u", path, line) < 0)
		more->origin = NULL;
	if (more->title == NULL || more->settings == NULL || more->origin == NULL) {
		free_section(t, more);
		return NULL;
	}
	more->nth = s->n++;
	return more;
}

int
conf_sections_complete(const struct conf_table *t)
{
	struct conf_sections *s = t->sections;

	if (s->n == 0)
		return 0;
	qsort(s->section, s->n, sizeof *s->section, compare_sections);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < t->n; k++)
			if ((s->section[i].given >> k & 1) == 0 &&
			    conf_value_copy(&t->key[k], s->section[i].settings, t->settings) < 0)
				return -1;
	return 0;
}

void
conf_sections_free(const struct conf_table *t)
{
	struct conf_sections *s = t->sections;

	for (size_t i = 0; i < s->n; i++)
		free_section(t, &s->section[i]);
	free(s->section);
	s->section = NULL;
	s->n = 0;
}

void
conf_sections_print(const struct conf_table *t, FILE *out)
{
	for (size_t i = 0; i < t->sections->n; i++) {
		const struct conf_section *s = &t->sections->section[i];

		(void)fprintf(out, "\n%s ", t->sections->word);
		conf_value_print_text(s->title, out);
		(void)fputs(" {\n", out);
		for (size_t k = 0; k < t->n; k++) {
			if ((s->given >> k & 1) == 0)
				continue;
			(void)fprintf(out, "\t%s = ", conf_section_name(&t->key[k]));
			conf_value_print(&t->key[k], s->settings, out);
			(void)putc('\n', out);
		}
		(void)fputs("}\n", out);
	}
}
