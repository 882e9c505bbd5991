/* siphash.c - see siphash.h; after the paper of Aumasson and Bernstein, 2012. */
#include "siphash.h"

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
rounds(uint64_t v[4], unsigned n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/* Up to eight bytes, the first the least significant. */
static uint64_t
word(const char *p, size_t n)
{
	uint64_t w = 0;

	while (n-- > 0)
		w = w << 8 | (unsigned char)p[n];
	return w;
}

static void
absorb(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	rounds(v, 2);
	v[0] ^= w;
}

uint64_t
siphash(const uint64_t key[2], struct span s)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
	size_t i;

	for (i = 0; i + 8 <= s.n; i += 8)
		absorb(v, word(s.p + i, 8));
	absorb(v, (s.n > i ? word(s.p + i, s.n - i) : 0) | (uint64_t)s.n << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
