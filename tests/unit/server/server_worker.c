/* server_worker: a server's worker in the loop of the test, asked over loopback; the master's side
 * of the worker is the test's. */
#include "server_worker.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "log.h"
#include "net.h"
#include "tls_fixture.h"

enum { PEERS = 4, NEVER = 600000 /* ms */ };

static char log_path[] = "/tmp/serve-test-XXXXXX";
static char log_read[65536];
static struct event_base *base;
static struct counters *board;
static struct job_stats *stats;
static struct job_strikes *strikes;
static bool ready, yields;
static unsigned done;
static struct daemon_conf settings = {.worker_connections = 16,
				      .max_message = 65536,
				      .idle_timeout = NEVER,
				      .stop_timeout = NEVER,
				      .tls = {.handshake_timeout = NEVER, .handshakes = 16}};
static const char *job = "sha1";
static struct handler_conf handler_conf = {.kind = HANDLER_NONE};
static struct server_worker_conf conf = {.id = "100",
					 .policy = "111",
					 .daemon = &settings,
					 .handler = &handler_conf,
					 .pipeline = 64,
					 .client_send_timeout = NEVER,
					 .client_read_timeout = NEVER,
					 .listen_fd = -1,
					 .other_fd = -1};
static struct addr place, other_place;
static void *state;
static int peer[PEERS] = {-1, -1, -1, -1};
static char heard[PEERS][65536];

/* ---- worker.c's place ---- */

struct worker {
	char nothing;
};
static struct worker worker;

struct event_base *
worker_base(struct worker *w)
{
	cr_assert_eq(w, &worker);
	return base;
}

unsigned
worker_slot(const struct worker *w)
{
	(void)w;
	return 0;
}

struct counters *
worker_scoreboard(struct worker *w)
{
	(void)w;
	return board;
}

struct scoreboard_row *
worker_row(struct worker *w)
{
	(void)w;
	return scoreboard_row(board, 0);
}

void
worker_ready(struct worker *w)
{
	(void)w;
	ready = true;
}

bool
worker_yields(const struct worker *w)
{
	(void)w;
	return yields;
}

void
worker_done(struct worker *w)
{
	(void)w;
	done++;
}

/* What the worker says to its master: of job processes. */
static struct job_msg said[16];
static unsigned says;

int
worker_send(struct worker *w, struct span message)
{
	(void)w;
	cr_assert(job_msg_read(message, 64, &said[says++ % 16]));
	return 0;
}

/* ---- the world ---- */

static int
listen_at(const char *host, struct addr *at)
{
	int fd;

	cr_assert_eq(addr_numeric(at, host, 0), 0);
	fd = net_listen(at, 8);
	cr_assert_geq(fd, 0);
	cr_assert_eq(net_local(fd, at), 0);
	return fd;
}

static void
open_serve(void)
{
	struct log_options o = {.program = "prog", .target = log_path, .level = LOG_WARN};
	int fd = mkstemp(log_path);

	cr_assert(fd >= 0 && close(fd) == 0 && log_open(&o) == 0);
	base = event_base_new();
	board = scoreboard_new(1);
	stats = job_stats_new(1);
	strikes = job_strikes_new();
	cr_assert(base != NULL && board != NULL && stats != NULL && strikes != NULL);
	conf.stats = stats;
	conf.strikes = strikes;
	(void)signal(SIGPIPE, SIG_IGN);
	conf.listen_fd = listen_at("127.0.0.1", &place);
}

static void
close_serve(void)
{
	if (state != NULL)
		server_worker_ops.end(state);
	event_base_free(base);
	counters_free(board);
	job_stats_free(stats);
	job_strikes_free(strikes);
	for (int i = 0; i < PEERS; i++)
		if (peer[i] >= 0)
			(void)close(peer[i]);
	(void)close(conf.listen_fd);
	if (conf.other_fd >= 0)
		(void)close(conf.other_fd);
	log_close();
	(void)unlink(log_path);
}

TestSuite(serve, .init = open_serve, .fini = close_serve, .timeout = 60);

static void
start(void)
{
	handler_conf.known = job_find(span_str(job));
	state = server_worker_ops.start(&worker, &conf);
	cr_assert_not_null(state);
}

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	(void)poll(NULL, 0, 1);
}

