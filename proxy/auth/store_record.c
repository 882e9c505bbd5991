/* store_record.c - what a record is about, its key and its MAC; see store_record.h. */
#include "store_record.h"

#include <stdio.h>
#include <string.h>

#include "signature.h"

void
store_record_of(struct store_record *rec, const struct registry *r, unsigned i, const char *by)
{
	const struct registry_server *s = registry_server(r, i);
	const struct registry_tenure *t = registry_tenure_of(r, i);
	struct packet_announcement *a = &rec->a;

	*rec = (struct store_record){.at = s->addr};
	(void)snprintf(rec->by, sizeof rec->by, "%s", by);
	(void)snprintf(a->id, sizeof a->id, "%s", s->id);
	(void)snprintf(a->policy, sizeof a->policy, "%s", registry_policy(r, s->policy)->name);
	(void)snprintf(a->job, sizeof a->job, "%s", s->job);
	(void)snprintf(a->jobkeys, sizeof a->jobkeys, "%s", t->job_keys);
	(void)snprintf(a->sign.keyid, sizeof a->sign.keyid, "%s", t->keyid);
	a->sign.epoch = t->epoch;
	a->keepalive = s->pooled;
	a->tls = s->tls;
	a->once = s->once;
	a->backup = s->backup;
	a->pipeline = s->pipeline;
	a->slots = s->slots;
	a->weight = s->weight;
	a->jobtimeout = s->job_timeout;
	packet_leave_out_defaults(a);
}

void
store_record_leave(struct store_record *rec, const char *gone)
{
	struct packet_announcement left = {.sign.epoch = rec->a.sign.epoch};

	memcpy(left.id, rec->a.id, sizeof left.id);
	memcpy(left.policy, rec->a.policy, sizeof left.policy);
	memcpy(left.sign.keyid, rec->a.sign.keyid, sizeof left.sign.keyid);
	rec->a = left;
	(void)snprintf(rec->gone, sizeof rec->gone, "%s", gone);
}

/* ---- the MAC ---- */

static int
mac_of(const struct store_record *rec, const struct keyring_secret *s, const char *cluster,
       char mac[PACKET_MAC + 1])
{
	char addr[ADDR_TEXT] = "";
	struct signature_record said = {
		.a = &rec->a, .addr = addr, .by = rec->by, .gone = rec->gone};
	uint8_t key[DIGEST_MAC];
	int rc;

	if (rec->gone[0] == '\0')
		(void)addr_text(&rec->at, addr);
	signature_record_key(span_of((const char *)s->bytes, s->n), rec->a.sign.keyid, rec->a.id,
			     key);
	rc = signature_of_record(key, cluster, &said, mac);
	explicit_bzero(key, sizeof key);
	return rc;
}

int
store_record_sign(struct store_record *rec, const struct keyring *ring, const char *cluster,
		  time_t now)
{
	const struct keyring_key *k;

	if (rec->a.sign.keyid[0] == '\0')
		return 0;
	k = keyring_find(ring, rec->a.sign.keyid);
	for (size_t i = 0; k != NULL && i < k->secrets; i++)
		if (k->secret[i].state == KEYRING_USE && keyring_takes(&k->secret[i], now))
			return mac_of(rec, &k->secret[i], cluster, rec->a.sign.mac);
	return -1;
}

/* NULL: it is signed with one of the key's. */
static const char *
judge_mac(const struct store_record *rec, const struct keyring_key *k, const char *cluster,
	  time_t now, bool *old)
{
	char mac[PACKET_MAC + 1];

	if (rec->a.sign.mac[0] == '\0')
		return "it names a key and has no mac";
	for (size_t i = 0; i < k->secrets; i++) {
		if (!keyring_takes(&k->secret[i], now) ||
		    mac_of(rec, &k->secret[i], cluster, mac) < 0 ||
		    !signature_equal(mac, rec->a.sign.mac))
			continue;
		*old = keyring_is_old(k, &k->secret[i], now);
		return NULL;
	}
	return "its mac is wrong";
}

const char *
store_record_judge(const struct store_record *rec, const struct keyring *ring, const char *cluster,
		   bool required, time_t now, bool *old)
{
	const struct packet_announcement *a = &rec->a;
	const struct keyring_key *k = keyring_find(ring, a->sign.keyid);
	const char *why;

	*old = false;
	if (a->sign.keyid[0] == '\0')
		return required ? "it is not signed, and require_signature is set" : NULL;
	if (k == NULL)
		return "no key of that name";
	why = judge_mac(rec, k, cluster, now, old);
	if (why != NULL)
		return why;
	if (!keyring_has_policy(k, a->policy))
		return "the key is not for this policy";
	if (!keyring_has_id(k, a->id))
		return "the key is not for this id";
	if (rec->gone[0] != '\0')
		return NULL;
	if (!keyring_has_job(k, packet_job(a)))
		return "the key is not for this job";
	return keyring_has_network(k, &rec->at) ? NULL
						: "the key is not for the network of its address";
}

/* ---- the key in the store ---- */

static bool
stands_for_itself(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

void
store_record_key(const char *id, char key[STORE_RECORD_KEY + 1])
{
	size_t n = (size_t)snprintf(key, STORE_RECORD_KEY + 1, "servers/");

	for (; *id != '\0' && n + 3 <= STORE_RECORD_KEY; id++)
		n += (size_t)snprintf(key + n, STORE_RECORD_KEY + 1 - n,
				      stands_for_itself(*id) ? "%c" : "%%%02X", (unsigned char)*id);
}

int
store_record_id(struct span key, const char *folder, char id[PACKET_ID_MAX + 1])
{
	size_t n = 0, at = strlen(folder);

	if (key.n <= at || memcmp(key.p, folder, at) != 0)
		return -1;
	while (at < key.n) {
		uint8_t byte = (uint8_t)key.p[at];
		if (n == PACKET_ID_MAX)
			return -1;
		if (byte == '%') {
			if (key.n - at < 3 ||
			    digest_unhex(span_of(key.p + at + 1, 2), &byte, 1) < 0 || byte == 0)
				return -1;
			at += 2;
		} else if (!stands_for_itself((char)byte)) {
			return -1;
		}
		id[n++] = (char)byte;
		at++;
	}
	id[n] = '\0';
	return 0;
}
