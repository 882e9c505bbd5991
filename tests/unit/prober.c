/* prober: what a probe finds, and that it keeps to what a server can take. */
#include "prober.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

enum { WORKERS = 2, SERVERS = 40 };

static struct event_base *base;
static struct permits *permits;
static struct prober *p;
static struct proxy_conf conf;
static struct registry_server server;
static int listener;

static struct {
	unsigned n, server;
	uint64_t incarnation;
	enum prober_how how;
	bool passed;
	enum incident_cause cause;
} result;

static void
on_result(unsigned index, uint64_t incarnation, enum prober_how how, bool passed,
	  enum incident_cause cause, void *ctx)
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

static void
open_prober(void)
{
	static char id[] = "proxy", none[] = "";
	struct prober_env env;

	memset(&result, 0, sizeof result);
	base = event_base_new();
	permits = permits_new(SERVERS, WORKERS + 1);
	conf.id = id;
	conf.server.name = none;
	server = (struct registry_server){.used = true, .slots = 1, .incarnation = 77};
	cr_assert_eq(addr_numeric(&server.addr, "127.0.0.1", 0), 0);
	listener = net_listen(&server.addr, 64);
	cr_assert(listener >= 0 && net_local(listener, &server.addr) == 0);
	env = (struct prober_env){.base = base,
				  .permits = permits,
				  .conf = &conf,
				  .worker = WORKERS,
				  .on_result = on_result};
	p = prober_new(&env);
	cr_assert_not_null(p);
}

static void
close_prober(void)
{
	prober_free(p);
	permits_free(permits);
	event_base_free(base);
	if (listener >= 0)
		(void)close(listener);
}

TestSuite(prober, .init = open_prober, .fini = close_prober, .timeout = 60);

static void
start(enum prober_how how, uint64_t timeout)
{
	cr_assert(prober_start(p, &server, 5, "111", how, timeout));
	cr_assert_eq(permit_held(permits, 5), 1);
}

static void
expect(enum prober_how how, bool passed, enum incident_cause cause)
{
	(void)event_base_dispatch(base);
	cr_assert_eq(result.n, 1);
	cr_assert(result.server == 5 && result.incarnation == 77 && result.how == how);
	cr_assert_eq(result.passed, passed);
	if (!passed)
		cr_assert_eq(result.cause, cause, "%s", incident_text(result.cause));
	cr_assert_eq(permit_held(permits, 5), 0, "the permit was not given back");
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
	struct addr from;

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
	start(PROBER_CONNECT, 5000);
	expect(PROBER_CONNECT, true, CAUSE_REFUSED);
}

Test(prober, nobody_there_is_a_result)
{
	(void)close(listener);
	listener = -1;
	start(PROBER_CONNECT, 5000);
	expect(PROBER_CONNECT, false, CAUSE_REFUSED);
}

Test(prober, who_does_not_answer_fails_in_time)
{
	start(PROBER_REQUEST, 50); /* the kernel accepts, nobody reads */
	expect(PROBER_REQUEST, false, CAUSE_TIMEOUT);
}

Test(prober, the_right_digest_passes)
{
	struct peer s;

	serve(&s, RIGHT);
	start(PROBER_REQUEST, 5000);
	expect(PROBER_REQUEST, true, CAUSE_ERROR);
	end(&s);
}

Test(prober, a_wrong_digest_is_found)
{
	struct peer s;

	serve(&s, "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payload\":"
		  "\"0000000000000000000000000000000000000000\"}");
	start(PROBER_REQUEST, 5000);
	expect(PROBER_REQUEST, false, CAUSE_WRONG_DIGEST);
	end(&s);
}

Test(prober, a_plain_server_gets_one_whole_request_without_a_newline)
{
	struct peer s;

	serve(&s, "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"proxy\",\"payloadsize\":0,"
		  "\"payload\":\"\",\"code\":\"bad-payload\",\"message\":\"m\"}");
	start(PROBER_REQUEST, 5000);
	expect(PROBER_REQUEST, false, CAUSE_ERROR);
	cr_assert_str_eq(s.got, "{\"type\":\"0\",\"srcid\":\"proxy\",\"privPoliId\":\"111\","
				"\"payloadsize\":10,\"payload\":\"policypool\"}");
	end(&s);
}

Test(prober, a_server_that_is_busy_with_all_that_it_takes_is_not_probed)
{
	int held = permit_take(permits, 5, 1, 0);

	cr_assert(!prober_start(p, &server, 5, "111", PROBER_REQUEST, 1000));
	permit_give(permits, 5, held, 0);
	start(PROBER_CONNECT, 5000);
	cr_assert_eq(permit_try(permits, 5, 1, 0), PERMIT_NONE, "a second connection");
	expect(PROBER_CONNECT, true, CAUSE_REFUSED);
}

Test(prober, so_many_at_once_and_no_more_and_all_are_given_up_at_the_end)
{
	for (unsigned i = 0; i < PROBER_MAX; i++)
		cr_assert(prober_start(p, &server, i, "111", PROBER_REQUEST, 60000));
	cr_assert(!prober_start(p, &server, PROBER_MAX, "111", PROBER_REQUEST, 60000));
	cr_assert_eq(result.n, 0);
}
