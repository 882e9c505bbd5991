/* sandbox_forbidden: what serving does not need ends the process: files, processes, sockets,
 * rights. */
#include "sandbox_fixture.h"

TestSuite(sandbox_forbidden, .init = begin, .timeout = 60);

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
makes_a_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || errno == EPERM;
}

static bool
makes_a_unix_datagram_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
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

/* Done, or refused as it usually is. */
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

/* ---- what serving needs ---- */

Test(sandbox_forbidden, what_serving_does_not_need_ends_the_process)
{
	EXPECT(forbidden, SANDBOX_SERVER, ISOLATION_STRICT, -SIGSYS);
	EXPECT(forbidden, SANDBOX_PROXY, ISOLATION_STRICT, -SIGSYS);
	EXPECT(connecting, SANDBOX_SERVER, ISOLATION_STRICT, -SIGSYS);
}
