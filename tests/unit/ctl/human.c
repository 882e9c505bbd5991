/* human: times as people read them. */
#include "human.h"

#include <criterion/criterion.h>

Test(human, seconds_become_minutes_hours_and_days)
{
	static const struct {
		double s;
		const char *text;
	} t[] = {{0, "0.0s"},	   {9.94, "9.9s"},	{9.96, "10s"},	   {59.4, "59s"},
		 {59.6, "1m00s"},  {3599, "59m59s"},	{3600, "1h00m"},   {86399, "23h59m"},
		 {86400, "1d00h"}, {8639999, "99d23h"}, {8640000, "100d"}, {-1, "-"},
		 {1e300, "-"}};
	char out[HUMAN_TEXT];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		cr_assert_str_eq(human_seconds(t[i].s, out), t[i].text);
}

Test(human, microseconds_become_milliseconds_and_seconds)
{
	static const struct {
		double us;
		const char *text;
	} t[] = {{0, "0us"},	 {999, "999us"},    {1000, "1.0ms"},  {9949, "9.9ms"},
		 {9951, "10ms"}, {999499, "999ms"}, {999501, "1.0s"}, {61e6, "1m01s"}};
	char out[HUMAN_TEXT];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		cr_assert_str_eq(human_micros(t[i].us, out), t[i].text);
}
