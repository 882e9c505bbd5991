/* job_dispatch: what goes wrong is blamed on whichever is to blame, a process, a payload or the
 * handler, and costs nobody else anything. */
#include "clock.h"
#include "job_dispatch_fixture.h"

/* ---- ends ---- */

Test(job_dispatch, a_process_that_ends_costs_its_own_job_alone)
{
	open_with(2);
	ask("1");
	ask("2");
	ask("3");
	hear(1, "\"1\"");
	hear(0, "\"2\"");
	close_fake(1);
	turns();
	nobody_answered();
	end_with(1, SIGSEGV, JOB_END_SELF);
	cr_assert_eq(answered("1", JOB_OUTCOME_FAILED, "signal 11, SIGSEGV")->code,
		     PACKET_HANDLER_FAILED);
	master_hears_a_strike("1", JOB_END_SELF);
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
	hear(0, "\"3\"");
	be_ready(1);
	ask("4");
	hear(1, "\"4\"");
	die_of(1, 3 << 8);
	answered("4", JOB_OUTCOME_FAILED, "exited with status 3");
	answer_with(0, "three");
	answered("3", JOB_OUTCOME_DONE, "three");
}

Test(job_dispatch, an_answer_before_the_end_counts)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	{
		char text[64];
		int n = snprintf(text, sizeof text, "{\"job\":%ju,\"payload\":\"one\"}\n",
				 (uintmax_t)fake[0].job);
		cr_assert_eq(write(fake[0].out, text, (size_t)n), n);
	}
	end_with(0, SIGKILL, JOB_END_SELF);
	answered("1", JOB_OUTCOME_DONE, "one");
	master_hears_nothing();
}

Test(job_dispatch, the_end_is_believed_though_a_grandchild_has_the_pipes)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	end_with(0, 0, JOB_END_SELF);
	answered("1", JOB_OUTCOME_FAILED, "exited with status 0");
	ask("2");
	nobody_answered();
	close_fake(0);
	be_ready(0);
	hear(0, "\"2\"");
}

Test(job_dispatch, a_job_that_was_not_read_was_not_run)
{
	open_with(1);
	ask("1");
	die_of(0, SIGKILL);
	nobody_answered();
	be_ready(0);
	hear(0, "\"1\"");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	while (tolds_seen < tolds)
		cr_assert_neq(told[tolds_seen++].kind, JOB_MSG_STRIKE);
}

Test(job_dispatch, but_it_is_not_given_on_without_end)
{
	open_with(1);
	ask("1");
	for (int i = 0; i < 3; i++) {
		die_of(0, SIGKILL);
		nobody_answered();
		be_ready(0);
	}
	die_of(0, SIGKILL);
	never_run(answered("1", JOB_OUTCOME_BUSY, "end before they take it"));
}

Test(job_dispatch, a_process_that_closes_its_output_and_lives_is_ended)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	(void)close(fake[0].out);
	fake[0].out = -1;
	turns();
	nobody_answered();
	pass(JOB_ENDING_MS + 1);
	answered("1", JOB_OUTCOME_PROTOCOL, "closed its input or output");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, without_a_process_jobs_wait_for_a_moment)
{
	open_with(1);
	die_of(0, SIGKILL);
	ask("1");
	pass(JOB_DOWN_MS - 1);
	nobody_answered();
	pass(2);
	never_run(answered("1", JOB_OUTCOME_BUSY, "no job process is up"));
	ask("2");
	never_run(answered("2", JOB_OUTCOME_BUSY, "no job process is up"));
	be_ready(0);
	ask("3");
	hear(0, "\"3\"");
}

/* Ready, and over before it can have a job: it writes more than is read at once. */
static void
flap(unsigned i)
{
	static char line[(1 << 16) + 1];
	int n = snprintf(line, sizeof line, "{\"job\":0,\"payload\":\"");

	memset(line + n, 'x', sizeof line - (size_t)n);
	memcpy(line + sizeof line - 4, "\"}\n{", 4);
	spawn(i);
	hear(i, "{\"job\":0");
	cr_assert_geq(fcntl(fake[i].out, F_SETPIPE_SZ, 1 << 17), 0);
	cr_assert_eq(write(fake[i].out, line, sizeof line), sizeof line);
	turns();
	cr_assert_eq(told[(tolds - 2) % TOLD_MAX].kind, JOB_MSG_READY);
	end_with(i, SIGABRT, JOB_END_PROTOCOL);
	close_fake(i);
}

