/* listener: accepts, and knows when not to. */
#include "listener.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "epoll_exclusive.h"
#include "net.h"
#include "net_unix.h"

static struct event_base *base;
static struct listener *l;
static struct addr at;
static int listen_fd, taken[64];
static unsigned n;
static struct counters *board; /* NULL: not shared */

/* The clock of listener and event loop, which a test can stop, lest a busy machine's pauses count.
 */
static struct timespec stopped_at;
static bool stopped;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!stopped || clock == CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, now);
	*now = stopped_at;
	return 0;
}

static void
stop_clock(void)
{
	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &stopped_at), 0);
	stopped = true;
}

static void
on_accept(int fd, const struct addr_peer *peer, void *ctx)
{
	cr_assert(ctx == &n && addr_peer_is_loopback(peer));
	if (board != NULL)
		counter_add(&scoreboard_row(board, 0)->accepted, 1);
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
	counters_free(board);
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
Test(listener, another_socket_counts_with_the_first)
{
	struct addr first = at;
	int other;

	cr_assert_eq(addr_numeric(&at, "127.0.0.2", 0), 0);
	other = net_listen(&at, 64);
	cr_assert(other >= 0 && net_local(other, &at) == 0);
	cr_assert_eq(listener_add(l, other), 0);
	for (int i = 0; i < 2; i++)
		(void)knock();
	for (int i = 0; i < 5; i++)
		turn();
	cr_assert_eq(n, 2);
	at = first;
	for (int i = 0; i < 3; i++)
		(void)knock();
	for (int i = 0; i < 5; i++)
		turn();
	cr_assert_eq(n, 3, "the limit is that of both");
	listener_give_back(l);
	listener_give_back(l);
	for (int i = 0; i < 5; i++)
		turn();
	cr_assert_eq(n, 5);
}

/* It is readable for ever, and would hold the others up. */
Test(listener, a_unix_socket_that_was_shut_down_is_accepted_from_no_more)
{
	char name[64];
	const char *why;
	const struct net_unix_rights rights = {0600, (uid_t)-1, (gid_t)-1};
	struct addr first = at;
	int other;

	(void)snprintf(name, sizeof name, "unix:@listener-test-%d", (int)getpid());
	cr_assert_eq(addr_unix(&at, name, &why), 0);
	other = net_unix_listen(&at, &rights, 64);
	cr_assert(other >= 0 && listener_add(l, other) == 0);
	cr_assert_geq(net_connect(&at), 0);
	turn();
	cr_assert_eq(n, 1);
	cr_assert_eq(shutdown(other, SHUT_RDWR), 0);
	turn();
	at = first;
	(void)knock();
	turn();
	cr_assert_eq(n, 2, "the first one does not pause");
}

/* A worker that was woken for a connection may be killed before it takes it; the others sleep. */
Test(listener, what_no_worker_was_woken_for_is_found_soon)
{
	for (int epoll = 0; epoll < 64; epoll++) /* one of these is the loop's */
		epoll_exclusive_remove(epoll, listen_fd);
	(void)knock();
	turn();
	cr_assert_eq(n, 0);
	while (n == 0)
		cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_eq(n, 1);
}

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
	counter_set(&scoreboard_row(board, 1)->accepting, 1);
}

/* Beside a worker that has none: it takes a few, leaves the next to the other, and takes them at
 * once when one of its own has left, without waiting for the other's moment to be over. */
Test(listener, who_leaves_connections_to_another_goes_on_when_one_of_his_ends)
{
	unsigned before;

	stop_clock();
	share_with_another();
	for (int i = 0; i < 12; i++)
		(void)knock();
	turn();
	before = n;
	cr_assert(before > 0 && before < 12, "%u", before);
	turn();
	cr_assert_eq(n, before, "it leaves the others");
	counter_set(&scoreboard_row(board, 1)->connections, before);
	listener_give_back(l);
	turn();
	cr_assert_gt(n, before);
}

Test(listener, who_has_taken_more_of_late_leaves_some_as_long_as_he_has_something_to_do)
{
	unsigned before = 0;

	stop_clock();
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
	cr_assert_eq(counter_get(&scoreboard_row(board, 0)->accepting), ACCEPTING_LATER,
		     "the other does not wait for him");
	listener_give_back(l);
	turn();
	cr_assert_eq(n, before + 1, "he has nothing else to do");
	(void)knock();
	turn();
	cr_assert_eq(n, before + 1, "now he has");
	stopped = false;
	while (n < before + 2)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_eq(counter_get(&scoreboard_row(board, 0)->accepting), ACCEPTING,
		     "nobody took it");
}

