/* sandbox.h - the system calls that a worker may make (seccomp); any other kills it with SIGSYS.
 * With sandbox_job the only user of libseccomp.
 *
 * What is allowed is what serving uses: connections, memory, clocks, its own signals, the log.  Not
 * allowed: executing, forking, opening or making files, making sockets (a proxy's worker may make
 * TCP and Unix stream sockets, to connect to servers; no worker may bind or listen), tracing,
 * changing its user.
 *
 * What a descriptor is to others counts too: no signals are asked for (F_SETOWN), flags that others
 * have too stay (F_SETFL), and a socket that others have is neither shut down nor connected anew,
 * in either of which a listening one ends.
 */
#ifndef POLICYPOOL_SANDBOX_H
#define POLICYPOOL_SANDBOX_H

#include <stddef.h>
#include <stdio.h>

#include "compiler.h"

/* A sanitizer opens files, makes threads and traces when it reports: there is no filter then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* What a worker gives up beside its user; in the order of the words of the key isolation. */
enum isolation {
	ISOLATION_AUTO,	  /* as STRICT where the kernel has a filter, otherwise as UNFILTERED */
	ISOLATION_STRICT, /* privileges, capabilities, descriptors, and system calls by the filter
			   */
	ISOLATION_LOG, /* the same, but a call that is not allowed is done, and in the kernel's log
			*/
	ISOLATION_UNFILTERED, /* all but the system calls */
	ISOLATION_NONE	      /* nothing */
};

enum sandbox_profile { SANDBOX_SERVER, SANDBOX_PROXY };

/* Can this kernel do what is asked for?  0, or -1 with one line on err. */
MUST_CHECK int sandbox_check(enum isolation, const char *program, FILE *err);

/* Descriptors that other processes have too; those of sockets count, and stdio is always among
 * them. */
struct sandbox_shared {
	const int *fd;
	size_t n;
};

/* Puts the filter in force for the rest of the process's life.  no_new_privs is set with it.  0, or
 * -1 with the reason logged. */
MUST_CHECK int sandbox_apply(enum sandbox_profile, enum isolation, const struct sandbox_shared *);

/* Does this process run where a filter can't be: with a sanitizer, or under valgrind?  A constant
 * sentence why, or NULL. */
const char *sandbox_why_not(void);

#endif
