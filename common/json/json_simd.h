/* json_simd.h - scans JSON sixteen bytes at a time: which bytes a string has, where it ends.
 *
 * SSE2 where the compiler has it, a byte at a time elsewhere; the result is the same. */
#ifndef POLICYPOOL_JSON_SIMD_H
#define POLICYPOOL_JSON_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_SIMD_BLOCK = 16 };

/* Means itself inside a JSON string, and is ASCII. */
static inline bool
json_simd_is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* Where in a block the bytes stand that JSON is structured by: a bit each, the first byte's lowest.
 */
struct json_simd_marks {
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
json_simd_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i
json_simd_quotes(__m128i v)
{
	return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
			    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
}

/* A byte beyond ASCII is negative, hence below a space too. */
static inline __m128i
json_simd_not_plain(__m128i v)
{
	return _mm_or_si128(json_simd_quotes(v), _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));
}

static inline uint64_t
json_simd_equal(__m128i v, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

/* Of the sixteen bytes at p.  The two kinds of brackets differ in one bit alone. */
static inline struct json_simd_marks
json_simd_marks_16(const char *p)
{
	__m128i v = json_simd_load(p), folded = _mm_or_si128(v, _mm_set1_epi8(0x20));

	__m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
					_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));

	return (struct json_simd_marks){.quotes = json_simd_equal(v, '"'),
					.backslashes = json_simd_equal(v, '\\'),
					.brackets = (unsigned)_mm_movemask_epi8(brackets)};
}

/* The sixteen bytes at p are hex digits, lower case. */
static inline bool
json_simd_hex_16(const char *p)
{
	__m128i v = json_simd_load(p), digit, letter;

	digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
			      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
	letter = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('a' - 1)),
			       _mm_cmplt_epi8(v, _mm_set1_epi8('f' + 1)));
	return _mm_movemask_epi8(_mm_or_si128(digit, letter)) == 0xffff;
}

static inline uint64_t
json_simd_odd_16(const char *p)
{
	return (unsigned)_mm_movemask_epi8(json_simd_not_plain(json_simd_load(p)));
}

#else

static inline struct json_simd_marks
json_simd_marks_16(const char *p)
{
	struct json_simd_marks m = {0, 0, 0};

	for (unsigned i = 0; i < JSON_SIMD_BLOCK; i++) {
		m.quotes |= (uint64_t)(p[i] == '"') << i;
		m.backslashes |= (uint64_t)(p[i] == '\\') << i;
		m.brackets |= (uint64_t)((p[i] | 0x20) == '{' || (p[i] | 0x20) == '}') << i;
	}
	return m;
}

/* Without a branch a byte: whether a digit is above nine can't be foreseen, and would be guessed
 * wrongly half the time. */
static inline bool
json_simd_hex_16(const char *p)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < JSON_SIMD_BLOCK; i++) {
		unsigned c = (unsigned char)p[i];
		wrong |= (c - '0' > 9) & (c - 'a' > 5);
	}
	return wrong == 0;
}

static inline uint64_t
json_simd_odd_16(const char *p)
{
	uint64_t odd = 0;

	for (unsigned i = 0; i < JSON_SIMD_BLOCK; i++)
		odd |= (uint64_t)!json_simd_is_plain(p[i]) << i;
	return odd;
}

#endif

/* Of n blocks at p, four at most. */
static inline struct json_simd_marks
json_simd_marks(const char *p, unsigned n)
{
	struct json_simd_marks all = {0, 0, 0};

	for (unsigned i = 0; i < n; i++) {
		struct json_simd_marks m = json_simd_marks_16(p + (size_t)i * JSON_SIMD_BLOCK);
		unsigned shift = i * JSON_SIMD_BLOCK;

		all.quotes |= m.quotes << shift;
		all.backslashes |= m.backslashes << shift;
		all.brackets |= m.brackets << shift;
	}
	return all;
}

/* Bits from an odd mark up to the next one, without it: with quotes, what stands inside them. */
static inline uint64_t
json_simd_between(uint64_t marks)
{
	for (unsigned n = 1; n < 64; n *= 2)
		marks ^= marks << n;
	return marks;
}

/* Index of the first of the sixteen bytes at p that is not plain; JSON_SIMD_BLOCK if all are. */
static inline unsigned
json_simd_plain_run(const char *p)
{
	return (unsigned)__builtin_ctzll(json_simd_odd_16(p) | 1U << JSON_SIMD_BLOCK);
}

/* Which of the 64 bytes at p are not plain: a bit each, the first byte's lowest. */
static inline uint64_t
json_simd_odd_64(const char *p)
{
	return json_simd_odd_16(p) | json_simd_odd_16(p + 16) << 16 |
	       json_simd_odd_16(p + 32) << 32 | json_simd_odd_16(p + 48) << 48;
}

/* Past the plain bytes at p: the first that is not, or end. */
static inline const char *
json_simd_skip_plain(const char *p, const char *end)
{
	for (; end - p >= 64; p += 64) {
		uint64_t odd = json_simd_odd_64(p);

		if (odd != 0)
			return p + __builtin_ctzll(odd);
	}
	while (end - p >= JSON_SIMD_BLOCK) {
		unsigned n = json_simd_plain_run(p);

		p += n;
		if (n < JSON_SIMD_BLOCK)
			return p;
	}
	while (p < end && json_simd_is_plain(*p))
		p++;
	return p;
}

#endif
