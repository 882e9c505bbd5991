/* coverage.c - see coverage.h; linked into programs and unit tests of a coverage build. */
#include "coverage.h"

#include <gcov.h>
#include <sys/resource.h>

#undef _exit
#undef execv

/* A process that has used up its descriptors has still one for the counters.  A worker may not set
 * limits in its sandbox and has no higher one either. */
static void
allow_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

void
coverage_exit(int status)
{
	allow_files();
	__gcov_dump();
	_exit(status);
}

/* The limit is what the other program inherits. */
int
coverage_execv(const char *path, char *const argv[])
{
	__gcov_dump();
	__gcov_reset(); /* or nothing were written of what follows if it fails */
	return execv(path, argv);
}

/* Before gcov's own, at exit. */
__attribute__((destructor)) static void
at_exit(void)
{
	allow_files();
}
