/* control: questions over a Unix socket, asked from a child, answered by a loop here. */
#include "control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "net_unix.h"

static char dir[] = "/tmp/control-test-XXXXXX";
static char path[64];
static struct event_base *base;
static struct control *control;
static unsigned changes;

static struct json_object *
echo(const struct control_call *call, const char **error, void *ctx)
{
	struct json_object *args = NULL;

	(void)ctx;
	if (json_object_object_get_ex(call->args, "args", &args))
		return json_object_get(args);
	*error = "nothing to echo";
	return NULL;
}

static struct json_object *
change(const struct control_call *call, const char **error, void *ctx)
{
	(void)call;
	(void)error;
	++*(unsigned *)ctx;
	return json_object_new_boolean(1);
}

static struct control_deferred *later;
static unsigned gone_n;

static void
count_gone(void *ctx)
{
	cr_assert_eq(ctx, &later);
	gone_n++;
	later = NULL;
}

static struct json_object *
wait_for_it(const struct control_call *call, const char **error, void *ctx)
{
	(void)error;
	(void)ctx;
	later = control_defer(call, count_gone, &later);
	cr_assert_not_null(later);
	return NULL;
}

enum { LARGE_TEXT = 400000 }; /* more than a socket takes */
static unsigned larges;

static struct json_object *
large(const struct control_call *call, const char **error, void *ctx)
{
	static char text[LARGE_TEXT];

	(void)call;
	(void)error;
	(void)ctx;
	larges++;
	memset(text, 'x', sizeof text);
	return json_object_new_string_len(text, sizeof text);
}

enum { SLOW_MS = 10, SLOW_RUNS = 4 };
static unsigned slow_runs;
static uint64_t slow_ended, least_pause = UINT64_MAX;

static struct json_object *
slow(const struct control_call *call, const char **error, void *ctx)
{
	uint64_t begin = clock_ms();

	(void)call;
	(void)error;
	(void)ctx;
	if (slow_runs++ > 0 && begin - slow_ended < least_pause)
		least_pause = begin - slow_ended;
	while ((slow_ended = clock_ms()) < begin + SLOW_MS)
		;
	return json_object_new_boolean(1);
}

static const struct control_verb verbs[] = {{.name = "echo", .run = echo},
					    {.name = "large", .run = large},
					    {.name = "slow", .run = slow},
					    {.name = "wait", .run = wait_for_it},
					    {.name = "change", .changes = true, .run = change},
					    {.name = NULL}};

static void
open_socket(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/sock", dir);
	base = event_base_new();
	control = control_new(base, path, 0640, verbs, &changes);
	cr_assert_not_null(control, "%s", strerror(errno));
}

static void
close_socket(void)
{
	control_free(control);
	event_base_free(base);
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(control, .init = open_socket, .fini = close_socket, .timeout = 20);

/* Sends, ends our side, turns the loop until the answer's end; all that was answered. */
static const char *
talk(const char *data, size_t n)
{
	static char answer[70000];
	size_t got = 0;
	int fd = net_connect_unix(path);

	cr_assert_geq(fd, 0);
	while (n > 0) {
		ssize_t done = send(fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done > 0) {
			data += done;
			n -= (size_t)done;
		}
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	}
	(void)shutdown(fd, SHUT_WR);
	for (;;) {
		ssize_t done = recv(fd, answer + got, sizeof answer - 1 - got, MSG_DONTWAIT);
		if (done == 0)
			break;
		if (done > 0)
			got += (size_t)done;
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	}
	(void)close(fd);
	answer[got] = '\0';
	return answer;
}

static const char *
say(const char *data)
{
	return talk(data, strlen(data));
}

Test(control, a_known_command_is_answered_with_its_data)
{
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":[1,\"x\"]}"),
			 "{\"ok\":true,\"data\":[1,\"x\"]}\n");
}

Test(control, a_command_that_cannot_be_answered_says_why)
{
	cr_assert_str_eq(say("{\"cmd\":\"echo\"}"),
			 "{\"ok\":false,\"error\":\"nothing to echo\"}\n");
}

Test(control, several_questions_on_one_connection_are_answered_in_order)
{
	cr_assert_str_eq(
		say("{\"cmd\":\"echo\",\"args\":1}\n{\"cmd\":\"fly\"} {\"cmd\":\"echo\",\"args\":2}"),
		"{\"ok\":true,\"data\":1}\n{\"ok\":false,\"error\":\"fly: no such command here\"}\n"
		"{\"ok\":true,\"data\":2}\n");
}

