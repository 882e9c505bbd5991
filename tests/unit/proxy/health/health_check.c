/* health_check: what a probe finds, and that it keeps to what a server can take. */
#include "health_check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "reply_check.h"

enum { WORKERS = 2, SERVERS = HEALTH_CHECK_MAX + 8 };

static struct event_base *base;
static struct permits *permits;
static struct health_check *p;
static struct proxy_conf conf;
static struct registry_server server;
static int listener;

static struct {
	unsigned n, server;
	uint64_t incarnation;
	enum health_check_how how;
	bool passed;
	enum failure_cause cause;
} result;

static void
on_result(unsigned index, uint64_t incarnation, enum health_check_how how, bool passed,
	  enum failure_cause cause, void *ctx)
{
	(void)ctx;
	result.n++;
	result.server = index;
	result.incarnation = incarnation;
	result.how = how;
	result.passed = passed;
	result.cause = cause;
	(void)event_base_loopbreak(base);
}

static const struct proxy_conf *
conf_in_force(void *ctx)
{
	(void)ctx;
	return &conf;
}

static void
open_prober(void)
{
	static char id[] = "proxy", none[] = "";
	struct health_check_env env;

	memset(&result, 0, sizeof result);
	base = event_base_new();
	permits = permits_new(SERVERS, WORKERS + 1);
	for (unsigned w = 0; w <= WORKERS; w++)
		permits_admit(permits, w);
	conf.id = id;
	conf.server.name = none;
	server = (struct registry_server){.used = true, .slots = 1, .incarnation = 77};
	cr_assert_eq(addr_numeric(&server.addr, "127.0.0.1", 0), 0);
	listener = net_listen(&server.addr, 64);
	cr_assert(listener >= 0 && net_local(listener, &server.addr) == 0);
	env = (struct health_check_env){.base = base,
					.permits = permits,
					.conf = conf_in_force,
					.worker = WORKERS,
					.on_result = on_result};
	p = health_check_new(&env);
	cr_assert_not_null(p);
}

static void
close_prober(void)
{
	health_check_free(p);
	permits_free(permits);
	event_base_free(base);
	if (listener >= 0)
		(void)close(listener);
}

TestSuite(prober, .init = open_prober, .fini = close_prober, .timeout = 60);

static void
start(enum health_check_how how, uint64_t timeout)
{
	cr_assert(health_check_start(p, &server, 5, "111", "policypool", how, timeout));
	cr_assert_eq(conn_limit_held(permits, 5), 1);
}

static void
expect(enum health_check_how how, bool passed, enum failure_cause cause)
{
	(void)event_base_dispatch(base);
	cr_assert_eq(result.n, 1);
	cr_assert(result.server == 5 && result.incarnation == 77 && result.how == how);
	cr_assert_eq(result.passed, passed);
	if (!passed)
		cr_assert_eq(result.cause, cause, "%s", failure_text(result.cause));
	cr_assert_eq(conn_limit_held(permits, 5), 0, "the permit was not given back");
}

/* The server's side: what came, and the answer, on one connection. */
struct peer {
	const char *answer;
	struct event *accepted, *readable;
	int fd;
	char got[512];
	size_t n;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *s = arg;
	ssize_t n = read(fd, s->got + s->n, sizeof s->got - 1 - s->n);

	(void)what;
	if (n <= 0) {
		(void)event_del(s->readable);
		return;
	}
	s->n += (size_t)n;
	if (s->answer != NULL && s->got[s->n - 1] == '}')
		cr_assert_geq(write(fd, s->answer, strlen(s->answer)), 0);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct peer *s = arg;
	struct addr_peer from;

	(void)what;
	if (net_accept(fd, &s->fd, &from) != NET_ACCEPTED)
		return;
	s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	(void)event_add(s->readable, NULL);
}

static void
serve(struct peer *s, const char *answer)
{
	*s = (struct peer){.answer = answer, .fd = -1};
	s->accepted = event_new(base, listener, EV_READ | EV_PERSIST, on_accept, s);
	(void)event_add(s->accepted, NULL);
}

static void
end(struct peer *s)
{
	event_free(s->accepted);
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->fd >= 0)
		(void)close(s->fd);
}

#define RIGHT                                                                                  \
	"{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payloadsize\":40,\"payload\":" \
	"\"f685f3a244e859a52d80990ed72b5346f29490f5\"}"

Test(prober, connecting_is_enough_where_that_is_asked)
{
	start(HEALTH_CHECK_CONNECT, 5000);
	expect(HEALTH_CHECK_CONNECT, true, CAUSE_REFUSED);
}