Test(job_dispatch, they_do_not_wait_longer_for_one_that_is_up_for_moments)
{
	open_with(1);
	die_of(0, SIGKILL);
	ask("1");
	for (int ms = 0; ms < JOB_DOWN_MS; ms += 100) {
		nobody_answered();
		flap(0);
		pass(100);
	}
	never_run(answered("1", JOB_OUTCOME_BUSY, "no job process is up"));
	be_ready(0);
	ask("2");
	hear(0, "\"2\"");
}

/* ---- the protocol broken ---- */

static void
repeatable_process(unsigned i)
{
	spawn(i);
	hear(i, "{\"job\":0");
	sayf(i, "{\"job\":0,\"repeatable\":true}\n");
	cr_assert_eq(master_hears(JOB_MSG_READY)->ready.repeatable, 1);
}

Test(job_dispatch, garbage_for_an_answer_fails_the_job_that_may_not_be_repeated)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "Traceback (most recent call last):\n");
	nobody_answered();
	pass(JOB_SETTLE_MS + 1);
	answered("1", JOB_OUTCOME_PROTOCOL, "no answer: not JSON");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_nothing();
}

Test(job_dispatch, garbage_again_is_the_doing_of_a_payload_that_may_not_be_repeated)
{
	open_with(1);
	for (int i = 0; i < 3; i++) {
		ask_for("1", span_str("sick"));
		hear(0, "\"sick\"");
		sayf(0, "Traceback (most recent call last):\n");
		pass(JOB_SETTLE_MS + 1);
		answered("1", JOB_OUTCOME_PROTOCOL, "no answer: not JSON");
		master_kills(0, JOB_END_PROTOCOL);
		if (i > 0)
			master_hears_a_strike("1", JOB_END_PROTOCOL);
		master_hears_nothing();
		end_with(0, SIGABRT, JOB_END_PROTOCOL);
		be_ready(0);
		(void)master_hears(JOB_MSG_READY);
	}
	ask_for("2", span_str("sick"));
	answered("2", JOB_OUTCOME_STRUCK, "not run: this payload");
}

Test(job_dispatch, what_was_answered_since_is_not_to_blame)
{
	open_with(1);
	for (int i = 0; i < 3; i++) {
		ask_for("1", span_str("well"));
		hear(0, "\"well\"");
		sayf(0, "left over from another\n");
		pass(JOB_SETTLE_MS + 1);
		answered("1", JOB_OUTCOME_PROTOCOL, "no answer: not JSON");
		master_kills(0, JOB_END_PROTOCOL);
		end_with(0, SIGABRT, JOB_END_PROTOCOL);
		be_ready(0);
		(void)master_hears(JOB_MSG_READY);
		ask_for("1", span_str("well"));
		hear(0, "\"well\"");
		answer_with(0, "WELL");
		answered("1", JOB_OUTCOME_DONE, "WELL");
		master_hears_nothing();
	}
}

Test(job_dispatch, more_than_its_answer_again_is_the_doing_of_the_payload)
{
	open_with(1);
	for (int i = 0; i < 3; i++) {
		ask_for("1", span_str("sick"));
		hear(0, "\"sick\"");
		sayf(0, "{\"job\":%ju,\"payload\":\"one\"}\n{\"job\"", (uintmax_t)fake[0].job);
		answered("1", JOB_OUTCOME_DONE, "one");
		if (i > 0)
			master_hears_a_strike("1", JOB_END_PROTOCOL);
		master_kills(0, JOB_END_PROTOCOL);
		master_hears_nothing();
		end_with(0, SIGABRT, JOB_END_PROTOCOL);
		be_ready(0);
		(void)master_hears(JOB_MSG_READY);
	}
	ask_for("2", span_str("sick"));
	answered("2", JOB_OUTCOME_STRUCK, "not run: this payload");
}

Test(job_dispatch, a_job_that_ends_its_process_is_not_run_again)
{
	conf.repeatable = HANDLER_REPEATABLE_YES;
	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	die_of(1, SIGSEGV);
	answered("1", JOB_OUTCOME_FAILED, "SIGSEGV");
	master_hears_a_strike("1", JOB_END_SELF);
	cr_assert_not(hears(0));
}

