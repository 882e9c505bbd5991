/* job_dispatch: jobs go to processes and answers come back, in time or not; processes are recycled
 * and come anew. */
#include "job_dispatch_fixture.h"

/* ---- answers ---- */

Test(job_dispatch, a_job_goes_to_a_process_and_its_answer_back)
{
	open_with(1);
	cr_assert(ready);
	ask("1");
	hear(0, ",\"policy\":\"111\",\"srcid\":\"1\",\"timeout\":5000,\"payload\":\"1\"}\n");
	cr_assert_eq(job_dispatch_busy(d), 1);
	nobody_answered();
	answer_with(0, "one\\u00e9");
	answered("1", JOB_OUTCOME_DONE, "one\xc3\xa9");
	cr_assert(job_dispatch_busy(d) == 0 && idle_told == 1);
	master_hears_nothing();
}

Test(job_dispatch, ready_is_told_once_all_are)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 2;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	be_ready(1);
	cr_assert_not(ready);
	cr_assert_eq(master_hears(JOB_MSG_READY)->number, 1);
	be_ready(0);
	cr_assert(ready);
	cr_assert_eq(master_hears(JOB_MSG_READY)->number, 0);
	die_of(0, SIGSEGV);
	be_ready(0);
}

Test(job_dispatch, an_error_and_busy_are_answers)
{
	struct done *o;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "{\"job\":%ju,\"error\":\"no such\\ncard\"}\n", (uintmax_t)fake[0].job);
	o = answered("1", JOB_OUTCOME_REFUSED, "handler: no such card");
	cr_assert_eq(o->code, PACKET_HANDLER_FAILED);
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"busy\":200}\n", (uintmax_t)fake[0].job);
	o = answered("2", JOB_OUTCOME_BUSY, "busy");
	never_run(o);
	cr_assert_eq(o->retry_after, 200);
	master_hears_nothing();
}

Test(job_dispatch, jobs_wait_in_a_queue_that_is_bounded)
{
	conf.queue = 2;
	open_with(2);
	ask("1");
	ask("2");
	ask("3");
	ask("4");
	ask("5");
	never_run(answered("5", JOB_OUTCOME_BUSY, "handler_queue"));
	hear(1, "\"1\"");
	hear(0, "\"2\"");
	answer_with(0, "two");
	hear(0, "\"3\"");
	answer_with(1, "one");
	hear(1, "\"4\"");
	answer_with(0, "three");
	answer_with(1, "four");
	answered("2", JOB_OUTCOME_DONE, "two");
	answered("1", JOB_OUTCOME_DONE, "one");
	answered("3", JOB_OUTCOME_DONE, "three");
	answered("4", JOB_OUTCOME_DONE, "four");
}

Test(job_dispatch, large_jobs_and_answers_go_through_in_parts)
{
	static char payload[300000], reply[MAX_REPLY + 64];
	int n;

	memset(payload, 'x', sizeof payload);
	open_with(1);
	ask_for("1", span_of(payload, sizeof payload));
	hear(0, "xxx\"}\n");
	cr_assert_geq(strlen(fake[0].line), sizeof payload);
	n = snprintf(reply, sizeof reply, "{\"job\":%ju,\"payload\":\"", (uintmax_t)fake[0].job);
	memset(reply + n, 'y', MAX_REPLY);
	memcpy(reply + n + MAX_REPLY, "\"}\n", 4);
	say(0, reply, strlen(reply));
	answered("1", JOB_OUTCOME_DONE, "yyy");
}

Test(job_dispatch, an_answer_may_come_in_pieces_while_others_wait)
{
	open_with(1);
	ask("1");
	ask("2");
	hear(0, "\"1\"");
	sayf(0, "{\"job\":%ju,\"pay", (uintmax_t)fake[0].job);
	nobody_answered();
	sayf(0, "load\":\"one\"}");
	sayf(0, "\n");
	answered("1", JOB_OUTCOME_DONE, "one");
	master_hears_nothing();
	hear(0, "\"2\"");
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
	master_hears_nothing();
}

Test(job_dispatch, bytes_and_the_jobs_form_are_judged)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"YQ\\u003d=\",\"encoding\":\"base64\"}\n",
	     (uintmax_t)fake[0].job);
	cr_assert(answered("1", JOB_OUTCOME_DONE, "YQ==")->base64);
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"Y\",\"encoding\":\"base64\"}\n",
	     (uintmax_t)fake[0].job);
	answered("2", JOB_OUTCOME_PROTOCOL, "not base64");
	conf.known = job_find(span_str("sha1"));
	ask("3");
	hear(0, "\"3\"");
	answer_with(0, "abc");
	answered("3", JOB_OUTCOME_PROTOCOL, "form");
	master_hears_nothing();
}

