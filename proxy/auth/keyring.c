/* keyring.c - see keyring.h. */
#include "keyring.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "secret_file.h"
#include "secure_mem.h"

struct keyring {
	struct keyring_key *key;
	size_t n;
};

const char *
keyring_state_text(enum keyring_state s)
{
#define KEYRING_TEXT(name, text) text,
	static const char *const texts[] = {KEYRING_STATES(KEYRING_TEXT)};
#undef KEYRING_TEXT

	return texts[s];
}

/* ---- reading, a line at a time ---- */

typedef int take_words(struct keyring_key *, const struct secret_file_line *, FILE *err);

/* "2027-01-31" or "2027-01-31T12:00:00", in UTC.  False when it is no such time. */
static bool
read_time(const char *text, time_t *out)
{
	struct tm tm = {.tm_mday = 0}, again;
	const char *end = strptime(text, "%Y-%m-%d", &tm);

	if (end != NULL && *end == 'T')
		end = strptime(end, "T%H:%M:%S", &tm);
	if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
		return false;
	again = tm;
	*out = timegm(&again);
	return *out > 0 && again.tm_mday == tm.tm_mday; /* no February 30 */
}

static int
take_until(struct keyring_secret *s, const struct secret_file_line *l, FILE *err)
{
	if (l->n == 3)
		return 0;
	if (l->n != 5 || strcmp(l->word[3], "until") != 0)
		return secret_file_wrong(l, err, "it is: secret STATE SECRET [until DATE]");
	if (read_time(l->word[4], &s->until))
		return 0;
	return secret_file_wrong(l, err, "%s: it must be like 2027-01-31 or 2027-01-31T12:00:00",
				 l->word[4]);
}

static int
take_state(struct keyring_secret *s, const struct secret_file_line *l, FILE *err)
{
	for (unsigned i = 0; i < KEYRING_STATE_COUNT; i++) {
		s->state = (enum keyring_state)i;
		if (strcmp(l->word[1], keyring_state_text(s->state)) == 0)
			return 0;
	}
	return secret_file_wrong(l, err, "a secret's state is install, use or remove");
}

static int
take_secret(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	struct keyring_secret *s = &k->secret[k->secrets];
	int n;

	if (k->secrets == KEYRING_SECRETS)
		return secret_file_wrong(l, err, "more than %d secrets of a key", KEYRING_SECRETS);
	if (l->n < 3)
		return secret_file_wrong(l, err, "it is: secret STATE SECRET [until DATE]");
	*s = (struct keyring_secret){.until = 0};
	n = secret_file_secret(l, l->word[2], s->bytes, err);
	if (n < 0 || take_state(s, l, err) < 0 || take_until(s, l, err) < 0)
		return -1;
	s->n = (size_t)n;
	for (size_t i = 0; i < k->secrets; i++)
		if (s->state == KEYRING_USE && k->secret[i].state == KEYRING_USE)
			return secret_file_wrong(l, err, "a second secret of key %s to use",
						 k->name);
	k->secrets++;
	return 0;
}

static int
take_names(struct keyring_names *names, const struct secret_file_line *l, FILE *err)
{
	for (size_t i = 1; i < l->n; i++) {
		if (names->n == KEYRING_ITEMS)
			return secret_file_wrong(l, err, "more than %d of them", KEYRING_ITEMS);
		names->pattern[names->n] = strdup(l->word[i]);
		if (names->pattern[names->n] == NULL)
			return secret_file_wrong(l, err, "out of memory");
		names->n++;
	}
	return l->n > 1 ? 0 : secret_file_wrong(l, err, "%s: none is named", l->word[0]);
}

static int
take_policies(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	return take_names(&k->policies, l, err);
}

static int
take_ids(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	return take_names(&k->ids, l, err);
}

static int
take_jobs(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	return take_names(&k->jobs, l, err);
}

static int
take_networks(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	const char *why;

	for (size_t i = 1; i < l->n; i++) {
		if (k->networks == KEYRING_ITEMS)
			return secret_file_wrong(l, err, "more than %d of them", KEYRING_ITEMS);
		if (addr_net_parse(&k->network[k->networks], l->word[i], &why) < 0)
			return secret_file_wrong(l, err, "%s: %s", l->word[i], why);
		k->networks++;
	}
	return l->n > 1 ? 0 : secret_file_wrong(l, err, "networks: none is named");
}

static int
take_count(struct keyring_key *k, const struct secret_file_line *l, FILE *err)
{
	char *end = NULL;
	unsigned long n = l->n == 2 && l->word[1][0] != '-' ? strtoul(l->word[1], &end, 10) : 0;

	if (end == NULL || *end != '\0' || n < 1 || n > 65535)
		return secret_file_wrong(l, err, "count must be one number from 1 to 65535");
	k->count = (unsigned)n;
	return 0;
}

/* What is wrong with the name of a key that is about to begin, or NULL. */
static const char *
judge_name(const struct keyring *k, const struct secret_file_line *l)
{
	if (l->n != 2)
		return "it is: key NAME";
	if (strlen(l->word[1]) > PACKET_ID_MAX)
		return "the name of a key has at most 64 bytes";
	if (strpbrk(l->word[1], "\"\\") != NULL)
		return "quotes and backslashes cannot be part of a key's name";
	if (keyring_find(k, l->word[1]) != NULL)
		return "this key stands there twice";
	return NULL;
}

