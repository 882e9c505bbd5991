/* conf_scalar.c - see conf_scalar.h. */
#include "conf_scalar.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

enum { SCALAR_TEXT = 64 };

/* Completes `"x" is not `. */
static const char *const wanted[] = {
	[CONF_BOOL] = "yes or no",
	[CONF_INT] = "a number",
	[CONF_SIZE] = "a size (65536, 64K, 1M, 1G)",
	[CONF_DURATION] = "a duration (250ms, 10s, 5m, 1h)",
	[CONF_MODE] = "a file mode (0600)",
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

int
conf_refuse(char why[CONF_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, CONF_WHY, fmt, ap);
	va_end(ap);
	return -1;
}

const char *
conf_shown(const char *text, char out[CONF_SHOWN])
{
	size_t n = strlen(printable(text, out, CONF_SHOWN - 3));

	if (n < strlen(text))
		(void)strcpy(out + n, "...");
	return out;
}

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

bool
conf_scalar_admits(const struct conf_key *key, uint64_t v)
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
	char words[CONF_WHY / 2] = "", s[CONF_SHOWN];
	size_t used = 0;

	for (size_t i = 0; key->choices[i] != NULL && used < sizeof words; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s%s",
					 i > 0 ? ", " : "", key->choices[i]);
	return conf_refuse(why, "\"%s\" is none of %s", conf_shown(text, s), words);
}

int
conf_scalar_set(const struct conf_key *key, void *settings, const char *text, char why[CONF_WHY])
{
	char s[CONF_SHOWN], min[SCALAR_TEXT], max[SCALAR_TEXT];
	uint64_t v;

	if (!parse_scalar(key, text, &v)) {
		if (text[0] == '\0')
			return conf_refuse(why, "a value is needed");
		if (key->type == CONF_CHOICE)
			return refuse_choice(key, text, why);
		return conf_refuse(why, "\"%s\" is not %s", conf_shown(text, s), wanted[key->type]);
	}
	if (!conf_scalar_admits(key, v))
		return conf_refuse(
			why, "\"%s\" is not within %s to %s", conf_shown(text, s),
			print_scalar(key, key->min, min),
			print_scalar(key, key->type == CONF_MODE ? mode_max(key) : key->max, max));
	store_scalar(key, settings, v);
	return 0;
}

void
conf_scalar_copy(const struct conf_key *key, void *settings, const void *from)
{
	store_scalar(key, settings, stored_scalar(key, from));
}

void
conf_scalar_print(const struct conf_key *key, const void *settings, FILE *out)
{
	char text[SCALAR_TEXT];

	(void)fputs(print_scalar(key, stored_scalar(key, settings), text), out);
}
