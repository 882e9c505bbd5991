/* listener: accepts, and knows when not to. */
#include "listener.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static struct event_base *base;
static struct listener *l;
static struct addr at;
static int listen_fd, taken[64];
static unsigned n;
static struct scoreboard *board; /* NULL: not shared */

static void
on_accept(int fd, const struct addr *peer, void *ctx)
{
	cr_assert(ctx == &n && addr_is_loopback(peer));
	if (board != NULL)
		scoreboard_add(&scoreboard_row(board, 0)->accepted, 1);
	taken[n++] = fd;
}

static void
open_listener(void)
{
	base = event_base_new();
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listen_fd = net_listen(&at, 64);
	cr_assert(listen_fd >= 0 && net_local(listen_fd, &at) == 0);
	l = listener_new(base, listen_fd, 3, on_accept, &n);
	cr_assert_not_null(l);
}

static void
close_listener(void)
{
	listener_free(l);
	scoreboard_free(board);
	event_base_free(base);
}

TestSuite(listener, .init = open_listener, .fini = close_listener, .timeout = 20);

static int
knock(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, &at.u.sa, at.len), 0);
	return fd;
}

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

Test(listener, it_takes_as_many_as_its_limit_and_the_next_when_one_is_given_back)
{
	for (int i = 0; i < 5; i++)
		(void)knock();
	for (int i = 0; i < 5; i++)
		turn();
	cr_assert_eq(n, 3);
	listener_give_back(l);
	turn();
	turn();
	cr_assert_eq(n, 4);
	listener_give_back(l);
	listener_give_back(l);
	turn();
	turn();
	cr_assert_eq(n, 5);
}

/* Without descriptors it pauses: the loop has nothing to do, and goes on when there are some again.
 */
Test(listener, it_pauses_when_the_system_has_no_descriptor_left)
{
	struct rlimit was, none;
	int client = knock();

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){(rlim_t)client + 1, was.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn();
	cr_assert_eq(n, 0);
	turn();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	turn();
	cr_assert_eq(n, 0, "it still pauses: no spinning");
	while (n == 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_eq(n, 1);
}

/* Beside a worker that takes none. */
static void
share_with_another(void)
{
	struct listener *shared = listener_new(base, listen_fd, 1000, on_accept, &n);

	board = scoreboard_new(2);
	cr_assert(shared != NULL && board != NULL);
	listener_free(l);
	l = shared;
	listener_share(l, board, 0);
	scoreboard_set(&scoreboard_row(board, 1)->accepting, 1);
}

/* Beside a worker that has none: it takes a few, leaves the next to the other, and takes them at
 * once when one of its own has left, without waiting for the other's moment to be over. */
Test(listener, who_leaves_connections_to_another_goes_on_when_one_of_his_ends)
{
	unsigned before;

	share_with_another();
	for (int i = 0; i < 12; i++)
		(void)knock();
	turn();
	before = n;
	cr_assert(before > 0 && before < 12, "%u", before);
	turn();
	cr_assert_eq(n, before, "it leaves the others");
	scoreboard_set(&scoreboard_row(board, 1)->connections, before);
	listener_give_back(l);
	turn();
	cr_assert_gt(n, before);
}

Test(listener, who_has_taken_more_of_late_leaves_some_as_long_as_he_has_something_to_do)
{
	unsigned before = 0;

	share_with_another();
	(void)knock();
	turn();
	cr_assert_eq(n, 1, "this one stays");
	for (; n < 60 && n > before; before++) {
		(void)knock();
		turn();
		if (n > before + 1)
			listener_give_back(l);
	}
	cr_assert(n > 5 && n < 20, "%u", n);
	before = n;
	turn();
	cr_assert_eq(n, before, "the next is left");
	cr_assert_eq(scoreboard_get(&scoreboard_row(board, 0)->accepting), ACCEPTING_LATER,
		     "the other does not wait for him");
	listener_give_back(l);
	turn();
	cr_assert_eq(n, before + 1, "he has nothing else to do");
	(void)knock();
	turn();
	cr_assert_eq(n, before + 1, "now he has");
	while (n < before + 2)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_eq(scoreboard_get(&scoreboard_row(board, 0)->accepting), ACCEPTING,
		     "nobody took it");
}