Test(control, what_is_no_question_gets_an_error)
{
	static const char *const bad[] = {"hello",	 "[]",	      "{}",
					  "{\"cmd\":7}", "{\"cmd\"}", "{'cmd':'echo'"};

	for (size_t i = 0; i + 1 < sizeof bad / sizeof *bad; i++)
		cr_assert_eq(strncmp(say(bad[i]), "{\"ok\":false,", 12), 0, "%s", bad[i]);
	cr_assert_str_empty(say(bad[5])); /* cut by its own end: nobody is left to be told */
}

Test(control, what_could_be_read_in_two_ways_is_refused_and_not_carried_out)
{
	static const char *const bad[][2] = {
		{"{\"cmd\":\"echo\",\"args\":[1],\"cmd\":\"change\"}", "duplicate key at byte 25"},
		{"{\"cmd\":\"echo\",\"c\\u006dd\":\"change\"}", "duplicate key"},
		{"{\"cmd\":\"change\",\"args\":[{\"a\":1,\"a\":2}]}", "duplicate key"},
		{"{\"cmd\":\"change\",\"args\":[01]}", "not JSON"},
		{"{\"cmd\":\"change\",\"args\":[\"\xff\"]}", "malformed UTF-8"},
		{"{\"cmd\":\"change\",\"args\":[[[[[[[[]]]]]]]]}", "nested too deep"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *a = say(bad[i][0]);
		cr_assert_eq(strncmp(a, "{\"ok\":false,", 12), 0, "%s: %s", bad[i][0], a);
		cr_assert_not_null(strstr(a, bad[i][1]), "%s: %s", bad[i][0], a);
	}
	cr_assert_eq(changes, 0);
}

Test(control, a_question_over_the_limit_is_refused)
{
	static char big[80000];

	memset(big, ' ', sizeof big);
	memcpy(big, "{\"cmd\":\"", 8);
	memset(big + 8, 'x', sizeof big - 8);
	cr_assert_eq(strncmp(talk(big, sizeof big), "{\"ok\":false,", 12), 0);
}

Test(control, the_owner_may_change_things)
{
	cr_assert_str_eq(say("{\"cmd\":\"change\"}"), "{\"ok\":true,\"data\":true}\n");
	cr_assert_eq(changes, 1);
}

Test(control, a_process_of_the_daemons_own_gives_no_orders)
{
	int status;
	pid_t pid = fork(), ended;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		char got[512] = "";
		static const char order[] = "{\"cmd\":\"change\"}\n";
		int fd = net_connect_unix(path);
		bool asked = fd >= 0 && write(fd, order, sizeof order - 1) > 0 &&
			     read(fd, got, sizeof got - 1) > 0;
		_exit(asked && strncmp(got, "{\"ok\":false,", 12) == 0 ? 0 : 1);
	}
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	cr_assert_eq(ended, pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(changes, 0);
}

Test(control, the_socket_has_its_mode_and_goes_with_its_owner)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISSOCK(st.st_mode));
	cr_assert_eq(st.st_mode & 0777, 0640);
	control_free(control);
	control = NULL;
	cr_assert_eq(stat(path, &st), -1);
}

Test(control, a_living_socket_is_not_taken_over_and_a_dead_one_is)
{
	struct control *second = control_new(base, path, 0600, verbs, &changes);

	cr_assert_null(second);
	cr_assert_eq(errno, EADDRINUSE);
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":1}"), "{\"ok\":true,\"data\":1}\n");
	control_after_fork(control); /* closed, the path left behind */
	control = control_new(base, path, 0600, verbs, &changes);
	cr_assert_not_null(control);
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":2}"), "{\"ok\":true,\"data\":2}\n");
}

/* ---- answers that take time ---- */