Test(job_dispatch, nor_one_that_closes_its_output)
{
	conf.repeatable = HANDLER_REPEATABLE_YES;
	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	(void)close(fake[1].out);
	fake[1].out = -1;
	turns();
	pass(JOB_ENDING_MS + 1);
	answered("1", JOB_OUTCOME_PROTOCOL, "closed its input or output");
	master_kills(1, JOB_END_PROTOCOL);
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, one_that_may_be_repeated_goes_to_another_process_once)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 2;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	repeatable_process(0);
	repeatable_process(1);
	ask("1");
	hear(1, "\"1\"");
	sayf(1, "{\"job\":%ju,\"payload\":\"\"}\n", (uintmax_t)fake[1].job + 1);
	pass(JOB_SETTLE_MS + 1);
	master_kills(1, JOB_END_PROTOCOL);
	nobody_answered();
	hear(0, "\"1\"");
	sayf(0, "{}\n");
	pass(JOB_SETTLE_MS + 1);
	master_kills(0, JOB_END_PROTOCOL);
	answered("1", JOB_OUTCOME_PROTOCOL, "no job number");
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, a_second_answer_harms_nobody)
{
	uint64_t first;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	first = fake[0].job;
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"one again\"}\n", (uintmax_t)first);
	nobody_answered();
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_nothing();
}

Test(job_dispatch, what_comes_with_an_answer_or_unasked_ends_the_process)
{
	open_with(3);
	ask("1");
	hear(2, "\"1\"");
	sayf(2, "{\"job\":%ju,\"payload\":\"one\"}\n{\"job\"", (uintmax_t)fake[2].job);
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(2, JOB_END_PROTOCOL);
	sayf(1, "hello");
	master_kills(1, JOB_END_PROTOCOL);
	sayf(0, "hello\n");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_nothing();
}

Test(job_dispatch, a_process_that_writes_unasked_gets_no_job)
{
	open_with(2);
	cr_assert_eq(write(fake[1].out, "{}\n", 3), 3);
	ask("1");
	master_kills(1, JOB_END_PROTOCOL);
	cr_assert_not(hears(1));
	hear(0, "\"1\"");
}

Test(job_dispatch, an_answer_before_the_job_is_read_is_the_last)
{
	static char payload[300000];

	memset(payload, 'x', sizeof payload);
	open_with(1);
	ask_for("1", span_of(payload, sizeof payload));
	cr_assert_eq(read(fake[0].in, fake[0].line, 1000), 1000);
	cr_assert_eq(sscanf(fake[0].line, "{\"job\":%ju", (uintmax_t *)&fake[0].job), 1);
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(0, JOB_END_PROTOCOL);
}

/* ---- strikes, the breaker ---- */

Test(job_dispatch, a_payload_that_ended_as_many_as_it_may_is_not_run)
{
	open_with(1);
	for (int i = 0; i < 2; i++) {
		ask_for("1", span_str("sick"));
		hear(0, "\"sick\"");
		die_of(0, SIGSEGV);
		answered("1", JOB_OUTCOME_FAILED, "SIGSEGV");
		be_ready(0);
	}
	ask_for("2", span_str("sick"));
	cr_assert_eq(
		answered("2", JOB_OUTCOME_STRUCK, "not run: this payload has ended 2 job processes")
			->code,
		PACKET_HANDLER_FAILED);
	ask_for("2", span_str("well"));
	hear(0, "\"well\"");
	ask_for("3", span_str("sick"));
	answered("3", JOB_OUTCOME_STRUCK, "not run: this payload");
}

Test(job_dispatch, it_is_the_same_however_it_is_spelled)
{
	static const char *const same[] = {"sick", "\\u0073ick", "si\\u0063k"};

	conf.strikes = 1;
	open_with(1);
	ask_for("1", span_str(same[2]));
	hear(0, "\"payload\":");
	die_of(0, SIGSEGV);
	answered("1", JOB_OUTCOME_FAILED, "SIGSEGV");
	be_ready(0);
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		ask_for("2", span_str(same[i]));
		answered("2", JOB_OUTCOME_STRUCK, "not run: this payload");
	}
	ask_in("3", span_str("c2ljaw\\u003d="), true);
	answered("3", JOB_OUTCOME_STRUCK, "not run: this payload");
	ask_for("4", span_str("c2ljaw=="));
	hear(0, "c2ljaw==");
}

