/* job_stats: what is counted of jobs and of the processes that do them. */
#include "job_stats.h"

#include <criterion/criterion.h>
#include <string.h>

#include "taken_over_fixture.h"

static struct job_stats *s;
static struct job_stats_row row;
static char client[JOB_STATS_TEXT];

static void
open_stats(void)
{
	s = job_stats_new(2);
	cr_assert_not_null(s);
}

static void
close_stats(void)
{
	job_stats_free(s);
	job_stats_free(NULL);
}

TestSuite(job_stats, .init = open_stats, .fini = close_stats);

Test(job_stats, outcomes_of_all_workers_are_added_up)
{
	for (unsigned w = 0; w < 2; w++) {
		job_stats_answered(job_stats_row(s, w), JOB_OUTCOME_DONE);
		job_stats_answered(job_stats_row(s, w), JOB_OUTCOME_STRUCK);
		job_stats_took(job_stats_row(s, w), 100);
		counter_gauge(&job_stats_row(s, w)->queued, &job_stats_row(s, w)->queued_max, 3);
	}
	counters_sum(s->rows, 0, &row);
	cr_assert_eq(counter_get(&row.outcome[JOB_OUTCOME_DONE]), 2);
	cr_assert_eq(counter_get(&row.outcome[JOB_OUTCOME_STRUCK]), 2);
	cr_assert_eq(counter_get(&row.outcome[JOB_OUTCOME_FAILED]), 0);
	cr_assert(counter_get(&row.queued) == 6 && counter_get(&row.latency[0]) == 200);
	job_stats_fold(s, 0);
	counters_sum(s->rows, 0, &row);
	cr_assert_eq(counter_get(&row.outcome[JOB_OUTCOME_DONE]), 2, "the dead one's too");
	cr_assert_eq(counter_get(&row.queued), 3);
}

Test(job_stats, the_job_in_hand_is_told_with_its_client)
{
	struct job_stats_cell *c = job_stats_cell(s, 1, 63);

	cr_assert_eq(job_stats_in_hand(s, 1, 63, 1000, client), 0);
	cr_assert_str_eq(client, "");
	job_stats_begin(c, span_str("client-of-some-bytes"), 700);
	cr_assert_eq(job_stats_in_hand(s, 1, 63, 1000, client), 700);
	cr_assert_str_eq(client, "client-of-some-bytes");
	job_stats_end(c);
	cr_assert_eq(job_stats_in_hand(s, 1, 63, 1000, client), 0);
	job_stats_begin(c, span_str("a"), 900);
	(void)job_stats_in_hand(s, 1, 63, 1000, client);
	cr_assert_str_eq(client, "a", "nothing is left of the one before");
	cr_assert_eq(counter_get(&c->jobs), 2);
	job_stats_fresh(c);
	cr_assert(counter_get(&c->jobs) == 0 && job_stats_in_hand(s, 1, 63, 1000, client) == 0);
}

Test(job_stats, the_client_of_the_last_job_is_known_when_it_is_over)
{
	struct job_stats_cell *c = job_stats_cell(s, 1, 2);

	cr_assert_str_eq(job_stats_last_client(s, 1, 2, client), "-");
	job_stats_begin(c, span_str("first"), 700);
	job_stats_end(c);
	job_stats_begin(c, span_str("me"), 800);
	cr_assert_str_eq(job_stats_last_client(s, 1, 2, client), "me");
	job_stats_end(c);
	cr_assert_str_eq(job_stats_last_client(s, 1, 2, client), "me");
	job_stats_fresh(c);
	cr_assert_str_eq(job_stats_last_client(s, 1, 2, client), "-", "of a former life");
}

Test(job_stats, the_jobs_in_hand_of_a_worker_that_has_ended_are_over)
{
	for (unsigned w = 0; w < 2; w++)
		job_stats_begin(job_stats_cell(s, w, 3), span_str("me"), 700);
	job_stats_fold(s, 1);
	cr_assert_eq(job_stats_in_hand(s, 1, 3, 1000, client), 0);
	cr_assert_eq(job_stats_in_hand(s, 0, 3, 1000, client), 700, "that of the other is not");
}

