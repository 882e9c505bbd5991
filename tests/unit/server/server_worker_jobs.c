/* server_worker: requests that are jobs of processes, which are the test at the other ends of their
 * pipes. */
#include "server_worker_fixture.h"

enum { PROCESSES = 2 };

static struct {
	int in, out;
	char line[65536];
	size_t n;
	unsigned long job;
} process[PROCESSES];

/* The line of a job, which holds that. */
static void
process_hears(unsigned i, const char *wanted)
{
	while (process[i].n == 0 || process[i].line[process[i].n - 1] != '\n') {
		ssize_t got = read(process[i].in, process[i].line + process[i].n,
				   sizeof process[i].line - 1 - process[i].n);

		if (got > 0)
			process[i].n += (size_t)got;
		turn();
	}
	process[i].line[process[i].n] = '\0';
	process[i].n = 0;
	cr_assert_not_null(strstr(process[i].line, wanted), "%s lacks %s", process[i].line, wanted);
	cr_assert_eq(sscanf(process[i].line, "{\"job\":%lu", &process[i].job), 1);
}

static void
process_says(unsigned i, const char *rest)
{
	char text[65536];
	int n = snprintf(text, sizeof text, "{\"job\":%lu,%s}\n", process[i].job, rest);

	cr_assert_eq(write(process[i].out, text, (size_t)n), n);
}

static void
spawn(unsigned i)
{
	struct job_msg m = {.kind = JOB_MSG_STDIN, .number = i, .serial = 1 + says};
	int to[2], from[2];

	cr_assert(pipe2(to, O_NONBLOCK) == 0 && pipe2(from, O_NONBLOCK) == 0);
	process[i].in = to[0];
	process[i].out = from[1];
	server_worker_ops.on_file(state, job_msg_span(&m), to[1]);
	m.kind = JOB_MSG_STDOUT;
	server_worker_ops.on_file(state, job_msg_span(&m), from[0]);
	process_hears(i, "{\"job\":0,");
	process_says(i, "\"payload\":\"\"");
}

/* With that many processes; 0 is asked first. */
static void
start_with(unsigned processes)
{
	handler_conf = (struct handler_conf){.kind = HANDLER_EXEC,
					     .processes = processes,
					     .job_timeout = NEVER,
					     .start_timeout = NEVER,
					     .max_reply = 65536,
					     .queue = 8,
					     .strikes = 2};
	job = "test";
	start();
	cr_assert_not(ready);
	for (unsigned i = processes; i-- > 0;)
		spawn(i);
	while (!ready)
		turn();
}

Test(serve, with_job_processes_it_listens_once_they_are_ready)
{
	start_with(2);
	cr_assert(says == 2 && said[0].kind == JOB_MSG_READY && said[1].kind == JOB_MSG_READY);
	come(0);
	say(0, REQUEST("111", "abc"));
	process_hears(0, "abc");
}

Test(serve, a_job_is_done_by_a_process)
{
	start_with(1);
	come(0);
	say(0, REQUEST("111", "a\\u00e9"));
	process_hears(0, "\"policy\":\"111\",\"srcid\":\"1\",");
	cr_assert_not_null(strstr(process[0].line, "\"payload\":\"a\\u00e9\"}\n"));
	cr_assert_eq(COUNT(in_flight), 1);
	process_says(0, "\"payload\":\"A\\u00c9\"");
	hear(0, "\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":3,"
		"\"payload\":\"A\xc3\x89\"}");
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 0 && COUNT(in_flight) == 0);
	cr_assert_gt(COUNT(bytes_out), 40);
}

Test(serve, a_reply_that_is_larger_than_a_packet_is_an_error)
{
	char reply[1024];
	int head = (int)strlen("{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\","
			       "\"payloadsize\":999,\"payload\":\"\"}");

	settings.max_message = 1024;
	start_with(1);
	come(0);
	for (int over = 1; over >= 0; over--) {
		say(0, REQUEST("111", "large"));
		process_hears(0, "large");
		(void)snprintf(reply, sizeof reply, "\"payload\":\"%0*d\"", 1024 - head + over, 0);
		process_says(0, reply);
		hear(0, over > 0
				? "\"code\":\"handler-failed\",\"message\":\"handler: the reply is "
				  "larger than max_message\""
				: "\"payloadsize\":954,");
	}
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 1);
}

Test(serve, answers_leave_in_the_order_of_their_requests)
{
	start_with(2);
	come(0);
	say(0, REQUEST("111", "one") REQUEST("111", "two") REQUEST("222", "three")
		       REQUEST("111", "four"));
	process_hears(0, "one");
	process_hears(1, "two");
	process_says(1, "\"payload\":\"TWO\"");
	process_hears(1, "four");
	process_says(1, "\"payload\":\"FOUR\"");
	idle(30);
	hear_nothing(0);
	cr_assert_eq(COUNT(in_flight), 4);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	hear(0, "TWO");
	hear(0, "\"code\":\"unknown-policy\"");
	hear(0, "FOUR");
	cr_assert(COUNT(in_flight) == 0 && COUNT(requests) == 3 && COUNT(errors) == 1);
}

