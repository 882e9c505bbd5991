/* scoreboard: rows of their own, counters that outlive workers, and no broken value ever. */
#include "scoreboard.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

Test(scoreboard, rows_are_apart_and_add_up)
{
	struct scoreboard *sb = scoreboard_new(3);
	struct scoreboard_row sum;

	cr_assert_eq(scoreboard_rows(sb), 3);
	for (unsigned i = 0; i < 3; i++) {
		scoreboard_add(&scoreboard_row(sb, i)->requests, i + 1);
		scoreboard_set(&scoreboard_row(sb, i)->connections, 10);
	}
	cr_assert_eq(scoreboard_get(&scoreboard_row(sb, 1)->requests), 2);
	scoreboard_sum(sb, &sum);
	cr_assert_eq(scoreboard_get(&sum.requests), 6);
	cr_assert_eq(scoreboard_get(&sum.connections), 30);
	scoreboard_free(sb);
	scoreboard_free(NULL);
}

Test(scoreboard, a_cleared_row_keeps_what_was_counted_and_drops_what_was_held)
{
	struct scoreboard *sb = scoreboard_new(2);
	struct scoreboard_row sum;

	scoreboard_add(&scoreboard_row(sb, 0)->requests, 5);
	scoreboard_add(&scoreboard_row(sb, 0)->bytes_out, 500);
	scoreboard_set(&scoreboard_row(sb, 0)->in_flight, 3);
	scoreboard_set(&scoreboard_row(sb, 0)->heartbeat, 99);
	scoreboard_clear(sb, 0);
	cr_assert_eq(scoreboard_get(&scoreboard_row(sb, 0)->requests), 0);
	cr_assert_eq(scoreboard_get(&scoreboard_row(sb, 0)->heartbeat), 0);
	scoreboard_add(&scoreboard_row(sb, 0)->requests, 2);
	scoreboard_clear(sb, 0);
	scoreboard_sum(sb, &sum);
	cr_assert_eq(scoreboard_get(&sum.requests), 7);
	cr_assert_eq(scoreboard_get(&sum.bytes_out), 500);
	cr_assert_eq(scoreboard_get(&sum.in_flight), 0);
	scoreboard_free(sb);
}

/* Every value that it ever stores has equal halves. */
static void
update_for_ever(struct scoreboard_row *row)
{
	for (uint64_t i = 1;; i++) {
		scoreboard_set(&row->requests, i << 32 | (i & UINT32_MAX));
		scoreboard_set(&row->in_flight, i << 32 | (i & UINT32_MAX));
	}
}

static int
is_whole(uint64_t v)
{
	return v >> 32 == (v & UINT32_MAX);
}

Test(scoreboard, ten_thousand_workers_killed_in_the_middle_leave_whole_values, .timeout = 120)
{
	struct scoreboard *sb = scoreboard_new(1);
	struct scoreboard_row *row = scoreboard_row(sb, 0);
	unsigned seed = 7;

	for (int i = 0; i < 10000; i++) {
		pid_t pid = fork();
		int status;
		cr_assert_geq(pid, 0);
		if (pid == 0)
			update_for_ever(row);
		for (unsigned spin = (unsigned)rand_r(&seed) % 2000; spin > 0; spin--)
			cr_assert(is_whole(scoreboard_get(&row->requests)));
		cr_assert_eq(kill(pid, SIGKILL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(is_whole(scoreboard_get(&row->requests)));
		cr_assert(is_whole(scoreboard_get(&row->in_flight)));
		scoreboard_set(&row->requests, 0);
		scoreboard_clear(sb, 0);
		cr_assert_eq(scoreboard_get(&row->in_flight), 0);
	}
	scoreboard_free(sb);
}

Test(scoreboard, the_least_is_of_those_who_accept_and_of_others)
{
	struct scoreboard *sb = scoreboard_new(3);
	uint64_t least = 99;

	cr_assert_not_null(sb);
	cr_expect(!scoreboard_least(sb, 0, &least));
	for (unsigned i = 0; i < 3; i++)
		scoreboard_set(&scoreboard_row(sb, i)->connections, 10 + i);
	scoreboard_set(&scoreboard_row(sb, 0)->accepting, 1);
	cr_expect(!scoreboard_least(sb, 0, &least));
	scoreboard_set(&scoreboard_row(sb, 2)->accepting, 1);
	cr_expect(scoreboard_least(sb, 0, &least));
	cr_expect_eq(least, 12);
	cr_expect(scoreboard_least(sb, 1, &least));
	cr_expect_eq(least, 10);
	scoreboard_clear(sb, 0);
	cr_expect(scoreboard_least(sb, 1, &least));
	cr_expect_eq(least, 12);
	scoreboard_free(sb);
}
