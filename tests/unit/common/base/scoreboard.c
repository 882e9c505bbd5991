/* scoreboard: rows of their own, counters that outlive workers, and no broken value ever. */
#include "scoreboard.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taken_over_fixture.h"

Test(scoreboard, rows_are_apart_and_add_up)
{
	struct counters *sb = scoreboard_new(3);
	struct scoreboard_row sum;

	cr_assert_eq(sb->workers, 3);
	for (unsigned i = 0; i < 3; i++) {
		counter_add(&scoreboard_row(sb, i)->requests, i + 1);
		counter_set(&scoreboard_row(sb, i)->connections, 10);
	}
	cr_assert_eq(counter_get(&scoreboard_row(sb, 1)->requests), 2);
	counters_sum(sb, 0, &sum);
	cr_assert_eq(counter_get(&sum.requests), 6);
	cr_assert_eq(counter_get(&sum.connections), 30);
	counters_free(sb);
	counters_free(NULL);
}

Test(scoreboard, a_cleared_row_keeps_what_was_counted_and_drops_what_was_held)
{
	struct counters *sb = scoreboard_new(2);
	struct scoreboard_row sum;

	counter_add(&scoreboard_row(sb, 0)->requests, 5);
	counter_add(&scoreboard_row(sb, 0)->bytes_out, 500);
	counter_set(&scoreboard_row(sb, 0)->in_flight, 3);
	counter_set(&scoreboard_row(sb, 0)->heartbeat, 99);
	counters_fold(sb, 0, 1);
	cr_assert_eq(counter_get(&scoreboard_row(sb, 0)->requests), 0);
	cr_assert_eq(counter_get(&scoreboard_row(sb, 0)->heartbeat), 0);
	counter_add(&scoreboard_row(sb, 0)->requests, 2);
	counters_fold(sb, 0, 1);
	counters_sum(sb, 0, &sum);
	cr_assert_eq(counter_get(&sum.requests), 7);
	cr_assert_eq(counter_get(&sum.bytes_out), 500);
	cr_assert_eq(counter_get(&sum.in_flight), 0);
	counters_free(sb);
}

Test(scoreboard, who_accepted_fewest_since_is_found_among_the_others_that_accept)
{
	static const uint64_t had[] = {100, 200, 300, 1000}, has[] = {101, 209, 305, 7};
	struct counters *sb = scoreboard_new(4);
	uint64_t least = 99;

	for (unsigned i = 0; i < 4; i++)
		counter_set(&scoreboard_row(sb, i)->accepted, has[i]);
	cr_expect(!scoreboard_least_accepted(sb, 0, had, &least), "nobody accepts");
	for (unsigned i = 0; i < 2; i++)
		counter_set(&scoreboard_row(sb, i)->accepting, 1);
	cr_expect(scoreboard_least_accepted(sb, 0, had, &least));
	cr_expect_eq(least, 9);
	counter_set(&scoreboard_row(sb, 2)->accepting, 1);
	cr_expect(scoreboard_least_accepted(sb, 0, had, &least));
	cr_expect_eq(least, 5);
	counter_set(&scoreboard_row(sb, 2)->accepting, 0);
	counter_set(&scoreboard_row(sb, 3)->accepting, 1);
	cr_expect(scoreboard_least_accepted(sb, 0, had, &least));
	cr_expect_eq(least, 7, "one that has begun anew");
	counter_set(&scoreboard_row(sb, 3)->accepting, ACCEPTING_LATER);
	cr_expect(scoreboard_least_accepted(sb, 0, had, &least));
	cr_expect_eq(least, 9, "who waits for others is not waited for");
	cr_expect(scoreboard_least(sb, 1, &least), "but has as many connections as he has");
	counters_free(sb);
}

/* Every value of in_flight has equal halves; bytes_in is three times requests, or will be at once.
 */
static void
update_for_ever(struct scoreboard_row *row)
{
	for (uint64_t i = 1;; i++) {
		counter_add(&row->requests, 1);
		counter_add(&row->bytes_in, 3);
		counter_set(&row->in_flight, i << 32 | (i & UINT32_MAX));
	}
}

static int
is_whole(uint64_t v)
{
	return v >> 32 == (v & UINT32_MAX);
}

enum { ROWS = 5, ROUNDS = 10000 };

static pid_t
hammer(struct scoreboard_row *row)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		update_for_ever(row);
	}
	return pid;
}

/* Killed, reaped, looked at and cleared; what it had counted. */
static uint64_t
bury(struct counters *sb, unsigned i, pid_t pid)
{
	struct scoreboard_row *row = scoreboard_row(sb, i);
	uint64_t requests, bytes;
	int status;

	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	requests = counter_get(&row->requests);
	bytes = counter_get(&row->bytes_in);
	cr_assert(bytes == 3 * requests || bytes == 3 * (requests - 1), "%lu %lu",
		  (unsigned long)requests, (unsigned long)bytes);
	cr_assert(is_whole(counter_get(&row->in_flight)));
	counters_fold(sb, i, 1);
	cr_assert_eq(counter_get(&row->in_flight), 0);
	return requests;
}

Test(scoreboard, ten_thousand_workers_killed_in_the_middle_leave_sums_that_are_right,
     .timeout = 120)
{
	struct counters *sb = scoreboard_new(ROWS);
	struct scoreboard_row sum;
	uint64_t counted = 0, bytes;
	unsigned seed = 7;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct scoreboard_row *row = scoreboard_row(sb, round % ROWS);
		pid_t pid = hammer(row);
		for (unsigned spin = (unsigned)rand_r(&seed) % 2000; spin > 0; spin--)
			cr_assert(is_whole(counter_get(&row->in_flight)));
		counted += bury(sb, round % ROWS, pid);
		counters_sum(sb, 0, &sum);
		cr_assert_eq(counter_get(&sum.requests), counted);
	}
	bytes = counter_get(&sum.bytes_in);
	cr_assert(bytes <= 3 * counted && bytes + 3 * ROUNDS >= 3 * counted);
	cr_assert_eq(counter_get(&sum.in_flight), 0);
	counters_free(sb);
}

static struct counters *board;

static int
enter(void)
{
	return counters_enter(board, 0);
}

Test(scoreboard, what_a_taken_over_worker_says_stays_within_bounds_and_ends_with_it)
{
	struct scoreboard_row sum;
	uint64_t least;

	board = scoreboard_new(3);
	for (unsigned i = 0; i < HOSTILE; i++) {
		counter_set(&scoreboard_row(board, 1)->connections, 5);
		take_over(enter, hostile[i]);
		counters_sum(board, 0, &sum);
		cr_assert_leq(counter_get(&sum.requests), INT64_MAX);
		cr_assert_leq(counter_get(&sum.connections), INT64_MAX);
		if (scoreboard_least(board, 2, &least))
			cr_assert_leq(least, SHM_COUNT_MAX);
		cr_assert_eq(counter_get(&scoreboard_peek(board, 2)->requests), 0);
		counters_fold(board, 0, 1);
		counters_sum(board, 0, &sum);
		cr_assert_eq(counter_get(&sum.connections), 5);
	}
	counters_free(board);
}
