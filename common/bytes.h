/* bytes.h - looks at JSON sixteen bytes at a time: what strings are made of, where they end.
 *
 * SSE2 where the compiler has it, a byte at a time elsewhere; the result is the same. */
#ifndef POLICYPOOL_BYTES_H
#define POLICYPOOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BYTES_BLOCK = 16 };

/* Means itself inside a JSON string, and is ASCII. */
static inline bool
bytes_is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* Where in a block the bytes stand that JSON is structured by: a bit each, the first byte's lowest.
 */
struct bytes_marks {
	uint64_t quotes, backslashes, brackets; /* of all four kinds */
};

/* Of a byte that is a bracket.  Those that open have a bit set that the others have not. */
static inline bool
bytes_opens(char bracket)
{
	return (bracket & 2) != 0;
}

#ifdef __SSE2__

static inline __m128i
bytes_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i
bytes_quotes(__m128i v)
{
	return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
			    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
}

/* A byte beyond ASCII is negative, hence below a space too. */
static inline __m128i
bytes_not_plain(__m128i v)
{
	return _mm_or_si128(bytes_quotes(v), _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));
}

/* Index of the first of the sixteen bytes at p that is not plain; BYTES_BLOCK if all are. */
static inline unsigned
bytes_plain_run(const char *p)
{
	unsigned found = (unsigned)_mm_movemask_epi8(bytes_not_plain(bytes_load(p)));

	return (unsigned)__builtin_ctz(found | 1U << BYTES_BLOCK);
}

static inline uint64_t
bytes_equal(__m128i v, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

/* Of the sixteen bytes at p.  The two kinds of brackets differ in one bit alone. */
static inline struct bytes_marks
bytes_marks_16(const char *p)
{
	__m128i v = bytes_load(p), folded = _mm_or_si128(v, _mm_set1_epi8(0x20));

	__m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
					_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));

	return (struct bytes_marks){.quotes = bytes_equal(v, '"'),
				    .backslashes = bytes_equal(v, '\\'),
				    .brackets = (unsigned)_mm_movemask_epi8(brackets)};
}

/* All of the 64 bytes at p are plain. */
static inline bool
bytes_plain_64(const char *p)
{
	__m128i a = bytes_not_plain(bytes_load(p)), b = bytes_not_plain(bytes_load(p + 16));
	__m128i c = bytes_not_plain(bytes_load(p + 32)), d = bytes_not_plain(bytes_load(p + 48));

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0;
}

#else

static inline unsigned
bytes_plain_run(const char *p)
{
	unsigned n = 0;

	while (n < BYTES_BLOCK && bytes_is_plain(p[n]))
		n++;
	return n;
}

static inline struct bytes_marks
bytes_marks_16(const char *p)
{
	struct bytes_marks m = {0, 0, 0};

	for (unsigned i = 0; i < BYTES_BLOCK; i++) {
		m.quotes |= (uint64_t)(p[i] == '"') << i;
		m.backslashes |= (uint64_t)(p[i] == '\\') << i;
		m.brackets |= (uint64_t)((p[i] | 0x20) == '{' || (p[i] | 0x20) == '}') << i;
	}
	return m;
}

static inline bool
bytes_plain_64(const char *p)
{
	for (unsigned i = 0; i < 64; i += BYTES_BLOCK)
		if (bytes_plain_run(p + i) < BYTES_BLOCK)
			return false;
	return true;
}

#endif

/* Of n blocks at p, four at most. */
static inline struct bytes_marks
bytes_marks(const char *p, unsigned n)
{
	struct bytes_marks all = {0, 0, 0};

	for (unsigned i = 0; i < n; i++) {
		struct bytes_marks m = bytes_marks_16(p + (size_t)i * BYTES_BLOCK);
		unsigned shift = i * BYTES_BLOCK;

		all.quotes |= m.quotes << shift;
		all.backslashes |= m.backslashes << shift;
		all.brackets |= m.brackets << shift;
	}
	return all;
}

/* Bits from an odd mark up to the next one, without it: with quotes, what stands inside them. */
static inline uint64_t
bytes_between(uint64_t marks)
{
	for (unsigned n = 1; n < 64; n *= 2)
		marks ^= marks << n;
	return marks;
}

/* Past the plain bytes at p: the first that is not, or end. */
static inline const char *
bytes_skip_plain(const char *p, const char *end)
{
	while ((size_t)(end - p) >= BYTES_BLOCK) {
		unsigned n = bytes_plain_run(p);

		p += n;
		if (n < BYTES_BLOCK)
			return p;
		while (end - p >= 64 && bytes_plain_64(p))
			p += 64;
	}
	while (p < end && bytes_is_plain(*p))
		p++;
	return p;
}

#endif
