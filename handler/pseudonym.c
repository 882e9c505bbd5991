/* pseudonym.c - see pseudonym.h. */
#include "pseudonym.h"

#include <stdint.h>
#include <string.h>

#include "digest.h"
#include "secret_file.h"
#include "secure_mem.h"
#include "signature.h"

#define INFO	   "policypool pseudonym 1"
#define INFO_CHECK "policypool pseudonym check 1"

enum state { NO_SECRET, INSTALL, USE, REMOVE };

struct key {
	char name[PSEUDONYM_NAME + 1];
	enum state state;
	uint8_t bytes[DIGEST_MAC]; /* of the secret and the domain */
	char check[JOB_KEYS_CHECK + 1];
};

struct pseudonym_keys {
	struct key key[PSEUDONYM_KEYS];
	size_t n;
	const struct key *used;
	const char *domain; /* while they are read */
	char answer[PSEUDONYM_NAME + 1 + DIGEST_MAC_HEX + 1];
};

/* ---- reading ---- */

static const struct key *
find(const struct pseudonym_keys *k, struct span name)
{
	for (size_t i = 0; i < k->n; i++)
		if (span_eq_str(name, k->key[i].name))
			return &k->key[i];
	return NULL;
}

/* What is wrong with a key that is about to begin, or NULL.  Its name stands before the colon of
 * each pseudonym. */
static const char *
judge_name(const struct pseudonym_keys *k, const struct secret_file_line *l)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (l->n != 2)
		return "it is: key NAME";
	if (strlen(l->word[1]) > PSEUDONYM_NAME)
		return "the name of a key has at most 64 bytes";
	if (l->word[1][strspn(l->word[1], letters)] != '\0')
		return "the name of a key has letters, digits, _, . and - only";
	if (find(k, span_str(l->word[1])) != NULL)
		return "this key stands there twice";
	return NULL;
}

/* Also a key that is wrong begins: the lines after it are its own. */
static int
begin_key(struct pseudonym_keys *k, const struct secret_file_line *l, FILE *err)
{
	const char *why = judge_name(k, l);
	struct key *key = &k->key[k->n];

	if (k->n == PSEUDONYM_KEYS)
		return secret_file_wrong(l, err, "more than %d keys", PSEUDONYM_KEYS);
	k->n++;
	if (why == NULL)
		memcpy(key->name, l->word[1], strlen(l->word[1]));
	return why == NULL ? 0 : secret_file_wrong(l, err, "%s", why);
}

static int
take_state(struct pseudonym_keys *k, struct key *key, const struct secret_file_line *l, FILE *err)
{
	if (strcmp(l->word[1], "install") == 0)
		key->state = INSTALL;
	else if (strcmp(l->word[1], "remove") == 0)
		key->state = REMOVE;
	else if (strcmp(l->word[1], "use") != 0)
		return secret_file_wrong(l, err, "a secret's state is install, use or remove");
	else if (k->used != NULL)
		return secret_file_wrong(l, err, "a second key to use, beside %s", k->used->name);
	else {
		key->state = USE;
		k->used = key;
	}
	return 0;
}

static void
derive(struct span secret, const char *what, const char *domain, uint8_t key[DIGEST_MAC])
{
	char info[sizeof INFO_CHECK + PSEUDONYM_DOMAIN];
	int length = snprintf(info, sizeof info, "%s%.*s", what, PSEUDONYM_DOMAIN, domain);

	digest_derive(secret, span_of(info, (size_t)length), key);
}

static void
derive_both(const struct pseudonym_keys *k, struct key *key, struct span secret)
{
	uint8_t check[DIGEST_MAC];

	derive(secret, INFO, k->domain, key->bytes);
	derive(secret, INFO_CHECK, k->domain, check);
	digest_hex(check, JOB_KEYS_CHECK / 2, key->check);
	explicit_bzero(check, sizeof check);
}

static int
take_secret(struct pseudonym_keys *k, const struct secret_file_line *l, FILE *err)
{
	struct key *key = &k->key[k->n - 1];
	uint8_t secret[SIGNATURE_SECRET_MAX];
	int n;

	if (l->n != 3)
		return secret_file_wrong(l, err, "it is: secret STATE SECRET");
	if (key->state != NO_SECRET)
		return secret_file_wrong(
			l, err, "a second secret of key %s: give it a key of its own", key->name);
	n = secret_file_secret(l, l->word[2], secret, err);
	if (n > 0)
		derive_both(k, key, span_of((const char *)secret, (size_t)n));
	explicit_bzero(secret, sizeof secret);
	return n < 0 ? -1 : take_state(k, key, l, err);
}