Test(job_dispatch, clients_are_told_decoded_and_cut_between_characters)
{
	char id[6 * PACKET_ID_MAX + 1] = "x", wanted[PACKET_ID_MAX + 1] = "x";

	for (int i = 0; i < PACKET_ID_MAX / 2; i++)
		(void)strcat(id, "\\u00e9");
	for (int i = 0; i < PACKET_ID_MAX / 2 - 1; i++)
		(void)strcat(wanted, "\xc3\xa9");
	open_with(1);
	ask_for(id, span_str("sick"));
	hear(0, "\"sick\"");
	die_of(0, SIGSEGV);
	master_hears_a_strike(wanted, JOB_END_SELF);
}

Test(job_dispatch, its_answer_makes_strikes_void)
{
	open_with(1);
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	die_of(0, SIGSEGV);
	be_ready(0);
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	answer_with(0, "");
	cr_assert(job_strikes_is_empty(strikes));
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	tolds_seen = tolds;
	answer_with(0, "");
	master_hears_nothing();
}

Test(job_dispatch, a_handler_that_fails_at_everything_is_tried_once_a_pause)
{
	char id[16];

	open_with(1);
	for (int i = 0; i < JOB_BREAKER_FAILURES; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		ask(id);
		hear(0, id);
		if (i == JOB_BREAKER_FAILURES - 1)
			ask("waits");
		die_of(0, SIGSEGV);
		if (i == JOB_BREAKER_FAILURES - 1)
			never_run(answered("waits", JOB_OUTCOME_BUSY, "fails at everything"));
		answered(id, JOB_OUTCOME_FAILED, "SIGSEGV");
		be_ready(0);
	}
	while (told[tolds_seen].kind != JOB_MSG_FAILING)
		tolds_seen++;
	cr_assert_eq(told[tolds_seen].failing.failing, 1);
	cr_assert_not_null(strstr(told[tolds_seen].failing.why, "SIGSEGV"));
	tolds_seen = tolds;
	/* Clients of jobs that have failed: of another one, a job would be tried. */
	ask_for("1", span_str("a"));
	never_run(answered("1", JOB_OUTCOME_BUSY, "fails at everything"));
	pass(JOB_BREAKER_MIN);
	ask_for("2", span_str("b"));
	hear(0, "\"b\"");
	ask_for("3", span_str("c"));
	never_run(answered("3", JOB_OUTCOME_BUSY, "fails at everything"));
	answer_with(0, "fine");
	answered("2", JOB_OUTCOME_DONE, "fine");
	cr_assert_eq(master_hears(JOB_MSG_FAILING)->failing.failing, 0);
	ask("d");
	hear(0, "\"d\"");
}

/* ---- a payload that may hang leaves processes to others ---- */

static unsigned
hearing(unsigned processes, const char *wanted)
{
	unsigned n = 0;

	for (unsigned i = 0; i < processes; i++)
		if (hears(i)) {
			cr_assert_not_null(strstr(fake[i].line, wanted), "%s", fake[i].line);
			n++;
		}
	return n;
}

/* One job of 1 ms: so long they take. */
static void
take_usual_time(unsigned process)
{
	ask("usual");
	hear(process, "\"usual\"");
	pass(1);
	answer_with(process, "usual");
	answered("usual", JOB_OUTCOME_DONE, "usual");
}

Test(job_dispatch, a_new_payload_has_half_of_the_processes_and_others_go_before)
{
	open_with(4);
	for (int i = 0; i < 4; i++)
		ask_for("many", span_str("same"));
	cr_assert_eq(hearing(4, "\"same\""), 2);
	ask("other");
	ask("another");
	cr_assert_eq(hearing(4, "other\""), 2);
	nobody_answered();
}

Test(job_dispatch, once_it_is_answered_it_may_have_all)
{
	open_with(4);
	for (int i = 0; i < 5; i++)
		ask_for("many", span_str("same"));
	hear(3, "\"same\"");
	hear(2, "\"same\"");
	answer_with(3, "first");
	answered("many", JOB_OUTCOME_DONE, "first");
	cr_assert_eq(hearing(4, "\"same\""), 3);
	for (unsigned i = 0; i < 4; i++)
		answer_with(i, "next");
	cr_assert_eq(hearing(4, "\"same\""), 0);
	for (int i = 0; i < 4; i++)
		answered("many", JOB_OUTCOME_DONE, "next");
	for (int i = 0; i < 4; i++)
		ask_for("many", span_str("same"));
	cr_assert_eq(hearing(4, "\"same\""), 4);
}

