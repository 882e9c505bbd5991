/* reg_auth.c - see reg_auth.h. */
#include "reg_auth.h"

#include <string.h>
#include <sys/stat.h>

#include "net.h"
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
signed_with(const struct reg_auth *ad, const struct reg_auth_case *c,
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
judge_parts(const struct reg_auth_case *c)
{
	if (c->nonce[0] == '\0')
		return "it answers no challenge of this connection";
	if (c->a->sign.epoch == 0)
		return "it has no epoch";
	if (c->a->sign.salt[0] == '\0')
		return "it has no salt";
	if (c->type == PACKET_REGISTER && c->a->host[0] == '\0')
		return "it has no host: it could be relayed from anywhere";
	return NULL;
}

const char *
reg_auth_signature(const struct reg_auth *ad, const struct reg_auth_case *c,
		   uint8_t key[DIGEST_MAC], bool *old)
{
	const struct keyring_key *k = keyring_find(ad->keyring, c->a->sign.keyid);
	const struct keyring_key *tried = k != NULL ? k : nobody();
	const char *why = judge_parts(c);

	for (size_t i = 0; why == NULL && i < tried->secrets; i++) {
		if (!signed_with(ad, c, &tried->secret[i], key))
			continue;
		*old = keyring_is_old(tried, &tried->secret[i], c->now);
		return k == NULL ? "no key of that name" : judge_secret(&k->secret[i], c->now);
	}
	if (why == NULL)
		why = k == NULL ? "no key of that name" : "the signature is wrong";
	return why;
}

/* ---- the rights ---- */

static const char *
judge_owner(const struct reg_auth *ad, const struct reg_auth_case *c)
{
	int at = registry_find(ad->registry, c->a->id);
	const char *owner = at < 0 ? "" : registry_tenure_of(ad->registry, (unsigned)at)->keyid;

	if (owner[0] == '\0')
		return NULL;
	if (strcmp(owner, c->a->sign.keyid) != 0)
		return "the id belongs to another key";
	if (registry_tenure_of(ad->registry, (unsigned)at)->epoch > c->a->sign.epoch)
		return "a later life of this server is registered";
	return NULL;
}

/* One more of the key's servers, unless this one is one of them already. */
static const char *
judge_count(const struct reg_auth *ad, const struct keyring_key *k, const char *id)
{
	int at = registry_find(ad->registry, id);

	if (k->count == 0 ||
	    (at >= 0 && registry_tenure_of(ad->registry, (unsigned)at)->keyid[0] != '\0'))
		return NULL;
	return registry_count_owned(ad->registry, k->name) < k->count
		       ? NULL
		       : "as many servers as the key may have are registered";
}

/* A Unix socket's is no address in a network: the key must be for users of Unix sockets, which it
 * is if it is for the one who announced it. */
static bool
has_place(const struct keyring_key *k, const struct addr *at, const struct addr_peer *peer)
{
	struct addr_peer nobody;

	if (!addr_is_unix(at))
		return keyring_has_network(k, at);
	addr_peer_of(&nobody, at);
	return addr_peer_is_unix(peer) || keyring_has_peer(k, &nobody);
}

const char *
reg_auth_rights(const struct reg_auth *ad, const struct reg_auth_case *c, const struct addr *at)
{
	const struct keyring_key *k = keyring_find(ad->keyring, c->a->sign.keyid);
	const char *why;

	if (!keyring_has_policy(k, c->a->policy))
		return "the key is not for this policy";
	if (!keyring_has_id(k, c->a->id))
		return "the key is not for this id";
	if (at != NULL && !keyring_has_job(k, packet_job(c->a)))
		return "the key is not for this job";
	if (!keyring_has_peer(k, c->peer))
		return "the key is not for the network that it came from";
	if (at != NULL && !has_place(k, at, c->peer))
		return "the key is not for the network of the announced address";
	why = judge_owner(ad, c);
	return why != NULL || at == NULL ? why : judge_count(ad, k, c->a->id);
}

const char *
reg_auth_unsigned(const struct reg_auth *ad, const char *id)
{
	int at = registry_find(ad->registry, id);

	if (at >= 0 && registry_tenure_of(ad->registry, (unsigned)at)->keyid[0] != '\0')
		return "the id belongs to a key";
	return NULL;
}

/* ---- addresses ---- */

const char *
server_addr_of(const struct packet_announcement *a, const struct addr_peer *peer, struct addr *out)
{
	const char *why;

	addr_peer_addr(peer, out);
	addr_set_port(out, a->port);
	if (a->host[0] != '\0' && addr_parse_host(out, a->host, a->port, &why) < 0)
		return "host must be a numeric address or a Unix socket";
	addr_unmap(out);
	return NULL;
}

/* The same path, or another that leads there. */
static bool
is_same_socket(const struct addr *at, const struct addr *own)
{
	const char *path = addr_path(at), *own_path = addr_path(own);
	struct stat one, other;

	if (addr_eq(at, own))
		return true;
	return path != NULL && own_path != NULL && stat(path, &one) == 0 &&
	       stat(own_path, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static bool
is_self(const struct addr *at, const struct addr *self)
{
	struct addr own = *self;

	if (addr_is_unix(at) || addr_is_unix(self))
		return addr_is_unix(at) && addr_is_unix(self) && is_same_socket(at, self);
	addr_unmap(&own);
	if (addr_port(at) != addr_port(&own))
		return false;
	return addr_eq(at, &own) ||
	       (addr_is_wildcard(&own) && (addr_is_loopback(at) || net_is_own(at)));
}

bool
server_addr_is_internal(const struct addr *at)
{
	static const char *const internal[] = {"169.254.0.0/16",  /* RFC 3927; AWS, GCP, ... */
					       "100.100.100.200", /* Alibaba */
					       "168.63.129.16",	  /* Azure */
					       "192.0.0.192",	  /* Oracle */
					       "fe80::/10",	  "fd00:ec2::/32"};
	struct addr_net net;
	const char *why;

	for (size_t i = 0; i < sizeof internal / sizeof *internal; i++)
		if (addr_net_parse(&net, internal[i], &why) == 0 && addr_in_net(at, &net))
			return true;
	return false;
}

const char *
server_addr_check(const struct addr *at, const struct addr_peer *peer, const struct addr *self)
{
	if (!addr_is_unicast(at))
		return "nobody can be at the announced address";
	if (addr_is_loopback(at) && !addr_peer_is_loopback(peer))
		return "a loopback address, announced from elsewhere";
	if (is_self(at, self))
		return "the announced address is the proxy's own";
	return NULL;
}