Test(job_dispatch, a_whole_line_with_a_bad_payload_fails_its_job_alone)
{
	static const char *const bad[] = {"\"payload\":\"\xff\"", "\"payload\":\"\\ud800\"",
					  "\"payload\":7", "\"payload\":\"\",\"error\":\"\"",
					  "\"result\":\"\""};

	open_with(1);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ask("1");
		hear(0, "\"1\"");
		sayf(0, "{\"job\":%ju,%s}\n", (uintmax_t)fake[0].job, bad[i]);
		cr_assert_eq(answered("1", JOB_OUTCOME_PROTOCOL, "handler: ")->code,
			     PACKET_HANDLER_FAILED);
	}
	ask("2");
	hear(0, "\"2\"");
	answer_with(0, "fine");
	answered("2", JOB_OUTCOME_DONE, "fine");
	master_hears_nothing();
}

Test(job_dispatch, a_reply_that_is_too_large_is_refused)
{
	static char reply[MAX_REPLY + 8192];
	int n;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	n = snprintf(reply, sizeof reply, "{\"job\":%ju,\"payload\":\"", (uintmax_t)fake[0].job);
	memset(reply + n, 'y', MAX_REPLY + 1);
	memcpy(reply + n + MAX_REPLY + 1, "\"}\n", 4);
	say(0, reply, strlen(reply));
	answered("1", JOB_OUTCOME_PROTOCOL, "handler_max_reply");
	master_hears_nothing();
	ask("2");
	hear(0, "\"2\"");
	memset(reply, 'y', sizeof reply);
	say(0, reply, sizeof reply);
	answered("2", JOB_OUTCOME_FAILED, "handler_max_reply");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_a_strike("2", JOB_END_PROTOCOL);
}

/* ---- time ---- */

Test(job_dispatch, a_job_that_takes_too_long_is_answered_in_time)
{
	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	pass(3000);
	ask("2");
	hear(0, "\"2\"");
	pass(1999);
	nobody_answered();
	pass(2);
	cr_assert_eq(answered("1", JOB_OUTCOME_TIMEOUT, "job_timeout (5000 ms)")->code,
		     PACKET_HANDLER_TIMEOUT);
	master_kills(1, JOB_END_TIMEOUT);
	master_hears_a_strike("1", JOB_END_TIMEOUT);
	nobody_answered();
	pass(2000);
	nobody_answered();
	pass(1001);
	answered("2", JOB_OUTCOME_TIMEOUT, "job_timeout");
}

Test(job_dispatch, time_in_the_queue_does_not_count)
{
	open_with(1);
	ask("1");
	ask("2");
	hear(0, "\"1\"");
	pass(4900);
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	hear(0, "\"2\"");
	pass(4900);
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
}

Test(job_dispatch, a_process_that_stops_reading_is_ended)
{
	static char payload[300000];

	memset(payload, 'x', sizeof payload);
	open_with(2);
	ask_for("1", span_of(payload, sizeof payload));
	cr_assert_eq(read(fake[1].in, fake[1].line, 100), 100);
	ask("2");
	hear(0, "\"2\"");
	pass(5001);
	answered("1", JOB_OUTCOME_TIMEOUT, "job_timeout");
	answered("2", JOB_OUTCOME_TIMEOUT, "job_timeout");
}

Test(job_dispatch, one_that_never_is_ready_is_ended)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 1;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	spawn(0);
	hear(0, "{\"job\":0");
	pass(9999);
	master_hears_nothing();
	pass(2);
	master_kills(0, JOB_END_START);
	close_fake(0);
	spawn(0);
	hear(0, "{\"job\":0");
	sayf(0, "{\"job\":0,\"error\":\"no database\"}\n");
	master_kills(0, JOB_END_REFUSED);
	cr_expect_str_eq(told[tolds_seen - 1].kill.why, "no database");
	close_fake(0);
	spawn(0);
	hear(0, "{\"job\":0");
	sayf(0, "hello\n");
	master_kills(0, JOB_END_PROTOCOL);
	cr_assert_not(ready);
}

/* ---- askers that leave, the end ---- */

Test(job_dispatch, what_nobody_waits_for_is_dropped_or_goes_on)
{
	struct job_task *running, *waiting;

	open_with(1);
	running = ask("1");
	waiting = ask("2");
	ask("3");
	job_dispatch_abandon(d, waiting);
	job_dispatch_abandon(d, running);
	hear(0, "\"1\"");
	answer_with(0, "one");
	hear(0, "\"3\"");
	nobody_answered();
	answer_with(0, "three");
	answered("3", JOB_OUTCOME_DONE, "three");
}

Test(job_dispatch, at_the_end_what_waits_is_given_back)
{
	open_with(1);
	ask("1");
	ask("2");
	job_dispatch_shut_down(d);
	cr_assert_eq(answered("2", JOB_OUTCOME_BUSY, "about to stop")->code, PACKET_SHUTTING_DOWN);
	ask("3");
	cr_assert_eq(answered("3", JOB_OUTCOME_BUSY, "about to stop")->code, PACKET_SHUTTING_DOWN);
	hear(0, "\"1\"");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
}

