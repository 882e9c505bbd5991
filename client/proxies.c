/* proxies.c - see proxies.h. */
#include "proxies.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool
proxies_add(struct proxies *p, unsigned proxy, const struct addr *at, const char *name)
{
	assert(proxy < PROXIES_MAX);
	for (unsigned i = 0; i < p->n; i++)
		if (addr_eq(&p->place[i].at, at))
			return true;
	if (p->n == PROXIES_PLACES)
		return false;
	p->place[p->n] = (struct proxies_place){.at = *at, .proxy = proxy};
	(void)snprintf(p->place[p->n].name, sizeof p->place[p->n].name, "%s", name);
	p->n++;
	return true;
}

static void
shuffle(uint8_t *v, unsigned n, uint32_t (*random)(void))
{
	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)((uint64_t)random() * i >> 32);
		uint8_t last = v[i - 1];

		v[i - 1] = v[j];
		v[j] = last;
	}
}

void
proxies_choice_init(struct proxies_choice *c, const struct proxies *p, uint32_t min, uint32_t max,
		    uint32_t (*random)(void))
{
	uint8_t proxy[PROXIES_MAX];

	memset(c, 0, sizeof *c);
	c->backoff = (struct backoff){.min = min, .max = max};
	for (unsigned i = 0; i < PROXIES_MAX; i++)
		proxy[i] = (uint8_t)i;
	if (random != NULL)
		shuffle(proxy, PROXIES_MAX, random);
	for (unsigned i = 0; i < PROXIES_MAX; i++)
		for (unsigned k = 0; k < p->n; k++)
			if (p->place[k].proxy == proxy[i])
				c->order[c->n++] = (uint8_t)k;
	assert(c->n == p->n && c->n > 0);
}

unsigned
proxies_choice_at(const struct proxies_choice *c)
{
	return c->order[c->at];
}

bool
proxies_choice_failed(struct proxies_choice *c)
{
	c->at = (uint8_t)((c->at + 1) % c->n);
	if (++c->failed < c->n)
		return true;
	c->failed = 0;
	return false;
}

bool
proxies_choice_may_fail(const struct proxies_choice *c, unsigned rounds)
{
	return c->failed + 1 < c->n || c->backoff.tries < rounds;
}

uint32_t
proxies_choice_pause(struct proxies_choice *c, uint32_t random)
{
	return backoff_next(&c->backoff, random);
}

void
proxies_choice_worked(struct proxies_choice *c)
{
	c->failed = 0;
	backoff_reset(&c->backoff);
}