static void
send_line(int fd, const char *line)
{
	cr_assert_eq(send(fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
}

static void
turn_until_deferred(void)
{
	while (later == NULL)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
turn(unsigned n)
{
	while (n-- > 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
}

/* Turns the loop until a whole line is there. */
static const char *
line_from(int fd)
{
	static char text[512];
	size_t n = 0;

	while (n == 0 || text[n - 1] != '\n') {
		ssize_t done = recv(fd, text + n, 1, MSG_DONTWAIT);
		if (done > 0)
			n++;
		else
			turn(1);
	}
	text[n] = '\0';
	return text;
}

Test(control, an_answer_may_follow_later)
{
	int fd = net_connect_unix(path);

	send_line(fd, "{\"cmd\":\"wait\"}\n");
	turn_until_deferred();
	send_line(fd, "{\"cmd\":\"echo\",\"args\":1}\n");
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":2}"), "{\"ok\":true,\"data\":2}\n",
			 "others are answered meanwhile");
	control_settle(later, json_object_new_int(7), NULL);
	cr_assert_str_eq(line_from(fd), "{\"ok\":true,\"data\":7}\n");
	cr_assert_str_eq(line_from(fd), "{\"ok\":true,\"data\":1}\n",
			 "the next one's turn is after it");
	later = NULL;
	send_line(fd, "{\"cmd\":\"wait\"}\n");
	turn_until_deferred();
	control_settle(later, NULL, "it was not to be");
	cr_assert_str_eq(line_from(fd), "{\"ok\":false,\"error\":\"it was not to be\"}\n");
	cr_assert_eq(gone_n, 0);
	(void)close(fd);
}

Test(control, who_has_ended_its_side_still_gets_the_answer)
{
	int fd = net_connect_unix(path);
	char byte;

	send_line(fd, "{\"cmd\":\"wait\"}\n");
	(void)shutdown(fd, SHUT_WR);
	turn_until_deferred();
	for (int i = 0; i < 10; i++)
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	control_settle(later, json_object_new_int(7), NULL);
	cr_assert_str_eq(line_from(fd), "{\"ok\":true,\"data\":7}\n");
	while (recv(fd, &byte, 1, MSG_DONTWAIT) != 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	(void)close(fd);
}

Test(control, whoever_waits_is_told_of_the_end)
{
	int fd = net_connect_unix(path);

	send_line(fd, "{\"cmd\":\"wait\"}\n");
	turn_until_deferred();
	control_free(control);
	control = NULL;
	cr_assert_eq(gone_n, 1);
	(void)close(fd);
}

/* ---- turns ---- */

static const char change_line[] = "{\"cmd\":\"change\"}\n", large_line[] = "{\"cmd\":\"large\"}\n";

Test(control, one_request_is_served_in_a_turn_of_the_loop_and_each_caller_has_its_own)
{
	int a = net_connect_unix(path), b = net_connect_unix(path);
	unsigned before;

	turn(3); /* accepted */
	for (int i = 0; i < 50; i++)
		send_line(a, change_line);
	for (int i = 0; i < 10; i++) {
		before = changes;
		turn(1);
		cr_assert_leq(changes - before, 1);
	}
	cr_assert_leq(changes, 10);
	send_line(b, "{\"cmd\":\"echo\",\"args\":1}\n");
	cr_assert_str_eq(line_from(b), "{\"ok\":true,\"data\":1}\n");
	cr_assert_lt(changes, 20, "b waited for %u of the other's", changes);
	for (int i = 0; i < 50; i++)
		cr_assert_str_eq(line_from(a), "{\"ok\":true,\"data\":true}\n");
	cr_assert_eq(changes, 50);
	(void)close(a);
	(void)close(b);
}

Test(control, callers_that_may_only_look_leave_three_quarters_of_the_time_and_delay_no_order)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		return; /* only root can ask as somebody else */
	cr_assert_eq(chmod(dir, 0755), 0);
	cr_assert_eq(chmod(path, 0666), 0);
	pid = fork();
	if (pid == 0) {
		char byte;
		int fd = setgid(65534) == 0 && setuid(65534) == 0 ? net_connect_unix(path) : -1;

		for (int i = 0; fd >= 0 && i < SLOW_RUNS; i++)
			send_line(fd, "{\"cmd\":\"slow\"}\n");
		(void)shutdown(fd, SHUT_WR);
		while (recv(fd, &byte, 1, 0) > 0)
			;
		_exit(fd < 0);
	}
	while (slow_runs < SLOW_RUNS - 1) {
		if (slow_runs == 1 && changes == 0)
			cr_assert_str_eq(say(change_line), "{\"ok\":true,\"data\":true}\n");
		turn(1);
	}
	cr_expect_eq(changes, 1);
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(1);
	cr_assert_eq(status, 0);
	cr_assert_eq(slow_runs, SLOW_RUNS);
	cr_assert_geq(least_pause, 3 * SLOW_MS - 5);
}

Test(control, whoever_does_not_read_is_asked_no_further)
{
	int fd = net_connect_unix(path);
	size_t bytes = 0;
	char drain[65536];

	for (int i = 0; i < 100; i++)
		send_line(fd, large_line);
	turn(300);
	cr_assert_leq(larges, 2, "%u answers are held for a caller that reads none", larges);
	while (bytes < 100 * (size_t)(LARGE_TEXT + sizeof "{\"ok\":true,\"data\":\"\"}")) {
		ssize_t n = recv(fd, drain, sizeof drain, MSG_DONTWAIT);
		bytes += n > 0 ? (size_t)n : 0;
		turn(1);
	}
	cr_assert_eq(larges, 100, "all are answered once they are read");
	(void)close(fd);
}

Test(control, what_a_caller_asked_that_has_left_is_not_carried_out)
{
	int fd = net_connect_unix(path);

	for (int i = 0; i < 5; i++)
		send_line(fd, change_line);
	(void)close(fd);
	turn(20);
	cr_assert_eq(changes, 0);
	fd = net_connect_unix(path);
	for (int i = 0; i < 5; i++)
		send_line(fd, change_line);
	while (changes == 0)
		turn(1);
	(void)close(fd);
	turn(20);
	cr_assert_eq(changes, 1);
}

Test(control, one_too_many_is_told_so_and_those_that_have_left_make_room)
{
	enum { MANY = 64 };
	int fd[MANY], more;
	char text[128] = "";

	for (int i = 0; i < MANY; i++) {
		fd[i] = net_connect_unix(path);
		turn(1);
	}
	send_line(fd[0], "{\"cmd\":\"wait\"}\n");
	turn_until_deferred();
	more = net_connect_unix(path);
	turn(2);
	cr_assert_gt(recv(more, text, sizeof text - 1, MSG_DONTWAIT), 0);
	cr_assert_not_null(strstr(text, "as many control connections as it takes"), "%s", text);
	(void)close(more);
	(void)close(fd[0]);
	turn(5);
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":2}"), "{\"ok\":true,\"data\":2}\n");
	cr_assert_eq(gone_n, 1, "its place is given away");
	for (int i = 1; i < MANY; i++)
		(void)close(fd[i]);
}

