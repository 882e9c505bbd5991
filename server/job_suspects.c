/* job_suspects.c - see job_suspects.h. */
#include "job_suspects.h"

/* The lowest bit says nothing. */
static uint64_t *
place_of(struct job_suspects *s, uint64_t payload)
{
	return &s->payload[(payload >> 1) % JOB_SUSPECTS];
}

bool
job_suspects_again(struct job_suspects *s, uint64_t payload)
{
	uint64_t *at = place_of(s, payload);

	if (*at == payload)
		return true;
	s->n += *at == 0;
	*at = payload;
	return false;
}

void
job_suspects_clear(struct job_suspects *s, uint64_t payload)
{
	uint64_t *at = place_of(s, payload);

	if (*at != payload)
		return;
	*at = 0;
	s->n--;
}
