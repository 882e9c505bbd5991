/* job_breaker.c - see job_breaker.h. */
#include "job_breaker.h"

#include <string.h>

static bool
has_failed(const struct job_breaker *b, uint64_t client)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->failed[i].client == client)
			return true;
	return false;
}

static enum job_breaker_trial
trial_of(const struct job_breaker *b, uint64_t client, uint64_t now)
{
	if (!b->under_way[JOB_BREAKER_IN_TURN] && now >= b->until)
		return JOB_BREAKER_IN_TURN;
	if (!b->under_way[JOB_BREAKER_NEW_CLIENT] &&
	    (b->admitted == 0 || now >= b->admitted + JOB_BREAKER_MIN) && !has_failed(b, client))
		return JOB_BREAKER_NEW_CLIENT;
	return JOB_BREAKER_NO_TRIAL;
}

bool
job_breaker_ask(struct job_breaker *b, uint64_t client, uint64_t now, enum job_breaker_trial *trial,
		unsigned *wait)
{
	*trial = JOB_BREAKER_NO_TRIAL;
	if (!b->open)
		return true;
	*trial = trial_of(b, client, now);
	if (*trial == JOB_BREAKER_NO_TRIAL) {
		*wait = now < b->until ? (unsigned)(b->until - now) : JOB_BREAKER_MIN;
		return false;
	}
	b->under_way[*trial] = true;
	if (*trial == JOB_BREAKER_NEW_CLIENT)
		b->admitted = now;
	return true;
}

static void
wait_longer(struct job_breaker *b, uint64_t now, uint32_t random)
{
	b->pause.min = JOB_BREAKER_MIN;
	b->pause.max = JOB_BREAKER_MAX;
	b->until = now + backoff_next(&b->pause, random);
}

/* The oldest gives way to it. */
static void
keep(struct job_breaker *b, const struct job_breaker_job *j)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->failed[i].payload == j->payload)
			return;
	if (b->n == JOB_BREAKER_FAILURES)
		memmove(&b->failed[0], &b->failed[1], --b->n * sizeof b->failed[0]);
	b->failed[b->n++] = *j;
}

bool
job_breaker_failed(struct job_breaker *b, const struct job_breaker_job *j,
		   enum job_breaker_trial trial, uint64_t now, uint32_t random)
{
	keep(b, j);
	if (b->open) {
		b->under_way[trial] = false;
		if (trial == JOB_BREAKER_IN_TURN)
			wait_longer(b, now, random);
		return false;
	}
	if (b->n < JOB_BREAKER_FAILURES || (b->fine != 0 && now < b->fine + JOB_BREAKER_STILL))
		return false;
	b->open = true;
	wait_longer(b, now, random);
	return true;
}

bool
job_breaker_fine(struct job_breaker *b, uint64_t now)
{
	bool was = b->open;

	b->open = false;
	memset(b->under_way, 0, sizeof b->under_way);
	b->n = 0;
	b->fine = now;
	backoff_reset(&b->pause);
	return was;
}

void
job_breaker_untried(struct job_breaker *b, enum job_breaker_trial trial)
{
	b->under_way[trial] = false;
}