static int
begin_key(struct keyring *k, const struct secret_file_line *l, FILE *err)
{
	const char *why = judge_name(k, l);
	struct keyring_key *more;

	/* Also a key that is wrong begins: the lines after it are its own. */
	more = secure_mem_new((k->n + 1) * sizeof *more);
	if (more == NULL)
		return secret_file_wrong(l, err, "out of memory");
	if (k->n > 0)
		memcpy(more, k->key, k->n * sizeof *more);
	secure_mem_free(k->key, k->n * sizeof *more);
	k->key = more;
	more[k->n] = (struct keyring_key){.count = 0};
	if (why == NULL)
		memcpy(more[k->n].name, l->word[1], strlen(l->word[1]));
	k->n++;
	return why == NULL ? 0 : secret_file_wrong(l, err, "%s", why);
}

static int
take_line(const struct secret_file_line *l, void *ctx, FILE *err)
{
	static const struct {
		const char *word;
		take_words *take;
	} words[] = {{"secret", take_secret}, {"policies", take_policies}, {"ids", take_ids},
		     {"jobs", take_jobs},     {"networks", take_networks}, {"count", take_count}};
	struct keyring *k = ctx;

	if (strcmp(l->word[0], "key") == 0)
		return begin_key(k, l, err);
	if (k->n == 0)
		return secret_file_wrong(l, err, "the first line must be: key NAME");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(l->word[0], words[i].word) == 0)
			return words[i].take(&k->key[k->n - 1], l, err);
	return secret_file_wrong(
		l, err,
		"%s: unknown; it may be key, secret, policies, ids, jobs, networks or count",
		l->word[0]);
}

/* ---- the whole ---- */

static int
judge_keys(const struct keyring *k, const char *name, FILE *err)
{
	int rc = 0;

	for (size_t i = 0; i < k->n; i++)
		if (k->key[i].secrets == 0) {
			(void)fprintf(err, "%s: key %s has no secret\n", name, k->key[i].name);
			rc = -1;
		}
	return rc;
}

static struct keyring *
finish(struct keyring *k, int rc, const char *name, FILE *err)
{
	if (rc == 0 && judge_keys(k, name, err) == 0)
		return k;
	keyring_free(k);
	return NULL;
}

static struct keyring *
begin(const char *name, FILE *err)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL)
		(void)fprintf(err, "%s: out of memory\n", name);
	return k;
}

struct keyring *
keyring_load(const char *path, FILE *err)
{
	struct keyring *k = begin(path, err);

	return k == NULL ? NULL : finish(k, secret_file_read(path, take_line, k, err), path, err);
}

struct keyring *
keyring_parse(const char *name, struct span text, FILE *err)
{
	struct keyring *k = begin(name, err);

	return k == NULL ? NULL
			 : finish(k, secret_file_parse(name, text, take_line, k, err), name, err);
}

static void
free_names(struct keyring_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->pattern[i]);
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++) {
		free_names(&k->key[i].policies);
		free_names(&k->key[i].ids);
		free_names(&k->key[i].jobs);
	}
	secure_mem_free(k->key, k->n * sizeof *k->key);
	free(k);
}

/* ---- asking ---- */

const struct keyring_key *
keyring_find(const struct keyring *k, const char *name)
{
	for (size_t i = 0; k != NULL && i < k->n; i++)
		if (strcmp(k->key[i].name, name) == 0)
			return &k->key[i];
	return NULL;
}

static bool
matches(const struct keyring_names *names, const char *text)
{
	for (size_t i = 0; i < names->n; i++)
		if (fnmatch(names->pattern[i], text, FNM_NOESCAPE) == 0)
			return true;
	return names->n == 0;
}

bool
keyring_has_policy(const struct keyring_key *k, const char *policy)
{
	return matches(&k->policies, policy);
}

bool
keyring_has_id(const struct keyring_key *k, const char *id)
{
	return matches(&k->ids, id);
}

bool
keyring_has_job(const struct keyring_key *k, const char *job)
{
	return matches(&k->jobs, job);
}

bool
keyring_has_network(const struct keyring_key *k, const struct addr *a)
{
	for (size_t i = 0; i < k->networks; i++)
		if (addr_in_net(a, &k->network[i]))
			return true;
	return k->networks == 0;
}

bool
keyring_has_peer(const struct keyring_key *k, const struct addr_peer *p)
{
	for (size_t i = 0; i < k->networks; i++)
		if (addr_peer_in_net(p, &k->network[i]))
			return true;
	return k->networks == 0;
}

bool
keyring_takes(const struct keyring_secret *s, time_t now)
{
	return s->state != KEYRING_REMOVE && (s->until == 0 || now < s->until);
}

bool
keyring_is_old(const struct keyring_key *k, const struct keyring_secret *s, time_t now)
{
	for (size_t i = (size_t)(s - k->secret) + 1; i < k->secrets; i++)
		if (keyring_takes(&k->secret[i], now))
			return true;
	return false;
}
