/* digest: the vectors of the standards. */
#include "digest.h"

#include <criterion/criterion.h>
#include <errno.h>

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

/* ---- HMAC (RFC 4231), HKDF (RFC 5869) ---- */

static void
expect_mac(struct span key, struct span data, const char *wanted)
{
	uint8_t mac[DIGEST_MAC];
	char hex[DIGEST_MAC_HEX + 1];

	digest_hmac(key, data, mac);
	digest_hex(mac, sizeof mac, hex);
	cr_assert_str_eq(hex, wanted);
}

Test(digest, hmac_agrees_with_the_rfcs_vectors)
{
	char key[131];

	memset(key, 0x0b, sizeof key);
	expect_mac(span_of(key, 20), span_str("Hi There"),
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	expect_mac(span_str("Jefe"), span_str("what do ya want for nothing?"),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	expect_mac(span_of(key, 131),
		   span_str("Test Using Larger Than Block-Size Key - Hash Key First"),
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	expect_mac(span_of(NULL, 0), span_of(NULL, 0),
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

Test(digest, hkdf_agrees_with_the_rfcs_vectors)
{
	uint8_t secret[22], salt[13], info[10], out[42];
	char hex[2 * sizeof out + 1];

	memset(secret, 0x0b, sizeof secret);
	for (unsigned i = 0; i < sizeof salt; i++)
		salt[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof info; i++)
		info[i] = (uint8_t)(0xf0 + i);
	digest_hkdf(span_of((char *)salt, sizeof salt), span_of((char *)secret, sizeof secret),
		    span_of((char *)info, sizeof info), out, sizeof out);
	digest_hex(out, sizeof out, hex);
	cr_assert_str_eq(hex, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
			      "34007208d5b887185865");
	digest_hkdf(span_of(NULL, 0), span_of((char *)secret, sizeof secret), span_of(NULL, 0), out,
		    sizeof out);
	digest_hex(out, sizeof out, hex);
	cr_assert_str_eq(hex, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
			      "9d201395faa4b61a96c8");
}

Test(digest, a_derived_key_is_hkdf_without_salt)
{
	uint8_t a[DIGEST_MAC], b[DIGEST_MAC];

	digest_derive(span_str("secret"), span_str("info"), a);
	digest_hkdf(span_of(NULL, 0), span_str("secret"), span_str("info"), b, sizeof b);
	cr_assert(digest_equal(a, b, sizeof a));
	digest_derive(span_str("secret"), span_str("other"), b);
	cr_assert_not(digest_equal(a, b, sizeof a));
	b[0] = a[0];
	memcpy(b, a, sizeof b);
	b[DIGEST_MAC - 1] ^= 1;
	cr_assert_not(digest_equal(a, b, sizeof a), "the last byte counts");
}

/* ---- texts of bytes ---- */

Test(digest, hex_is_exact)
{
	uint8_t out[4];

	cr_assert_eq(digest_unhex(span_str("00fF10aB"), out, 4), 0);
	cr_assert_eq(memcmp(out, "\x00\xff\x10\xab", 4), 0);
	cr_assert_eq(digest_unhex(span_str("00fF10a"), out, 4), -1);
	cr_assert_eq(digest_unhex(span_str("00fF10aB00"), out, 4), -1);
	cr_assert_eq(digest_unhex(span_str("00fF10aG"), out, 4), -1);
	cr_assert_eq(digest_unhex(span_str("00 fF10a"), out, 4), -1);
	cr_assert_eq(digest_unhex(span_of("00f\0F10a", 8), out, 4), -1);
}

Test(digest, a_secret_is_hex_or_base64)
{
	uint8_t out[6];

	cr_assert_eq(digest_decode(span_str("00ff10"), out, sizeof out), 3);
	cr_assert_eq(memcmp(out, "\x00\xff\x10", 3), 0);
	cr_assert_eq(digest_decode(span_str("Zm9vYg=="), out, sizeof out), 4);
	cr_assert_eq(memcmp(out, "foob", 4), 0);
	cr_assert_eq(digest_decode(span_str("Zm9vYg="), out, sizeof out), -1);
	cr_assert_eq(digest_decode(span_str("Zm9v!!"), out, sizeof out), -1);
	cr_assert_eq(digest_decode(span_str("00ff10aabbccdd"), out, sizeof out), -1, "too long");
	cr_assert_eq(digest_decode(span_str("Zm9vYmFyYmFy"), out, sizeof out), -1, "too long");
}

static void
expect_base64(struct span bytes, const char *text)
{
	struct buf out = BUF_INIT, back = BUF_INIT;

	cr_assert_eq(digest_base64(&out, bytes), 0);
	cr_assert(span_eq_str(buf_span(&out), text), "%s", text);
	cr_assert_eq(digest_unbase64(&back, span_str(text)), 0);
	cr_assert(span_eq(buf_span(&back), bytes), "%s", text);
	buf_release(&out);
	buf_release(&back);
}

Test(digest, base64_agrees_with_the_rfcs_vectors_both_ways)
{
	expect_base64(span_str(""), "");
	expect_base64(span_str("f"), "Zg==");
	expect_base64(span_str("fo"), "Zm8=");
	expect_base64(span_str("foo"), "Zm9v");
	expect_base64(span_str("foobar"), "Zm9vYmFy");
	expect_base64(span_of("\0\xff\n", 3), "AP8K");
}

Test(digest, what_is_no_base64_is_refused_and_the_output_stays)
{
	static const char *const bad[] = {"Zg=", "Zg", "Zm9v\n", "Zm 9v", "Zm9v=", "Z*==", "===="};
	struct buf out = BUF_INIT;

	cr_assert_eq(buf_append_str(&out, "before"), 0);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		errno = 0;
		cr_assert_eq(digest_unbase64(&out, span_str(bad[i])), -1, "%s", bad[i]);
		cr_assert_eq(errno, EINVAL);
		cr_assert(span_eq_str(buf_span(&out), "before"));
	}
	cr_assert_eq(digest_unbase64(&out, span_of("Zg==\0", 5)), -1, "a NUL");
	buf_release(&out);
}
