/* conf_value.c - see conf_value.h. */
#include "conf_value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf_scalar.h"

const char *
conf_value_stand_in(enum conf_type type)
{
	static const char *const words[] = {
		[CONF_BOOL] = "",	  [CONF_INT] = "N",	[CONF_SIZE] = "SIZE",
		[CONF_DURATION] = "TIME", [CONF_MODE] = "MODE", [CONF_TEXT] = "TEXT",
		[CONF_CHOICE] = "WORD",	  [CONF_LIST] = "LIST",
	};

	return words[type];
}

/* ---- texts ---- */

static int
judge_text(const struct conf_key *key, const char *text, char why[CONF_WHY])
{
	char s[CONF_SHOWN];
	size_t n = strlen(text);
	const char *sentence;

	if (n == 0 && key->type == CONF_TEXT && key->fallback == NULL)
		return 0;
	if (n == 0 && (key->type == CONF_LIST || key->min > 0))
		return conf_refuse(why, key->type == CONF_LIST ? "an item is empty"
							       : "a value is needed");
	if (n < key->min)
		return conf_refuse(why, "\"%s\" is shorter than %llu bytes", conf_shown(text, s),
				   (unsigned long long)key->min);
	if (key->max > 0 && n > key->max)
		return conf_refuse(why, "\"%s\" is longer than %llu bytes", conf_shown(text, s),
				   (unsigned long long)key->max);
	sentence = key->judge != NULL ? key->judge(text) : NULL;
	if (sentence != NULL)
		return conf_refuse(why, "\"%s\": %s", conf_shown(text, s), sentence);
	return 0;
}

static int
set_text(const struct conf_key *key, void *settings, const char *text, char why[CONF_WHY])
{
	char *copy;

	if (judge_text(key, text, why) < 0)
		return -1;
	copy = strdup(text);
	if (copy == NULL)
		return conf_refuse(why, "out of memory");
	conf_value_free(key, settings);
	*(char **)(void *)((char *)settings + key->offset) = copy;
	return 0;
}

static void
list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct conf_list){NULL, 0};
}

static int
list_copy(struct conf_list *list, const char *const text[], size_t n)
{
	*list = (struct conf_list){NULL, 0};
	if (n == 0)
		return 0;
	list->item = calloc(n, sizeof *list->item);
	if (list->item == NULL)
		return -1;
	for (; list->n < n; list->n++) {
		list->item[list->n] = strdup(text[list->n]);
		if (list->item[list->n] == NULL) {
			list_free(list);
			return -1;
		}
	}
	return 0;
}

static int
judge_list(const struct conf_key *key, const char *const text[], size_t n, char why[CONF_WHY])
{
	const char *sentence;
	char s[CONF_SHOWN];
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (judge_text(key, text[i], why) < 0)
			return -1;
	sentence = key->judge_all != NULL ? key->judge_all(text, n, &at) : NULL;
	return sentence == NULL ? 0
				: conf_refuse(why, "\"%s\": %s", conf_shown(text[at], s), sentence);
}

static int
set_list(const struct conf_key *key, void *settings, const char *const text[], size_t n,
	 char why[CONF_WHY])
{
	struct conf_list list;

	if (key->adds && n == 1 && text[0][0] == '\0')
		n = 0;
	if (judge_list(key, text, n, why) < 0)
		return -1;
	if (list_copy(&list, text, n) < 0)
		return conf_refuse(why, "out of memory");
	conf_value_free(key, settings);
	*(struct conf_list *)(void *)((char *)settings + key->offset) = list;
	return 0;
}

