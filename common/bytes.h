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

/* The sixteen bytes at p are hex digits, lower case. */
static inline bool
bytes_hex_16(const char *p)
{
	__m128i v = bytes_load(p), digit, letter;

	digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
			      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
	letter = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('a' - 1)),
			       _mm_cmplt_epi8(v, _mm_set1_epi8('f' + 1)));
	return _mm_movemask_epi8(_mm_or_si128(digit, letter)) == 0xffff;
}

static inline uint64_t
bytes_odd_16(const char *p)
{
	return (unsigned)_mm_movemask_epi8(bytes_not_plain(bytes_load(p)));
}

#else

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

/* Without a branch a byte: whether a digit is above nine can't be foreseen, and would be guessed
 * wrongly half the time. */
static inline bool
bytes_hex_16(const char *p)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < BYTES_BLOCK; i++) {
		unsigned c = (unsigned char)p[i];
		wrong |= (c - '0' > 9) & (c - 'a' > 5);
	}
	return wrong == 0;
}

static inline uint64_t
bytes_odd_16(const char *p)
{
	uint64_t odd = 0;

	for (unsigned i = 0; i < BYTES_BLOCK; i++)
		odd |= (uint64_t)!bytes_is_plain(p[i]) << i;
	return odd;
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

/* Index of the first of the sixteen bytes at p that is not plain; BYTES_BLOCK if all are. */
static inline unsigned
bytes_plain_run(const char *p)
{
	return (unsigned)__builtin_ctzll(bytes_odd_16(p) | 1U << BYTES_BLOCK);
}

/* Which of the 64 bytes at p are not plain: a bit each, the first byte's lowest. */
static inline uint64_t
bytes_odd_64(const char *p)
{
	return bytes_odd_16(p) | bytes_odd_16(p + 16) << 16 | bytes_odd_16(p + 32) << 32 |
	       bytes_odd_16(p + 48) << 48;
}

/* Past the plain bytes at p: the first that is not, or end. */
static inline const char *
bytes_skip_plain(const char *p, const char *end)
{
	for (; end - p >= 64; p += 64) {
		uint64_t odd = bytes_odd_64(p);

		if (odd != 0)
			return p + __builtin_ctzll(odd);
	}
	while (end - p >= BYTES_BLOCK) {
		unsigned n = bytes_plain_run(p);

		p += n;
		if (n < BYTES_BLOCK)
			return p;
	}
	while (p < end && bytes_is_plain(*p))
		p++;
	return p;
}

#endif
