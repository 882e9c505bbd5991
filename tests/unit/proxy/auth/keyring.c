/* keyring: named keys and what each may do; files that others can read are refused. */
#include "keyring.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET	 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char *said;
static size_t said_n;

static struct keyring *
parse(const char *text)
{
	FILE *err = open_memstream(&said, &said_n);
	struct keyring *k = keyring_parse("ring", span_str(text), err);

	cr_assert_eq(fclose(err), 0);
	return k;
}

static void
refused(const char *text, const char *why)
{
	struct keyring *k = parse(text);

	cr_expect_null(k, "%s", text);
	cr_expect_not_null(strstr(said, why), "%s: %s lacks %s", text, said, why);
	keyring_free(k);
	free(said);
	said = NULL;
}

Test(keyring, a_key_has_secrets_and_limits)
{
	struct keyring *k = parse("# two keys\n"
				  "key alpha\n"
				  "\tsecret use " SECRET " # the present one\n"
				  "\tsecret install " SECRET64 " until 2100-01-01\n"
				  "\tpolicies 111 PP_*\n\tpolicies 222\n"
				  "\tids web-? 7\n"
				  "\tjobs sha256 redact*\n"
				  "\tnetworks 192.0.2.0/24 2001:db8::/32\n"
				  "\tcount 3\n\n"
				  "key beta\n\tsecret remove " SECRET "\r\n");
	const struct keyring_key *a = keyring_find(k, "alpha"), *b = keyring_find(k, "beta");
	struct addr at;

	cr_assert_not_null(k, "%s", said);
	cr_assert_str_empty(said);
	cr_assert(a != NULL && b != NULL);
	cr_assert_null(keyring_find(k, "gamma"));
	cr_assert_eq(a->secrets, 2);
	cr_assert_eq(a->secret[0].n, 32);
	cr_assert_eq(a->secret[1].n, 32);
	cr_assert_eq(memcmp(a->secret[0].bytes, a->secret[1].bytes, 32), 0);
	cr_assert_eq(a->secret[1].state, KEYRING_INSTALL);
	cr_assert_eq(a->secret[1].until, 4102444800);
	cr_assert_eq(a->count, 3);
	cr_assert(keyring_has_policy(a, "111") && keyring_has_policy(a, "222") &&
		  keyring_has_policy(a, "PP_"));
	cr_assert_not(keyring_has_policy(a, "11") || keyring_has_policy(a, "1111") ||
		      keyring_has_policy(a, ""));
	cr_assert(keyring_has_id(a, "web-1") && keyring_has_id(a, "7"));
	cr_assert_not(keyring_has_id(a, "web-12"));
	cr_assert(keyring_has_job(a, "sha256") && keyring_has_job(a, "redact.py"));
	cr_assert_not(keyring_has_job(a, "sha1") || keyring_has_job(a, "sha2567"));
	cr_assert_eq(addr_numeric(&at, "192.0.2.9", 1), 0);
	cr_assert(keyring_has_network(a, &at));
	cr_assert_eq(addr_numeric(&at, "192.0.3.9", 1), 0);
	cr_assert_not(keyring_has_network(a, &at));
	cr_assert(keyring_has_policy(b, "any") && keyring_has_id(b, "any") &&
		  keyring_has_job(b, "any") && keyring_has_network(b, &at));
	keyring_free(k);
	free(said);
}

