/* job.c - see job.h. */
#include "job.h"

#include <string.h>

/* The first one is what a server does that announces none. */
static const struct job jobs[] = {
	{"sha1", JOB_HEX, 40, DIGEST_SHA1},
	{"sha256", JOB_HEX, 64, DIGEST_SHA256},
	{"sha384", JOB_HEX, 96, DIGEST_SHA384},
	{"sha512", JOB_HEX, 128, DIGEST_SHA512},
	{"sha3-256", JOB_HEX, 64, DIGEST_SHA3_256},
	{"sha3-512", JOB_HEX, 128, DIGEST_SHA3_512},
	{"hmac-sha256", JOB_NAMED_HEX, 64, DIGEST_SHA256},
};

enum { JOBS = sizeof jobs / sizeof *jobs };

const struct job *
job_at(unsigned i)
{
	return i < JOBS ? &jobs[i] : NULL;
}

const struct job *
job_find(struct span name)
{
	static const struct job other = {"", JOB_ANY, 0, DIGEST_SHA1};

	if (name.n == 0)
		return &jobs[0];
	for (unsigned i = 0; i < JOBS; i++)
		if (span_eq_str(name, jobs[i].name))
			return &jobs[i];
	return &other;
}

static bool
is_hex(struct span s, unsigned digits)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n == digits;
}

bool
job_fits(const struct job *j, struct span payload)
{
	const char *colon;

	if (j->shape == JOB_ANY)
		return true;
	if (j->shape == JOB_HEX)
		return is_hex(payload, j->digits);
	colon = payload.n == 0 ? NULL : memchr(payload.p, ':', payload.n);
	if (colon == NULL || colon == payload.p)
		return false;
	return is_hex(span_of(colon + 1, payload.n - (size_t)(colon + 1 - payload.p)), j->digits);
}