Test(serve, a_failed_job_is_answered_and_logged_once)
{
	struct job_msg m = {.kind = JOB_MSG_ENDED, .serial = 1};

	start_with(1);
	come(0);
	say(0, REQUEST("111", "sick"));
	process_hears(0, "sick");
	cr_assert(close(process[0].in) == 0 && close(process[0].out) == 0);
	m.ended.status = SIGSEGV;
	server_worker_ops.on_message(state, job_msg_span(&m));
	hear(0, "\"code\":\"handler-failed\",\"message\":\"handler: its process was ended by "
		"signal 11, SIGSEGV\"");
	cr_assert_not_null(strstr(logged(), "msg=\"job failed\" srcid=1 cause=failed process=0 "
					    "peer=127.0.0.1:"),
			   "%s", log_read);
	cr_assert_null(strstr(strstr(log_read, "job failed") + 1, "msg="), "%s", log_read);
	cr_assert_eq(COUNT(errors), 1);
}

Test(serve, a_probe_runs_nothing)
{
	static const char probe[] = "{\"type\":\"0\",\"srcid\":\"p\",\"privPoliId\":\"111\","
				    "\"probe\":\"1\",\"payload\":\"x\"}";

	start_with(1);
	come(0);
	say(0, probe);
	hear(0, "\"destid\":\"p\",\"payloadsize\":0,\"payload\":\"\"}");
	say(0, REQUEST("111", "one"));
	process_hears(0, "one");
	say(0, probe);
	idle(20);
	hear_nothing(0);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	hear(0, "\"destid\":\"p\"");
	cr_assert(close(process[0].in) == 0 && close(process[0].out) == 0);
	idle(20);
	say(0, probe);
	hear(0, "\"code\":\"overloaded\"");
}

Test(serve, a_peer_with_too_many_jobs_is_not_read_from)
{
	conf.pipeline = 1;
	start_with(1);
	come(0);
	say(0, REQUEST("111", "one") REQUEST("111", "two") REQUEST("111", "three"));
	process_hears(0, "one");
	idle(30);
	cr_assert_eq(COUNT(in_flight), 2);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	process_hears(0, "two");
	process_says(0, "\"payload\":\"TWO\"");
	hear(0, "TWO");
	process_hears(0, "three");
	process_says(0, "\"payload\":\"THREE\"");
	hear(0, "THREE");
}

Test(serve, who_leaves_harms_nobody)
{
	start_with(1);
	come(0);
	come(1);
	say(0, REQUEST("111", "one") REQUEST("111", "dropped"));
	process_hears(0, "one");
	say(1, REQUEST("111", "two"));
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	idle(20);
	process_says(0, "\"payload\":\"ONE\"");
	process_hears(0, "dropped"); /* its end is seen when the answer can't be delivered */
	process_says(0, "\"payload\":\"\"");
	process_hears(0, "two");
	process_says(0, "\"payload\":\"TWO\"");
	hear(1, "TWO");
	while (COUNT(connections) > 1)
		turn();
	cr_assert_eq(COUNT(in_flight), 0);
}

Test(serve, a_half_closed_peer_gets_the_answers_of_its_jobs)
{
	start_with(1);
	come(0);
	say(0, REQUEST("111", "one") REQUEST("111", "two"));
	cr_assert_eq(shutdown(peer[0], SHUT_WR), 0);
	process_hears(0, "one");
	process_says(0, "\"payload\":\"ONE\"");
	process_hears(0, "two");
	hear(0, "ONE");
	process_says(0, "\"payload\":\"TWO\"");
	hear(0, "TWO");
	hear_the_end(0);
}

Test(serve, a_stream_that_breaks_is_ended_after_the_jobs_before_it)
{
	start_with(1);
	come(0);
	say(0, REQUEST("111", "one") "GET / HTTP/1.1\r\n\r\n");
	process_hears(0, "one");
	idle(20);
	hear_nothing(0);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	hear(0, "\"code\":\"bad-json\"");
	hear_the_end(0);
}

Test(serve, one_that_sends_too_slowly_is_ended_after_its_jobs)
{
	conf.client_send_timeout = 50;
	start_with(1);
	come(0);
	say(0, REQUEST("111", "one") "{\"type\":");
	process_hears(0, "one");
	idle(200);
	hear_nothing(0);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	hear(0, "\"code\":\"timeout\"");
	hear_the_end(0);
}

Test(serve, draining_waits_for_the_job_in_hand)
{
	yields = true;
	start_with(1);
	come(0);
	say(0, REQUEST("111", "one"));
	process_hears(0, "one");
	server_worker_ops.drain(state);
	idle(200);
	hear_nothing(0);
	cr_assert_eq(done, 0);
	process_says(0, "\"payload\":\"ONE\"");
	hear(0, "ONE");
	hear(0, "\"destid\":\"\",\"payloadsize\":0,\"payload\":\"\",\"code\":\"shutting-down\"");
	hear_the_end(0);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (done == 0)
		turn();
}

Test(serve, near_the_end_what_waits_is_given_back_and_what_runs_is_given_up)
{
	yields = true;
	settings.stop_timeout = 400;
	start_with(1);
	come(0);
	come(1);
	say(0, REQUEST("111", "one"));
	process_hears(0, "one");
	say(1, REQUEST("111", "two"));
	idle(20);
	server_worker_ops.drain(state);
	hear(1, "\"code\":\"shutting-down\"");
	while (done == 0)
		turn();
	hear_the_end(0);
	cr_assert_eq(done, 1);
	cr_assert_not_null(strstr(logged(), "stopped with jobs in hand"), "%s", log_read);
}

Test(serve, other_digests_are_answered_without_a_process)
{
	job = "sha256";
	start();
	cr_assert(ready);
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