Test(keyring, what_is_wrong_is_told_with_its_line)
{
	char many[4096] = "key a\n";

	refused("secret use " SECRET "\n", "ring:1: the first line must be: key NAME");
	refused("key\n", "ring:1: it is: key NAME");
	refused("key a b\n", "ring:1: it is: key NAME");
	refused("key a\nsecret use " SECRET "\nkey a\nsecret use " SECRET,
		"ring:3: this key stands there twice");
	refused("key a\n", "key a has no secret");
	refused("key a\nsecret use 0001\n",
		"ring:2: the secret has 2 bytes: it must have at least 32");
	refused("key a\nsecret use ***\n", "ring:2: the secret is neither hex nor base64");
	refused("key a\nsecret old " SECRET "\n", "ring:2: a secret's state");
	refused("key a\nsecret " SECRET "\n", "ring:2: it is: secret STATE");
	refused("key a\nsecret use " SECRET " till 2027-01-01\n", "ring:2: it is: secret STATE");
	refused("key a\nsecret use " SECRET " until tomorrow\n", "ring:2: tomorrow");
	refused("key a\nsecret use " SECRET " until 2027-02-30\n", "ring:2: 2027-02-30");
	refused("key a\nsecret use " SECRET "\nsecret use " SECRET "\n", "ring:3: a second secret");
	refused("key a\nsecret use " SECRET "\ncount 0\n", "ring:3: count");
	refused("key a\nsecret use " SECRET "\ncount -1\n", "ring:3: count");
	refused("key a\nsecret use " SECRET "\ncount 1 2\n", "ring:3: count");
	refused("key a\nsecret use " SECRET "\nnetworks 10.0.0.1/8\n", "ring:3: 10.0.0.1/8");
	refused("key a\nsecret use " SECRET "\npolicies\n", "ring:3: policies: none");
	refused("key a\nsecret use " SECRET "\njobs\n", "ring:3: jobs: none");
	refused("key a\nsecret use " SECRET "\ncolour red\n", "ring:3: colour: unknown");
	for (int i = 0; i < 5; i++)
		(void)strcat(many, "secret install " SECRET "\n");
	refused(many, "ring:6: more than 4 secrets");
}

Test(keyring, a_secret_never_appears_in_an_error)
{
	refused("key a\nsecret old " SECRET "\nsecret use " SECRET
		" 1 2 3\nsecret use deadbeefdeadbeef\n",
		"ring:");
	struct keyring *k = parse("key a\nsecret old " SECRET "\nsecret " SECRET "\n");
	cr_assert_null(k);
	cr_assert_null(strstr(said, SECRET), "%s", said);
	free(said);
}

Test(keyring, a_secret_ends_by_state_or_date)
{
	struct keyring_secret s = {.state = KEYRING_USE};

	cr_assert(keyring_takes(&s, 1000));
	s.until = 1000;
	cr_assert(keyring_takes(&s, 999));
	cr_assert_not(keyring_takes(&s, 1000));
	s = (struct keyring_secret){.state = KEYRING_INSTALL};
	cr_assert(keyring_takes(&s, 1000));
	s.state = KEYRING_REMOVE;
	cr_assert_not(keyring_takes(&s, 0));
}

/* ---- files ---- */

static char path[] = "/tmp/keyring-XXXXXX";

static void
load(mode_t mode, const char *why)
{
	FILE *err = open_memstream(&said, &said_n);
	struct keyring *k;

	cr_assert_eq(chmod(path, mode), 0);
	k = keyring_load(path, err);
	cr_assert_eq(fclose(err), 0);
	cr_assert_eq(k != NULL, why == NULL, "mode %o: %s", mode, said);
	if (why != NULL)
		cr_assert_not_null(strstr(said, why), "%s", said);
	keyring_free(k);
	free(said);
}

Test(keyring, a_file_that_others_can_read_is_refused)
{
	int fd = mkstemp(path);
	static const char text[] = "key a\nsecret use " SECRET "\n";

	cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	cr_assert_eq(close(fd), 0);
	load(0600, NULL);
	load(0400, NULL);
	load(0640, "0600");
	load(0604, "0600");
	load(0602, "0600");
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 12345, 12345), 0);
		load(0600, "another user");
	}
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	load(0600, "no regular file");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	load(0700, "no regular file");
	cr_assert_eq(rmdir(path), 0);
}

Test(keyring, a_file_that_is_not_there_is_named)
{
	FILE *err = open_memstream(&said, &said_n);

	cr_assert_null(keyring_load("/nonexistent/ring", err));
	cr_assert_eq(fclose(err), 0);
	cr_assert_str_eq(said, "/nonexistent/ring: No such file or directory\n");
	free(said);
}
