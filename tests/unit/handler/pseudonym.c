/* pseudonym: keyrings are judged, pseudonyms are what the manual says. */
#include "pseudonym.h"

#include "runner_fixture.h"
#include <sys/stat.h>

#define OLD  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW  "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define RING "key 2026\n\tsecret use " NEW "\nkey 2025\n\tsecret install " OLD "\n"

static char *said;
static size_t said_n;

static struct pseudonym_keys *
parse(const char *text, const char *domain)
{
	FILE *err = open_memstream(&said, &said_n);
	struct pseudonym_keys *k = pseudonym_parse("ring", span_str(text), domain, err);

	cr_assert_eq(fclose(err), 0);
	if (k != NULL)
		free(said); /* nothing */
	return k;
}

static void
refuses(const char *text, const char *why)
{
	cr_assert_null(parse(text, ""));
	cr_assert_str_eq(said, why);
	free(said);
}

static const char *
pseudonym(struct pseudonym_keys *k, const char *payload, const char *key)
{
	static char text[1000];
	struct job_reply a = {.retry = 0};
	struct job_request job = {.payload = span_str(payload), .key = span_str(key)};

	if (pseudonym_backend.run(k, &job, &a) == JOB_DONE)
		(void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(a.payload));
	else
		(void)snprintf(text, sizeof text, "%s", a.why);
	return text;
}

/* Of an implementation of its own: Python's hmac, HKDF by hand. */
Test(pseudonym, is_hmac_under_a_key_of_secret_and_domain)
{
	struct pseudonym_keys *k = parse(RING, "shop");

	cr_assert_str_eq(pseudonym(k, "+41 79 123 45 67", ""),
			 "2026:4c2197a3fa3f7c52e95e182fa3c2cfef10282b64135f0980bd0e9305f83726de");
	cr_assert_str_eq(pseudonym(k, "+41 79 123 45 67", "2025"),
			 "2025:7171572be2b46283c5c9a84e90c6082d8b660e5cc30001d359c10ad4d75942de");
	cr_assert_str_eq(pseudonym(k, "", "2026"),
			 "2026:7643c2689d730f4b538a5a526d0cc8a51dcbd79b1b3c705a493dffbf47d7992f");
	pseudonym_free(k);
	k = parse(RING, "");
	cr_assert_str_eq(pseudonym(k, "+41 79 123 45 67", ""),
			 "2026:853dc1dd8472fb5e772c4b8609dc81eecfff847c18f52ef001477d3cedbe8e44");
	pseudonym_free(k);
}

Test(pseudonym, only_installed_keys_are_known)
{
	struct pseudonym_keys *k = parse("key a\nsecret use " NEW "\nkey b\nsecret remove " OLD,
					 "");

	cr_assert_str_eq(pseudonym(k, "x", "b"), "the key b is not installed here");
	cr_assert_str_eq(pseudonym(k, "x", "c"), "the key c is not installed here");
	pseudonym_free(k);
}

Test(pseudonym, faults_of_the_keyring_are_told_with_their_place)
{
	refuses("", "ring: no key is in use: one must have a line: secret use SECRET\n");
	refuses("key a\n", "ring: key a has no secret\n");
	refuses("key a\nsecret install " OLD,
		"ring: no key is in use: one must have a line: secret use SECRET\n");
	refuses("key a\nsecret use " OLD "\nkey b\nsecret use " NEW,
		"ring:4: a second key to use, beside a\n");
	refuses("key a\nsecret use " OLD "\nsecret install " NEW,
		"ring:3: a second secret of key a: give it a key of its own\n");
	refuses("key a\nsecret use 00112233445566778899aabbccddeeff",
		"ring:2: the secret has 16 bytes: it must have at least 32\n");
	refuses("secret use " OLD, "ring:1: the first line must be: key NAME\n");
	refuses("key a:b\nsecret use " OLD,
		"ring:1: the name of a key has letters, digits, _, . and - only\n");
	refuses("key a\nsecret use " OLD "\nkey a\nsecret install " OLD,
		"ring:3: this key stands there twice\n");
	refuses("key a\nsecret keep " OLD, "ring:2: a secret's state is install, use or remove\n");
	refuses("key a\nsecret use\n", "ring:2: it is: secret STATE SECRET\n");
	refuses("key a\nsecret use hello\n",
		"ring:2: the secret is neither hex nor base64 of at most 256 bytes\n");
	refuses("key a\npolicies 111\nsecret use " OLD,
		"ring:2: policies: unknown; it may be key or secret\n");
}

