/* share.c - see share.h. */
#include "share.h"

enum {
	ROW = 3,     /* taken in a row before it matters who has how many */
	SPARE = 2,   /* more than the least that a worker may have, ... */
	PART = 16,   /* ... and that part of it */
	VAIN = 12,   /* answers in vain that are counted */
	LEAD = 8,    /* taken more of late than another, ... */
	LATE = 8,    /* ... and that part of it */
	UNHEEDED = 8 /* times that it doubles */
};

/* A busy machine may just not have let the other one run: some are taken, more each time. */
static void
in_vain(struct share *s)
{
	if (s->vain < VAIN)
		s->vain++;
	s->in_a_row = ROW - (1 << s->vain / 2);
}

bool
share_passes(struct share *s, uint64_t mine, uint64_t least)
{
	if (least > s->least)
		s->vain = 0;
	else if (s->passed)
		in_vain(s);
	s->passed = s->in_a_row >= ROW && mine > least + SPARE + least / PART;
	if (s->passed)
		s->least = least;
	return s->passed;
}

bool
share_leads(const struct share *s, uint64_t mine, uint64_t least)
{
	return mine > least + ((uint64_t)LEAD << s->unheeded) + least / LATE;
}

void
share_led(struct share *s, bool taken)
{
	if (taken)
		s->unheeded = 0;
	else if (s->unheeded < UNHEEDED)
		s->unheeded++;
}

void
share_took(struct share *s)
{
	if (s->in_a_row < ROW)
		s->in_a_row++;
}

void
share_gave_back(struct share *s)
{
	s->in_a_row = 0;
}
