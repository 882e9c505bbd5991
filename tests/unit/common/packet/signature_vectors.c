/* signature: the same keys and MACs as other implementations, from a file that these read too. */
#include "signature.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdio.h>

/* For the caller to put. */
static json_object *
vectors(const char *which)
{
	json_object *all = json_object_from_file(VECTORS "registration-mac.json"), *list = NULL;

	cr_assert_not_null(all, "%s", json_util_get_last_err());
	cr_assert(json_object_object_get_ex(all, which, &list));
	cr_assert_gt(json_object_array_length(list), 0);
	list = json_object_get(list);
	(void)json_object_put(all);
	return list;
}

static const char *
text(json_object *o, const char *key)
{
	json_object *value = NULL;

	cr_assert(json_object_object_get_ex(o, key, &value), "%s is missing", key);
	return json_object_get_string(value);
}

static void
key_of(json_object *o, uint8_t key[DIGEST_MAC])
{
	cr_assert_eq(digest_unhex(span_str(text(o, "key")), key, DIGEST_MAC), 0);
}

Test(signature_vectors, a_servers_key)
{
	json_object *list = vectors("server_keys");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		uint8_t secret[SIGNATURE_SECRET_MAX], key[DIGEST_MAC];
		char hex[PACKET_MAC + 1];
		size_t n = strlen(text(o, "secret")) / 2;

		cr_assert_eq(digest_unhex(span_str(text(o, "secret")), secret, n), 0);
		signature_server_key(span_of((const char *)secret, n), text(o, "keyid"),
				     text(o, "id"), key);
		digest_hex(key, sizeof key, hex);
		cr_expect_str_eq(hex, text(o, "key"), "%zu", i);
	}
	(void)json_object_put(list);
}

/* As the proxy does: the packet as it comes, the mac over what was read of it. */
Test(signature_vectors, a_registration)
{
	json_object *list = vectors("registrations"), *o, *written;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct packet_announcement a;
		struct packet_fault fault;
		struct packet p;
		uint8_t key[DIGEST_MAC];
		char mac[PACKET_MAC + 1];

		o = json_object_array_get_idx(list, i);
		cr_assert(json_object_object_get_ex(o, "packet", &written));
		key_of(o, key);
		cr_assert_eq(
			packet_parse(&p, span_str(json_object_to_json_string(written)), &fault), 0,
			"%s: %s", text(o, "name"), fault.why);
		cr_assert_eq(packet_announced(&p, &a, &fault), 0, "%s: %s", text(o, "name"),
			     fault.why);
		cr_assert_eq(signature_of_request(key, text(o, "cluster"), p.type, &a,
						  text(o, "nonce"), mac),
			     0);
		cr_expect_str_eq(mac, text(o, "mac"), "%s", text(o, "name"));
	}
	(void)json_object_put(list);
}

Test(signature_vectors, an_acknowledgement)
{
	json_object *list = vectors("acknowledgements"), *o;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		uint8_t key[DIGEST_MAC];
		char mac[PACKET_MAC + 1];

		o = json_object_array_get_idx(list, i);
		key_of(o, key);
		cr_assert_eq(signature_of_ack(key, text(o, "request"), text(o, "verb"),
					      text(o, "nonce"), mac),
			     0);
		cr_expect_str_eq(mac, text(o, "mac"), "%zu", i);
	}
	(void)json_object_put(list);
}

Test(signature_vectors, what_is_told_of_proxies)
{
	json_object *list = vectors("proxies"), *o;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		uint8_t key[DIGEST_MAC];
		char mac[PACKET_MAC + 1];

		o = json_object_array_get_idx(list, i);
		key_of(o, key);
		cr_assert_eq(signature_of_proxies(key, text(o, "request"),
						  span_str(text(o, "proxies")), mac),
			     0);
		cr_expect_str_eq(mac, text(o, "mac"), "%zu", i);
	}
	(void)json_object_put(list);
}

/* A key that is signed from now on has to stand in the file. */
Test(signature_vectors, each_number_of_an_announcement_is_in_them)
{
	json_object *list = vectors("registrations"), *written;

	cr_assert(
		json_object_object_get_ex(json_object_array_get_idx(list, 1), "packet", &written));
#define IN_THEM(name, max, usual) \
	cr_expect(json_object_object_get_ex(written, #name, NULL), "%s", #name);
	PACKET_ANNOUNCED(IN_THEM)
#undef IN_THEM
	(void)json_object_put(list);
}
