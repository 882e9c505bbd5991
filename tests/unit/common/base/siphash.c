/* siphash: the vectors of its authors. */
#include "siphash.h"

#include <criterion/criterion.h>

static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

Test(siphash, agrees_with_the_authors_vectors)
{
	char data[64];

	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = (char)i;
	cr_assert_eq(siphash(key, span_of(NULL, 0)), 0x726fdb47dd0e0e31);
	cr_assert_eq(siphash(key, span_of(data, 1)), 0x74f839c593dc67fd);
	cr_assert_eq(siphash(key, span_of(data, 8)), 0x93f5f5799a932462);
	cr_assert_eq(siphash(key, span_of(data, 15)), 0xa129ca6149be45e5);
	cr_assert_eq(siphash(key, span_of(data, 63)), 0x958a324ceb064572);
}

Test(siphash, another_key_is_another_hash)
{
	const uint64_t other[2] = {key[0] ^ 1, key[1]};

	cr_assert_neq(siphash(key, span_str("100")), siphash(other, span_str("100")));
}
