/* bypolicy.c - see bypolicy.h. */
#include "bypolicy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "span.h"

/* The policy of an item; p is NULL in one for all. */
static struct span
policy_of(const char *item)
{
	const char *sign = strrchr(item, '=');

	return sign == NULL ? span_of(NULL, 0) : span_of(item, (size_t)(sign - item));
}

const char *
bypolicy_value(const char *item)
{
	const char *sign = strrchr(item, '=');

	return sign == NULL ? item : sign + 1;
}

/* ---- judging ---- */

const char *
bypolicy_judge(const char *item, const char *(*judge)(const char *value))
{
	struct span policy = policy_of(item);
	const char *value = bypolicy_value(item);

	if (policy.p != NULL && policy.n == 0)
		return "a policy is missing before the =";
	if (policy.n > PACKET_ID_MAX)
		return "a policy has at most 64 bytes";
	if (value[0] == '\0')
		return "a value is missing behind the =";
	return judge != NULL ? judge(value) : NULL;
}

bool
bypolicy_is_word(const char *value, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(value, *words) == 0)
			return true;
	return false;
}

static bool
read_number(const char *text, uint64_t *v)
{
	char *rest;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*v = strtoull(text, &rest, 10);
	return errno == 0 && *rest == '\0';
}

bool
bypolicy_is_number(const char *value, uint64_t min, uint64_t max)
{
	uint64_t v;

	return read_number(value, &v) && v >= min && v <= max;
}

static bool
same_scope(struct span a, struct span b)
{
	return (a.p == NULL) == (b.p == NULL) && span_eq(a, b);
}

int
bypolicy_check(const struct conf_list *list, char why[BYPOLICY_WHY])
{
	for (size_t i = 1; i < list->n; i++) {
		struct span policy = policy_of(list->item[i]);
		for (size_t k = 0; k < i; k++) {
			if (!same_scope(policy_of(list->item[k]), policy))
				continue;
			(void)snprintf(why, BYPOLICY_WHY, "\"%s\": %s set already, by \"%s\"",
				       list->item[i],
				       policy.p == NULL ? "all policies are" : "that policy is",
				       list->item[k]);
			return -1;
		}
	}
	return 0;
}

/* ---- looking up ---- */

const char *
bypolicy_text(const struct conf_list *list, const char *policy)
{
	const char *all = NULL;

	for (size_t i = 0; i < list->n; i++) {
		struct span whose = policy_of(list->item[i]);
		if (whose.p == NULL)
			all = list->item[i];
		else if (span_eq_str(whose, policy))
			return bypolicy_value(list->item[i]);
	}
	return all;
}

int
bypolicy_word(const struct conf_list *list, const char *policy, const char *const *words,
	      int fallback)
{
	const char *text = bypolicy_text(list, policy);

	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return fallback;
}

uint64_t
bypolicy_number(const struct conf_list *list, const char *policy, uint64_t fallback)
{
	const char *text = bypolicy_text(list, policy);
	uint64_t v;

	return text != NULL && read_number(text, &v) ? v : fallback;
}