static void
idle(uint64_t ms)
{
	for (uint64_t end = clock_ms() + ms; clock_ms() < end;)
		turn();
}

static const char *
logged(void)
{
	FILE *f = fopen(log_path, "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(log_read, 1, sizeof log_read - 1, f);
	log_read[n] = '\0';
	(void)fclose(f);
	return log_read;
}

#define COUNT(cell) counter_get(&scoreboard_row(board, 0)->cell)

/* ---- peers ---- */

static void
connect_to(int i, const struct addr *at)
{
	peer[i] = socket(at->u.sa.sa_family, SOCK_STREAM, 0);
	cr_assert_geq(peer[i], 0);
	cr_assert_eq(connect(peer[i], &at->u.sa, at->len), 0);
}

static void
come(int i)
{
	connect_to(i, &place);
}

/* All of it, while the worker reads. */
static void
send_bytes(int i, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(peer[i], p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		cr_assert(sent > 0 || errno == EAGAIN, "%s", strerror(errno));
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
		turn();
	}
}

static void
say(int i, const char *text)
{
	send_bytes(i, text, strlen(text));
}

/* False once the worker has closed. */
static bool
listen_to(int i)
{
	size_t n = strlen(heard[i]);
	ssize_t got = recv(peer[i], heard[i] + n, sizeof heard[i] - 1 - n, MSG_DONTWAIT);

	if (got > 0)
		heard[i][n + (size_t)got] = '\0';
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The next line, which holds that. */
static void
hear(int i, const char *wanted)
{
	char *end;

	while ((end = strchr(heard[i], '\n')) == NULL) {
		cr_assert(listen_to(i), "%d: closed after: %s", i, heard[i]);
		turn();
	}
	*end = '\0';
	cr_assert_not_null(strstr(heard[i], wanted), "%s lacks %s", heard[i], wanted);
	memmove(heard[i], end + 1, strlen(end + 1) + 1);
}

static void
hear_the_end(int i)
{
	while (listen_to(i))
		turn();
	cr_assert_str_eq(heard[i], "");
}

static void
hear_nothing(int i)
{
	cr_assert(listen_to(i), "it has closed");
	cr_assert_str_eq(heard[i], "");
}

#define REQUEST(policy, payload) \
	"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"" policy "\",\"payload\":\"" payload "\"}"
#define ABC "a9993e364706816aba3e25717850c26c9cd0d89d"
#define NIL "da39a3ee5e6b4b0d3255bfef95601890afd80709"

Test(serve, a_started_worker_answers_and_counts)
{
	start();
	cr_assert(ready);
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, "\"payload\":\"" ABC "\"");
	cr_assert(COUNT(accepted) == 1 && COUNT(connections) == 1);
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 0);
	cr_assert_eq(COUNT(bytes_in), strlen(REQUEST("111", "abc")));
	cr_assert_gt(COUNT(bytes_out), 40);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (COUNT(connections) > 0)
		turn();
	cr_assert_eq(done, 0);
}

Test(serve, a_message_of_the_master_is_passed_over)
{
	start();
	server_worker_ops.on_message(state, span_str("anything"));
	come(0);
	say(0, REQUEST("111", ""));
	hear(0, NIL);
}

Test(serve, requests_are_answered_in_their_order_however_they_are_cut)
{
	static const char both[] = REQUEST("111", "abc") REQUEST("111", "");

	start();
	come(0);
	say(0, both);
	hear(0, ABC);
	hear(0, NIL);
	for (size_t i = 0; i < sizeof both - 1; i++)
		send_bytes(0, both + i, 1);
	hear(0, ABC);
	hear(0, NIL);
}

Test(serve, both_of_its_sockets_are_served)
{
	conf.other_fd = listen_at("127.0.0.2", &other_place);
	start();
	come(0);
	connect_to(1, &other_place);
	say(1, REQUEST("111", "abc"));
	hear(1, ABC);
	say(0, REQUEST("111", ""));
	hear(0, NIL);
	cr_assert_eq(COUNT(accepted), 2);
}

Test(serve, the_former_policy_is_answered_too)
{
	conf.former_policy = "222";
	start();
	come(0);
	say(0, REQUEST("222", "abc") REQUEST("333", "abc"));
	hear(0, ABC);
	hear(0, "\"code\":\"unknown-policy\"");
}

