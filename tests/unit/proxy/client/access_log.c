/* access_log: lines as they are written, which requests have one, and where they go. */
#include "access_log.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "peer_fixture.h"

static struct event_base *base;
static struct addr_peer client;
static struct request *q;
static int end[2];

static void
open_all(void)
{
	static const char text[] = "{\"srcid\":\"a \\\\b\",\"p\":\"caf\xc3\xa9\"}";
	struct span all = span_str(text);
	struct packet p = {.text = all, .policy_raw = span_of(text + 22, 5)};

	base = event_base_new();
	client = peer_at("127.0.0.1", 4242);
	q = request_new(NULL, NULL, all, span_of(text + 10, 5));
	cr_assert_not_null(q);
	request_name_policy(q, &p);
	cr_assert_eq(pipe(end), 0);
}

static void
close_all(void)
{
	request_free(q);
	event_base_free(base);
	(void)close(end[0]);
}

TestSuite(access, .init = open_all, .fini = close_all, .timeout = 20);

static struct access_log *
make(enum access_log_mode mode, bool json)
{
	struct access_log_conf conf = {.mode = mode, .sample = 3, .json = json, .fd = end[1]};
	struct access_log *a = access_log_new(base, &conf);

	cr_assert_not_null(a);
	return a;
}

/* What is in the pipe after a turn of the loop. */
static const char *
written(void)
{
	static char text[65536];
	ssize_t n;

	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	cr_assert_eq(write(end[1], "$", 1), 1); /* so that there is something to read */
	n = read(end[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n - 1] = '\0';
	return text;
}

Test(access, a_line_tells_all_of_a_request)
{
	struct access_log *a = make(ACCESS_LOG_ALL, false);
	const char *line;

	q->sends = 2;
	access_log_answered(a, q, &client, "100", 99);
	line = written();
	cr_assert_eq(strncmp(line, "time=2", 6), 0, "%s", line);
	cr_assert_not_null(strstr(line, " client=127.0.0.1:4242 srcid=\"a \\\\\\\\b\" policy="),
			   "%s", line);
	cr_assert_not_null(strstr(line, " server=100 outcome=ok tries=2 queue_us=0 connect_us=0 "
					"reply_us=0 total_us=0 bytes_in=29 bytes_out=99\n"),
			   "%s", line);
	access_log_free(a);
}

Test(access, json_is_json)
{
	struct access_log *a = make(ACCESS_LOG_ALL, true);
	struct json_object *o;

	q->code = PACKET_TIMEOUT;
	q->why = "server \"1\": no\nreply";
	access_log_answered(a, q, &client, NULL, 0);
	o = json_tokener_parse(written());
	cr_assert_not_null(o);
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "outcome")), "timeout");
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "policy")),
			 "caf\xc3\xa9");
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "why")), q->why);
	cr_assert_null(json_object_object_get(o, "server"));
	cr_assert_eq(json_object_get_int(json_object_object_get(o, "bytes_in")), 29);
	(void)json_object_put(o);
	access_log_free(a);
}

static unsigned
lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

Test(access, errors_always_have_a_line_and_others_as_the_mode_says)
{
	static const struct {
		enum access_log_mode mode;
		unsigned wanted; /* of nine fine ones, a refusal, an error of ours, one abandoned */
	} row[] = {{ACCESS_LOG_ERRORS, 3}, {ACCESS_LOG_SAMPLED, 6}, {ACCESS_LOG_ALL, 12}};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct access_log_conf conf = {.mode = row[i].mode, .sample = 3, .fd = dup(end[1])};
		struct access_log *a = access_log_new(base, &conf);
		q->refused = false;
		for (int k = 0; k < 9; k++)
			access_log_answered(a, q, &client, "1", 1);
		q->refused = true;
		access_log_answered(a, q, &client, "1", 1);
		access_log_answered(a, q, &client, NULL, 1);
		access_log_abandoned(a, q, &client);
		cr_assert_eq(lines(written()), row[i].wanted, "mode %d", row[i].mode);
		access_log_free(a);
	}
}

Test(access, off_is_nothing_at_all)
{
	struct access_log_conf conf = {.mode = ACCESS_LOG_OFF, .fd = -1};

	cr_assert_null(access_log_new(base, &conf));
	(void)close(end[1]);
}

Test(access, a_turn_is_one_write_and_the_end_writes_the_rest)
{
	struct access_log *a = make(ACCESS_LOG_ALL, false);
	int other[2];

	access_log_answered(a, q, &client, "1", 1);
	access_log_answered(a, q, &client, "2", 1);
	cr_assert_eq(lines(written()), 2);
	cr_assert_eq(lines(written()), 0);
	access_log_answered(a, q, &client, "3", 1);
	cr_assert_eq(pipe(other), 0);
	access_log_take_file(a,
			     other[1]); /* the old one gets what was meant for it, and is closed */
	access_log_answered(a, q, &client, "4", 1);
	access_log_free(a);
	char text[1024];
	ssize_t n = read(end[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert(lines(text) == 1 && strstr(text, "server=3") != NULL, "%s", text);
	cr_assert_eq(read(end[0], text, sizeof text), 0);
	n = read(other[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert(lines(text) == 1 && strstr(text, "server=4") != NULL, "%s", text);
	(void)close(other[0]);
}

Test(access, a_long_text_is_cut_and_fits)
{
	static char long_text[4000];
	struct access_log *a = make(ACCESS_LOG_ALL, true);
	struct json_object *o;
	const char *line;

	memset(long_text, 1, sizeof long_text - 1);
	q->why = long_text;
	q->srcid = q->policy_name = span_of(long_text, sizeof long_text - 1);
	access_log_answered(a, q, &client, long_text, 0);
	line = written();
	cr_assert_leq(strlen(line), LOG_LINE, "a pipe would not take it undivided");
	o = json_tokener_parse(line);
	cr_assert_not_null(o);
	cr_assert_eq(strlen(json_object_get_string(json_object_object_get(o, "why"))), 125);
	(void)json_object_put(o);
	memset(long_text, 'x', sizeof long_text - 1);
	access_log_answered(a, q, &client, NULL, 0);
	o = json_tokener_parse(written());
	cr_assert_not_null(o);
	cr_assert_eq(strlen(json_object_get_string(json_object_object_get(o, "why"))), 250);
	(void)json_object_put(o);
	access_log_free(a);
}
