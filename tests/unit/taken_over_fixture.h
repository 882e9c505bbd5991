/* A worker that was taken over: a process of its own that writes to all shared memory that it can
 * write. */
#ifndef POLICYPOOL_TESTS_TAKEN_OVER_FIXTURE_H
#define POLICYPOOL_TESTS_TAKEN_OVER_FIXTURE_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every step-th word from the first one on; how many mappings. */
static inline unsigned
overwrite_some(uint64_t word, size_t first, size_t step)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	unsigned n = 0;
	char line[512], mode[8];

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    strcmp(mode, "rw-s") != 0 ||
		    (strstr(line, "memfd:policypool") == NULL && strstr(line, "/dev/zero") == NULL))
			continue;
		for (size_t i = first; i < (to - from) / sizeof word; i += step)
			((uint64_t *)from)[i] = word;
		n++;
	}
	return n;
}

static inline unsigned
overwrite_all(uint64_t word)
{
	return overwrite_some(word, 0, 1);
}

/* enter gives up what is not the worker's, as it does after the fork; 0, or -1. */
static inline void
take_over(int (*enter)(void), uint64_t word)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(enter() < 0 ? 2 : overwrite_all(word) > 0 ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

/* Words that do the most harm somewhere. */
static const uint64_t hostile[] = {UINT64_MAX, UINT64_C(1) << 63,  INT64_MAX, UINT64_C(1) << 56,
				   UINT32_MAX, 0x0101010101010101, 0x201,     0x100,
				   1};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

#endif
