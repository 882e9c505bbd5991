/* control: questions over a Unix socket, asked from a child, answered by a loop here. */
#include "control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"

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

static const struct control_verb verbs[] = {{.name = "echo", .run = echo},
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
			cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
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
	cr_assert_not_null(strstr(line_from(fd), "not answered yet"));
	cr_assert_str_eq(say("{\"cmd\":\"echo\",\"args\":2}"), "{\"ok\":true,\"data\":2}\n",
			 "others are answered meanwhile");
	control_settle(later, json_object_new_int(7), NULL);
	cr_assert_str_eq(line_from(fd), "{\"ok\":true,\"data\":7}\n");
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
