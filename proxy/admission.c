/* admission.c - see admission.h. */
#include "admission.h"

#include <string.h>

#include "signature.h"

/* ---- the signature ---- */

/* Compared with a secret that nobody has, so that an unknown key takes as long as a known one. */
static const struct keyring_key *
nobody(void)
{
	static const struct keyring_key key = {.secrets = 1,
					       .secret = {{.n = SIGNATURE_SECRET_MIN}}};

	return &key;
}

static bool
signed_with(const struct admission *ad, const struct admission_case *c,
	    const struct keyring_secret *s, uint8_t key[DIGEST_MAC])
{
	char mac[PACKET_MAC + 1];

	signature_server_key(span_of((const char *)s->bytes, s->n), c->a->sign.keyid, c->a->id,
			     key);
	return signature_of_request(key, ad->cluster, c->type, c->a, c->nonce, mac) == 0 &&
	       signature_equal(mac, c->a->sign.mac);
}

static const char *
judge_secret(const struct keyring_secret *s, time_t now)
{
	if (s->state == KEYRING_REMOVE)
		return "it is signed with a secret that was removed";
	return keyring_takes(s, now) ? NULL : "it is signed with a secret that has expired";
}

/* What a signature needs beside the key. */
static const char *
judge_parts(const struct admission_case *c)
{
	if (c->nonce[0] == '\0')
		return "it answers no challenge of this connection";
	if (c->a->sign.epoch == 0)
		return "it has no epoch";
	if (c->a->sign.salt[0] == '\0')
		return "it has no salt";
	if (c->type == PACKET_REGISTER && c->a->host[0] == '\0')
		return "it has no host: whoever passed it on could be anywhere";
	return NULL;
}

const char *
admission_signature(const struct admission *ad, const struct admission_case *c,
		    uint8_t key[DIGEST_MAC], bool *old)
{
	const struct keyring_key *k = keyring_find(ad->keyring, c->a->sign.keyid);
	const struct keyring_key *tried = k != NULL ? k : nobody();
	const char *why = judge_parts(c);

	for (size_t i = 0; why == NULL && i < tried->secrets; i++) {
		if (!signed_with(ad, c, &tried->secret[i], key))
			continue;
		*old = tried->secret[i].state != KEYRING_USE;
		return k == NULL ? "no key of that name" : judge_secret(&k->secret[i], c->now);
	}
	if (why == NULL)
		why = k == NULL ? "no key of that name" : "the signature is wrong";
	return why;
}

/* ---- the rights ---- */

static const char *
judge_owner(const struct admission *ad, const struct admission_case *c)
{
	int at = registry_find(ad->registry, c->a->id);
	const char *owner = at < 0 ? "" : registry_keyid(ad->registry, (unsigned)at);

	if (owner[0] == '\0')
		return NULL;
	if (strcmp(owner, c->a->sign.keyid) != 0)
		return "the id belongs to another key";
	if (registry_epoch(ad->registry, (unsigned)at) > c->a->sign.epoch)
		return "a later life of this server is registered";
	return NULL;
}

/* One more of the key's servers, unless this one is one of them already. */
static const char *
judge_count(const struct admission *ad, const struct keyring_key *k, const char *id)
{
	int at = registry_find(ad->registry, id);

	if (k->count == 0 || (at >= 0 && registry_keyid(ad->registry, (unsigned)at)[0] != '\0'))
		return NULL;
	return registry_count_owned(ad->registry, k->name) < k->count
		       ? NULL
		       : "as many servers as the key may have are registered";
}

const char *
admission_rights(const struct admission *ad, const struct admission_case *c, const struct addr *at)
{
	const struct keyring_key *k = keyring_find(ad->keyring, c->a->sign.keyid);
	const char *why;

	if (!keyring_has_policy(k, c->a->policy))
		return "the key is not for this policy";
	if (!keyring_has_id(k, c->a->id))
		return "the key is not for this id";
	if (!keyring_has_network(k, c->peer))
		return "the key is not for the network that it came from";
	if (at != NULL && !keyring_has_network(k, at))
		return "the key is not for the network of the announced address";
	why = judge_owner(ad, c);
	return why != NULL || at == NULL ? why : judge_count(ad, k, c->a->id);
}

const char *
admission_unsigned(const struct admission *ad, const char *id)
{
	int at = registry_find(ad->registry, id);

	if (at >= 0 && registry_keyid(ad->registry, (unsigned)at)[0] != '\0')
		return "the id belongs to a key";
	return NULL;
}
