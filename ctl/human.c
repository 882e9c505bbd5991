/* human.c - see human.h. */
#include "human.h"

#include <stdio.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, MANY_DAYS = 100 };

char *
human_seconds(double seconds, char out[HUMAN_TEXT])
{
	unsigned long long s = seconds < 1e15 ? (unsigned long long)(seconds + 0.5) : 0;

	if (!(seconds >= 0 && seconds < 1e15))
		(void)snprintf(out, HUMAN_TEXT, "-");
	else if (seconds < 9.95)
		(void)snprintf(out, HUMAN_TEXT, "%.1fs", seconds);
	else if (s < MINUTE)
		(void)snprintf(out, HUMAN_TEXT, "%llus", s);
	else if (s < HOUR)
		(void)snprintf(out, HUMAN_TEXT, "%llum%02llus", s / MINUTE, s % MINUTE);
	else if (s < DAY)
		(void)snprintf(out, HUMAN_TEXT, "%lluh%02llum", s / HOUR, s % HOUR / MINUTE);
	else if (s < (unsigned long long)MANY_DAYS * DAY)
		(void)snprintf(out, HUMAN_TEXT, "%llud%02lluh", s / DAY, s % DAY / HOUR);
	else
		(void)snprintf(out, HUMAN_TEXT, "%llud", s / DAY);
	return out;
}

char *
human_micros(double us, char out[HUMAN_TEXT])
{
	if (us >= 999500)
		return human_seconds(us / 1e6, out);
	if (us < 1000)
		(void)snprintf(out, HUMAN_TEXT, "%.0fus", us);
	else if (us < 9950)
		(void)snprintf(out, HUMAN_TEXT, "%.1fms", us / 1e3);
	else
		(void)snprintf(out, HUMAN_TEXT, "%.0fms", us / 1e3);
	return out;
}
