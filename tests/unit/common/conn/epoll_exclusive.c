/* epoll_exclusive: of the processes that sleep until a socket is readable one is woken. */
#include "epoll_exclusive.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

enum { SLEEPERS = 5 };

static struct addr at;
static int listen_fd;
static pid_t sleeper[SLEEPERS];

static void
open_socket(void)
{
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listen_fd = net_listen(&at, 64);
	cr_assert(listen_fd >= 0 && net_local(listen_fd, &at) == 0);
}

TestSuite(epoll_exclusive, .init = open_socket, .timeout = 30);

/* Ends where it is, and takes nothing. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	_exit(0);
}

static void
sleep_in_loop(bool exclusively, int ready)
{
	struct event_base *base = event_base_new();
	struct event *readable = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_readable,
					   NULL);
	int epoll;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (readable == NULL || event_add(readable, NULL) < 0)
		_exit(1);
	epoll = epoll_exclusive_find(base, listen_fd);
	if (epoll < 0 || (exclusively && epoll_exclusive_add(epoll, listen_fd) < 0))
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	(void)event_base_dispatch(base);
	_exit(1);
}

static char
state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	(void)fclose(f);
	return state;
}

static void
let_them_sleep(bool exclusively)
{
	int ready[2];
	char byte;

	cr_assert_eq(pipe(ready), 0);
	for (int i = 0; i < SLEEPERS; i++) {
		sleeper[i] = fork();
		cr_assert_geq(sleeper[i], 0);
		if (sleeper[i] == 0)
			sleep_in_loop(exclusively, ready[1]);
		cr_assert_eq(read(ready[0], &byte, 1), 1);
		while (state_of(sleeper[i]) != 'S')
			(void)nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
}

/* How many have woken for one connection, once the first of them has. */
static unsigned
woken_by_one(void)
{
	unsigned woken = 0;
	siginfo_t first;

	cr_assert_geq(net_connect(&at), 0);
	cr_assert_eq(waitid(P_ALL, 0, &first, WEXITED | WNOWAIT), 0);
	cr_assert(first.si_code == CLD_EXITED && first.si_status == 0);
	for (int i = 0; i < SLEEPERS; i++)
		woken += state_of(sleeper[i]) != 'S';
	for (int i = 0; i < SLEEPERS; i++) {
		(void)kill(sleeper[i], SIGKILL);
		(void)waitpid(sleeper[i], NULL, 0);
	}
	return woken;
}

Test(epoll_exclusive, a_connection_wakes_one)
{
	let_them_sleep(true);
	cr_assert_eq(woken_by_one(), 1);
}

Test(epoll_exclusive, without_it_all_wake)
{
	let_them_sleep(false);
	cr_assert_gt(woken_by_one(), 1);
}

static void
note(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	*(bool *)arg = true;
}

Test(epoll_exclusive, what_is_removed_and_added_again_tells_what_came_between)
{
	struct event_base *base = event_base_new();
	bool told = false;
	struct event *readable = event_new(base, listen_fd, EV_READ | EV_PERSIST, note, &told);
	int epoll;

	cr_assert_eq(epoll_exclusive_find(base, listen_fd), -1);
	cr_assert(readable != NULL && event_add(readable, NULL) == 0);
	epoll = epoll_exclusive_find(base, listen_fd);
	cr_assert_eq(epoll_exclusive_add(epoll, listen_fd), 0);
	cr_assert_eq(epoll_exclusive_add(epoll, listen_fd), 0, "once more");
	epoll_exclusive_remove(epoll, listen_fd);
	epoll_exclusive_remove(epoll, listen_fd);
	cr_assert_geq(net_connect(&at), 0);
	cr_assert_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	cr_assert_not(told);
	cr_assert_eq(epoll_exclusive_add(epoll, listen_fd), 0);
	cr_assert_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	cr_assert(told);
	epoll_exclusive_remove(epoll, listen_fd);
	event_free(readable);
	event_base_free(base);
}
