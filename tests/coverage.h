/* coverage.h - included before every file of a coverage build (make coverage), by the compiler.
 *
 * gcov writes the counters of a process in exit(3).  What ends or is replaced without it writes
 * them here. */
#ifndef POLICYPOOL_TESTS_COVERAGE_H
#define POLICYPOOL_TESTS_COVERAGE_H

#include <unistd.h>

#define COVERAGE 1 /* asked by the sandbox, which lets the counters be written */

/* As the functions of these names, after what was counted has been written. */
_Noreturn void coverage_exit(int status);
int coverage_execv(const char *path, char *const argv[]);

#define _exit(status)	  coverage_exit(status)
#define execv(path, argv) coverage_execv(path, argv)

#endif
