/* job.h - the jobs that servers can do, by name: what a reply of each looks like, and the digest
 * that it is where everybody can compute it. */
#ifndef POLICYPOOL_JOB_H
#define POLICYPOOL_JOB_H

#include <stdbool.h>

#include "digest.h"
#include "span.h"

enum job_shape {
	JOB_ANY,      /* any text: all jobs that are not built in */
	JOB_HEX,      /* a digest of the payload: that many digits, lower case */
	JOB_NAMED_HEX /* a name, a colon and that many digits */
};

struct job {
	const char *name; /* "sha1"; empty: one that is not built in */
	enum job_shape shape;
	unsigned digits;
	enum digest_algorithm digest; /* JOB_HEX */
};

/* Never NULL: an empty name is sha1; what is not known is a job of shape JOB_ANY, with an empty
 * name. */
const struct job *job_find(struct span name);

/* The i-th that is built in, or NULL: for lists in usage and errors. */
const struct job *job_at(unsigned i);

static inline bool
job_is_digest(const struct job *j)
{
	return j->shape == JOB_HEX;
}

/* Has a reply's payload, decoded, the job's form? */
bool job_fits(const struct job *, struct span payload);

/* Of a job that is a digest: its digits, NUL-terminated. */
static inline struct span
job_digest(const struct job *j, struct span data, char hex[DIGEST_HEX_MAX + 1])
{
	digest_hex_of(j->digest, data, hex);
	return span_of(hex, j->digits);
}

#endif