Test(serve, payloadsize_is_checked_where_the_settings_say_so)
{
	settings.strict_payloadsize = true;
	start();
	come(0);
	say(0, "{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":9,\"payload\":\"abc\"}");
	hear(0, "\"code\":\"bad-message\"");
}

/* ---- what is refused ---- */

Test(serve, a_refusal_leaves_the_connection_and_is_logged_once_a_connection)
{
	start();
	come(0);
	for (int i = 0; i < 3; i++) {
		say(0, REQUEST("222", ""));
		hear(0, "\"code\":\"unknown-policy\"");
	}
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 3);
	cr_assert_not_null(strstr(logged(), "msg=\"packet refused\" peer=127.0.0.1:"), "%s",
			   log_read);
	cr_assert_null(strstr(strstr(log_read, "packet refused") + 1, "packet refused"));
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (COUNT(connections) > 0)
		turn();
	cr_assert_not_null(strstr(logged(), "packets of a connection refused"), "%s", log_read);
	cr_assert_not_null(strstr(log_read, "packets=3\n"), "%s", log_read);
}

Test(serve, a_stream_that_is_none_gets_a_last_answer)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc") "GET / HTTP/1.1\r\n\r\n");
	hear(0, ABC);
	hear(0, "\"code\":\"bad-json\"");
	hear_the_end(0);
}

Test(serve, so_does_an_object_that_is_too_large)
{
	static char large[4096];

	settings.max_message = 1024;
	memset(large, 'x', sizeof large);
	memcpy(large, "{\"a\":\"", 6);
	start();
	come(0);
	send_bytes(0, large, 1200);
	hear(0, "\"code\":\"too-large\"");
	hear_the_end(0);
}

Test(serve, so_does_an_object_that_is_cut_by_the_end)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc") "{\"type\":");
	cr_assert_eq(shutdown(peer[0], SHUT_WR), 0);
	hear(0, ABC);
	hear(0, "\"code\":\"bad-json\",\"message\":\"the object was cut");
	hear_the_end(0);
}

Test(serve, a_half_closed_peer_gets_its_answers)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	cr_assert_eq(shutdown(peer[0], SHUT_WR), 0);
	hear(0, ABC);
	hear_the_end(0);
}

Test(serve, tls_is_refused_in_its_own_words_where_it_is_off)
{
	static const char hello[] = {TLS_FIRST_BYTE, 3, 1, 0, 1, 1, 0};

	start();
	for (int i = 0; i < 2; i++) {
		come(i);
		send_bytes(i, hello, sizeof hello);
		while (listen_to(i))
			turn();
		cr_assert_arr_eq(heard[i], tls_refusal, 3);
	}
	cr_assert_not_null(strstr(logged(), "level=warn"), "%s", log_read);
	cr_assert_null(strchr(strchr(log_read, '\n') + 1, '\n'), "it is said once: %s", log_read);
}

Test(serve, plain_packets_are_refused_where_tls_is_required)
{
	struct tls_files files = {.verify = TLS_VERIFY_NO};

	tls_make_all();
	files.certificate = made.server.certificate;
	files.key = made.server.key;
	settings.tls.mode = CONN_TLS_REQUIRED;
	conf.tls = tls_creds_load(TLS_SERVER, &files, "test", stderr);
	cr_assert_not_null(conf.tls);
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, "\"code\":\"denied\",\"message\":\"TLS is required here\"");
	hear_the_end(0);
	server_worker_ops.end(state);
	state = NULL;
	tls_creds_unref(conf.tls);
	tls_remove_all();
}

/* ---- limits ---- */

Test(serve, who_sends_an_object_too_slowly_is_told_so)
{
	conf.client_send_timeout = 50;
	start();
	come(0);
	say(0, "{\"type\":");
	hear(0, "\"code\":\"timeout\"");
	hear_the_end(0);
}

Test(serve, who_does_not_stall_has_all_the_time)
{
	conf.client_send_timeout = 50;
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	idle(150);
	hear_nothing(0);
}

