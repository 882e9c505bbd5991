/* span.h - bytes that something else owns: a pointer and a length, no terminator. */
#ifndef POLICYPOOL_SPAN_H
#define POLICYPOOL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* memcmp() == 0, short ones without a call: two words that overlap cover up to sixteen bytes. */
static inline bool
span_same_bytes(const char *a, const char *b, size_t n)
{
	uint64_t a1, b1, a2, b2;

	if (n > 2 * sizeof a1)
		return memcmp(a, b, n) == 0;
	if (n >= sizeof a1) {
		memcpy(&a1, a, sizeof a1);
		memcpy(&b1, b, sizeof b1);
		memcpy(&a2, a + n - sizeof a2, sizeof a2);
		memcpy(&b2, b + n - sizeof b2, sizeof b2);
		return a1 == b1 && a2 == b2;
	}
	while (n > 0 && a[n - 1] == b[n - 1]) /* keys that are alike differ at their ends */
		n--;
	return n == 0;
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && span_same_bytes(a.p, b.p, a.n);
}

static inline bool
span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/* printf("%.*s", SPAN_ARG(s)); longer spans than INT_MAX do not occur: max_message bounds them. */
#define SPAN_ARG(s) (int)(s).n, (s).n ? (s).p : ""

/* Without the byte order mark by which some editors say that a file is UTF-8. */
static inline struct span
span_without_mark(struct span s)
{
	bool marked = s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0;

	return marked ? span_of(s.p + 3, s.n - 3) : s;
}

#endif
