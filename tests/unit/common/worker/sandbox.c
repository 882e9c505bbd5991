/* sandbox: each call in a process of its own, that ends with SIGSYS or does not. */
#include "sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "log_sink.h"
#include "net.h"

static int pair[2], ends[2], listener, loop, file, caller, dup_of_log;
static struct log_sink full;

static void
begin_log(void)
{
	FILE *f = tmpfile();
	int fd[2];

	cr_assert_not_null(f);
	dup_of_log = fileno(f);
	cr_assert_eq(pipe2(fd, O_NONBLOCK), 0);
	log_sink_take(&full, fd[1]);
	log_to_stderr_too(true); /* which must not last */
	log_confine();
}

static void
begin(void)
{
	struct addr a;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(addr_numeric(&a, "127.0.0.1", 0), 0);
	listener = net_listen(&a, 5);
	loop = epoll_create1(EPOLL_CLOEXEC);
	file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	cr_assert(listener >= 0 && loop >= 0 && file >= 0);
	begin_log();
}

TestSuite(sandbox, .init = begin, .timeout = 60);

enum { PASSED = 7, REFUSED = 8 };

/* What comes of f behind the filter: PASSED, REFUSED (it returned false), or the signal, negated.
 */
static int
try(bool (*f)(void), enum sandbox_profile profile, enum isolation level)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		struct addr a;
		cr_assert_eq(net_local(listener, &a), 0);
		caller = net_connect(&a);
		const struct sandbox_shared shared = {&listener, 1};
		if (sandbox_apply(profile, level, &shared) < 0)
			_exit(1);
		_exit(f() ? PASSED : REFUSED);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- what is not allowed ---- */

static bool
executes(void)
{
	char *none[] = {NULL};

	return execve("/bin/true", none, none) == 0;
}

static bool
forks(void)
{
	return fork() >= 0;
}

static bool
opens_to_write(void)
{
	return open("/dev/null", O_WRONLY) >= 0;
}

static bool
opens_to_read(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool
makes_a_file(void)
{
	return open("/tmp/sandbox-was-here", O_CREAT | O_WRONLY, 0600) >= 0;
}

static bool
removes_a_file(void)
{
	return unlink("/tmp/there-is-no-such-file") == 0 || errno == ENOENT;
}

static bool
makes_a_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 &&
	       socket(AF_INET6, SOCK_STREAM, 0) != -2;
}

static bool
makes_a_udp_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static bool
makes_a_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || errno == EPERM;
}

static bool
makes_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool
makes_a_unix_datagram_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}

static bool
connects_to_a_path(void)
{
	const struct sockaddr_un a = {AF_UNIX, "/there/is/nobody"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&a, sizeof a) < 0 && errno == ENOENT;
}

static bool
binds(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	return bind(listener, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINVAL;
}

static bool
listens(void)
{
	return listen(listener, 1) == 0;
}

static bool
connects(void)
{
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return net_local(listener, &a) == 0 &&
	       (connect(fd, &a.u.sa, a.len) == 0 || errno == EINPROGRESS);
}

static bool
traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool
becomes_another(void)
{
	return setuid(getuid()) == 0;
}

static bool
signals_another(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
makes_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static bool
turns_memory_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool
looks_at_a_path(void)
{
	struct stat st;

	return stat("/etc/passwd", &st) == 0;
}

static bool
leaves_its_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool
changes_its_root(void)
{
	return chroot("/") == 0 || errno == EPERM;
}

/* Done, or refused by who decides on that usually. */
static bool
schedules(pid_t pid, int policy, int priority)
{
	const struct sched_param p = {.sched_priority = priority};

	return sched_setscheduler(pid, policy, &p) == 0 || errno == EPERM;
}

static bool
asks_for_real_time(void)
{
	return schedules(0, SCHED_FIFO, 1);
}

static bool
asks_to_be_idle(void)
{
	return schedules(0, SCHED_IDLE, 0);
}

static bool
schedules_another(void)
{
	return schedules(getppid(), SCHED_BATCH, 0);
}

/* ---- what a descriptor is to others ---- */

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

/* ---- others, and what is not there yet ---- */

static bool
signals_a_thread_of_another(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static bool
queues_a_signal(void)
{
	return sigqueue(getpid(), 0, (union sigval){0}) == 0;
}

static bool
signals_its_group(void)
{
	return kill(0, 0) == 0;
}

static bool
changes_a_limit_of_another(void)
{
	const struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};

	return prlimit(getppid(), RLIMIT_CPU, &r, NULL) == 0;
}

static bool
changes_its_own_limit(void)
{
	const struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_CORE, &none) == 0;
}

static bool
asks_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool
makes_a_file_in_memory(void)
{
	return memfd_create("x", 0) >= 0;
}

static bool
makes_a_pair(void)
{
	int fd[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0;
}

static bool
opens_a_process(void)
{
	return syscall(SYS_pidfd_open, getppid(), 0) >= 0;
}

static bool
reads_anothers_memory(void)
{
	char c;
	struct iovec to = {&c, 1}, from = {&c, 1};

	return process_vm_readv(getppid(), &to, 1, &from, 1, 0) == 1;
}

static bool
sets_its_priority(void)
{
	return setpriority(PRIO_PROCESS, (id_t)getppid(), 19) == 0 || errno == EACCES;
}

static bool
makes_a_multipath_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) >= 0 || errno == EPROTONOSUPPORT;
}