Test(serve, who_does_not_read_its_answers_is_closed)
{
	static const char request[] = REQUEST("111", "abc");
	int small = 4096;
	ssize_t sent = 0;

	conf.client_read_timeout = 300;
	start();
	come(0);
	cr_assert_eq(setsockopt(peer[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	while (COUNT(accepted) == 0 || COUNT(connections) > 0) {
		size_t done_of = (size_t)sent % (sizeof request - 1);
		ssize_t n = send(peer[0], request + done_of, sizeof request - 1 - done_of,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += n;
		else
			turn();
	}
	cr_assert_not_null(strstr(logged(), "msg=\"peer does not read\""), "%s", log_read);
	cr_assert_not_null(strstr(log_read, "why=client_read_timeout"), "%s", log_read);
}

Test(serve, an_idle_connection_is_closed)
{
	settings.idle_timeout = 50;
	start();
	come(0);
	hear_the_end(0);
	while (COUNT(connections) > 0)
		turn();
}

Test(serve, no_more_connections_are_taken_than_it_may_have)
{
	settings.worker_connections = 1;
	start();
	come(0);
	come(1);
	say(0, REQUEST("111", "abc"));
	say(1, REQUEST("111", "abc"));
	hear(0, ABC);
	idle(50);
	hear_nothing(1);
	cr_assert_eq(COUNT(accepted), 1);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	hear(1, ABC);
}

Test(serve, what_is_unfinished_gives_way_where_all_hold_too_much_the_largest_first)
{
	static char text[60000];

	settings.max_buffered = 150000;
	memset(text, 'x', sizeof text);
	memcpy(text, "{\"a\":\"", 6);
	start();
	for (int i = 0; i < 3; i++) {
		come(i);
		send_bytes(i, text, i == 1 ? sizeof text : sizeof text / 4);
	}
	while (COUNT(buffered) < 60000)
		turn();
	hear_nothing(1);
	for (int i = 0; strchr(heard[1], '\n') == NULL; i = i == 0 ? 2 : 0) {
		cr_assert(listen_to(1));
		send_bytes(i, text + 6, 1000);
	}
	hear(1, "\"code\":\"overloaded\"");
	hear_the_end(1);
	hear_nothing(0);
	hear_nothing(2);
	cr_assert_leq(COUNT(buffered), settings.max_buffered);
}

/* ---- the end ---- */

Test(serve, without_peers_it_is_done_at_once_where_others_accept)
{
	yields = true;
	start();
	server_worker_ops.drain(state);
	cr_assert_eq(done, 1);
	come(0);
	idle(30);
	cr_assert_eq(COUNT(accepted), 0, "nothing new is taken");
}

Test(serve, where_nobody_else_accepts_who_is_coming_is_still_served)
{
	start();
	come(0);
	server_worker_ops.drain(state);
	cr_assert_eq(done, 0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	while (done == 0)
		turn();
	hear_the_end(0);
}

Test(serve, connections_that_have_nothing_to_ask_are_ended_and_then_it_is_done)
{
	yields = true;
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	server_worker_ops.drain(state);
	hear_the_end(0);
	cr_assert_eq(done, 0, "until the peer has closed too");
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (done == 0)
		turn();
	cr_assert_eq(done, 1);
}

Test(serve, an_object_that_has_begun_is_answered_before)
{
	yields = true;
	start();
	come(0);
	say(0, "{\"type\":\"0\",\"srcid\":\"1\",");
	server_worker_ops.drain(state);
	idle(200);
	hear_nothing(0);
	say(0, "\"privPoliId\":\"111\",\"payload\":\"abc\"}");
	hear(0, ABC);
	hear_the_end(0);
}

Test(serve, who_never_finishes_is_ended_when_the_time_is_nearly_over)
{
	yields = true;
	settings.stop_timeout = 400;
	start();
	come(0);
	say(0, "{\"type\":\"0\",\"srcid\":\"1\",");
	server_worker_ops.drain(state);
	hear_the_end(0);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (done == 0)
		turn();
}

Test(serve, its_end_closes_all)
{
	start();
	come(0);
	come(1);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	say(1, "{\"type\":");
	server_worker_ops.end(state);
	state = NULL;
	hear_the_end(0);
	hear_the_end(1);
}

/* ---- jobs with processes, which are the test at the other ends of their pipes ---- */

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
