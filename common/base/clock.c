/* clock.c - see clock.h. */
#include "clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Both clocks exist on every Linux: a failure is a bug, and no time is no way to go on.
 */
static struct timespec
now(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		abort();
	return t;
}

uint64_t
clock_us(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

static int64_t
wall_ms(void)
{
	struct timespec t = now(CLOCK_REALTIME);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t
clock_wall_ms(void)
{
	int64_t ms = wall_ms();

	return ms > 0 ? (uint64_t)ms : 0;
}

/* ms since the epoch as text. */
static void
wall_text(int64_t ms, char *out, size_t size)
{
	time_t s = ms / 1000;
	struct tm tm;
	char date[24]; /* up to the seconds */
	long zone;

	assert(size >= CLOCK_TEXT);
	if (localtime_r(&s, &tm) == NULL || strftime(date, sizeof date, "%FT%T", &tm) == 0)
		abort(); /* a year of more than four digits */
	zone = labs(tm.tm_gmtoff) / 60;
	(void)snprintf(out, size, "%s.%03u%c%02u:%02u", date, (unsigned)(ms % 1000),
		       tm.tm_gmtoff < 0 ? '-' : '+', (unsigned)(zone / 60), (unsigned)(zone % 60));
}

void
clock_text(char *out, size_t size)
{
	wall_text(wall_ms(), out, size);
}

void
clock_text_wall(uint64_t at_ms, char *out, size_t size)
{
	wall_text((int64_t)at_ms, out, size);
}

void
clock_text_at(uint64_t at_ms, char *out, size_t size)
{
	wall_text(wall_ms() + (int64_t)(at_ms - clock_ms()), out, size);
}

struct timeval
clock_timeval(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
				.tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}
