/* takeover: what a successor makes of what it was given. */
#include "takeover.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"
#include "net.h"
#include "process.h"

static struct event_base *base;
static int line[2]; /* the channel: ours, and the successor's end */
static unsigned goes, ends;
static bool was_in_charge;
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
	takeover_close();
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

static void
on_end(bool in_charge, void *ctx)
{
	(void)ctx;
	ends++;
	was_in_charge = in_charge;
}

static const struct takeover_ops ops = {on_go, on_data, on_end};

/* A predecessor that can be ended, and the item that tells of it. */
static pid_t
predecessor(char more[64], const char *also)
{
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close_range(STDERR_FILENO + 1, UINT_MAX, 0);
		(void)pause();
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	fd = pidfd_of(pid);
	cr_assert_geq(fd, 0);
	(void)snprintf(more, 64, "former %d %d\n%s", fd, (int)pid, also);
	return pid;
}

static void
end(pid_t pid)
{
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static int
given(const char *head, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof text, "%s\nchannel %d ppool-x-1\n%s", head, line[1], more);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	return takeover_open();
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
	cr_assert_eq(unsetenv(TAKEOVER_VARIABLE), 0);
	cr_assert_eq(takeover_open(), 0);
	cr_assert_not(takeover_is_on());
	cr_assert_eq(takeover_take(TAKEOVER_CONTROL, NULL), -1);
	cr_assert(takeover_is_of("anything"));
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(goes, 0);
}

Test(handover, items_are_taken_once_by_kind_and_what_they_are_about)
{
	char more[200];
	int a = copy(), b = copy();

	(void)snprintf(more, sizeof more, "control %d /run/my own.sock\npidfile %d /run/x.pid\n", a,
		       b);
	cr_assert_eq(given("1", more), 0);
	cr_assert(takeover_is_on());
	cr_assert_null(getenv(TAKEOVER_VARIABLE), "no child shall believe that it is meant");
	cr_assert(takeover_is_of("ppool-x-1"));
	cr_assert_not(takeover_is_of("ppool-x-2"));
	cr_assert_eq(takeover_take(TAKEOVER_CONTROL, "/run/other.sock"), -1);
	cr_assert_eq(takeover_take(TAKEOVER_CONTROL, "/run/my own.sock"), a);
	cr_assert_eq(takeover_take(TAKEOVER_CONTROL, "/run/my own.sock"), -1);
	cr_assert_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
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
	cr_assert_eq(takeover_listener(&other), -1);
	cr_assert_eq(addr_numeric(&other, "127.0.0.1", 1), 0);
	cr_assert_eq(takeover_listener(&other), -1);
	cr_assert_eq(takeover_listener(&at), fd, "port 0 is whatever port it has");
	(void)close(fd);
}

