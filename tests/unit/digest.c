/* links: common/digest */
#include "digest.h"

#include <criterion/criterion.h>

static void
expect(struct span data, const char *hex)
{
	char got[DIGEST_HEX + 1];

	memset(got, 'x', sizeof got);
	digest_sha1_hex(data, got);
	cr_assert_str_eq(got, hex);
}

Test(digest, agrees_with_the_standards_examples)
{
	expect(span_str("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
	expect(span_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	       "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

Test(digest, of_nothing_is_that_of_the_empty_string)
{
	expect(span_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	expect(span_str(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

Test(digest, counts_nul_bytes)
{
	expect(span_of("\0", 1), "5ba93c9db0cff93f52b521d7420e43f6eda2784f");
	expect(span_of("a\0b", 3), "4a3dec2d1f8245280855c42db0ee4239f917fdb8");
}

Test(digest, takes_bytes_and_not_characters)
{
	expect(span_str("\xc3\xa9"), "bf15be717ac1b080b4f1c456692825891ff5073d");
}

Test(digest, crosses_block_boundaries)
{
	char a[1000];

	memset(a, 'a', sizeof a);
	expect(span_of(a, 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
	expect(span_of(a, 56), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
	expect(span_of(a, 63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
	expect(span_of(a, 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
	expect(span_of(a, 65), "11655326c708d70319be2610e8a57d9a5b959d3b");
	expect(span_of(a, 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba");
}