Test(job_stats, a_long_client_is_cut_and_a_strange_one_is_made_printable)
{
	struct job_stats_cell *c = job_stats_cell(s, 0, 0);
	char text[JOB_STATS_CLIENT + 10];

	memset(text, 'x', sizeof text);
	job_stats_begin(c, span_of(text, sizeof text), 1);
	(void)job_stats_in_hand(s, 0, 0, 1, client);
	cr_assert_eq(strlen(client), JOB_STATS_CLIENT);
	job_stats_begin(c, span_str("\x1b[2J\xff"), 1);
	(void)job_stats_in_hand(s, 0, 0, 1, client);
	cr_assert_str_eq(client, "\\u001b[2J\\xff");
	memset(text, 1, sizeof text);
	job_stats_begin(c, span_of(text, sizeof text), 1);
	(void)job_stats_in_hand(s, 0, 0, 1, client);
	cr_assert_eq(strlen(client), 6 * JOB_STATS_CLIENT);
}

Test(job_stats, a_process_is_followed_through_its_lives)
{
	const struct job_life *l = job_stats_life(s, 1, 2);

	cr_assert(l->pid == 0 && l->last_end == -1);
	job_stats_started(s, 1, 2, 5, 4711, 100);
	cr_assert(l->pid == 4711 && l->started == 100 && !l->ready);
	job_stats_ready(s, 1, 2, 4);
	cr_assert_not(l->ready, "that was another life");
	job_stats_ready(s, 1, 2, 5);
	cr_assert(l->ready);
	job_stats_ended(s, 1, 2, JOB_END_TIMEOUT, 6);
	cr_assert(l->pid == 0 && !l->ready && l->restarts == 1);
	cr_assert(l->last_end == JOB_END_TIMEOUT && l->last_status == 6);
	job_stats_started(s, 1, 2, 9, 4712, 200);
	job_stats_ended(s, 1, 2, JOB_END_SELF, 139);
	job_stats_started(s, 1, 2, 10, 4713, 300);
	job_stats_ended(s, 1, 2, JOB_END_STOP, 15);
	cr_assert_eq(l->restarts, 2, "one that leaves with its worker is not restarted");
	cr_assert(s->ends[JOB_END_SELF] == 1 && s->ends[JOB_END_TIMEOUT] == 1);
}

Test(job_stats, a_worker_says_that_its_handler_fails_until_it_does_not_or_ends)
{
	cr_assert_null(job_stats_trouble(s));
	job_stats_failing(s, 1, "exit 1", 100);
	job_stats_failing(s, 0, "signal 11", 200);
	job_stats_failing(s, 1, "exit 2", 300);
	cr_assert_eq(job_stats_trouble(s)->since, 100);
	cr_assert_str_eq(job_stats_trouble(s)->why, "exit 2");
	job_stats_failing(s, 1, NULL, 400);
	cr_assert_eq(job_stats_trouble(s)->since, 200);
	job_stats_fold(s, 0);
	cr_assert_null(job_stats_trouble(s));
}

static int
enter(void)
{
	return job_stats_enter(s, 0);
}

Test(job_stats, what_a_taken_over_worker_says_stays_within_bounds_and_ends_with_it)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		counter_set(&job_stats_row(s, 1)->queued, 5);
		take_over(enter, hostile[i]);
		counters_sum(s->rows, 0, &row);
		cr_assert_leq(counter_get(&row.outcome[JOB_OUTCOME_DONE]), INT64_MAX);
		cr_assert_leq(job_stats_in_hand(s, 0, 7, 1000, client), 1000);
		cr_assert_lt(strlen(client), sizeof client);
		job_stats_fold(s, 0);
		counters_sum(s->rows, 0, &row);
		cr_assert_eq(counter_get(&row.queued), 5);
		cr_assert_eq(job_stats_in_hand(s, 0, 7, 1000, client), 0);
	}
}