Test(handover, a_unix_socket_is_found_by_what_it_is_about)
{
	struct addr at, other;
	bool is_given = true;
	const char *why;
	char more[128];
	int one = dup(0), two = dup(0);

	(void)snprintf(more, sizeof more, "listen %d unix:/run/a\nlisten %d unix:/run/b given\n",
		       one, two);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(addr_unix(&at, "unix:/run/a", &why), 0);
	cr_assert_eq(addr_unix(&other, "unix:@run/a", &why), 0);
	cr_assert_eq(takeover_unix_listener(&other, &is_given), -1);
	cr_assert_eq(takeover_unix_listener(&at, &is_given), one);
	cr_assert_not(is_given);
	cr_assert_eq(takeover_unix_listener(&at, &is_given), -1, "once");
	cr_assert_eq(addr_unix(&at, "unix:/run/b", &why), 0);
	cr_assert_eq(takeover_unix_listener(&at, &is_given), two);
	cr_assert(is_given, "the path is the service manager's");
	(void)close(one);
	(void)close(two);
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
	cr_assert_eq(takeover_take(TAKEOVER_PIDFILE, NULL), fd);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
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

Test(handover, a_predecessor_that_has_ended_lets_go_of_everything_once_this_one_serves)
{
	char more[64];
	pid_t pid = predecessor(more, "");

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	(void)close(line[0]);
	end(pid);
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(goes, 0, "nothing serves yet");
	cr_assert_eq(takeover_ready(), 0);
	cr_assert_eq(goes, 1);
	cr_assert_eq(ends, 0);
	cr_assert_not(takeover_predecessor_is_left(1000), "it has ended");
}

Test(handover, the_end_of_the_channel_is_no_go_while_the_predecessor_lives)
{
	char more[64];
	pid_t pid = predecessor(more, "");

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
	(void)close(line[0]);
	while (ends == 0 && goes == 0)
		(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 1);
	cr_assert_not(was_in_charge);
	cr_assert_eq(goes, 0);
	end(pid);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert(takeover_is_pending());
}

Test(handover, an_upgrade_that_the_predecessor_has_ended_is_over_also_when_that_one_ends)
{
	char more[64];
	pid_t pid = predecessor(more, "");

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_CANCEL, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 1);
	cr_assert_not(was_in_charge);
	(void)close(line[0]);
	end(pid);
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(goes, 0);
	cr_assert_eq(ends, 1);
}

Test(handover, a_parent_that_stays_while_the_predecessor_ends_has_another_master)
{
	char more[64], parent[32];
	int to_parent[2];
	pid_t former;

	cr_assert_eq(channel_pair(to_parent), 0);
	(void)snprintf(parent, sizeof parent, "parent %d 77\n", to_parent[1]);
	former = predecessor(more, parent);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
	(void)close(line[0]);
	end(former);
	while (ends == 0 && goes == 0)
		(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 1);
	cr_assert_not(was_in_charge);
	cr_assert_eq(goes, 0);
}

Test(handover, the_end_of_the_channel_is_no_go_where_nothing_tells_of_the_predecessor)
{
	cr_assert_eq(given("1", ""), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
	(void)close(line[0]);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 1);
	cr_assert_not(was_in_charge);
	cr_assert_eq(goes, 0);
}

Test(handover, what_the_predecessor_said_before_it_ended_counts)
{
	char more[64];
	pid_t pid = predecessor(more, "");

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_ready(), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_DATA, span_str("last")), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)close(line[0]);
	end(pid);
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(goes, 1);
	cr_assert_str_eq(said, "last");
}

Test(handover, a_predecessor_whose_workers_are_at_work_is_waited_for_so_long)
{
	char more[64];
	pid_t pid = predecessor(more, "");

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_not(takeover_predecessor_is_left(50), "it is in charge");
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert(takeover_predecessor_is_left(50));
	(void)event_base_dispatch(base);
	cr_assert_not(takeover_predecessor_is_left(50), "no longer");
	end(pid);
}

Test(handover, a_parent_that_is_gone_ends_the_master_in_charge)
{
	char more[64], parent[32];
	int to_parent[2];
	pid_t pid, former;

	cr_assert_eq(channel_pair(to_parent), 0);
	(void)snprintf(parent, sizeof parent, "parent %d 77\n", to_parent[1]);
	former = predecessor(more, parent);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_parent(&pid), to_parent[1]);
	cr_assert_eq(pid, 77);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 0);
	(void)close(to_parent[0]);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(ends, 1);
	cr_assert(was_in_charge);
	end(former);
}

/* ---- what is said ---- */

