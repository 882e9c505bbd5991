/* shm: each byte has one writer, and nobody else can come to be one. */
#include "shm.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 3, OWN = 1, NOBODY = 65534 };

static struct shm_view view;
static struct shm_rows rows;
static size_t page;

static void
open_both(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	cr_assert_eq(shm_view_open(&view, 3 * page), 0);
	cr_assert_eq(shm_rows_open(&rows, ROWS, 100), 0);
	cr_assert(view.sealed && rows.sealed);
}

static void
close_both(void)
{
	shm_view_close(&view);
	shm_rows_close(&rows);
}

TestSuite(shm, .init = open_both, .fini = close_both, .timeout = 60);

/* What comes of f in a worker that has entered its row: f's answer, or the signal, negated. */
static int
in_a_worker(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL); /* not to be reported by whoever runs the test */
		(void)signal(SIGBUS, SIG_DFL);
		_exit(shm_rows_enter(&rows, OWN) < 0 ? 99 : f());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void *
without_const(const void *p)
{
	return (void *)(uintptr_t)p;
}

/* ---- a view ---- */

static int
reads_the_view(void)
{
	return memcmp((const char *)view.seen + 2 * page, "told", 5) != 0;
}

Test(shm, what_the_maker_writes_is_seen_by_all)
{
	(void)strcpy((char *)view.own + 2 * page, "told");
	cr_assert_eq(reads_the_view(), 0);
	cr_assert_eq(in_a_worker(reads_the_view), 0);
}

static int
writes_where_the_maker_does(void)
{
	*(volatile char *)view.own = 1;
	return 0;
}

static int
writes_to_what_is_seen(void)
{
	*(volatile char *)without_const(view.seen) = 1;
	return 0;
}

static int
makes_the_view_writable(void)
{
	return mprotect(without_const(view.seen), page, PROT_READ | PROT_WRITE) == 0 ? 1 : errno;
}

static int
writes_as_a_debugger_does(void)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 98;
	return pwrite(fd, "x", 1, (off_t)(uintptr_t)view.seen) == 1 ? 1 : 0;
}

static int
drops_pages_of_the_view(void)
{
	return madvise(without_const(view.seen), page, MADV_REMOVE) == 0 ? 1 : errno;
}

Test(shm, a_worker_cannot_write_a_view_nor_come_to)
{
	cr_assert_eq(in_a_worker(writes_where_the_maker_does), -SIGSEGV);
	cr_assert_eq(in_a_worker(writes_to_what_is_seen), -SIGSEGV);
	cr_assert_eq(in_a_worker(makes_the_view_writable), EACCES);
	cr_assert_eq(in_a_worker(writes_as_a_debugger_does), 0);
	cr_assert_eq(in_a_worker(drops_pages_of_the_view), EACCES);
	for (size_t i = 0; i < 3 * page; i++)
		cr_assert_eq(((const char *)view.seen)[i], 0);
}

/* ---- rows ---- */

static int
writes_its_row(void)
{
	(void)strcpy(shm_own_row(&rows, OWN), "mine");
	return memcmp(shm_row(&rows, OWN), "mine", 5) != 0;
}

Test(shm, a_worker_writes_its_own_row)
{
	cr_assert_eq(in_a_worker(writes_its_row), 0);
	cr_assert_str_eq(shm_row(&rows, OWN), "mine");
	memset(shm_own_row(&rows, OWN), 0, 5); /* the maker clears it */
	cr_assert_eq(*(const char *)shm_row(&rows, OWN), 0);
}

static int
writes_the_row_before(void)
{
	*(volatile char *)shm_own_row(&rows, OWN - 1) = 1;
	return 0;
}

static int
writes_the_row_behind(void)
{
	*(volatile char *)shm_own_row(&rows, OWN + 1) = 1;
	return 0;
}

