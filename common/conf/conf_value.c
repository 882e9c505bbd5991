/* conf_value.c - see conf_value.h.
 *
 * All types but TEXT and LIST pass through a uint64_t: parsed, held against min and max, stored. */
#include "conf_value.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum { SHORT_TEXT = 64, SCALAR_TEXT = 64 };

static const struct {
	const char *stand_in;
	const char *wanted; /* completes `"x" is not ` */
} types[] = {
	[CONF_BOOL] = {"", "yes or no"},
	[CONF_INT] = {"N", "a number"},
	[CONF_SIZE] = {"SIZE", "a size (65536, 64K, 1M, 1G)"},
	[CONF_DURATION] = {"TIME", "a duration (250ms, 10s, 5m, 1h)"},
	[CONF_MODE] = {"MODE", "a file mode (0600)"},
	[CONF_TEXT] = {"TEXT", "a text"},
	[CONF_CHOICE] = {"WORD", "one of "},
	[CONF_LIST] = {"LIST", "a list"},
};

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* The largest first: a value is printed in the first unit that divides it. */
static const struct unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1},
				    {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {NULL, 0}};
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000},
					{"ms", 1},	 {"", 1000},	 {NULL, 0}};

const char *
conf_value_stand_in(enum conf_type type)
{
	return types[type].stand_in;
}

PRINTF_LIKE(2, 3)
static int
refuse(char why[CONF_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, CONF_WHY, fmt, ap);
	va_end(ap);
	return -1;
}

/* Fit to stand in a message: cut, and nothing in it that a terminal obeys or hides. */
static const char *
shown(const char *text, char out[SHORT_TEXT])
{
	size_t n = strlen(printable(text, out, SHORT_TEXT - 3));

	if (n < strlen(text))
		(void)strcpy(out + n, "...");
	return out;
}

/* ---- scalars ---- */

static uint64_t
times(uint64_t a, uint64_t b)
{
	return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Reads digits, at least one, and stops at UINT64_MAX: the bounds refuse that.  What follows them,
 * or NULL. */
static const char *
parse_digits(const char *s, unsigned base, uint64_t *v)
{
	const char *p;

	*v = 0;
	for (p = s; *p >= '0' && *p < (char)('0' + base); p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		*v = times(*v, base);
		*v = digit > UINT64_MAX - *v ? UINT64_MAX : *v + digit;
	}
	return p > s ? p : NULL;
}

static bool
parse_plain(const char *s, unsigned base, uint64_t *v)
{
	const char *rest = parse_digits(s, base, v);

	return rest != NULL && *rest == '\0';
}

static bool
parse_with_unit(const char *s, const struct unit *unit, uint64_t *v)
{
	const char *rest = parse_digits(s, 10, v);

	for (; rest != NULL && unit->suffix != NULL; unit++)
		if (strcmp(rest, unit->suffix) == 0) {
			*v = times(*v, unit->factor);
			return true;
		}
	return false;
}

/* The index of s among words, as *v. */
static bool
parse_word(const char *s, const char *const *words, uint64_t *v)
{
	for (*v = 0; words[*v] != NULL; ++*v)
		if (strcmp(s, words[*v]) == 0)
			return true;
	return false;
}

static bool
parse_bool(const char *s, uint64_t *v)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", NULL};
	bool known = parse_word(s, words, v);

	*v %= 2;
	return known;
}

static bool
parse_scalar(const struct conf_key *key, const char *s, uint64_t *v)
{
	switch (key->type) {
	case CONF_BOOL: return parse_bool(s, v);
	case CONF_INT: return parse_plain(s, 10, v);
	case CONF_SIZE: return parse_with_unit(s, sizes, v);
	case CONF_DURATION: return parse_with_unit(s, durations, v);
	case CONF_MODE: return parse_plain(s, 8, v);
	case CONF_CHOICE: return parse_word(s, key->choices, v);
	case CONF_TEXT:
	case CONF_LIST: break;
	}
	abort();
}

static void
print_with_unit(uint64_t v, const struct unit *unit, char out[SCALAR_TEXT])
{
	while (v % unit->factor != 0)
		unit++;
	(void)snprintf(out, SCALAR_TEXT, "%llu%s", (unsigned long long)(v / unit->factor),
		       v == 0 ? "" : unit->suffix);
}

static const char *
print_scalar(const struct conf_key *key, uint64_t v, char out[SCALAR_TEXT])
{
	const char *word = v != 0 ? "yes" : "no";

	switch (key->type) {
	case CONF_SIZE: print_with_unit(v, sizes, out); return out;
	case CONF_DURATION: print_with_unit(v, durations, out); return out;
	case CONF_MODE: (void)snprintf(out, SCALAR_TEXT, "%04o", (unsigned)v); return out;
	case CONF_INT: (void)snprintf(out, SCALAR_TEXT, "%u", (unsigned)v); return out;
	case CONF_CHOICE: word = key->choices[v]; break;
	case CONF_BOOL:
	case CONF_TEXT:
	case CONF_LIST: break;
	}
	(void)snprintf(out, SCALAR_TEXT, "%s", word);
	return out;
}