Test(job_dispatch, what_takes_unusually_long_is_not_waited_for)
{
	struct done *o;

	open_with(2);
	take_usual_time(1);
	ask_for("first", span_str("sick"));
	hear(1, "\"sick\"");
	ask_for("second", span_str("sick"));
	pass(20);
	nobody_answered();
	pass(10);
	o = answered("second", JOB_OUTCOME_BUSY, "takes unusually long");
	never_run(o);
	cr_assert_eq(o->retry_after, 30, "it may take as long again");
	ask_for("third", span_str("sick"));
	never_run(answered("third", JOB_OUTCOME_BUSY, "takes unusually long"));
	ask("well");
	hear(0, "\"well\"");
	pass(5000);
	answered("first", JOB_OUTCOME_TIMEOUT, "job_timeout");
}

Test(job_dispatch, one_that_ended_a_process_has_one_process_at_once)
{
	open_with(4);
	take_usual_time(3);
	ask_for("1", span_str("sick"));
	hear(3, "\"sick\"");
	die_of(3, SIGSEGV);
	answered("1", JOB_OUTCOME_FAILED, "SIGSEGV");
	be_ready(3);
	ask_for("2", span_str("sick"));
	ask_for("3", span_str("sick"));
	cr_assert_eq(hearing(4, "\"sick\""), 1);
	pass(30);
	never_run(answered("3", JOB_OUTCOME_BUSY, "takes unusually long"));
}

Test(job_dispatch, as_many_of_one_payload_wait_as_may)
{
	conf.queue = 2;
	open_with(2);
	for (int i = 0; i < 4; i++)
		ask_for("many", span_str("same"));
	never_run(answered("many", JOB_OUTCOME_BUSY, "handler_queue"));
	nobody_answered();
	ask("other");
	cr_assert_eq(hearing(2, "\""), 2);
}

Test(job_dispatch, what_is_held_is_dropped_with_its_asker_and_given_back_at_the_end)
{
	struct job_task *held;

	open_with(2);
	ask_for("first", span_str("same"));
	held = ask_for("gone", span_str("same"));
	ask_for("held", span_str("same"));
	job_dispatch_abandon(d, held);
	cr_assert_eq(counter_get(&job_stats_row(stats, 0)->queued), 1);
	job_dispatch_shut_down(d);
	answered("held", JOB_OUTCOME_BUSY, "about to stop");
	nobody_answered();
}

Test(job_dispatch, without_strikes_payloads_are_not_told_apart)
{
	conf.strikes = 0;
	open_with(4);
	for (int i = 0; i < 4; i++)
		ask_for("many", span_str("same"));
	cr_assert_eq(hearing(4, "\"same\""), 4);
}

Test(job_dispatch, the_only_process_is_left_to_nobody)
{
	open_with(1);
	ask_for("1", span_str("same"));
	ask_for("2", span_str("same"));
	hear(0, "\"same\"");
	pass(4000);
	answer_with(0, "late");
	answered("1", JOB_OUTCOME_DONE, "late");
	hear(0, "\"same\"");
}

Test(job_dispatch, a_large_payload_is_known_by_its_size_and_its_ends)
{
	static char text[3][20000];

	for (int i = 0; i < 3; i++)
		memset(text[i], 'x', sizeof text[i]);
	text[1][10000] = 'y';
	text[2][sizeof text[2] - 1] = 'y';
	open_with(4);
	for (int i = 0; i < 2; i++)
		ask_for("same", span_of(text[i], sizeof text[i]));
	cr_assert_eq(hearing(4, "xxx\"}"), 2);
	ask_for("held", span_of(text[1], sizeof text[1]));
	cr_assert_eq(hearing(4, ""), 0);
	ask_for("end", span_of(text[2], sizeof text[2]));
	cr_assert_eq(hearing(4, "xxxy\"}"), 1);
	ask_for("size", span_of(text[0], sizeof text[0] - 1));
	cr_assert_eq(hearing(4, "xxx\"}"), 1);
}

/* ---- what waits is left to another worker ---- */

enum { HELD_UP_MS = 20, LOOK_MS = 5 };

/* The other worker says that it has so many idle. */
static void
other_has(unsigned spare)
{
	counter_set(&job_stats_row(stats, 1)->spare, spare);
}

