/* job_strikes.c - see job_strikes.h. */
#include "job_strikes.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "shm.h"
#include "siphash.h"

enum { STRIKES = JOB_STRIKES_WAYS * JOB_STRIKES_SETS };

/* The lowest bit of a published word says that the payload is out, all others are its
 * fingerprint's, whose lowest is 0. */
static const uint64_t OUT = 1;

struct view {
	_Atomic uint64_t word[STRIKES]; /* 0: free */
	_Atomic uint64_t known;		/* how many are not */
};

struct job_strikes {
	uint64_t key[2];
	struct shm_view view;
	/* The master's alone. */
	struct job_strike strike[STRIKES];
	unsigned limit;
	uint64_t ms;
};

struct job_strikes *
job_strikes_new(void)
{
	struct job_strikes *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	if (getrandom(s->key, sizeof s->key, 0) == (ssize_t)sizeof s->key &&
	    shm_view_open(&s->view, sizeof(struct view)) == 0)
		return s;
	free(s);
	return NULL;
}

void
job_strikes_free(struct job_strikes *s)
{
	if (s == NULL)
		return;
	shm_view_close(&s->view);
	free(s);
}

/* ---- readers ---- */

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* The first of its set. */
static unsigned
set_of(uint64_t fingerprint)
{
	return (unsigned)(fingerprint >> 1) % JOB_STRIKES_SETS * JOB_STRIKES_WAYS;
}

bool
job_strikes_is_empty(const struct job_strikes *s)
{
	const struct view *seen = s->view.seen;

	return get(&seen->known) == 0;
}

uint64_t
job_strikes_fingerprint(const struct job_strikes *s, struct span policy, struct span payload)
{
	const uint64_t key[2] = {s->key[0] ^ siphash(s->key, policy), s->key[1]};
	uint64_t hash = siphash(key, payload) & ~OUT;

	return hash != 0 ? hash : 2;
}

enum job_strikes_standing
job_strikes_standing(const struct job_strikes *s, uint64_t fingerprint)
{
	const struct view *seen = s->view.seen;
	unsigned first = set_of(fingerprint);

	for (unsigned i = first; i < first + JOB_STRIKES_WAYS; i++) {
		uint64_t word = get(&seen->word[i]);
		if (word != 0 && (word & ~OUT) == fingerprint)
			return (word & OUT) != 0 ? JOB_STRIKES_OUT : JOB_STRIKES_SOME;
	}
	return JOB_STRIKES_NONE;
}

/* ---- the master ---- */

/* Where it is, or -1. */
static int
find(const struct job_strikes *s, uint64_t fingerprint)
{
	unsigned first = set_of(fingerprint);

	for (unsigned i = first; fingerprint != 0 && i < first + JOB_STRIKES_WAYS; i++)
		if (s->strike[i].fingerprint == fingerprint)
			return (int)i;
	return -1;
}

/* Tells readers how it stands. */
static void
publish(struct job_strikes *s, unsigned i)
{
	struct view *own = s->view.own;
	struct job_strike *k = &s->strike[i];
	uint64_t before = get(&own->word[i]), word = k->fingerprint;

	k->out = s->limit > 0 && k->count >= s->limit;
	if (k->out)
		word |= OUT;
	atomic_store_explicit(&own->word[i], word, memory_order_relaxed);
	atomic_store_explicit(&own->known, get(&own->known) + (word != 0) - (before != 0),
			      memory_order_relaxed);
}

static void
forget(struct job_strikes *s, unsigned i)
{
	s->strike[i] = (struct job_strike){0};
	publish(s, i);
}

/* A free place in its set, or that of the oldest. */
static unsigned
place_for(const struct job_strikes *s, uint64_t fingerprint)
{
	unsigned first = set_of(fingerprint), oldest = first;

	for (unsigned i = first; i < first + JOB_STRIKES_WAYS; i++) {
		if (s->strike[i].fingerprint == 0)
			return i;
		if (s->strike[i].last < s->strike[oldest].last)
			oldest = i;
	}
	return oldest;
}

void
job_strikes_set(struct job_strikes *s, unsigned limit, uint64_t ms)
{
	s->limit = limit;
	s->ms = ms;
	for (unsigned i = 0; i < STRIKES; i++)
		if (s->strike[i].fingerprint != 0)
			publish(s, i);
	if (limit == 0)
		(void)job_strikes_clear_all(s);
}

unsigned
job_strikes_add(struct job_strikes *s, uint64_t fingerprint, enum job_end end, const char *client,
		uint64_t now)
{
	struct job_strike *k;
	int at;

	fingerprint &= ~OUT; /* a worker's word */
	if (s->limit == 0 || fingerprint == 0)
		return 0;
	at = find(s, fingerprint);
	if (at < 0) {
		at = (int)place_for(s, fingerprint);
		s->strike[at] = (struct job_strike){.fingerprint = fingerprint, .first = now};
	}
	k = &s->strike[at];
	k->count += k->count < UINT32_MAX;
	k->last = now;
	k->end = end;
	(void)snprintf(k->client, sizeof k->client, "%s", client);
	publish(s, (unsigned)at);
	return k->count;
}

bool
job_strikes_clear(struct job_strikes *s, uint64_t fingerprint)
{
	int at = find(s, fingerprint & ~OUT);

	if (at < 0)
		return false;
	forget(s, (unsigned)at);
	return true;
}

unsigned
job_strikes_clear_all(struct job_strikes *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < STRIKES; i++)
		if (s->strike[i].fingerprint != 0) {
			forget(s, i);
			n++;
		}
	return n;
}

void
job_strikes_expire(struct job_strikes *s, uint64_t now)
{
	if (job_strikes_is_empty(s))
		return;
	for (unsigned i = 0; i < STRIKES; i++)
		if (s->strike[i].fingerprint != 0 && now >= s->strike[i].last + s->ms)
			forget(s, i);
}

const struct job_strike *
job_strikes_next(const struct job_strikes *s, unsigned *at)
{
	while (*at < STRIKES) {
		const struct job_strike *k = &s->strike[(*at)++];
		if (k->fingerprint != 0)
			return k;
	}
	return NULL;
}

/* ---- as text ---- */

const char *
job_strikes_text(uint64_t fingerprint, char out[JOB_STRIKES_TEXT])
{
	(void)snprintf(out, JOB_STRIKES_TEXT, "%016llx", (unsigned long long)fingerprint);
	return out;
}

bool
job_strikes_parse(const char *text, uint64_t *fingerprint)
{
	if (strlen(text) != JOB_STRIKES_TEXT - 1 ||
	    strspn(text, "0123456789abcdefABCDEF") != JOB_STRIKES_TEXT - 1)
		return false;
	*fingerprint = strtoull(text, NULL, 16);
	return true;
}
