/* channel_queue: messages that the other side has not read yet are kept, in order, within a bound.
 */
#include "channel_queue.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_fixture.h"

static struct event_base *base;
static struct channel_queue *o;
static int fd[2];
static char space[CHANNEL_MAX + 1];
static unsigned emptied;

static void
open_box(void)
{
	base = event_base_new();
	cr_assert_eq(channel_pair(fd), 0);
	o = channel_queue_new(base, fd[0], NULL);
	cr_assert_not_null(o);
	emptied = 0;
}

static void
close_box(void)
{
	channel_queue_free(o);
	event_base_free(base);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

TestSuite(outbox, .init = open_box, .fini = close_box, .timeout = 60);

static void
on_empty(void *ctx)
{
	(void)ctx;
	emptied++;
}

static void
send_number(unsigned n, int passed)
{
	cr_assert_eq(
		channel_queue_send(o, CHANNEL_DATA, span_of((const char *)&n, sizeof n), passed),
		0);
}

/* Sends until so many are kept; how many were sent in all. */
static unsigned
fill(unsigned kept)
{
	unsigned n = 0;

	while (channel_queue_kept(o) < kept)
		send_number(n++, -1);
	return n;
}

/* The next number; descriptors that come along are closed and counted. */
static unsigned
receive(unsigned *descriptors)
{
	enum channel_tag tag;
	struct span body;
	unsigned n;
	int passed;

	while (channel_receive_with(fd[1], space, &tag, &body, &passed) == CHANNEL_EMPTY)
		(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	cr_assert_eq(body.n, sizeof n);
	memcpy(&n, body.p, sizeof n);
	if (passed >= 0) {
		++*descriptors;
		(void)close(passed);
	}
	return n;
}

Test(outbox, what_is_not_read_yet_is_kept_in_order)
{
	unsigned descriptors = 0, n = fill(500);

	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(receive(&descriptors), i);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(channel_queue_kept(o), 0);
	send_number(n, -1);
	cr_assert_eq(channel_queue_kept(o), 0, "it goes out at once again");
	cr_assert_eq(receive(&descriptors), n);
}

Test(outbox, a_descriptor_waits_with_its_message)
{
	unsigned descriptors = 0, n = fill(1);
	int p[2];
	char c;

	cr_assert_eq(pipe(p), 0);
	send_number(n, p[1]);
	(void)close(p[1]);
	cr_assert_eq(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	cr_assert(read(p[0], &c, 1) < 0 && errno == EAGAIN, "the other end is kept open");
	for (unsigned i = 0; i <= n; i++)
		cr_assert_eq(receive(&descriptors), i);
	cr_assert_eq(descriptors, 1);
	cr_assert_eq(read(p[0], &c, 1), 0, "and not longer than that");
	(void)close(p[0]);
}

Test(outbox, what_is_kept_is_bounded)
{
	static char big[CHANNEL_MAX];
	unsigned sent = 0;

	while (channel_queue_send(o, CHANNEL_DATA, span_of(big, sizeof big), -1) == 0)
		sent++;
	cr_assert_eq(errno, EAGAIN);
	cr_assert(sent >= CHANNEL_QUEUE_MAX / sizeof big - 1 &&
		  sent < CHANNEL_QUEUE_MAX / sizeof big + 64);
	cr_assert_eq(channel_queue_send(o, CHANNEL_DATA, span_of(big, sizeof big + 1), -1), -1);
	cr_assert_eq(errno, EMSGSIZE);
}

Test(outbox, that_nothing_is_kept_any_more_is_told_once)
{
	unsigned descriptors = 0, n;

	channel_queue_when_empty(o, on_empty, NULL);
	cr_assert_eq(emptied, 1, "nothing was");
	n = fill(3);
	channel_queue_when_empty(o, on_empty, NULL);
	cr_assert_eq(emptied, 1);
	for (unsigned i = 0; i < n; i++)
		(void)receive(&descriptors);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(emptied, 2);
	(void)fill(3);
	cr_assert_eq(emptied, 2);
}

Test(outbox, the_other_sides_end_loses_what_is_kept_and_is_an_error_afterwards)
{
	(void)fill(3);
	(void)close(fd[1]);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(channel_queue_kept(o), 0);
	cr_assert_eq(channel_queue_send(o, CHANNEL_DATA, span_str("x"), -1), -1);
	cr_assert_eq(errno, EPIPE);
	fd[1] = -1;
}

Test(outbox, at_the_end_it_waits_for_a_slow_reader_but_not_for_ever)
{
	pid_t child;
	int status;

	(void)fill(200);
	channel_queue_finish(o, 20);
	cr_assert_gt(channel_queue_kept(o), 0, "nobody reads");
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		(void)close(fd[0]);
		while (read(fd[1], space, sizeof space) > 0 || errno == EAGAIN)
			if (usleep(1000) < 0)
				break;
		_exit(0);
	}
	channel_queue_finish(o, 30000);
	cr_assert_eq(channel_queue_kept(o), 0);
	channel_queue_free(o);
	o = NULL;
	(void)close(fd[0]);
	fd[0] = -1;
	(void)close(fd[1]);
	fd[1] = -1;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
}

/* ---- what the log is told, where the other side has a name ---- */

static void
name_peer(void)
{
	open_box();
	channel_queue_free(o);
	o = channel_queue_new(base, fd[0], "worker-3");
	cr_assert_not_null(o);
	log_to_memory();
}

TestSuite(outbox_log, .init = name_peer, .fini = close_box, .timeout = 60);

Test(outbox_log, that_messages_are_kept)
{
	(void)fill(2);
	expect_logged("msg=\"messages are kept until they are read\" for=worker-3");
}

Test(outbox_log, that_no_more_are_kept_is_told_once_until_all_is_read)
{
	static char big[CHANNEL_MAX];

	while (channel_queue_send(o, CHANNEL_DATA, span_of(big, sizeof big), -1) == 0)
		;
	expect_logged("msg=\"messages are lost: too many are kept already\" for=worker-3");
	cr_assert_eq(channel_queue_send(o, CHANNEL_DATA, span_of(big, sizeof big), -1), -1);
	cr_assert_eq(lines_with("are lost"), 1);
}

Test(outbox_log, that_the_end_came_before_they_were_read)
{
	(void)fill(2);
	channel_queue_finish(o, 20);
	expect_logged("msg=\"messages are lost: they were not read in time\" for=worker-3");
}

Test(outbox_log, an_end_that_came_meanwhile_loses_them_without_waiting)
{
	(void)fill(2);
	(void)close(fd[1]);
	fd[1] = -1;
	channel_queue_finish(o, 600000);
	cr_assert_eq(channel_queue_kept(o), 0);
	expect_not_logged("in time");
}

Test(outbox, a_descriptor_is_closed_with_a_message_that_is_never_read)
{
	unsigned n = fill(1);
	int p[2];
	char c;

	cr_assert_eq(pipe(p), 0);
	send_number(n, p[1]);
	(void)close(p[1]);
	(void)close(fd[1]);
	fd[1] = -1;
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_assert_eq(channel_queue_kept(o), 0);
	cr_assert_eq(read(p[0], &c, 1), 0, "the other end is closed");
	(void)close(p[0]);
}

Test(outbox, a_descriptor_that_cannot_be_had_twice_is_not_kept)
{
	unsigned n = fill(1), kept = channel_queue_kept(o);

	cr_assert_eq(
		channel_queue_send(o, CHANNEL_DATA, span_of((const char *)&n, sizeof n), 1 << 20),
		-1);
	cr_assert_eq(errno, EBADF);
	cr_assert_eq(channel_queue_kept(o), kept);
}

enum { ON_THEIR_WAY = 64, SOME_USER = 61234, NOT_KEPT = 2, LOST = 3, BUSY = 4 };

/* As a user whose descriptors on their way are bounded: sends one more than may be, and reads all
 * once it was seen that waiting costs no turns of the loop.  Its exit status. */
static int
send_too_many_descriptors(void)
{
	struct rlimit l = {ON_THEIR_WAY, ON_THEIR_WAY};
	unsigned descriptors = 0, turns = 0, n = 0;
	struct timeval soon = {.tv_usec = 200000};

	open_box();
	if (setrlimit(RLIMIT_NOFILE, &l) < 0 || (getuid() == 0 && setuid(SOME_USER) < 0))
		return 1;
	for (; channel_queue_kept(o) == 0 && n < 4 * ON_THEIR_WAY; n++)
		if (channel_queue_send(o, CHANNEL_DATA, span_of((const char *)&n, sizeof n), 0) < 0)
			return NOT_KEPT;
	if (n <= ON_THEIR_WAY || n == 4 * ON_THEIR_WAY)
		return 1;
	(void)event_base_loopexit(base, &soon);
	while (!event_base_got_exit(base) && turns++ < 1000)
		(void)event_base_loop(base, EVLOOP_ONCE);
	for (unsigned i = 0; i < n; i++)
		if (receive(&descriptors) != i)
			return LOST;
	return turns > 100 ? BUSY : descriptors == n && channel_queue_kept(o) == 0 ? 0 : LOST;
}

Test(outbox, descriptors_that_are_too_many_on_their_way_are_kept)
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(send_too_many_descriptors());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "%d", status);
	cr_expect_eq(WEXITSTATUS(status), 0, "%d", WEXITSTATUS(status));
}