static uint64_t
mode_max(const struct conf_key *key)
{
	return key->max > 0 ? key->max : 07777;
}

static bool
in_range(const struct conf_key *key, uint64_t v)
{
	if (key->type == CONF_MODE)
		return v <= mode_max(key);
	if (key->type == CONF_BOOL || key->type == CONF_CHOICE)
		return true;
	assert(key->type != CONF_INT || key->max <= UINT_MAX);
	return v >= key->min && v <= key->max;
}

static void
store_scalar(const struct conf_key *key, void *settings, uint64_t v)
{
	void *p = (char *)settings + key->offset;

	switch (key->type) {
	case CONF_BOOL: *(bool *)p = v != 0; break;
	case CONF_INT:
	case CONF_MODE: *(unsigned *)p = (unsigned)v; break;
	case CONF_SIZE:
	case CONF_DURATION: *(uint64_t *)p = v; break;
	case CONF_CHOICE: *(int *)p = (int)v; break;
	case CONF_TEXT:
	case CONF_LIST: abort();
	}
}

static uint64_t
stored_scalar(const struct conf_key *key, const void *settings)
{
	const void *p = (const char *)settings + key->offset;

	switch (key->type) {
	case CONF_BOOL: return *(const bool *)p;
	case CONF_INT:
	case CONF_MODE: return *(const unsigned *)p;
	case CONF_SIZE:
	case CONF_DURATION: return *(const uint64_t *)p;
	case CONF_CHOICE: return (uint64_t) * (const int *)p;
	case CONF_TEXT:
	case CONF_LIST: break;
	}
	abort();
}

static int
refuse_choice(const struct conf_key *key, const char *text, char why[CONF_WHY])
{
	char words[CONF_WHY / 2] = "", s[SHORT_TEXT];
	size_t used = 0;

	for (size_t i = 0; key->choices[i] != NULL && used < sizeof words; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s%s",
					 i > 0 ? ", " : "", key->choices[i]);
	return refuse(why, "\"%s\" is none of %s", shown(text, s), words);
}

static int
set_scalar(const struct conf_key *key, void *settings, const char *text, char why[CONF_WHY])
{
	char s[SHORT_TEXT], min[SCALAR_TEXT], max[SCALAR_TEXT];
	uint64_t v;

	if (!parse_scalar(key, text, &v)) {
		if (text[0] == '\0')
			return refuse(why, "a value is needed");
		if (key->type == CONF_CHOICE)
			return refuse_choice(key, text, why);
		return refuse(why, "\"%s\" is not %s", shown(text, s), types[key->type].wanted);
	}
	if (!in_range(key, v))
		return refuse(
			why, "\"%s\" is not within %s to %s", shown(text, s),
			print_scalar(key, key->min, min),
			print_scalar(key, key->type == CONF_MODE ? mode_max(key) : key->max, max));
	store_scalar(key, settings, v);
	return 0;
}

/* ---- texts ---- */

static int
judge_text(const struct conf_key *key, const char *text, char why[CONF_WHY])
{
	char s[SHORT_TEXT];
	size_t n = strlen(text);
	const char *sentence;

	if (n == 0 && key->type == CONF_TEXT && key->fallback == NULL)
		return 0;
	if (n == 0 && (key->type == CONF_LIST || key->min > 0))
		return refuse(why,
			      key->type == CONF_LIST ? "an item is empty" : "a value is needed");
	if (n < key->min)
		return refuse(why, "\"%s\" is shorter than %llu bytes", shown(text, s),
			      (unsigned long long)key->min);
	if (key->max > 0 && n > key->max)
		return refuse(why, "\"%s\" is longer than %llu bytes", shown(text, s),
			      (unsigned long long)key->max);
	sentence = key->judge != NULL ? key->judge(text) : NULL;
	if (sentence != NULL)
		return refuse(why, "\"%s\": %s", shown(text, s), sentence);
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
		return refuse(why, "out of memory");
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
	char s[SHORT_TEXT];
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (judge_text(key, text[i], why) < 0)
			return -1;
	sentence = key->judge_all != NULL ? key->judge_all(text, n, &at) : NULL;
	return sentence == NULL ? 0 : refuse(why, "\"%s\": %s", shown(text[at], s), sentence);
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
		return refuse(why, "out of memory");
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
		(void)refuse(why, "out of memory");
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
	return set_scalar(key, settings, text[0], why);
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
		assert(key->type == CONF_LIST || in_range(key, 0));
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
	store_scalar(key, settings, stored_scalar(key, from));
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
	char text[SCALAR_TEXT];

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
		(void)fputs(print_scalar(key, stored_scalar(key, settings), text), out);
	}
}