Test(job_dispatch, a_probe_asks_whether_a_process_is_up)
{
	struct job_result r;

	open_with(1);
	cr_assert(job_dispatch_probe(d, &r));
	ask("1");
	cr_assert(job_dispatch_probe(d, &r), "a busy one will do");
	die_of(0, SIGKILL);
	cr_assert_not(job_dispatch_probe(d, &r));
	cr_assert(r.code == PACKET_OVERLOADED && r.retry_after > 0);
}

/* ---- recycling, other lives ---- */

Test(job_dispatch, a_process_that_has_done_its_jobs_goes_on_until_the_master_retires_it)
{
	struct job_msg m;

	conf.max_jobs = 2;
	open_with(2);
	for (int i = 0; i < 2; i++) {
		ask("1");
		hear(1, "\"1\"");
		answer_with(1, "");
	}
	cr_assert_eq(master_hears(JOB_MSG_RETIRE)->number, 1);
	ask("1");
	hear(1, "\"1\"");
	answer_with(1, "");
	master_hears_nothing();
	m = about(JOB_MSG_RETIRE, 1);
	m.kill.end = JOB_END_JOBS;
	job_dispatch_hear(d, &m);
	master_kills(1, JOB_END_JOBS);
}

Test(job_dispatch, one_that_is_to_retire_ends_when_it_has_no_job)
{
	struct job_msg m;

	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	for (unsigned i = 0; i < 2; i++) {
		m = about(JOB_MSG_RETIRE, i);
		m.kill.end = JOB_END_MEMORY;
		job_dispatch_hear(d, &m);
	}
	master_kills(0, JOB_END_MEMORY);
	master_hears_nothing();
	answer_with(1, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(1, JOB_END_MEMORY);
}

Test(job_dispatch, what_is_said_of_a_former_life_is_not_heeded)
{
	struct job_msg m;
	int fd[2];

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	fake[0].serial--;
	end_with(0, SIGKILL, JOB_END_SELF);
	cr_assert_eq(pipe(fd), 0);
	m = about(JOB_MSG_STDIN, 0);
	job_dispatch_take_pipe(d, &m, fd[0]);
	cr_assert_eq(fcntl(fd[0], F_GETFD), -1, "it is closed");
	fake[0].serial++;
	m = about(JOB_MSG_STDIN, 3);
	job_dispatch_take_pipe(d, &m, fd[1]);
	cr_assert_eq(fcntl(fd[1], F_GETFD), -1, "it is closed");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
}

Test(job_dispatch, a_pipe_that_could_block_is_not_taken)
{
	struct job_msg in, out;
	int to[2], from[2];

	open_with(1);
	fake[0].serial++;
	in = about(JOB_MSG_STDIN, 0);
	out = about(JOB_MSG_STDOUT, 0);
	cr_assert(pipe(to) == 0 && pipe2(from, O_NONBLOCK) == 0);
	job_dispatch_take_pipe(d, &in, to[1]);
	job_dispatch_take_pipe(d, &out, from[0]);
	master_kills(0, JOB_END_PROTOCOL);
	cr_assert(fcntl(to[1], F_GETFD) == -1 && fcntl(from[0], F_GETFD) == -1, "both are closed");
}

Test(job_dispatch, a_new_life_ends_the_former)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	be_ready(0);
	answered("1", JOB_OUTCOME_FAILED, "replaced");
	ask("2");
	hear(0, "\"2\"");
}

/* ---- many ---- */

Test(job_dispatch, with_answers_at_random_nobody_gets_anothers)
{
	enum { JOBS = 20000 };
	unsigned asked = 0, in_hand[PROCESSES] = {0};
	char id[16], payload[32];

	conf.queue = 16;
	open_with(PROCESSES);
	srand(1);
	while (dones_seen < JOBS) {
		unsigned i = (unsigned)rand() % PROCESSES;

		while (asked < JOBS && asked - dones < PROCESSES + 8) {
			(void)snprintf(id, sizeof id, "%u", asked++);
			ask(id);
		}
		if (hears(i))
			in_hand[i] = 1;
		if (in_hand[i] == 0)
			continue;
		in_hand[i] = 0;
		cr_assert_eq(
			sscanf(strstr(fake[i].line, "\"payload\":\"") + 11, "%15[0-9]", payload),
			1);
		answer_with(i, payload);
		while (dones_seen < dones) {
			const struct done *o = &done[dones_seen++ % DONE_MAX];

			cr_assert_eq(o->outcome, JOB_OUTCOME_DONE);
			cr_assert_str_eq(o->id, o->text);
		}
	}
	master_hears_nothing();
}
