/* sandbox_descriptor: a worker can do nothing to others by a descriptor that they share. */
#include "sandbox_fixture.h"

TestSuite(sandbox_descriptor, .init = begin, .timeout = 60);

static bool
asks_for_signals_to_another(void)
{
	return fcntl(pair[0], F_SETOWN, getppid()) == 0;
}

static bool
asks_for_signals_to_another_thread(void)
{
	const struct f_owner_ex owner = {F_OWNER_PID, getppid()};

	return fcntl(pair[0], F_SETOWN_EX, &owner) == 0;
}

static bool
chooses_the_signal(void)
{
	return fcntl(pair[0], F_SETSIG, SIGKILL) == 0;
}

static bool
turns_signals_on(void)
{
	return fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

static bool
makes_others_block(void)
{
	return fcntl(listener, F_SETFL, 0) == 0;
}

static bool
takes_a_lease(void)
{
	return fcntl(file, F_SETLEASE, F_RDLCK) == 0 || errno == EINVAL;
}

static bool
locks(void)
{
	const struct flock lock = {.l_type = F_RDLCK};

	return fcntl(file, F_SETLK, &lock) == 0 || errno == EAGAIN;
}

static bool
makes_a_pipe_smaller(void)
{
	return fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0;
}

static bool
duplicates(void)
{
	return fcntl(listener, F_DUPFD_CLOEXEC, 0) >= 0;
}

static bool
duplicates_to_a_number(void)
{
	return dup2(listener, 99) == 99;
}

static bool
seals(void)
{
	return fcntl(file, F_ADD_SEALS, 0) == 0 || errno == EINVAL;
}

static bool
cuts_a_file(void)
{
	return ftruncate(file, 0) == 0 || errno == EINVAL || errno == EBADF;
}

static bool
writes_over_the_log(void)
{
	struct iovec part = {(void *)(uintptr_t) "x", 1};

	return pwritev2(dup_of_log, &part, 1, 0, 0x20 /* RWF_NOAPPEND */) == 1 ||
	       errno == EOPNOTSUPP;
}

static bool
changes_a_files_mode(void)
{
	return fchmod(file, 0777) == 0 || errno == EPERM;
}

static bool
gives_a_file_away(void)
{
	return fchown(file, 1, 1) == 0 || errno == EPERM;
}

static bool
ends_what_is_received(void)
{
	return shutdown(pair[0], SHUT_RD) == 0;
}

static bool
shuts_both_ways(void)
{
	return shutdown(pair[0], SHUT_RDWR) == 0;
}

static bool
shuts_the_listener_down(void)
{
	return shutdown(listener, SHUT_RDWR) == 0;
}

static bool
shuts_one_way_of_the_listener(void)
{
	return shutdown(listener, SHUT_WR) == 0 || errno == ENOTCONN;
}

/* The kernel looks at the lower half of the argument alone. */
static bool
shuts_the_listener_by_a_long_number(void)
{
	return syscall(SYS_shutdown, (1L << 32) + listener, SHUT_WR) == 0 || errno == ENOTCONN;
}

static bool
disconnects_the_listener(void)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	return connect(listener, &nowhere, sizeof nowhere) == 0;
}

static bool
disconnects_it_by_a_long_number(void)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	return syscall(SYS_connect, (1L << 32) + listener, &nowhere, sizeof nowhere) == 0;
}

static bool
sets_an_option_of_the_listener(void)
{
	const int on = 1;

	return setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

static bool
attaches_a_filter(void)
{
	struct sock_filter none[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	const struct sock_fprog all = {1, none};

	return setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) == 0;
}

static bool
sets_a_buffer(void)
{
	const int size = 4096;

	return setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0;
}

static bool
sends_to_somebody_else(void)
{
	const struct sockaddr_un a = {AF_UNIX, "/there/is/nobody"};

	return sendto(pair[0], "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&a, sizeof a) == 1 ||
	       errno != ENOSYS;
}

static const struct call forbidden[] = {CALL(asks_for_signals_to_another),
					CALL(asks_for_signals_to_another_thread),
					CALL(chooses_the_signal),
					CALL(turns_signals_on),
					CALL(makes_others_block),
					CALL(takes_a_lease),
					CALL(locks),
					CALL(makes_a_pipe_smaller),
					CALL(duplicates),
					CALL(duplicates_to_a_number),
					CALL(seals),
					CALL(cuts_a_file),
					CALL(writes_over_the_log),
					CALL(changes_a_files_mode),
					CALL(gives_a_file_away),
					CALL(ends_what_is_received),
					CALL(shuts_both_ways),
					CALL(shuts_the_listener_down),
					CALL(shuts_one_way_of_the_listener),
					CALL(shuts_the_listener_by_a_long_number),
					CALL(disconnects_the_listener),
					CALL(disconnects_it_by_a_long_number),
					CALL(sets_an_option_of_the_listener),
					CALL(attaches_a_filter),
					CALL(sets_a_buffer),
					CALL(sends_to_somebody_else)};

Test(sandbox_descriptor, what_is_done_by_it_to_others_ends_the_process)
{
	EXPECT(forbidden, SANDBOX_SERVER, ISOLATION_STRICT, -SIGSYS);
	EXPECT(forbidden, SANDBOX_PROXY, ISOLATION_STRICT, -SIGSYS);
}