/* ---- what becomes of its path ---- */

Test(control, a_socket_that_was_removed_is_put_back)
{
	struct stat st;

	cr_expect_eq(control_restore(control, 0600), 0, "it is there");
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(control_restore(control, 0600), 1);
	cr_assert_eq(lstat(path, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
	cr_expect_eq(control_restore(control, 0600), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(dir), 0);
	cr_expect_eq(control_restore(control, 0600), -1);
	cr_expect_eq(errno, ENOENT);
	cr_assert_eq(mkdir(dir, 0700), 0);
}

Test(control, one_that_another_daemon_has_by_now_is_left_to_it)
{
	struct control *other;

	cr_assert_eq(unlink(path), 0);
	other = control_new(base, path, 0640, verbs, &changes);
	cr_assert_not_null(other);
	cr_expect_eq(control_restore(control, 0600), -1);
	cr_expect_eq(errno, EADDRINUSE);
	control_free(control);
	control = NULL;
	cr_expect_eq(access(path, F_OK), 0, "the other daemon's is gone");
	control_free(other);
	cr_expect_eq(access(path, F_OK), -1);
}

Test(control, a_successor_has_the_socket_once_it_is_in_charge)
{
	struct control *next = control_adopt(base, dup(control_fd(control)), path, verbs, &changes);

	cr_assert_not_null(next);
	control_free(next);
	cr_expect_eq(access(path, F_OK), 0, "it was the predecessor's");
	next = control_adopt(base, dup(control_fd(control)), path, verbs, &changes);
	control_hand_over(control);
	control_go(next);
	control_free(control);
	control = NULL;
	cr_expect_eq(access(path, F_OK), 0, "it is the successor's");
	cr_expect_eq(control_restore(next, 0600), 0);
	control_free(next);
	cr_expect_eq(access(path, F_OK), -1);
}

Test(control, a_worker_leaves_the_path_alone)
{
	control_after_fork(control);
	control_after_fork(NULL);
	control = NULL;
	cr_expect_eq(access(path, F_OK), 0);
}
