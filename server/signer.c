/* signer.c - see signer.h. */
#include "signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secret_file.h"
#include "secure_mem.h"
#include "signature.h"

struct signer {
	unsigned holders;
	struct signer_conf loading; /* while the file is read */
	char keyid[PACKET_ID_MAX + 1], cluster[PACKET_ID_MAX + 1];
	uint8_t key[SIGNER_KEYS][DIGEST_MAC];
	unsigned keys;
	uint64_t epoch; /* us since 1970, when this life began */
};

/* ---- the key file ---- */

static int
take_server_key(struct signer *s, const struct secret_file_line *l, FILE *err)
{
	if (digest_unhex(span_str(l->word[1]), s->key[s->keys], DIGEST_MAC) == 0)
		return 0;
	return secret_file_wrong(l, err, "a server's key is 64 hex digits");
}

static int
take_secret(struct signer *s, const struct secret_file_line *l, FILE *err)
{
	uint8_t secret[SIGNATURE_SECRET_MAX];
	int n = secret_file_secret(l, l->word[1], secret, err);

	if (n < 0)
		return -1;
	signature_server_key(span_of((const char *)secret, (size_t)n), s->loading.keyid,
			     s->loading.id, s->key[s->keys]);
	explicit_bzero(secret, sizeof secret);
	return 0;
}

static int
take_line(const struct secret_file_line *l, void *ctx, FILE *err)
{
	struct signer *s = ctx;
	bool secret = strcmp(l->word[0], "secret") == 0;

	if (l->n != 2 || (!secret && strcmp(l->word[0], "server-key") != 0))
		return secret_file_wrong(l, err, "it is: secret SECRET, or: server-key KEY");
	if (s->keys == SIGNER_KEYS)
		return secret_file_wrong(l, err, "more than %d keys", SIGNER_KEYS);
	if ((secret ? take_secret : take_server_key)(s, l, err) < 0)
		return -1;
	s->keys++;
	return 0;
}

/* Grows from one life to the next, as long as the clock is set right. */
static uint64_t
microseconds(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) < 0)
		return 1;
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct signer *
begin(const char *name, const struct signer_conf *conf, FILE *err)
{
	struct signer *s = secure_mem_new(sizeof *s);

	if (s == NULL) {
		(void)fprintf(err, "%s: out of memory\n", name);
		return NULL;
	}
	s->holders = 1;
	s->loading = *conf;
	(void)snprintf(s->keyid, sizeof s->keyid, "%s", conf->keyid);
	(void)snprintf(s->cluster, sizeof s->cluster, "%s", conf->cluster);
	s->epoch = microseconds();
	return s;
}

static struct signer *
finish(struct signer *s, int rc, const char *name, FILE *err)
{
	if (rc == 0 && s->keys == 0) {
		(void)fprintf(err, "%s: there is no key in it\n", name);
		rc = -1;
	}
	s->loading = (struct signer_conf){NULL, NULL, NULL};
	if (rc == 0)
		return s;
	signer_free(s);
	return NULL;
}

struct signer *
signer_load(const char *path, const struct signer_conf *conf, FILE *err)
{
	struct signer *s = begin(path, conf, err);

	return s == NULL ? NULL : finish(s, secret_file_read(path, take_line, s, err), path, err);
}

struct signer *
signer_parse(const char *name, struct span text, const struct signer_conf *conf, FILE *err)
{
	struct signer *s = begin(name, conf, err);

	return s == NULL ? NULL
			 : finish(s, secret_file_parse(name, text, take_line, s, err), name, err);
}

struct signer *
signer_ref(struct signer *s)
{
	if (s != NULL)
		s->holders++;
	return s;
}

void
signer_free(struct signer *s)
{
	if (s == NULL || --s->holders > 0)
		return;
	secure_mem_free(s, sizeof *s);
}

/* ---- a connection ---- */

void
signer_begin(struct signer_talk *t)
{
	t->nonce[0] = '\0';
	t->mac[0] = '\0';
}

bool
signer_is_challenged(const struct signer_talk *t)
{
	return t->nonce[0] != '\0';
}

int
signer_sign(const struct signer *s, struct signer_talk *t, int type, struct packet_announcement *a)
{
	a->sign = (struct packet_signing){.epoch = s->epoch};
	memcpy(a->sign.keyid, s->keyid, sizeof a->sign.keyid);
	t->mac[0] = '\0';
	if (!signer_is_challenged(t))
		return 0;
	if (signature_random(a->sign.salt) < 0 ||
	    signature_of_request(s->key[t->at], s->cluster, type, a, t->nonce, a->sign.mac) < 0)
		return -1;
	memcpy(t->mac, a->sign.mac, sizeof t->mac);
	t->nonce[0] = '\0';
	return 0;
}

/* Is it signed for what was said last? */
static bool
is_proven(const struct signer *s, const struct signer_talk *t, struct span verb,
	  const struct packet_proof *proof)
{
	char word[32], wanted[PACKET_MAC + 1];

	if (verb.n == 0 || verb.n >= sizeof word || proof->mac[0] == '\0')
		return false;
	memcpy(word, verb.p, verb.n);
	word[verb.n] = '\0';
	return signature_of_ack(s->key[t->at], t->mac, word, proof->nonce, wanted) == 0 &&
	       signature_equal(wanted, proof->mac);
}

static bool
is_vouched_for(const struct signer *s, const struct signer_talk *t, struct span proxies,
	       const struct packet_proof *proof)
{
	char wanted[PACKET_MAC + 1];

	return proof->proxiesmac[0] != '\0' &&
	       signature_of_proxies(s->key[t->at], t->mac, proxies, wanted) == 0 &&
	       signature_equal(wanted, proof->proxiesmac);
}

enum signer_verdict
signer_verify(const struct signer *s, struct signer_talk *t, const struct packet *ack,
	      const char **why)
{
	struct packet_proof proof;
	struct span verb;

	packet_acknowledged(ack, &verb, &proof);
	t->vouched = false;
	if (t->mac[0] == '\0') {
		*why = "the proxy answers no challenge: it takes no signed registration";
		if (!span_eq_str(verb, "challenge") || proof.nonce[0] == '\0')
			return SIGNER_WRONG;
		memcpy(t->nonce, proof.nonce, sizeof t->nonce);
		return SIGNER_CHALLENGED;
	}
	*why = "the proxy did not prove that it has the key";
	if (verb.n == 0 || !is_proven(s, t, verb, &proof))
		return SIGNER_WRONG;
	t->vouched = is_vouched_for(s, t, packet_scalar(ack, "proxies"), &proof);
	t->mac[0] = '\0'; /* answered once */
	memcpy(t->nonce, proof.nonce, sizeof t->nonce);
	return SIGNER_PROVEN;
}

void
signer_refused(const struct signer *s, struct signer_talk *t)
{
	t->at = (t->at + 1) % s->keys;
}
