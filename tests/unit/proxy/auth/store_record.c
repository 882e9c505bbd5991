/* store_record: what proxies tell one another of servers; whatever is forged is not believed. */
#include "store_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const char ring[] = "key alpha\nsecret install " SECRET2 "\nsecret use " SECRET "\n"
			   "policies 111\nids web-*\njobs sha1\nnetworks 192.0.2.0/24\n"
			   "key beta\nsecret install " SECRET2 "\n"
			   "key gone\nsecret use " SECRET " until 2001-01-01\n";

static struct keyring *keyring;
static struct registry *reg;
static struct buf out;
static char why[STORE_RECORD_WHY];
static bool old;

static void
open_all(void)
{
	keyring = keyring_parse("ring", span_str(ring), stderr);
	reg = registry_new(4, 4);
	cr_assert(keyring != NULL && reg != NULL);
}

static void
close_all(void)
{
	keyring_free(keyring);
	registry_free(reg);
	buf_release(&out);
}

TestSuite(store_record, .init = open_all, .fini = close_all);

/* Of a server in the registry; keyid empty: no key's. */
static struct store_record
record(const char *keyid)
{
	struct packet_announcement a = {.id = "web-1",
					.policy = "111",
					.keepalive = true,
					.slots = 8,
					.pipeline = 64,
					.weight = 3,
					.lease = 10,
					.jobtimeout = 500,
					.backup = true,
					.once = true,
					.jobkeys = "a=0123456789abcdef"};
	struct store_record rec;
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "192.0.2.7", 2105), 0);
	cr_assert_eq(registry_join(reg, &a, &at, 1000), REGISTRY_JOINED);
	registry_own(reg, 0, keyid, keyid[0] != '\0' ? 7 : 0, false);
	(void)registry_set_job_keys(reg, 0, a.jobkeys);
	store_record_of(&rec, reg, 0, "p1");
	return rec;
}

static struct store_record
again(const struct store_record *rec)
{
	struct store_record back;

	buf_clear(&out);
	cr_assert_eq(store_record_write(&out, rec), 0);
	cr_assert_eq(store_record_read(&back, buf_span(&out), why), 0, "%s", why);
	return back;
}

static const char *
judge(const struct store_record *rec)
{
	return store_record_judge(rec, keyring, "pool", true, time(NULL), &old);
}

static void
not_read(const char *text, const char *reason)
{
	struct store_record rec;

	cr_expect_eq(store_record_read(&rec, span_str(text), why), -1, "%s", text);
	cr_expect_not_null(strstr(why, reason), "%s: %s lacks %s", text, why, reason);
}

Test(store_record, what_is_written_is_read_again)
{
	struct store_record rec = record(""), back = again(&rec);

	cr_expect_str_eq(back.a.id, "web-1");
	cr_expect_str_eq(back.a.policy, "111");
	cr_expect_str_eq(back.a.jobkeys, "a=0123456789abcdef");
	cr_expect_str_eq(back.by, "p1");
	cr_expect(back.a.keepalive && back.a.once && back.a.backup && !back.a.tls);
	cr_expect_eq(back.a.slots, 8);
	cr_expect_eq(back.a.pipeline, 64);
	cr_expect_eq(back.a.weight, 3);
	cr_expect_eq(back.a.jobtimeout, 500);
	cr_expect_eq(back.a.lease, 0);
	cr_expect(addr_eq(&back.at, &rec.at));
	cr_expect_str_eq(buf_span(&out).p[buf_len(&out) - 1] == '}' ? "whole" : "", "whole");
}

Test(store_record, what_is_signed_is_believed_and_nothing_else_of_a_key)
{
	struct store_record rec = record("alpha"), back;

	back = again(&rec);
	cr_expect_str_eq(judge(&back), "it names a key and has no mac");
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	back = again(&rec);
	cr_expect_null(judge(&back));
	cr_expect_not(old);
	cr_expect_str_eq(store_record_judge(&back, keyring, "other pool", false, time(NULL), &old),
			 "its mac is wrong");
	cr_expect_str_eq(store_record_judge(&back, NULL, "pool", false, time(NULL), &old),
			 "no key of that name");
}

Test(store_record, without_a_key_it_counts_where_none_is_required)
{
	struct store_record rec = record("");

	cr_expect_null(store_record_judge(&rec, keyring, "pool", false, time(NULL), &old));
	cr_expect_str_eq(judge(&rec), "it is not signed, and require_signature is set");
}

Test(store_record, it_is_signed_with_the_secret_to_use_alone)
{
	struct store_record rec = record("beta");

	cr_expect_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), -1);
	(void)strcpy(rec.a.sign.keyid, "gone");
	cr_expect_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), -1);
	(void)strcpy(rec.a.sign.keyid, "nobody");
	cr_expect_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), -1);
}

Test(store_record, a_key_is_for_what_it_may)
{
	struct store_record rec = record("alpha");

	(void)strcpy(rec.a.policy, "222");
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	cr_expect_str_eq(judge(&rec), "the key is not for this policy");
	(void)strcpy(rec.a.policy, "111");
	(void)strcpy(rec.a.id, "db-1");
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	cr_expect_str_eq(judge(&rec), "the key is not for this id");
	(void)strcpy(rec.a.id, "web-1");
	(void)strcpy(rec.a.job, "redact");
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	cr_expect_str_eq(judge(&rec), "the key is not for this job");
	rec.a.job[0] = '\0';
	cr_assert_eq(addr_numeric(&rec.at, "198.51.100.7", 2105), 0);
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	cr_expect_str_eq(judge(&rec), "the key is not for the network of its address");
}

