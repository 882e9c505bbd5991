/* sandbox.h - the system calls that a worker may make; any other ends it with SIGSYS.  The only
 * user of libseccomp.
 *
 * What is allowed is what serving uses: connections, memory, clocks, its own signals, the log.  Not
 * allowed: executing, forking, opening or making files, making sockets (a proxy's worker may make
 * TCP sockets, to connect to servers; no worker may bind or listen), tracing, changing who it is.
 */
#ifndef POLICYPOOL_SANDBOX_H
#define POLICYPOOL_SANDBOX_H

#include <stdio.h>

#include "attr.h"

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

/* In the order of the words that the key takes. */
enum sandbox_mode {
	SANDBOX_AUTO, /* as YES where the kernel has it, otherwise as NO */
	SANDBOX_YES,
	SANDBOX_NO,
	SANDBOX_LOG /* what is not allowed is done and written to the kernel's log */
};

enum sandbox_profile { SANDBOX_SERVER, SANDBOX_PROXY };

/* Can this kernel do what mode asks for?  0, or -1 with one line on err. */
MUST_CHECK int sandbox_check(enum sandbox_mode, const char *program, FILE *err);

/* Puts the filter in force for the rest of the process's life.  no_new_privs is set with it.  0, or
 * -1 with the reason logged. */
MUST_CHECK int sandbox_apply(enum sandbox_profile, enum sandbox_mode);

/* Does this process run where a filter can't be: with a sanitizer, or under valgrind?  A constant
 * sentence why, or NULL. */
const char *sandbox_why_not(void);

#endif
