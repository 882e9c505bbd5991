/* pace.c - see pace.h.
 *
 * A window ends when it has lasted long enough and something was served in it, so that a slow pool
 * is measured over a longer one.  While nothing at all is served nothing is concluded: who waits
 * for a server that is being restarted shall go on waiting. */
#include "pace.h"

enum {
	WINDOW = 100, /* at least */
	STALE = 5000  /* after so long without a window, nothing is known */
};

void
pace_begin(struct pace *p, uint64_t now)
{
	p->known = p->known && now - p->measured <= STALE;
	p->begun = now;
	p->served = 0;
}

void
pace_look(struct pace *p, uint64_t now)
{
	uint64_t sample;

	if (p->served == 0 || now < p->begun + WINDOW)
		return;
	sample = (now - p->begun) * 1000 / p->served;
	p->interval_us = p->known ? (p->interval_us + sample) / 2 : sample;
	p->known = true;
	p->begun = p->measured = now;
	p->served = 0;
}

uint64_t
pace_wait(const struct pace *p, unsigned ahead)
{
	return p->known ? ahead * p->interval_us / 1000 : 0;
}
