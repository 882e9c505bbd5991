/* sd_notify: what arrives at the service manager's socket, and when. */
#include "sd_notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

static char dir[] = "/tmp/notify-XXXXXX", name[64], got[512], want[512];
static int manager;

/* The manager's end; name as the environment has it. */
static void
listen_at(const char *where)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(where);

	(void)memcpy(a.sun_path, where, n);
	if (where[0] == '@')
		a.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(manager, (struct sockaddr *)&a,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		     0);
	cr_assert_eq(setenv("NOTIFY_SOCKET", where, 1), 0);
}

static const char *
heard(void)
{
	ssize_t n = recv(manager, got, sizeof got - 1, 0);

	got[n < 0 ? 0 : n] = '\0';
	return got;
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(name, sizeof name, "%s/socket", dir);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

static void
end(void)
{
	(void)unlink(name);
	(void)rmdir(dir);
}

TestSuite(sd_notify, .init = begin, .fini = end, .timeout = 20);

Test(sd_notify, without_a_manager_nothing_happens)
{
	sd_notify_open();
	cr_assert_not(sd_notify_is_on());
	errno = ENOTDIR;
	sd_notify_ready();
	sd_notify_status("x");
	sd_notify_after_fork();
	cr_assert_eq(errno, ENOTDIR);
}

Test(sd_notify, every_message_is_as_the_protocol_wants_it)
{
	unsigned long long usec;
	uint64_t before = clock_us();

	listen_at(name);
	sd_notify_open();
	cr_assert(sd_notify_is_on());
	sd_notify_ready();
	(void)snprintf(want, sizeof want, "READY=1\nMAINPID=%d", (int)getpid());
	cr_assert_str_eq(heard(), want);
	sd_notify_reloading();
	cr_assert_eq(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1, "%s", got);
	cr_assert(usec >= before && usec <= clock_us());
	sd_notify_stopping();
	cr_assert_str_eq(heard(), "STOPPING=1");
	sd_notify_main_pid(4711);
	cr_assert_str_eq(heard(), "MAINPID=4711");
}

Test(sd_notify, an_abstract_socket_is_found)
{
	(void)snprintf(want, sizeof want, "@policypool-test-%d", (int)getpid());
	listen_at(want);
	sd_notify_open();
	sd_notify_stopping();
	cr_assert_str_eq(heard(), "STOPPING=1");
}

Test(sd_notify, a_status_is_told_when_it_changes_and_is_one_line)
{
	listen_at(name);
	sd_notify_open();
	sd_notify_status("one\nREADY=1");
	cr_assert_str_eq(heard(), "STATUS=one READY=1");
	sd_notify_status("two");
	cr_assert_str_eq(heard(), "STATUS=two");
	sd_notify_status("two");
	cr_assert_str_eq(heard(), "");
}

Test(sd_notify, a_name_that_is_none_is_not_used)
{
	static const char *const bad[] = {"", "/", "relative", "vsock:2:1"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
		sd_notify_open();
		cr_assert_not(sd_notify_is_on(), "%s", bad[i]);
	}
}

Test(sd_notify, the_watchdog_is_that_of_this_process)
{
	char pid[16];

	listen_at(name);
	cr_assert_eq(setenv("WATCHDOG_USEC", "3000000", 1), 0);
	sd_notify_open();
	cr_assert_eq(sd_notify_watchdog(), 3000);
	cr_assert_eq(setenv("WATCHDOG_PID", "1", 1), 0);
	sd_notify_open();
	cr_assert_eq(sd_notify_watchdog(), 0);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	cr_assert_eq(setenv("WATCHDOG_PID", pid, 1), 0);
	sd_notify_open();
	cr_assert_eq(sd_notify_watchdog(), 3000);
	sd_notify_pass_on();
	cr_assert_null(getenv("WATCHDOG_PID"));
	cr_assert_eq(setenv("WATCHDOG_USEC", "3s", 1), 0);
	sd_notify_open();
	cr_assert_eq(sd_notify_watchdog(), 0);
}

Test(sd_notify, a_worker_says_nothing)
{
	listen_at(name);
	sd_notify_open();
	sd_notify_after_fork();
	sd_notify_ready();
	cr_assert_str_eq(heard(), "");
	cr_assert_null(getenv("NOTIFY_SOCKET"));
}

Test(sd_notify, a_manager_that_does_not_read_never_blocks, .timeout = 10)
{
	listen_at(name);
	sd_notify_open();
	for (int i = 0; i < 5000; i++)
		sd_notify_stopping();
	cr_assert_str_eq(heard(), "STOPPING=1");
}

/* The last one of that beginning that is heard until there is nothing more; into want. */
static const char *
last_heard(const char *beginning)
{
	want[0] = '\0';
	while (heard()[0] != '\0')
		if (strncmp(got, beginning, strlen(beginning)) == 0)
			(void)snprintf(want, sizeof want, "%s", got);
	return want;
}

Test(sd_notify, what_a_manager_waits_for_is_sent_when_it_has_room_again)
{
	struct sd_notify_view v = {.state = "running", .wanted = 2, .ready = 2};
	char ready[64];

	(void)snprintf(ready, sizeof ready, "READY=1\nMAINPID=%d", (int)getpid());
	listen_at(name);
	cr_assert_eq(setenv("WATCHDOG_USEC", "1000000", 1), 0);
	sd_notify_open();
	for (int i = 0; i < 5000; i++)
		sd_notify_stopping();
	sd_notify_ready();
	sd_notify_reloading();
	sd_notify_ready();
	sd_notify_main_pid(4711);
	sd_notify_turn(&v, 1000);
	cr_assert_str_empty(last_heard("READY"));
	sd_notify_turn(&v, 1001);
	cr_assert_eq(strncmp(heard(), "RELOADING=1\n", 12), 0, "%s", got);
	cr_assert_str_eq(heard(), ready);
	cr_assert_str_eq(heard(), "MAINPID=4711");
	cr_assert_str_eq(heard(), "STATUS=running: 2 of 2 workers ready");
	cr_assert_str_eq(heard(), "WATCHDOG=1");
	cr_assert_str_eq(heard(), "");
	sd_notify_turn(&v, 1002);
	cr_assert_str_eq(heard(), "");
}

Test(sd_notify, the_pid_of_a_successor_is_due_also_when_this_process_says_nothing_more)
{
	struct sd_notify_view v = {.state = "stopping", .wanted = 2, .ready = 2};

	listen_at(name);
	sd_notify_open();
	for (int i = 0; i < 5000; i++)
		sd_notify_stopping();
	sd_notify_main_pid(4711);
	sd_notify_close();
	cr_expect_not(sd_notify_is_on());
	(void)last_heard("MAINPID");
	sd_notify_turn(&v, 1000);
	cr_assert_str_eq(heard(), "MAINPID=4711");
	sd_notify_status("more");
	sd_notify_turn(&v, 1001);
	cr_assert_str_eq(heard(), "");
}

Test(sd_notify, the_watchdog_is_told_twice_an_interval_and_changes_at_once)
{
	struct sd_notify_view v = {.state = "running", .wanted = 2, .ready = 2};

	listen_at(name);
	cr_assert_eq(setenv("WATCHDOG_USEC", "1000000", 1), 0);
	sd_notify_open();
	sd_notify_turn(&v, 1000);
	cr_assert_str_eq(heard(), "STATUS=running: 2 of 2 workers ready");
	cr_assert_str_eq(heard(), "WATCHDOG=1");
	sd_notify_turn(&v, 1499);
	cr_assert_str_eq(heard(), "");
	sd_notify_turn(&v, 1500);
	cr_assert_str_eq(heard(), "WATCHDOG=1");
	v.state = "degraded";
	v.ready = 1;
	sd_notify_turn(&v, 1600);
	cr_assert_str_eq(heard(), "STATUS=degraded: 1 of 2 workers ready");
}

Test(sd_notify, what_is_wrong_though_workers_are_ready_is_told)
{
	struct sd_notify_view v = {
		.state = "running", .wanted = 2, .ready = 2, .trouble = "the handler fails"};

	listen_at(name);
	sd_notify_open();
	sd_notify_turn(&v, 1000);
	cr_assert_str_eq(heard(), "STATUS=degraded: 2 of 2 workers ready; the handler fails");
	v.trouble = NULL;
	sd_notify_turn(&v, 1001);
	cr_assert_str_eq(heard(), "STATUS=running: 2 of 2 workers ready");
	v.state = "stopping";
	v.trouble = "the handler fails";
	sd_notify_turn(&v, 1002);
	cr_assert_str_eq(heard(), "STATUS=stopping: 2 of 2 workers ready");
}

Test(sd_notify, the_watchdog_is_not_told_when_all_workers_hang)
{
	struct sd_notify_view v = {.state = "running", .wanted = 2, .ready = 2, .all_hang = true};

	listen_at(name);
	cr_assert_eq(setenv("WATCHDOG_USEC", "1000000", 1), 0);
	sd_notify_open();
	sd_notify_turn(&v, 1000);
	cr_assert_str_eq(heard(), "STATUS=running: 2 of 2 workers ready, all of them hang");
	sd_notify_turn(&v, 9000);
	cr_assert_str_eq(heard(), "");
	v.all_hang = false;
	sd_notify_turn(&v, 9001);
	(void)heard();
	cr_assert_str_eq(heard(), "WATCHDOG=1");
}