static bool
makes_an_sctp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP) >= 0 || errno == EPROTONOSUPPORT;
}

struct call {
	const char *name;
	bool (*f)(void);
};

#define CALL(f)       \
	{             \
#f, f \
	}

static const struct call forbidden[] = {CALL(executes),
					CALL(forks),
					CALL(opens_to_write),
					CALL(opens_to_read),
					CALL(makes_a_file),
					CALL(removes_a_file),
					CALL(makes_a_udp_socket),
					CALL(makes_a_raw_socket),
					CALL(makes_a_unix_datagram_socket),
					CALL(binds),
					CALL(listens),
					CALL(traces),
					CALL(becomes_another),
					CALL(signals_another),
					CALL(makes_code),
					CALL(turns_memory_into_code),
					CALL(looks_at_a_path),
					CALL(leaves_its_namespace),
					CALL(changes_its_root),
					CALL(asks_for_real_time),
					CALL(asks_to_be_idle),
					CALL(schedules_another),
					CALL(asks_for_signals_to_another),
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
					CALL(sends_to_somebody_else),
					CALL(signals_a_thread_of_another),
					CALL(queues_a_signal),
					CALL(signals_its_group),
					CALL(changes_a_limit_of_another),
					CALL(changes_its_own_limit),
					CALL(asks_prctl),
					CALL(makes_a_file_in_memory),
					CALL(makes_a_pair),
					CALL(opens_a_process),
					CALL(reads_anothers_memory),
					CALL(sets_its_priority),
					CALL(makes_a_multipath_socket),
					CALL(makes_an_sctp_socket)};

/* Of a server's worker; a proxy's may. */
static const struct call connecting[] = {CALL(makes_a_tcp_socket), CALL(connects),
					 CALL(makes_a_unix_socket), CALL(connects_to_a_path)};

/* ---- what serving needs ---- */

static int
accepted(void)
{
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool
talks(void)
{
	char text[8];

	return send(pair[0], "hello", 5, MSG_NOSIGNAL) == 5 && recv(pair[1], text, 8, 0) == 5 &&
	       write(pair[1], "hello", 5) == 5 && read(pair[0], text, 8) == 5;
}

static bool
ends_what_it_sends(void)
{
	const int on = 1;
	int fd = accepted();

	return fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
	       shutdown(fd, SHUT_WR) == 0;
}

static bool
looks_at_flags(void)
{
	return fcntl(pair[0], F_GETFL) >= 0 && fcntl(pair[0], F_GETFD) >= 0 &&
	       fcntl(pair[0], F_SETFD, FD_CLOEXEC) == 0;
}

static bool
accepts(void)
{
	int fd;

	while ((fd = accepted()) >= 0)
		(void)close(fd);
	return errno == EAGAIN;
}

static bool
waits(void)
{
	struct epoll_event e = {.events = EPOLLIN};

	return (epoll_ctl(loop, EPOLL_CTL_ADD, pair[0], &e) == 0 || errno == EEXIST) &&
	       epoll_wait(loop, &e, 1, 1) == 0;
}

static bool
uses_memory(void)
{
	char *p[64];

	for (size_t i = 0; i < 64; i++) {
		p[i] = malloc((size_t)4096 << i % 12);
		if (p[i] == NULL)
			return false;
		memset(p[i], 1, (size_t)4096 << i % 12);
	}
	for (size_t i = 0; i < 64; i += 2) {
		p[i] = realloc(p[i], 3 << 20);
		if (p[i] == NULL)
			return false;
	}
	for (size_t i = 0; i < 64; i++)
		free(p[i]);
	return true;
}

static bool
reads_clocks(void)
{
	struct timespec t = {0, 1000};

	return clock_gettime(CLOCK_MONOTONIC, &t) == 0 && time(NULL) > 0 &&
	       nanosleep(&(struct timespec){0, 1000}, NULL) == 0;
}

static bool
logs(void)
{
	log_event(LOG_INFO, "behind the filter", "k=%s", log_quoted("a b"));
	errno = ENOENT;
	log_errno(LOG_WARN, "with an error", NULL);
	return true;
}

/* In each way that a log may need, with a full pipe; and one that it is given anew. */
static bool
loses_lines(void)
{
	static const enum log_sink_way way[] = {LOG_SINK_FLAGGED, LOG_SINK_NOWAIT,
						LOG_SINK_GUARDED};
	char line[LOG_LINE];
	unsigned lost = 0;

	memset(line, '\n', sizeof line);
	for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
		full.way = way[i];
		for (int n = 0; n < 100; n++)
			lost += log_sink_write(&full, line, sizeof line);
	}
	log_sink_take(&full, dup_of_log);
	return lost > 0 && log_sink_write(&full, line, sizeof line) == 0;
}