Test(store_record, that_a_server_left_is_signed_too)
{
	struct store_record rec = record("alpha"), back;

	store_record_leave(&rec, STORE_RECORD_LEFT);
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	back = again(&rec);
	cr_expect_str_eq(back.gone, STORE_RECORD_LEFT);
	cr_expect_null(judge(&back));
	(void)strcpy(back.a.id, "web-2");
	cr_expect_str_eq(judge(&back), "its mac is wrong");
	back = again(&rec);
	back.a.sign.epoch++;
	cr_expect_str_eq(judge(&back), "its mac is wrong");
}

/* One byte of it is another, is missing, or stands twice. */
static void
mutate(struct buf *text, uint64_t *seed)
{
	size_t n = buf_len(text), at;
	char *p = text->base + text->head;

	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	at = (size_t)(*seed >> 33) % n;
	switch (*seed >> 20 & 3) {
	case 0: p[at] = (char)(*seed >> 40); break;
	case 1: p[at] ^= (char)(1 << (*seed >> 40 & 7)); break;
	case 2:
		memmove(p + at, p + at + 1, n - at - 1);
		buf_truncate(text, n - 1);
		break;
	default:
		cr_assert_not_null(buf_reserve(text, 1));
		p = text->base + text->head;
		memmove(p + at + 1, p + at, n - at);
		buf_commit(text, 1);
	}
}

/* Says the same as what was signed, whatever its text. */
static bool
is_same(const struct store_record *a, const struct store_record *b)
{
	struct buf one = BUF_INIT, other = BUF_INIT;
	bool same;

	cr_assert(store_record_write(&one, a) == 0 && store_record_write(&other, b) == 0);
	same = span_eq(buf_span(&one), buf_span(&other));
	buf_release(&one);
	buf_release(&other);
	return same;
}

Test(store_record, thousands_of_forged_ones_are_not_believed)
{
	struct store_record rec = record("alpha"), forged;
	struct buf text = BUF_INIT;
	uint64_t seed = 4711;
	unsigned read = 0, believed = 0;

	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	for (unsigned i = 0; i < 20000; i++) {
		buf_clear(&text);
		cr_assert_eq(store_record_write(&text, &rec), 0);
		for (unsigned k = 0; k <= i % 3; k++)
			mutate(&text, &seed);
		if (store_record_read(&forged, buf_span(&text), why) < 0)
			continue;
		read++;
		if (is_same(&forged, &rec)) /* a member that nobody knows was changed, or a space */
			continue;
		believed += judge(&forged) == NULL;
	}
	buf_release(&text);
	cr_expect_gt(read, 1000);
	cr_expect_eq(believed, 0);
}

Test(store_record, what_is_no_record_is_named)
{
	static char long_one[STORE_RECORD_MAX + 2];

	not_read("", "no JSON object");
	not_read("[]", "no JSON object");
	not_read("{\"v\":2,\"id\":\"1\"}", "version 2");
	not_read("{\"id\":\"1\"}", "version 0");
	not_read("{\"v\":1}", "id is missing");
	not_read("{\"v\":1,\"id\":\"1\"}", "policy is missing");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\"}", "by is missing");
	not_read("{\"v\":1,\"id\":7,\"policy\":\"2\",\"by\":\"p\"}", "id is no text");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\"}", "addr");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\",\"addr\":\"unix:/x\"}",
		 "addr is no address");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\",\"addr\":\"192.0.2.1:1\"}",
		 "not pooled");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\",\"addr\":\"192.0.2.1:1\","
		 "\"pooled\":true,\"slots\":70000}",
		 "slots is out of range");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\",\"addr\":\"192.0.2.1:1\","
		 "\"pooled\":true,\"slots\":2,\"lease\":5}",
		 "it has a lease");
	not_read("{\"v\":1,\"id\":\"1\",\"policy\":\"2\",\"by\":\"p\",\"mac\":\"00\"}",
		 "mac is none");
	memset(long_one, ' ', sizeof long_one - 1);
	not_read(long_one, "too long");
}

Test(store_record, what_is_not_known_is_passed_over)
{
	struct store_record rec;

	cr_expect_eq(
		store_record_read(&rec,
				  span_str("{\"v\":1,\"x\":{},\"id\":\"1\",\"policy\":\"2\","
					   "\"by\":\"p\",\"addr\":\"192.0.2.1:1\",\"pooled\":true,"
					   "\"slots\":2}"),
				  why),
		0, "%s", why);
}

Test(store_record, a_key_has_its_id_and_back)
{
	char key[STORE_RECORD_KEY + 1], id[PACKET_ID_MAX + 1], every[PACKET_ID_MAX + 1];

	store_record_key("a/b c%", key);
	cr_expect_str_eq(key, "servers/a%2Fb%20c%25");
	cr_expect_eq(store_record_id(span_str(key), "servers/", id), 0);
	cr_expect_str_eq(id, "a/b c%");
	memset(every, '/', PACKET_ID_MAX);
	every[PACKET_ID_MAX] = '\0';
	store_record_key(every, key);
	cr_expect_eq(store_record_id(span_str(key), "servers/", id), 0);
	cr_expect_str_eq(id, every);
	cr_expect_eq(store_record_id(span_str("servers/"), "servers/", id), -1);
	cr_expect_eq(store_record_id(span_str("servers/a%"), "servers/", id), -1);
	cr_expect_eq(store_record_id(span_str("servers/a%00"), "servers/", id), -1);
	cr_expect_eq(store_record_id(span_str("servers/a/b"), "servers/", id), -1);
	cr_expect_eq(store_record_id(span_str("proxies/a"), "servers/", id), -1);
}