Test(handover, until_the_settings_are_read_stderr_is_the_predecessors_and_errors_go_there_until_go)
{
	char more[200], text[512];
	int own[2], errors[2];
	ssize_t n;

	cr_assert_eq(pipe(own), 0);
	cr_assert_eq(pipe(errors), 0);
	(void)snprintf(more, sizeof more, "stderr %d -\nerrors %d -\n", own[1], errors[1]);
	takeover_settings_read(); /* without a predecessor nothing is turned round */
	cr_assert_eq(given("1", more), 0);
	takeover_settings_read();
	cr_assert_eq(write(STDERR_FILENO, "mine", 4), 4);
	cr_assert_eq(read(own[0], text, sizeof text), 4);
	log_event(LOG_ERROR, "it goes wrong", NULL);
	n = read(errors[0], text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_expect_not_null(strstr(text, "it goes wrong"));
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(goes, 1);
	log_event(LOG_ERROR, "it is its own by now", NULL);
	cr_expect_eq(read(errors[0], text, sizeof text), 0, "the pipe has ended");
}

Test(handover, the_predecessor_is_told_until_it_has_gone)
{
	char space[CHANNEL_MAX + 1];
	enum channel_tag tag;
	struct span body;

	cr_assert_eq(given("1", ""), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(takeover_send(span_str("hello")), 0);
	cr_assert_eq(channel_receive(line[0], space, &tag, &body), CHANNEL_MESSAGE);
	cr_expect_eq(tag, CHANNEL_DATA);
	cr_expect(span_eq_str(body, "hello"));
	(void)close(line[0]);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_expect_eq(takeover_send(span_str("hello")), -1);
	cr_expect_eq(errno, ESRCH);
}

Test(handover, a_predecessor_is_hurried_once_this_one_is_in_charge)
{
	char more[64];
	pid_t pid = predecessor(more, "");
	int status;

	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	takeover_hurry_predecessor();
	cr_assert_eq(waitpid(pid, &status, WNOHANG), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	takeover_hurry_predecessor();
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	takeover_hurry_predecessor(); /* it has ended */
}

Test(handover, the_predecessor_that_is_this_ones_parent_is_neither_waited_for_nor_hurried)
{
	char more[128];
	int to_parent[2], status;
	pid_t pid;

	cr_assert_eq(channel_pair(to_parent), 0);
	pid = predecessor(more, "");
	(void)snprintf(more + strlen(more), 64, "parent %d %d\n", to_parent[1], (int)pid);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(goes, 1);
	cr_expect_not(takeover_predecessor_is_left(1000));
	takeover_hurry_predecessor();
	cr_expect_eq(waitpid(pid, &status, WNOHANG), 0);
	end(pid);
}

Test(handover, what_is_too_much_is_closed)
{
	char more[TAKEOVER_MOST * 20] = "";
	int fd[TAKEOVER_MOST];

	for (int i = 0; i < TAKEOVER_MOST; i++) {
		fd[i] = copy();
		(void)snprintf(more + strlen(more), 20, "control %d x\n", fd[i]);
	}
	cr_assert_eq(given("1", more), 0);
	cr_expect_geq(fcntl(fd[TAKEOVER_MOST - 2], F_GETFD), 0);
	cr_expect_eq(fcntl(fd[TAKEOVER_MOST - 1], F_GETFD), -1, "the channel is one of them");
}

Test(handover, without_a_channel_nothing_is_understood)
{
	(void)!freopen("/dev/null", "w", stderr);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, "1\n", 1), 0);
	cr_expect_eq(takeover_open(), -1);
	cr_expect_not(takeover_is_on());
}

Test(handover, at_the_end_all_is_closed)
{
	char more[128];
	int to_parent[2];
	pid_t pid, parent;

	cr_assert_eq(channel_pair(to_parent), 0);
	pid = predecessor(more, "");
	(void)snprintf(more + strlen(more), 64, "parent %d 77\n", to_parent[1]);
	cr_assert_eq(given("1", more), 0);
	cr_assert_eq(takeover_begin(base, &ops, NULL), 0);
	cr_assert(takeover_is_pending());
	takeover_close();
	cr_expect_eq(fcntl(line[1], F_GETFD), -1);
	cr_expect_eq(fcntl(to_parent[1], F_GETFD), -1);
	cr_expect_eq(takeover_parent(&parent), -1);
	cr_expect_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	takeover_close();
	end(pid);
}
