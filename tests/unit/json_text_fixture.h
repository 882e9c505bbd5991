/* json_text_fixture.h - scans a text in memory of exactly its size, and looks at what was
 * found. */
#ifndef POLICYPOOL_TESTS_JSON_TEXT_FIXTURE_H
#define POLICYPOOL_TESTS_JSON_TEXT_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json_text.h"

/* Under ASan a request that is too large is to fail as it does elsewhere. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

enum { DEPTH = 16 };

static struct json_text_object object;
static size_t at;

/* The text in memory of exactly its size, so that a checker sees every step beyond it.  Good until
 * the next call. */
static inline struct span
exactly(const char *p, size_t n)
{
	static char *copy;

	free(copy);
	copy = malloc(n > 0 ? n : 1);
	cr_assert_not_null(copy);
	memcpy(copy, p, n);
	return span_of(copy, n);
}

static inline enum json_text_status
scan(const char *text)
{
	struct span copy = exactly(text, strlen(text));

	at = SIZE_MAX;
	return json_text_scan(copy, DEPTH, &object, &at);
}

static const struct json_text_member *
find(const char *key)
{
	const struct json_text_member *m = json_text_find(&object, key);

	cr_assert_not_null(m, "no member %s", key);
	return m;
}

static inline bool
holds(const struct buf *b, const char *p, size_t n)
{
	return span_eq(buf_span(b), span_of(p, n));
}

#endif
