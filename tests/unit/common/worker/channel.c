/* channel: tagged messages that arrive whole. */
#include "channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

Test(channel, an_error_is_told_from_the_other_sides_end)
{
	int p[2];

	cr_assert_eq(pipe(p), 0);
	cr_assert_eq(channel_receive(p[0], space, &tag, &body), CHANNEL_FAILED);
	cr_assert_eq(errno, ENOTSOCK);
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

Test(channel, what_was_sent_by_a_side_that_ended_without_reading_all_arrives)
{
	cr_assert_eq(channel_send(fd[0], CHANNEL_DATA, span_str("unread")), 0);
	cr_assert_eq(channel_send(fd[1], CHANNEL_DATA, span_str("last")), 0);
	(void)close(fd[1]);
	cr_assert_eq(channel_receive(fd[0], space, &tag, &body), CHANNEL_MESSAGE);
	cr_assert(span_eq_str(body, "last"));
	cr_assert_eq(channel_receive(fd[0], space, &tag, &body), CHANNEL_ENDED);
}

Test(channel, the_sender_is_known_where_that_was_asked_for)
{
	pid_t from;

	cr_assert_eq(channel_identify(fd[0]), 0);
	cr_assert_eq(channel_send(fd[1], CHANNEL_READY, span_str("x")), 0);
	cr_assert_eq(channel_receive_from(fd[0], space, &tag, &body, &from), CHANNEL_MESSAGE);
	cr_assert_eq(from, getpid());
	cr_assert(span_eq_str(body, "x"));
	cr_assert_eq(channel_receive_from(fd[0], space, &tag, &body, &from), CHANNEL_EMPTY);
	(void)close(fd[1]);
	cr_assert_eq(channel_receive_from(fd[0], space, &tag, &body, &from), CHANNEL_ENDED);
}

/* ---- without a tag, with the pid of their sender ---- */

static int line[2];
static pid_t from;

static void
open_line(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line), 0);
}

TestSuite(channel_raw, .init = open_line, .timeout = 20);

Test(channel_raw, the_sender_is_the_process_that_sent)
{
	pid_t pid;

	cr_assert_eq(channel_identify(line[0]), 0);
	cr_assert_eq(send(line[1], "mine", 4, 0), 4);
	pid = fork();
	if (pid == 0)
		_exit(send(line[1], "other", 5, 0) == 5 ? 0 : 1);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), 4);
	cr_expect_eq(from, getpid());
	cr_expect_eq(memcmp(space, "mine", 4), 0);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), 5);
	cr_expect_eq(from, pid, "whose the socket was does not matter");
}

Test(channel_raw, where_nobody_asked_no_pid_comes)
{
	from = 1;
	cr_assert_eq(send(line[1], "x", 1, 0), 1);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), 1);
	cr_expect_eq(from, 0);
}

Test(channel_raw, it_never_waits_and_tells_the_end)
{
	cr_assert_eq(channel_identify(line[0]), 0);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), -1);
	cr_expect_eq(errno, EAGAIN);
	cr_expect_eq(from, 0);
	(void)close(line[1]);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), 0);
	cr_expect_eq(from, 0);
}

Test(channel_raw, a_descriptor_that_comes_along_is_dropped)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	struct iovec part = {(char[]){"x"}, 1};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = u.space,
			   .msg_controllen = sizeof u.space};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int next = dup(STDOUT_FILENO);

	(void)close(next);
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(c), &(int){STDOUT_FILENO}, sizeof(int));
	cr_assert_eq(channel_identify(line[0]), 0);
	cr_assert_eq(sendmsg(line[1], &m, 0), 1);
	cr_expect_eq(channel_receive_raw(line[0], space, sizeof space, &from), 1);
	cr_expect_eq(from, getpid());
	cr_expect_eq(fcntl(next, F_GETFD), -1, "a stranger fills our table");
}

Test(channel_raw, what_is_no_socket_is_told)
{
	int end[2];

	cr_assert_eq(pipe(end), 0);
	cr_expect_eq(channel_identify(end[0]), -1);
	cr_expect_eq(errno, ENOTSOCK);
}
