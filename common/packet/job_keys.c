/* job_keys.c - see job_keys.h. */
#include "job_keys.h"

#include <stdio.h>
#include <string.h>

struct item {
	struct span name, check;
};

/* Takes the first from the rest; one without a '=' has no check. */
static struct item
take(struct span *rest)
{
	const char *comma = memchr(rest->p, ',', rest->n);
	size_t n = comma != NULL ? (size_t)(comma - rest->p) : rest->n;
	const char *is = memchr(rest->p, '=', n);
	size_t name = is != NULL ? (size_t)(is - rest->p) : n;
	struct item it = {span_of(rest->p, name),
			  is != NULL ? span_of(is + 1, n - name - 1) : span_of(NULL, 0)};

	n += comma != NULL;
	*rest = span_of(rest->p + n, rest->n - n);
	return it;
}

static bool
is_made_of(struct span s, const char *letters)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(letters, s.p[i]) == NULL)
			return false;
	return true;
}

static bool
is_item(const struct item *it)
{
	return it->name.n > 0 && it->check.n == JOB_KEYS_CHECK &&
	       is_made_of(it->check, "0123456789abcdef") &&
	       is_made_of(it->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-");
}

bool
job_keys_is(struct span text)
{
	if (text.n == 0 || text.n > JOB_KEYS_MAX || text.p[text.n - 1] == ',')
		return false;
	while (text.n > 0) {
		struct item it = take(&text);

		if (!is_item(&it))
			return false;
	}
	return true;
}

bool
job_keys_add(char text[JOB_KEYS_MAX + 1], const char *name, const char check[JOB_KEYS_CHECK + 1])
{
	size_t n = strlen(text), room = JOB_KEYS_MAX + 1 - n;
	int added = snprintf(text + n, room, "%s%s=%s", n > 0 ? "," : "", name, check);

	if (added >= 0 && (size_t)added < room)
		return true;
	text[n] = '\0';
	return false;
}

/* The check of that name; p is NULL where it is not there. */
static struct span
find(struct span text, struct span name)
{
	while (text.n > 0) {
		struct item it = take(&text);

		if (span_eq(it.name, name))
			return it.check;
	}
	return span_of(NULL, 0);
}

enum job_keys_result
job_keys_compare(const char *a, const char *b, struct span *name)
{
	struct span rest = span_str(a);
	bool common = a[0] == '\0' || b[0] == '\0';

	while (rest.n > 0) {
		struct item it = take(&rest);
		struct span other = find(span_str(b), it.name);

		if (other.p == NULL)
			continue;
		common = true;
		*name = it.name;
		if (!span_eq(it.check, other))
			return JOB_KEYS_DIFFER;
	}
	*name = span_of(NULL, 0);
	return common ? JOB_KEYS_AGREE : JOB_KEYS_APART;
}
