/* job: the jobs by name, and the forms of their replies. */
#include "job.h"

#include <criterion/criterion.h>
#include <string.h>

Test(job, no_name_is_sha1_and_an_unknown_one_any)
{
	cr_assert_str_eq(job_find(span_of(NULL, 0))->name, "sha1");
	cr_assert_str_eq(job_find(span_str("redact"))->name, "");
	cr_assert_eq(job_find(span_str("redact"))->shape, JOB_ANY);
	cr_assert_eq(job_find(span_str("SHA1"))->shape, JOB_ANY, "names are compared as they are");
	for (unsigned i = 0; job_at(i) != NULL; i++)
		cr_assert_eq(job_find(span_str(job_at(i)->name)), job_at(i));
}

/* FIPS 180-4 and 202, of "abc". */
Test(job, digests_agree_with_the_standards_examples)
{
	static const char *const wanted[][2] = {
		{"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			   "8086072ba1e7cc2358baeca134c825a7"},
		{"sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
		{"sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
		{"sha3-512", "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
			     "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"}};
	char hex[DIGEST_HEX_MAX + 1];

	for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const struct job *j = job_find(span_str(wanted[i][0]));
		struct span digest = job_digest(j, span_str("abc"), hex);

		cr_assert(job_is_digest(j) && span_eq_str(digest, wanted[i][1]), "%s: %s", j->name,
			  hex);
		cr_assert_eq(strlen(hex), j->digits);
		cr_assert(job_fits(j, digest));
		cr_assert_not(job_fits(j, span_of(hex, j->digits - 1)));
		hex[0] = 'A';
		cr_assert_not(job_fits(j, digest), "upper case");
	}
}

Test(job, a_pseudonym_names_its_key)
{
	const struct job *j = job_find(span_str("hmac-sha256"));
	char text[80] = "k1:";

	memset(text + 3, 'a', 64);
	cr_assert(job_fits(j, span_of(text, 67)));
	cr_assert_not(job_fits(j, span_of(text, 66)));
	cr_assert_not(job_fits(j, span_of(text + 2, 65)), "no name");
	cr_assert_not(job_fits(j, span_of(text + 3, 64)), "no colon");
	cr_assert_not(job_fits(j, span_of(NULL, 0)));
	cr_assert_not(job_is_digest(j), "keyed: nobody else can compute it");
	cr_assert(job_fits(job_find(span_str("other")), span_of(NULL, 0)));
}
