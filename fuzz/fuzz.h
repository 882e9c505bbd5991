/* fuzz.h - what the harnesses share: the entry that libFuzzer calls, and a check that it sees. */
#ifndef POLICYPOOL_FUZZ_H
#define POLICYPOOL_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that must hold whatever the input is. */
#define HOLDS(condition)                                                                        \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			(void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				      #condition);                                              \
			abort();                                                                \
		}                                                                               \
	} while (0)

static inline struct span
fuzz_span(const uint8_t *data, size_t size)
{
	return span_of((const char *)data, size);
}

/* A line of the input without its end, which is consumed too. */
static inline struct span
fuzz_line(struct span *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	struct span line = span_of(rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n);

	*rest = end != NULL ? span_of(end + 1, rest->n - line.n - 1) : span_of(NULL, 0);
	return line;
}

#endif