static int
take_line(const struct secret_file_line *l, void *ctx, FILE *err)
{
	struct pseudonym_keys *k = ctx;

	if (strcmp(l->word[0], "key") == 0)
		return begin_key(k, l, err);
	if (k->n == 0)
		return secret_file_wrong(l, err, "the first line must be: key NAME");
	if (strcmp(l->word[0], "secret") == 0)
		return take_secret(k, l, err);
	return secret_file_wrong(l, err, "%s: unknown; it may be key or secret", l->word[0]);
}

/* ---- the whole ---- */

static struct pseudonym_keys *
begin(const char *name, const char *domain, FILE *err)
{
	struct pseudonym_keys *k = secure_mem_new(sizeof *k);

	if (k == NULL)
		(void)fprintf(err, "%s: out of memory\n", name);
	else
		k->domain = domain;
	return k;
}

static struct pseudonym_keys *
finish(struct pseudonym_keys *k, int rc, const char *name, FILE *err)
{
	for (size_t i = 0; rc == 0 && i < k->n; i++)
		if (k->key[i].state == NO_SECRET) {
			(void)fprintf(err, "%s: key %s has no secret\n", name, k->key[i].name);
			rc = -1;
		}
	if (rc == 0 && k->used == NULL) {
		(void)fprintf(err,
			      "%s: no key is in use: one must have a line: secret use SECRET\n",
			      name);
		rc = -1;
	}
	if (rc == 0)
		return k;
	pseudonym_free(k);
	return NULL;
}

struct pseudonym_keys *
pseudonym_load(const char *path, const char *domain, FILE *err)
{
	struct pseudonym_keys *k = begin(path, domain, err);

	return k == NULL ? NULL : finish(k, secret_file_read(path, take_line, k, err), path, err);
}

struct pseudonym_keys *
pseudonym_parse(const char *name, struct span text, const char *domain, FILE *err)
{
	struct pseudonym_keys *k = begin(name, domain, err);

	return k == NULL ? NULL
			 : finish(k, secret_file_parse(name, text, take_line, k, err), name, err);
}

void
pseudonym_free(struct pseudonym_keys *k)
{
	secure_mem_free(k, sizeof *k);
}

int
pseudonym_check(const char *path, const char *domain, char keys[JOB_KEYS_MAX + 1], FILE *err)
{
	struct pseudonym_keys *k = pseudonym_load(path, domain, err);
	bool room;

	keys[0] = '\0';
	if (k == NULL)
		return -1;
	room = job_keys_add(keys, k->used->name, k->used->check);
	for (size_t i = 0; room && i < k->n; i++)
		if (k->key[i].state == INSTALL)
			room = job_keys_add(keys, k->key[i].name, k->key[i].check);
	pseudonym_free(k);
	return 0;
}

/* ---- the backend ---- */

static int
pseudonym_start(void *state, bool *repeatable, char why[HANDLER_WHY])
{
	(void)state;
	(void)why;
	*repeatable = true;
	return 0;
}

static enum job_outcome
pseudonym_run(void *state, const struct job_request *job, struct job_reply *a)
{
	struct pseudonym_keys *k = state;
	const struct key *key = job->key.n == 0 ? k->used : find(k, job->key);
	uint8_t mac[DIGEST_MAC];
	size_t n;

	if (key == NULL || key->state == REMOVE)
		return job_refuse(a, "the key %.*s is not installed here",
				  job->key.n > PSEUDONYM_NAME ? PSEUDONYM_NAME : (int)job->key.n,
				  job->key.p);
	n = strlen(key->name);
	digest_hmac(span_of((const char *)key->bytes, sizeof key->bytes), job->payload, mac);
	memcpy(k->answer, key->name, n);
	k->answer[n++] = ':';
	digest_hex(mac, sizeof mac, k->answer + n);
	a->payload = span_of(k->answer, n + DIGEST_MAC_HEX);
	return JOB_DONE;
}

static void
nothing(void *state)
{
	(void)state;
}

static void
forget(void *state)
{
	pseudonym_free(state);
}

const struct job_backend pseudonym_backend = {.start = pseudonym_start,
					      .run = pseudonym_run,
					      .stop = nothing,
					      .free = forget,
					      .filter = SANDBOX_JOB_PIPE};
