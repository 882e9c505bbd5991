/* sandbox_fixture.h - what comes of a call behind the filter, tried by a child; and calls that
 * several files try. */
#ifndef POLICYPOOL_TESTS_SANDBOX_FIXTURE_H
#define POLICYPOOL_TESTS_SANDBOX_FIXTURE_H

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
#include "sandbox.h"

static int pair[2], ends[2], listener, loop, file, caller, dup_of_log;
static struct log_sink full;

static inline void
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

static inline void
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

enum { PASSED = 7, REFUSED = 8 };

/* What comes of f behind the filter: PASSED, REFUSED (it returned false), or the signal, negated.
 */
static inline int
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

static inline bool
opens_to_read(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static inline bool
makes_a_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 &&
	       socket(AF_INET6, SOCK_STREAM, 0) != -2;
}

static inline bool
makes_a_udp_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static inline bool
makes_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static inline bool
connects_to_a_path(void)
{
	const struct sockaddr_un a = {AF_UNIX, "/there/is/nobody"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&a, sizeof a) < 0 && errno == ENOENT;
}

static inline bool
connects(void)
{
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return net_local(listener, &a) == 0 &&
	       (connect(fd, &a.u.sa, a.len) == 0 || errno == EINPROGRESS);
}

/* ---- calls ---- */

struct call {
	const char *name;
	bool (*f)(void);
};

#define CALL(f)       \
	{             \
#f, f \
	}

/* Of a server's worker; a proxy's may. */
static const struct call connecting[] = {CALL(makes_a_tcp_socket), CALL(connects),
					 CALL(makes_a_unix_socket), CALL(connects_to_a_path)};

static inline void
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

#endif
