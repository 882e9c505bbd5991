/* clock: times as text, and pauses for libevent. */
#include "clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static void
zone(const char *tz)
{
	cr_assert_eq(setenv("TZ", tz, 1), 0);
	tzset();
}

/* ms since the epoch; the text must look as the contract says. */
static int64_t
parse(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char *end;
	long ms, hours, minutes;

	cr_assert_eq(strlen(text), strlen("2026-03-01T12:34:56.789+01:00"));
	cr_assert_not_null(rest);
	cr_assert_eq(*rest, '.');
	ms = strtol(rest + 1, &end, 10);
	cr_assert_eq(end - rest, 4);
	cr_assert(*end == '+' || *end == '-');
	cr_assert_eq(end[3], ':');
	hours = strtol(end + 1, NULL, 10);
	minutes = strtol(end + 4, NULL, 10);
	return (timegm(&tm) - (*end == '-' ? -1 : 1) * (hours * 3600 + minutes * 60)) * 1000 + ms;
}

static int64_t
wall(void)
{
	struct timespec t;

	cr_assert_eq(clock_gettime(CLOCK_REALTIME, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
expect_now_in(const char *tz, const char *offset)
{
	char text[CLOCK_TEXT];
	int64_t before, after;

	zone(tz);
	before = wall();
	clock_text(text, sizeof text);
	after = wall();
	cr_assert_str_eq(text + 23, offset);
	cr_assert_geq(parse(text), before);
	cr_assert_leq(parse(text), after);
}

Test(clock, text_is_now_in_the_local_zone)
{
	expect_now_in("UTC0", "+00:00");
	expect_now_in("CET-1", "+01:00");
	expect_now_in("NPT-05:45", "+05:45");
	expect_now_in("NST03:30", "-03:30");
	expect_now_in("XXX00:30", "-00:30");
}

Test(clock, an_instant_of_this_boot_has_its_wall_time)
{
	char text[CLOCK_TEXT];
	uint64_t now = clock_ms();
	int64_t off;

	zone("UTC0");
	clock_text_at(now, text, sizeof text);
	off = wall() - parse(text);
	cr_assert(off > -1000 && off < 1000);
	clock_text_at(now - 5, text, sizeof text);
	clock_text_at(now + 3600000, text, sizeof text);
	off = parse(text) - wall();
	cr_assert(off > 3599000 && off < 3601000);
}

Test(clock, milliseconds_and_microseconds_are_the_same_clock)
{
	uint64_t ms = clock_ms(), us = clock_us(), again = clock_ms();
	struct timespec t;

	cr_assert_leq(ms, us / 1000);
	cr_assert_leq(us / 1000, again);
	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	cr_assert_lt((uint64_t)t.tv_sec - again / 1000, 60);
}

Test(clock, never_goes_back)
{
	uint64_t last = clock_us();

	for (int i = 0; i < 100000; i++) {
		uint64_t now = clock_us();

		cr_assert_leq(last, now);
		last = now;
	}
}

Test(clock, timeval_splits_milliseconds)
{
	struct timeval t = clock_timeval(61999);

	cr_assert_eq(t.tv_sec, 61);
	cr_assert_eq(t.tv_usec, 999000);
	t = clock_timeval(0);
	cr_assert(t.tv_sec == 0 && t.tv_usec == 0);
}

Test(clock, too_little_room_for_text_aborts, .signal = SIGABRT)
{
	char text[CLOCK_TEXT];

	clock_text(text, CLOCK_TEXT - 1);
}
