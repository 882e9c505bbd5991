/* progress: the line that shows how far a load has come. */
#include "progress.h"

#include <criterion/criterion.h>
#include <unistd.h>

static char *
line(char out[PROGRESS_LINE], size_t width, uint64_t done, uint64_t total, uint64_t elapsed_ms)
{
	const struct progress_goal goal = {.total = total};

	return progress_line(out, width, &goal, done, elapsed_ms);
}

Test(progress, shows_share_rate_and_time_left)
{
	char out[PROGRESS_LINE];

	cr_assert_str_eq(line(out, 60, 500, 1000, 1000),
			 "[===============               ]  50% 500/1000 500/s 1s left");
	cr_assert_str_eq(line(out, 60, 1000, 1000, 1000),
			 "[============================] 100% 1000/1000 1000/s 0s left");
}

Test(progress, has_no_time_left_to_tell_at_the_beginning)
{
	char out[PROGRESS_LINE];

	cr_assert_str_eq(line(out, 44, 0, 1000, 1000),
			 "[                   ]   0% 0/1000 0/s - left");
	cr_assert_str_eq(line(out, 44, 0, 1000, 0), "[                   ]   0% 0/1000 0/s - left");
}

Test(progress, of_a_duration_the_time_is_the_share)
{
	const struct progress_goal goal = {.limit_ms = 10000};
	char out[PROGRESS_LINE];

	cr_assert_str_eq(progress_line(out, 60, &goal, 500, 2500),
			 "[========                           ]  25% 500 200/s 8s left");
	cr_assert_str_eq(progress_line(out, 44, &goal, 0, 0),
			 "[                      ]   0% 0 0/s 10s left");
	cr_assert_not_null(strstr(progress_line(out, 60, &goal, 500, 12000), " 100% 500 "));
}

Test(progress, of_a_count_and_a_duration_the_nearer_end_counts)
{
	const struct progress_goal goal = {.total = 1000, .limit_ms = 10000};
	char out[PROGRESS_LINE];

	cr_assert_not_null(
		strstr(progress_line(out, 60, &goal, 900, 1000), "  90% 900/1000 900/s 0s left"));
	cr_assert_not_null(
		strstr(progress_line(out, 60, &goal, 10, 5000), "  50% 10/1000 2/s 5s left"));
	cr_assert_not_null(
		strstr(progress_line(out, 60, &goal, 0, 5000), "  50% 0/1000 0/s 5s left"));
}

Test(progress, tells_minutes_and_hours)
{
	char out[PROGRESS_LINE];

	cr_assert_not_null(strstr(line(out, 80, 1, 126, 1000), " 2m05s left"));
	cr_assert_not_null(strstr(line(out, 80, 1, 3721, 1000), " 1h02m left"));
	cr_assert_not_null(strstr(line(out, 80, 1, 1000000000, 1000), " - left"));
}

Test(progress, never_is_wider_than_the_terminal)
{
	char out[PROGRESS_LINE];

	for (size_t width = 0; width < 400; width++) {
		memset(out, 'x', sizeof out);
		line(out, width, 123456789, 1000000000, 987654);
		cr_assert_leq(strlen(out), width);
		cr_assert_lt(strlen(out), PROGRESS_LINE);
		for (const char *p = out; *p != '\0'; p++)
			cr_assert(*p >= ' ' && *p < 0x7f);
	}
}

Test(progress, has_a_bar_of_a_fair_length)
{
	char out[PROGRESS_LINE];

	line(out, 200, 1, 2, 1000);
	cr_assert_eq(strcspn(out, "]"), 61);
	line(out, 20, 1, 2, 1000);
	cr_assert_str_eq(out, " 50% 1/2 1/s 1s left");
}

Test(progress, draws_nothing_in_its_first_second)
{
	int pipefd[2];
	char c;
	const struct progress_goal goal = {.total = 10};
	uint64_t done = 0;
	struct event_base *base = event_base_new();
	struct progress *p;

	cr_assert_eq(pipe(pipefd), 0);
	p = progress_new(base, pipefd[1], &goal, &done);
	cr_assert_not_null(p);
	cr_assert_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	progress_free(p);
	progress_free(NULL);
	cr_assert_eq(close(pipefd[1]), 0);
	cr_assert_eq(read(pipefd[0], &c, 1), 0, "nothing drawn, nothing to erase");
	cr_assert_eq(close(pipefd[0]), 0);
	event_base_free(base);
}

Test(progress, erases_what_it_has_drawn)
{
	int pipefd[2];
	char text[PROGRESS_LINE + 16];
	const struct progress_goal goal = {.total = 10};
	uint64_t done = 5;
	struct event_base *base = event_base_new();
	struct progress *p;
	ssize_t n;

	cr_assert_eq(pipe(pipefd), 0);
	p = progress_new(base, pipefd[1], &goal, &done);
	cr_assert_not_null(p);
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0); /* until it draws */
	progress_free(p);
	n = read(pipefd[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_eq(strncmp(text, "\r[", 2), 0);
	cr_assert_not_null(strstr(text, " 5/10 "));
	cr_assert_str_eq(text + n - 4, "\r\033[K");
	cr_assert_eq(close(pipefd[1]), 0);
	cr_assert_eq(close(pipefd[0]), 0);
	event_base_free(base);
}
