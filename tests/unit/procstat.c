/* procstat: what a process uses. */
#include "procstat.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"

Test(procstat, memory_that_is_touched_is_counted)
{
	struct procstat before, after;
	enum { BYTES = 32 << 20 };
	char *p;

	cr_assert_eq(procstat_read(getpid(), &before), 0);
	p = malloc(BYTES);
	memset(p, 1, BYTES);
	cr_assert_eq(procstat_read(getpid(), &after), 0);
	cr_assert_geq(after.resident - before.resident, BYTES * 9 / 10);
	cr_assert_eq(p[BYTES - 1], 1);
	free(p);
}

Test(procstat, processor_time_grows_with_work)
{
	struct procstat before, after;
	uint64_t until = clock_ms() + 200;

	cr_assert_eq(procstat_read(getpid(), &before), 0);
	while (clock_ms() < until)
		continue;
	cr_assert_eq(procstat_read(getpid(), &after), 0);
	cr_assert_gt(after.cpu_ms, before.cpu_ms);
}

Test(procstat, a_name_with_brackets_and_spaces_misleads_nobody)
{
	struct procstat p;

	cr_assert_eq(prctl(PR_SET_NAME, ") R 1 (x)"), 0);
	cr_assert_eq(procstat_read(getpid(), &p), 0);
	cr_assert_gt(p.resident, 0);
}

Test(procstat, a_process_that_is_not_there_is_an_error)
{
	struct procstat p;

	cr_assert_eq(procstat_read(0x3fffffff, &p), -1);
	cr_assert_eq(errno, ENOENT);
}