static int
makes_another_row_writable(void)
{
	return mprotect(without_const(shm_row(&rows, 0)), page, PROT_READ | PROT_WRITE) == 0
		       ? 1
		       : errno;
}

/* A mapping of one file that all rows lie in would grow into the next ones. */
static int
makes_its_own_longer(void)
{
	char *longer = mremap(shm_own_row(&rows, OWN), page, 2 * page, MREMAP_MAYMOVE);

	if (longer == MAP_FAILED)
		return 0;
	*(volatile char *)(longer + page) = 1; /* beyond the end of its file */
	return 1;
}

Test(shm, a_worker_cannot_write_another_row_nor_come_to)
{
	cr_assert_eq(in_a_worker(writes_the_row_before), -SIGSEGV);
	cr_assert_eq(in_a_worker(writes_the_row_behind), -SIGSEGV);
	cr_assert_eq(in_a_worker(makes_another_row_writable), EACCES);
	cr_assert_eq(in_a_worker(makes_its_own_longer), -SIGBUS);
	for (unsigned i = 0; i < ROWS; i++)
		for (size_t at = 0; at < page; at++)
			cr_assert_eq(((const char *)shm_row(&rows, i))[at], 0, "row %u", i);
}

static int
closes_them(void)
{
	close_both();
	return view.seen == NULL || *(const char *)view.seen != 0;
}

Test(shm, closing_is_the_makers)
{
	cr_assert_eq(in_a_worker(closes_them), 0);
}

Test(shm, no_descriptor_stays_open)
{
	DIR *d = opendir("/proc/self/fd");
	char target[256];
	struct dirent *e;
	ssize_t n;

	cr_assert_not_null(d);
	while ((e = readdir(d)) != NULL) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		cr_expect_null(strstr(target, "memfd:"), "%s", target);
	}
	(void)closedir(d);
}

/* ---- a limit on the size of files ---- */

static int
opens_within_a_limit(const struct rlimit *limit, bool root)
{
	struct rlimit after;
	struct shm_view v;

	if (setrlimit(RLIMIT_FSIZE, limit) < 0 || (!root && setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return 98;
	if (shm_view_open(&v, 100 * page) < 0 || getrlimit(RLIMIT_FSIZE, &after) < 0 ||
	    after.rlim_cur != limit->rlim_cur || after.rlim_max != limit->rlim_max)
		return 97;
	((char *)v.own)[50 * page] = 7;
	if (((const char *)v.seen)[50 * page] != 7)
		return 96;
	return v.sealed ? 1 : 0;
}

static int
may_raise_it(void)
{
	return opens_within_a_limit(&(struct rlimit){page, RLIM_INFINITY}, true);
}

static int
may_not_raise_it(void)
{
	return opens_within_a_limit(&(struct rlimit){page, page}, false);
}

Test(shm, a_limit_on_files_is_none_on_memory)
{
	cr_assert_eq(in_a_worker(may_raise_it), 1);
	if (geteuid() == 0) /* who is not may hold capabilities all the same */
		cr_assert_eq(in_a_worker(may_not_raise_it), 0, "memory, though it is not sealed");
}

/* ---- what was read ---- */

Test(shm, what_was_read_is_bounded)
{
	cr_assert_eq(shm_count(SHM_COUNT_MAX), SHM_COUNT_MAX);
	cr_assert_eq(shm_count(SHM_COUNT_MAX + 1), 0);
	cr_assert_eq(shm_count(UINT64_MAX), 0);
	cr_assert_eq(shm_instant(7, 7), 7);
	cr_assert_eq(shm_instant(8, 7), 0);
	cr_assert_eq(shm_sum(3, 4), 7);
	cr_assert_eq(shm_sum(INT64_MAX, 0), INT64_MAX);
	cr_assert_eq(shm_sum(INT64_MAX, 1), INT64_MAX);
	cr_assert_eq(shm_sum(UINT64_MAX, UINT64_MAX), INT64_MAX);
}