/* Cuts text at its commas, in place, and drops blanks around the items; item has room for all. */
static size_t
split(char *text, const char **item)
{
	size_t n = 0;

	if (text[strspn(text, " \t")] == '\0')
		return 0;
	for (char *p; (p = strsep(&text, ",")) != NULL; n++) {
		size_t len;

		p += strspn(p, " \t");
		for (len = strlen(p); len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'); len--)
			p[len - 1] = '\0';
		item[n] = p;
	}
	return n;
}

/* Behind the first n of those that it has. */
static int
set_list_text(const struct conf_key *key, void *settings, size_t n, const char *text,
	      char why[CONF_WHY])
{
	const struct conf_list *list = (const void *)((char *)settings + key->offset);
	char *copy = strdup(text);
	const char **item = calloc(n + strlen(text) + 1, sizeof *item);
	int r = -1;

	for (size_t i = 0; item != NULL && i < n; i++)
		item[i] = list->item[i];
	if (copy != NULL && item != NULL)
		r = set_list(key, settings, item, n + split(copy, item + n), why);
	else
		(void)conf_refuse(why, "out of memory");
	free(item);
	free(copy);
	return r;
}

/* ---- all ---- */

int
conf_value_set(const struct conf_key *key, void *settings, const char *const text[], size_t n,
	       char why[CONF_WHY])
{
	if (key->type == CONF_LIST)
		return set_list(key, settings, text, n, why);
	assert(n == 1);
	if (key->type == CONF_TEXT)
		return set_text(key, settings, text[0], why);
	return conf_scalar_set(key, settings, text[0], why);
}

int
conf_value_set_text(const struct conf_key *key, void *settings, const char *text,
		    char why[CONF_WHY])
{
	if (key->type == CONF_LIST)
		return set_list_text(key, settings, 0, text, why);
	return conf_value_set(key, settings, &text, 1, why);
}

int
conf_value_add_text(const struct conf_key *key, void *settings, const char *text,
		    char why[CONF_WHY])
{
	const struct conf_list *list = (const void *)((char *)settings + key->offset);

	assert(key->type == CONF_LIST);
	return set_list_text(key, settings, text[0] != '\0' ? list->n : 0, text, why);
}

int
conf_value_set_default(const struct conf_key *key, void *settings)
{
	char why[CONF_WHY];

	if (key->fallback == NULL && key->type != CONF_TEXT) { /* zeroed already */
		assert(key->type == CONF_LIST || conf_scalar_admits(key, 0));
		return 0;
	}
	errno = 0;
	if (conf_value_set_text(key, settings, key->fallback != NULL ? key->fallback : "", why) ==
	    0)
		return 0;
	assert(errno == ENOMEM);
	return -1;
}

void
conf_value_free(const struct conf_key *key, void *settings)
{
	void *p = (char *)settings + key->offset;

	if (key->type == CONF_TEXT) {
		free(*(char **)p);
		*(char **)p = NULL;
	} else if (key->type == CONF_LIST) {
		list_free(p);
	}
}

int
conf_value_copy(const struct conf_key *key, void *settings, const void *from)
{
	const struct conf_list *list = (const void *)((const char *)from + key->offset);
	const char *text = key->type == CONF_TEXT ? *(char *const *)(const void *)list : NULL;
	char why[CONF_WHY];

	if (key->type == CONF_TEXT)
		return set_text(key, settings, text, why);
	if (key->type == CONF_LIST)
		return set_list(key, settings, (const char *const *)list->item, list->n, why);
	conf_scalar_copy(key, settings, from);
	return 0;
}

void
conf_value_print_text(const char *text, FILE *out)
{
	(void)putc('"', out);
	for (; *text != '\0'; text++)
		switch (*text) {
		case '"': (void)fputs("\\\"", out); break;
		case '\\': (void)fputs("\\\\", out); break;
		case '\n': (void)fputs("\\n", out); break;
		case '\r': (void)fputs("\\r", out); break;
		case '\t': (void)fputs("\\t", out); break;
		default: (void)putc(*text, out); break;
		}
	(void)putc('"', out);
}

void
conf_value_print(const struct conf_key *key, const void *settings, FILE *out)
{
	const void *p = (const char *)settings + key->offset;
	const struct conf_list *list = p;

	if (key->type == CONF_TEXT) {
		const char *s = *(char *const *)p;

		conf_value_print_text(s != NULL ? s : "", out);
	} else if (key->type == CONF_LIST) {
		(void)fputs(list->n > 0 ? "{ " : "{", out);
		for (size_t i = 0; i < list->n; i++) {
			(void)fputs(i > 0 ? ", " : "", out);
			conf_value_print_text(list->item[i], out);
		}
		(void)fputs(list->n > 0 ? " }" : "}", out);
	} else {
		conf_scalar_print(key, settings, out);
	}
}
