/* clock.h - the time: monotonic for intervals, wall clock for people. */
#ifndef POLICYPOOL_CLOCK_H
#define POLICYPOOL_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

/* Since boot; comparable between processes of one machine. */
uint64_t clock_ms(void);
uint64_t clock_us(void);

/* Since 1970, by the clock on the wall, which may jump. */
uint64_t clock_wall_ms(void);

/* "2026-03-01T12:34:56.789+01:00", RFC 3339 in the local zone.  size is at least
 * CLOCK_TEXT. */
enum { CLOCK_TEXT = 32 };
void clock_text(char *out, size_t size);

/* The same for what clock_wall_ms() returned. */
void clock_text_wall(uint64_t wall_ms, char *out, size_t size);

/* The same for a monotonic instant of this boot, in ms. */
void clock_text_at(uint64_t at_ms, char *out, size_t size);

struct timeval clock_timeval(uint64_t ms);

#endif