static void
open_of_two(unsigned processes)
{
	workers = 2;
	open_with(processes);
}

Test(job_dispatch, what_waits_is_left_to_another_worker_that_has_an_idle_process)
{
	open_of_two(1);
	other_has(1);
	ask_for("slow", span_str("slow"));
	hear(0, "\"slow\"");
	ask_for("behind", span_str("next"));
	pass(HELD_UP_MS - 1);
	nobody_answered();
	pass(2);
	never_run(answered("behind", JOB_OUTCOME_BUSY, "those of another worker are not"));
	ask_for("later", span_str("later"));
	never_run(answered("later", JOB_OUTCOME_BUSY, "those of another worker are not"));
	answer_with(0, "done");
	answered("slow", JOB_OUTCOME_DONE, "done");
	ask_for("last", span_str("last"));
	hear(0, "\"last\"");
}

Test(job_dispatch, where_no_other_has_one_it_waits)
{
	open_of_two(1);
	ask_for("slow", span_str("slow"));
	ask_for("behind", span_str("next"));
	pass(10 * HELD_UP_MS);
	nobody_answered();
	other_has(1);
	pass(LOOK_MS + 1);
	never_run(answered("behind", JOB_OUTCOME_BUSY, "those of another worker are not"));
}

Test(job_dispatch, another_worker_that_does_jobs_is_as_good_as_one_that_is_idle)
{
	open_of_two(1);
	ask_for("slow", span_str("slow"));
	ask_for("behind", span_str("next"));
	job_stats_begin(job_stats_cell(stats, 1, 0), span_str("x"), clock_ms());
	pass(2 * HELD_UP_MS);
	nobody_answered();
	job_stats_begin(job_stats_cell(stats, 1, 0), span_str("x"), clock_ms());
	pass(LOOK_MS + 1);
	never_run(answered("behind", JOB_OUTCOME_BUSY, "those of another worker are not"));
}

Test(job_dispatch, as_long_as_one_process_does_jobs_it_waits)
{
	open_of_two(2);
	other_has(1);
	ask_for("slow", span_str("slow"));
	ask_for("quick", span_str("quick"));
	ask_for("behind", span_str("behind"));
	hear(0, "\"quick\"");
	pass(HELD_UP_MS - 1);
	answer_with(0, "quick");
	answered("quick", JOB_OUTCOME_DONE, "quick");
	hear(0, "\"behind\"");
	ask_for("more", span_str("more"));
	pass(HELD_UP_MS - 1);
	nobody_answered();
	answer_with(0, "behind");
	answered("behind", JOB_OUTCOME_DONE, "behind");
}

Test(job_dispatch, one_that_is_slow_as_a_rule_is_no_reason)
{
	open_of_two(1);
	other_has(1);
	ask("usual"); /* the mean is an eighth of that */
	hear(0, "\"usual\"");
	pass(60);
	answer_with(0, "usual");
	answered("usual", JOB_OUTCOME_DONE, "usual");
	ask_for("slow", span_str("slow"));
	ask_for("behind", span_str("behind"));
	pass(2 * HELD_UP_MS);
	nobody_answered();
	pass(HELD_UP_MS + 1);
	never_run(answered("behind", JOB_OUTCOME_BUSY, "those of another worker are not"));
}

Test(job_dispatch, while_none_is_up_the_same_holds)
{
	open_of_two(1);
	die_of(0, SIGKILL);
	ask_for("early", span_str("early"));
	pass(HELD_UP_MS + 1);
	nobody_answered();
	other_has(2);
	pass(LOOK_MS + 1);
	never_run(answered("early", JOB_OUTCOME_BUSY, "those of another worker are not"));
}

Test(job_dispatch, a_worker_says_how_many_it_has_idle)
{
	const struct job_stats_row *own = job_stats_row(stats, 0);

	open_of_two(2);
	cr_assert_eq(counter_get(&own->spare), 2);
	ask_for("a", span_str("a"));
	cr_assert_eq(counter_get(&own->spare), 1);
	ask_for("b", span_str("b"));
	cr_assert_eq(counter_get(&own->spare), 0);
	hear(0, "\"b\"");
	answer_with(0, "b");
	answered("b", JOB_OUTCOME_DONE, "b");
	cr_assert_eq(counter_get(&own->spare), 1);
	job_dispatch_shut_down(d);
	cr_assert_eq(counter_get(&own->spare), 0);
}
