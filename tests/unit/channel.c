/* channel: tagged messages that arrive whole. */
#include "channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int fd[2];
static char space[CHANNEL_MAX + 1];
static enum channel_tag tag;
static struct span body;

static void
open_pair(void)
{
	cr_assert_eq(channel_pair(fd), 0);
}

TestSuite(channel, .init = open_pair);

Test(channel, messages_keep_their_tags_bodies_and_bounds)
{
	cr_assert_eq(channel_send(fd[0], CHANNEL_READY, span_of(NULL, 0)), 0);
	cr_assert_eq(channel_send(fd[0], CHANNEL_DATA, span_str("one")), 0);
	cr_assert_eq(channel_send(fd[0], CHANNEL_DATA, span_str("two")), 0);
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert(tag == CHANNEL_READY && body.n == 0);
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert(tag == CHANNEL_DATA && span_eq_str(body, "one"));
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert(span_eq_str(body, "two"));
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_EMPTY);
}

Test(channel, the_largest_message_fits_and_a_larger_one_is_refused)
{
	static char big[CHANNEL_MAX + 1];

	memset(big, 'b', sizeof big);
	cr_assert_eq(channel_send(fd[1], CHANNEL_DATA, span_of(big, CHANNEL_MAX)), 0);
	cr_assert_eq(channel_receive(fd[0], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert(span_eq(body, span_of(big, CHANNEL_MAX)));
	cr_assert_eq(channel_send(fd[1], CHANNEL_DATA, span_of(big, CHANNEL_MAX + 1)), -1);
	cr_assert_eq(errno, EMSGSIZE);
}

Test(channel, the_other_sides_end_is_told_after_what_it_said)
{
	cr_assert_eq(channel_send(fd[0], CHANNEL_DATA, span_str("last")), 0);
	(void)close(fd[0]);
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_ENDED);
	cr_assert_eq(channel_send(fd[1], CHANNEL_DATA, span_str("x")), -1);
	cr_assert_eq(errno, EPIPE);
}

Test(channel, a_side_that_does_not_read_never_blocks_the_other, .timeout = 10)
{
	int sent = 0;

	while (channel_send(fd[0], CHANNEL_DATA, span_str("more")) == 0)
		sent++;
	cr_assert_eq(errno, EAGAIN);
	cr_assert_gt(sent, 10);
	for (int i = 0; i < sent; i++)
		cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
}

Test(channel, neither_end_passes_to_a_program_that_is_executed)
{
	cr_assert(fcntl(fd[0], F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(fd[1], F_GETFD) & FD_CLOEXEC);
}

Test(channel, a_descriptor_goes_with_a_message_and_is_another_one_of_the_same_file)
{
	int p[2], passed;
	char c;

	cr_assert_eq(pipe(p), 0);
	cr_assert_eq(channel_send_with(fd[0], CHANNEL_LOG, span_str("log"), p[1]), 0);
	cr_assert_eq(channel_send(fd[0], CHANNEL_DATA, span_str("none")), 0);
	(void)close(p[1]);
	cr_assert_eq(channel_receive_with(fd[1], space, &tag, &body, &passed), CHANNEL_MESSAGE);
	cr_assert(tag == CHANNEL_LOG && span_eq_str(body, "log"));
	cr_assert_geq(passed, 0);
	cr_assert(fcntl(passed, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(write(passed, "x", 1), 1);
	cr_assert_eq(read(p[0], &c, 1), 1);
	(void)close(passed);
	cr_assert_eq(channel_receive_with(fd[1], space, &tag, &body, &passed), CHANNEL_MESSAGE);
	cr_assert_eq(passed, -1);
	cr_assert_eq(channel_receive_with(fd[1], space, &tag, &body, &passed), CHANNEL_EMPTY);
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

Test(channel, a_descriptor_nobody_asked_for_does_not_stay_open)
{
	int before = open_descriptors();

	cr_assert_eq(channel_send_with(fd[0], CHANNEL_DATA, span_str("x"), STDERR_FILENO), 0);
	cr_assert_eq(channel_receive(fd[1], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert_eq(open_descriptors(), before);
}

Test(channel, a_descriptor_that_is_none_is_an_error)
{
	cr_assert_eq(channel_send_with(fd[0], CHANNEL_LOG, span_str("x"), 9999), -1);
	cr_assert_eq(errno, EBADF);
}