Test(prober, nobody_there_is_a_result)
{
	(void)close(listener);
	listener = -1;
	start(HEALTH_CHECK_CONNECT, 5000);
	expect(HEALTH_CHECK_CONNECT, false, CAUSE_REFUSED);
}

Test(prober, who_does_not_answer_fails_in_time)
{
	start(HEALTH_CHECK_REQUEST, 50); /* the kernel accepts, nobody reads */
	expect(HEALTH_CHECK_REQUEST, false, CAUSE_PROBE_REPLY);
}

Test(prober, the_right_digest_passes)
{
	struct peer s;

	serve(&s, RIGHT);
	start(HEALTH_CHECK_REQUEST, 5000);
	expect(HEALTH_CHECK_REQUEST, true, CAUSE_ERROR);
	end(&s);
}

Test(prober, a_wrong_digest_is_found)
{
	struct peer s;

	serve(&s, "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payload\":"
		  "\"0000000000000000000000000000000000000000\"}");
	start(HEALTH_CHECK_REQUEST, 5000);
	expect(HEALTH_CHECK_REQUEST, false, CAUSE_WRONG_DIGEST);
	end(&s);
}

Test(prober, a_plain_server_gets_one_whole_request_without_a_newline)
{
	struct peer s;

	serve(&s, "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payloadsize\":0,"
		  "\"payload\":\"\",\"code\":\"bad-payload\",\"message\":\"m\"}");
	start(HEALTH_CHECK_REQUEST, 5000);
	expect(HEALTH_CHECK_REQUEST, false, CAUSE_ERROR);
	cr_assert_str_eq(s.got, "{\"type\":\"0\",\"srcid\":\"proxy\",\"privPoliId\":\"111\","
				"\"payloadsize\":10,\"payload\":\"policypool\"}");
	end(&s);
}

Test(prober, a_server_with_another_job_is_asked_for_what_it_can_answer)
{
	static const struct {
		const char *job, *payload;
		bool passes;
		enum failure_cause cause;
	} row[] = {
		/* SHA-256 of policypool. */
		{"sha256", "933ec639e64e51a12c5c403edecf0d5564b21f4813a2126a629bb44ea06a0b65", true,
		 0},
		{"sha256", "933ec639e64e51a12c5c403edecf0d5564b21f4813a2126a629bb44ea06a0b650",
		 false, CAUSE_WRONG_FORM},
		{"sha256", "", false, CAUSE_WRONG_FORM},
		{"redact", "", true, 0},
		{"redact", "it was run all the same", true, 0},
		{"hmac-sha256", "", true, 0},
	};
	char answer[256];
	struct peer s;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		bool digest = strcmp(row[i].job, "sha256") == 0;

		(void)snprintf(
			answer, sizeof answer,
			"{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payload\":\"%s\"}",
			row[i].payload);
		(void)strcpy(server.job, row[i].job);
		serve(&s, answer);
		result.n = 0;
		start(HEALTH_CHECK_REQUEST, 5000);
		expect(HEALTH_CHECK_REQUEST, row[i].passes, row[i].cause);
		cr_expect_eq(strstr(s.got, "\"probe\":\"1\"") == NULL, digest, "%s", s.got);
		end(&s);
	}
}

Test(prober, any_payload_passes_where_clients_are_given_any)
{
	struct peer s;

	serve(&s, "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payload\":\"any\"}");
	conf.policy.verify = REPLY_CHECK_PACKET;
	start(HEALTH_CHECK_REQUEST, 5000);
	expect(HEALTH_CHECK_REQUEST, true, CAUSE_ERROR);
	conf.policy.verify = REPLY_CHECK_SHAPE;
	end(&s);
}

Test(prober, a_server_that_is_busy_with_all_that_it_takes_is_not_probed)
{
	int held = conn_limit_take(permits, 5, 1, 0);

	cr_assert(!health_check_start(p, &server, 5, "111", "policypool", HEALTH_CHECK_REQUEST,
				      1000));
	conn_limit_give(permits, 5, held, 0);
	start(HEALTH_CHECK_CONNECT, 5000);
	cr_assert_eq(conn_limit_try(permits, 5, 1, 0), CONN_LIMIT_NONE, "a second connection");
	expect(HEALTH_CHECK_CONNECT, true, CAUSE_REFUSED);
}

Test(prober, so_many_at_once_and_no_more_and_all_are_given_up_at_the_end)
{
	for (unsigned i = 0; i < HEALTH_CHECK_MAX; i++)
		cr_assert(health_check_start(p, &server, i, "111", "policypool",
					     HEALTH_CHECK_REQUEST, 60000));
	cr_assert(!health_check_start(p, &server, HEALTH_CHECK_MAX, "111", "policypool",
				      HEALTH_CHECK_REQUEST, 60000));
	cr_assert_eq(result.n, 0);
}