static const char *
ring_file(const char *text, mode_t mode)
{
	static char path[32];
	int fd;

	(void)strcpy(path, "/tmp/pseudonyms.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
	return path;
}

static void
announces(const char *text, const char *domain, const char *wanted)
{
	const char *path = ring_file(text, 0600);
	char keys[JOB_KEYS_MAX + 1];

	cr_assert_eq(pseudonym_check(path, domain, keys, stderr), 0);
	cr_assert_str_eq(keys, wanted);
	(void)unlink(path);
}

/* Of an implementation of its own, as above. */
Test(pseudonym, what_is_announced_tells_secrets_and_domains_apart)
{
	announces(RING, "shop", "2026=99cdd4f60eb012e3,2025=4d873f910f17bf26");
	announces(RING, "", "2026=d56eff3efe6ecce7,2025=c5f070008d541690");
	announces("key 2025\nsecret install " OLD "\nkey 2026\nsecret use " NEW, "shop",
		  "2026=99cdd4f60eb012e3,2025=4d873f910f17bf26");
	announces("key b\nsecret remove " OLD "\nkey a\nsecret use " NEW, "shop",
		  "a=99cdd4f60eb012e3");
}

Test(pseudonym, a_file_that_others_can_read_is_refused)
{
	const char *path = ring_file(RING, 0644);
	FILE *err = open_memstream(&said, &said_n);
	char keys[JOB_KEYS_MAX + 1];

	cr_assert_eq(pseudonym_check(path, "", keys, err), -1);
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(pseudonym_check(path, "", keys, err), 0);
	cr_assert_eq(fclose(err), 0);
	cr_assert_neq(strstr(said, "can be read or written by others"), NULL);
	free(said);
	(void)unlink(path);
}

static struct job_runner_conf
conf_of(const char *path)
{
	return (struct job_runner_conf){
		.kind = JOB_RUNNER_PSEUDONYM, .seccomp = true, .keys = path, .domain = "shop"};
}

Test(pseudonym, a_process_of_it_answers_behind_its_filter)
{
	const char *path = ring_file(RING, 0600);
	char *large = malloc((1 << 20) + 1);

	runner_begin(conf_of(path));
	cr_assert_str_eq(runner_ask(READY), "{\"job\":0,\"payload\":\"\",\"repeatable\":true}");
	(void)unlink(path); /* it has the keys */
	cr_assert(runner_is_filtered() || sandbox_why_not() != NULL);
	ANSWERS("+41 79 123 45 67",
		"{\"job\":1,\"payload\":\"2026:4c2197a3fa3f7c52e95e182fa3c2cfef10282b64135f0980bd0e9305f83726de\"}");
	cr_assert_str_eq(
		runner_ask("{\"job\":9,\"policy\":\"111\",\"srcid\":\"1\",\"timeout\":1,"
			   "\"key\":\"2025\",\"payload\":\"+41 79 123 45 67\"}"),
		"{\"job\":9,\"payload\":\"2025:7171572be2b46283c5c9a84e90c6082d8b660e5cc30001d359c10ad4d75942de\"}");
	cr_assert_str_eq(runner_ask("{\"job\":9,\"policy\":\"111\",\"srcid\":\"1\",\"timeout\":1,"
				    "\"key\":\"2024\",\"payload\":\"x\"}"),
			 "{\"job\":9,\"error\":\"the key 2024 is not installed here\"}");
	memset(large, 'x', 1 << 20);
	large[1 << 20] = '\0';
	cr_assert_neq(strstr(runner_job(large), "{\"job\":1,\"payload\":\"2026:"), NULL);
	free(large);
	EXITS(0);
	cr_assert_str_eq(runner_said(), "");
}

Test(pseudonym, without_its_keyring_the_process_says_why)
{
	runner_begin(conf_of("/nowhere/ring"));
	cr_assert_str_eq(runner_hear(), "");
	EXITS(99);
	SAID("/nowhere/ring: No such file or directory");
}
