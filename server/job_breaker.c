/* job_breaker.c - see job_breaker.h. */
#include "job_breaker.h"

enum job_breaker_verdict
job_breaker_ask(struct job_breaker *b, uint64_t now, unsigned *wait)
{
	if (!b->open)
		return JOB_BREAKER_RUN;
	if (!b->trial && now >= b->until) {
		b->trial = true;
		return JOB_BREAKER_TRIAL;
	}
	*wait = now < b->until ? (unsigned)(b->until - now) : JOB_BREAKER_MIN;
	return JOB_BREAKER_REFUSE;
}

static void
wait_longer(struct job_breaker *b, uint64_t now, uint32_t random)
{
	b->pause.min = JOB_BREAKER_MIN;
	b->pause.max = JOB_BREAKER_MAX;
	b->until = now + backoff_next(&b->pause, random);
}

bool
job_breaker_failed(struct job_breaker *b, uint64_t fingerprint, bool trial, uint64_t now,
		   uint32_t random)
{
	if (b->open) {
		if (trial) {
			b->trial = false;
			wait_longer(b, now, random);
		}
		return false;
	}
	for (unsigned i = 0; i < b->n; i++)
		if (b->failed[i] == fingerprint)
			return false;
	b->failed[b->n++] = fingerprint;
	if (b->n < JOB_BREAKER_FAILURES)
		return false;
	b->open = true;
	wait_longer(b, now, random);
	return true;
}

bool
job_breaker_fine(struct job_breaker *b)
{
	bool was = b->open;

	b->open = b->trial = false;
	b->n = 0;
	backoff_reset(&b->pause);
	return was;
}

void
job_breaker_untried(struct job_breaker *b)
{
	b->trial = false;
}
