/* handover: what a successor makes of what it was given. */
#include "handover.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel.h"
#include "net.h"

static struct event_base *base;
static int line[2]; /* the channel: ours, and the successor's end */
static unsigned goes;
static char said[64];

static void
open_handover(void)
{
	base = event_base_new();
	cr_assert_eq(channel_pair(line), 0);
}

static void
close_handover(void)
{
	handover_close();
	event_base_free(base);
}

TestSuite(handover, .init = open_handover, .fini = close_handover, .timeout = 20);

static void
on_go(void *ctx)
{
	(void)ctx;
	goes++;
}

static void
on_data(struct span s, void *ctx)
{
	(void)ctx;
	(void)snprintf(said, sizeof said, "%.*s", SPAN_ARG(s));
}

static const struct handover_ops ops = {on_go, on_data};

static int
given(const char *head, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof text, "%s\nchannel %d ppool-x-1\n%s", head, line[1], more);
	cr_assert_eq(setenv(HANDOVER_VARIABLE, text, 1), 0);
	return handover_open();
}

static int
copy(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD, 3);

	cr_assert_geq(fd, 3);
	return fd;
}

Test(handover, without_a_predecessor_nothing_is_there)
{
	cr_assert_eq(unsetenv(HANDOVER_VARIABLE), 0);
	cr_assert_eq(handover_open(), 0);
	cr_assert_not(handover_is_on());
	cr_assert_eq(handover_take(HANDOVER_CONTROL, NULL), -1);
	cr_assert(handover_is_of("anything"));
	cr_assert_eq(handover_begin(base, &ops, NULL), 0);
	cr_assert_eq(goes, 0);
}

Test(handover, items_are_taken_once_by_kind_and_what_they_are_about)
{
	char more[200];
	int a = copy(), b = copy();

	(void)snprintf(more, sizeof more, "control %d /run/my own.sock\npidfile %d /run/x.pid\n", a,
		       b);
	cr_assert_eq(given("1", more), 0);
	cr_assert(handover_is_on());
	cr_assert_null(getenv(HANDOVER_VARIABLE), "no child shall believe that it is meant");
	cr_assert(handover_is_of("ppool-x-1"));
	cr_assert_not(handover_is_of("ppool-x-2"));
	cr_assert_eq(handover_take(HANDOVER_CONTROL, "/run/other.sock"), -1);
	cr_assert_eq(handover_take(HANDOVER_CONTROL, "/run/my own.sock"), a);
	cr_assert_eq(handover_take(HANDOVER_CONTROL, "/run/my own.sock"), -1);
	cr_assert_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(handover_begin(base, &ops, NULL), 0);
	cr_assert_eq(fcntl(b, F_GETFD), -1, "what nobody took is closed");
}

Test(handover, a_listening_socket_is_found_by_its_address)
{
	struct addr at, other;
	char more[64];
	int fd;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	fd = net_listen(&at, 5);
	cr_assert_geq(fd, 0);
	(void)snprintf(more, sizeof more, "listen %d x\n", fd);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(addr_numeric(&other, "127.0.0.2", 0), 0);
	cr_assert_eq(handover_listener(&other), -1);
	cr_assert_eq(addr_numeric(&other, "127.0.0.1", 1), 0);
	cr_assert_eq(handover_listener(&other), -1);
	cr_assert_eq(handover_listener(&at), fd, "port 0 is whatever port it has");
	(void)close(fd);
}

Test(handover, what_is_not_understood_is_refused)
{
	(void)!freopen("/dev/null", "w", stderr);
	cr_assert_eq(given("2", ""), -1, "another version");
	cr_assert_eq(given("1", "control\n"), -1);
	cr_assert_eq(given("1", "control x /run/x\n"), -1);
	cr_assert_eq(given("1", "control 99999 /run/x\n"), -1);
	cr_assert_eq(given("1", "control 1 /run/x\n"), -1, "stdio is nobody's to give");
}

Test(handover, a_kind_of_a_later_version_is_closed_and_harms_nothing)
{
	char more[64];
	int fd = copy();

	(void)snprintf(more, sizeof more, "novelty %d x\n", fd);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(handover, ready_is_told_with_what_was_taken_and_go_is_heard)
{
	char space[CHANNEL_MAX + 1], more[64];
	enum channel_tag tag;
	struct span body;
	int fd = copy();

	(void)snprintf(more, sizeof more, "pidfile %d /p\n", fd);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(handover_take(HANDOVER_PIDFILE, NULL), fd);
	cr_assert_eq(handover_begin(base, &ops, NULL), 0);
	cr_assert_eq(handover_ready(), 0);
	cr_assert_eq(channel_receive(line[0], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert_eq(tag, CHANNEL_READY);
	cr_assert(span_eq_str(body, "channel pidfile "));
	cr_assert_eq(channel_send(line[0], CHANNEL_DATA, span_str("hello")), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_str_eq(said, "hello");
	cr_assert_eq(goes, 1);
	(void)close(line[0]);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(goes, 1, "once");
}

Test(handover, a_predecessor_that_is_gone_lets_go_of_everything)
{
	cr_assert_eq(given("1", ""), 0);
	cr_assert_eq(handover_begin(base, &ops, NULL), 0);
	(void)close(line[0]);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(goes, 1);
	cr_assert_eq(handover_ready(), 0);
	cr_assert_eq(goes, 1);
}