static bool
schedules_itself(void)
{
	const struct sched_param none = {0};

	return sched_setscheduler(0, SCHED_BATCH, &none) == 0 &&
	       sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

static bool
reads_an_open_file_again(void)
{
	char c;

	return pread(file, &c, 1, 0) == 1 && pread(file, &c, 1, 0) == 1;
}

static void
nothing(int sig)
{
	(void)sig;
}

static bool
handles_signals(void)
{
	struct sigaction a = {.sa_handler = nothing};

	return sigaction(SIGUSR1, &a, NULL) == 0 && raise(SIGUSR1) == 0 &&
	       kill(getpid(), SIGUSR1) == 0;
}

static const struct call needed[] = {CALL(talks),
				     CALL(ends_what_it_sends),
				     CALL(looks_at_flags),
				     CALL(accepts),
				     CALL(waits),
				     CALL(uses_memory),
				     CALL(reads_clocks),
				     CALL(logs),
				     CALL(loses_lines),
				     CALL(handles_signals),
				     CALL(schedules_itself),
				     CALL(reads_an_open_file_again)};

static void
expect(const struct call *c, size_t n, enum sandbox_profile profile, enum isolation level,
       int wanted)
{
	bool filtered = sandbox_why_not() == NULL;

	/* Without a filter nothing is killed; what then comes of it is not the sandbox's business.
	 */
	for (size_t i = 0; i < n; i++) {
		int got = try(c[i].f, profile, level);
		cr_expect(filtered ? got == wanted : got != -SIGSYS, "profile %d, mode %d: %s: %d",
			  (int)profile, (int)level, c[i].name, got);
	}
}

#define EXPECT(list, profile, mode, wanted) \
	expect(list, sizeof list / sizeof *list, profile, mode, wanted)

Test(sandbox, what_serving_does_not_need_ends_the_process)
{
	EXPECT(forbidden, SANDBOX_SERVER, ISOLATION_STRICT, -SIGSYS);
	EXPECT(forbidden, SANDBOX_PROXY, ISOLATION_STRICT, -SIGSYS);
	EXPECT(connecting, SANDBOX_SERVER, ISOLATION_STRICT, -SIGSYS);
}

Test(sandbox, what_serving_needs_is_allowed)
{
	(void)tzset();
	EXPECT(needed, SANDBOX_SERVER, ISOLATION_STRICT, PASSED);
	EXPECT(needed, SANDBOX_PROXY, ISOLATION_AUTO, PASSED);
	EXPECT(connecting, SANDBOX_PROXY, ISOLATION_STRICT, PASSED);
}

Test(sandbox, without_a_filter_or_with_one_that_logs_all_is_done)
{
	static const struct call c[] = {CALL(opens_to_read), CALL(makes_a_udp_socket), CALL(talks)};

	EXPECT(c, SANDBOX_SERVER, ISOLATION_UNFILTERED, PASSED);
	EXPECT(c, SANDBOX_SERVER, ISOLATION_NONE, PASSED);
	EXPECT(c, SANDBOX_SERVER, ISOLATION_LOG, PASSED);
}

static bool
aborts(void)
{
	abort();
}

Test(sandbox, a_process_that_aborts_dies_of_that)
{
	cr_assert_eq(try(aborts, SANDBOX_SERVER, ISOLATION_STRICT), -SIGABRT);
}

Test(sandbox, every_mode_is_possible_on_this_kernel)
{
	char *told;
	size_t n;
	FILE *err = open_memstream(&told, &n);

	cr_assert_eq(sandbox_check(ISOLATION_AUTO, "p", err), 0);
	cr_assert_eq(sandbox_check(ISOLATION_UNFILTERED, "p", err), 0);
	cr_assert_eq(sandbox_check(ISOLATION_STRICT, "p", err), 0);
	(void)fclose(err);
	cr_assert_eq(n, 0);
	free(told);
}
