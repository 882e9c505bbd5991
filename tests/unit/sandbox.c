/* sandbox: each call in a process of its own, that ends with SIGSYS or does not. */
#include "sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

static int pair[2], listener, loop, file;

static void
begin(void)
{
	struct addr a;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	cr_assert_eq(addr_numeric(&a, "127.0.0.1", 0), 0);
	listener = net_listen(&a, 5);
	loop = epoll_create1(EPOLL_CLOEXEC);
	file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	cr_assert(listener >= 0 && loop >= 0 && file >= 0);
}

TestSuite(sandbox, .init = begin, .timeout = 60);

enum { PASSED = 7, REFUSED = 8 };

/* What comes of f behind the filter: PASSED, REFUSED (it returned false), or the signal, negated.
 */
static int
try(bool (*f)(void), enum sandbox_profile profile, enum sandbox_mode mode)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (sandbox_apply(profile, mode) < 0)
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
					CALL(makes_a_unix_socket),
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
					CALL(schedules_another)};

/* Of a server's worker; a proxy's may. */
static const struct call connecting[] = {CALL(makes_a_tcp_socket), CALL(connects)};

/* ---- what serving needs ---- */

static bool
talks(void)
{
	char text[8];

	return send(pair[0], "hello", 5, MSG_NOSIGNAL) == 5 && recv(pair[1], text, 8, 0) == 5 &&
	       write(pair[1], "hello", 5) == 5 && read(pair[0], text, 8) == 5;
}

static bool
accepts(void)
{
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) < 0 && errno == EAGAIN;
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
	log_confine();
	log_event(LOG_INFO, "behind the filter", "k=%s", log_quoted("a b"));
	errno = ENOENT;
	log_errno(LOG_WARN, "with an error", NULL);
	return true;
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

static const struct call needed[] = {
	CALL(talks),	       CALL(accepts),	       CALL(waits),
	CALL(uses_memory),     CALL(reads_clocks),     CALL(logs),
	CALL(handles_signals), CALL(schedules_itself), CALL(reads_an_open_file_again)};

static void
expect(const struct call *c, size_t n, enum sandbox_profile profile, enum sandbox_mode mode,
       int wanted)
{
	bool filtered = sandbox_why_not() == NULL;

	/* Without a filter nothing is killed; what then comes of it is not the sandbox's business.
	 */
	for (size_t i = 0; i < n; i++) {
		int got = try(c[i].f, profile, mode);
		cr_expect(filtered ? got == wanted : got != -SIGSYS, "profile %d, mode %d: %s: %d",
			  (int)profile, (int)mode, c[i].name, got);
	}
}

#define EXPECT(list, profile, mode, wanted) \
	expect(list, sizeof list / sizeof *list, profile, mode, wanted)

Test(sandbox, what_serving_does_not_need_ends_the_process)
{
	EXPECT(forbidden, SANDBOX_SERVER, SANDBOX_YES, -SIGSYS);
	EXPECT(forbidden, SANDBOX_PROXY, SANDBOX_YES, -SIGSYS);
	EXPECT(connecting, SANDBOX_SERVER, SANDBOX_YES, -SIGSYS);
}

Test(sandbox, what_serving_needs_is_allowed)
{
	(void)tzset();
	EXPECT(needed, SANDBOX_SERVER, SANDBOX_YES, PASSED);
	EXPECT(needed, SANDBOX_PROXY, SANDBOX_AUTO, PASSED);
	EXPECT(connecting, SANDBOX_PROXY, SANDBOX_YES, PASSED);
}

Test(sandbox, without_a_filter_or_with_one_that_logs_all_is_done)
{
	static const struct call c[] = {CALL(opens_to_read), CALL(makes_a_udp_socket), CALL(talks)};

	EXPECT(c, SANDBOX_SERVER, SANDBOX_NO, PASSED);
	EXPECT(c, SANDBOX_SERVER, SANDBOX_LOG, PASSED);
}

static bool
aborts(void)
{
	abort();
}

Test(sandbox, a_process_that_aborts_dies_of_that)
{
	cr_assert_eq(try(aborts, SANDBOX_SERVER, SANDBOX_YES), -SIGABRT);
}

Test(sandbox, every_mode_is_possible_on_this_kernel)
{
	char *told;
	size_t n;
	FILE *err = open_memstream(&told, &n);

	cr_assert_eq(sandbox_check(SANDBOX_AUTO, "p", err), 0);
	cr_assert_eq(sandbox_check(SANDBOX_NO, "p", err), 0);
	cr_assert_eq(sandbox_check(SANDBOX_YES, "p", err), 0);
	(void)fclose(err);
	cr_assert_eq(n, 0);
	free(told);
}
