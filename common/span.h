/* span.h - bytes that somebody else owns: a pointer and a length, no terminator. */
#ifndef POLICYPOOL_SPAN_H
#define POLICYPOOL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *p; /* may be NULL when n is 0 */
	size_t n;      /* bytes */
};

static inline struct span
span_of(const char *p, size_t n)
{
	return (struct span){p, n};
}

/* s is NUL-terminated; the terminator is not part of the span. */
static inline struct span
span_str(const char *s)
{
	return (struct span){s, strlen(s)};
}

static inline bool
span_eq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	/* Most that differ do so in their first byte. */
	return a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/* printf("%.*s", SPAN_ARG(s)); longer spans than INT_MAX do not occur: max_message bounds them. */
#define SPAN_ARG(s) (int)(s).n, (s).n ? (s).p : ""

#endif