/* ---- whether to pass ---- */

static struct accept_balance
having_taken(unsigned count)
{
	struct accept_balance s = {.in_a_row = 0};

	while (count-- > 0)
		accept_balance_took(&s);
	return s;
}

Test(accept_balance, who_has_much_more_than_the_least_passes)
{
	struct accept_balance s = having_taken(10);

	cr_expect(accept_balance_passes(&s, 10, 0));
	cr_expect(!accept_balance_passes(&s, 10, 9));
	cr_expect(!accept_balance_passes(&s, 10, 20));
}

Test(accept_balance, a_small_lead_is_none)
{
	struct accept_balance s = having_taken(40);

	cr_expect(!accept_balance_passes(&s, 2, 0));
	cr_expect(accept_balance_passes(&s, 3, 0));
	cr_expect(!accept_balance_passes(&s, 36, 32));
	cr_expect(accept_balance_passes(&s, 37, 32));
}

Test(accept_balance, where_connections_come_and_go_nobody_passes)
{
	struct accept_balance s = having_taken(10);

	accept_balance_gave_back(&s);
	accept_balance_took(&s);
	cr_expect(!accept_balance_passes(&s, 1000, 0));
	accept_balance_took(&s);
	accept_balance_took(&s);
	cr_expect(accept_balance_passes(&s, 1000, 0));
}

/* How many are taken before it passes again. */
static unsigned
taken_until_passing(struct accept_balance *s)
{
	unsigned count = 0;

	for (; !accept_balance_passes(s, 100, 0) && count < 1000; count++)
		accept_balance_took(s);
	return count;
}

Test(accept_balance, who_takes_nothing_although_it_is_left_to_him_keeps_nobody_waiting)
{
	struct accept_balance s = having_taken(10);
	unsigned before = 0, count = 0;

	cr_expect(accept_balance_passes(&s, 100, 0));
	for (int i = 0; i < 12; i++) {
		count = taken_until_passing(&s);
		cr_expect(count >= before && count < 1000, "%u after %u", count, before);
		before = count;
	}
	cr_expect_gt(count, 32);
}

Test(accept_balance, passing_goes_on_while_the_other_takes)
{
	struct accept_balance s = having_taken(10);

	for (unsigned other = 0; other < 7; other++)
		cr_expect(accept_balance_passes(&s, 10, other), "%u", other);
	cr_expect(!accept_balance_passes(&s, 10, 8));
}

/* Three that are asked in turn, as three workers awake are: they end with about as many each,
 * whatever they began with. */
Test(accept_balance, a_crowd_is_divided)
{
	struct accept_balance s[3] = {{0}, {0}, {0}};
	uint64_t have[3] = {40, 0, 0};

	for (unsigned round = 0, waiting = 260; waiting > 0; round++) {
		unsigned i = round % 3;
		uint64_t a = have[(i + 1) % 3], b = have[(i + 2) % 3];

		if (accept_balance_passes(&s[i], have[i], a < b ? a : b))
			continue;
		accept_balance_took(&s[i]);
		have[i]++;
		waiting--;
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect(have[i] >= 80 && have[i] <= 120, "%u has %llu", i,
			  (unsigned long long)have[i]);
}

Test(accept_balance, who_has_taken_clearly_more_of_late_leads)
{
	struct accept_balance s = {.in_a_row = 0};

	cr_expect(!accept_balance_leads(&s, 8, 0));
	cr_expect(accept_balance_leads(&s, 9, 0));
	cr_expect(!accept_balance_leads(&s, 808 + 100, 800));
	cr_expect(accept_balance_leads(&s, 809 + 100, 800));
	cr_expect(!accept_balance_leads(&s, 5, 800));
}

Test(accept_balance, a_lead_that_nobody_takes_up_grows_and_one_that_is_taken_does_not)
{
	struct accept_balance s = {.in_a_row = 0};

	accept_balance_led(&s, false);
	cr_expect(!accept_balance_leads(&s, 16, 0));
	cr_expect(accept_balance_leads(&s, 17, 0));
	for (int i = 0; i < 100; i++)
		accept_balance_led(&s, false);
	cr_expect(!accept_balance_leads(&s, 2048, 0));
	cr_expect(accept_balance_leads(&s, 2049, 0), "it stays bounded");
	accept_balance_led(&s, true);
	cr_expect(accept_balance_leads(&s, 9, 0));
}
