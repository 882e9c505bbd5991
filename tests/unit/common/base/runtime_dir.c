/* runtime_dir: made with its parents, and not trusted when it is somebody else's. */
#include "runtime_dir.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/folder-test-XXXXXX";
static char path[128];

static const char *
below(const char *name)
{
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
open_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void
close_dir(void)
{
	(void)unlink(below("file"));
	(void)rmdir(below("a/b"));
	(void)rmdir(below("a"));
	(void)rmdir(dir);
}

TestSuite(folder, .init = open_dir, .fini = close_dir);

Test(folder, is_made_with_its_parent)
{
	struct stat st;

	cr_assert_eq(runtime_dir_prepare(below("a/b"), 0700), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	cr_assert_eq(runtime_dir_prepare(path, 0700), 0, "it is there already");
}

Test(folder, what_is_none_is_refused)
{
	FILE *f = fopen(below("file"), "w");

	cr_assert_not_null(f);
	(void)fclose(f);
	cr_assert_eq(runtime_dir_prepare(path, 0700), -1);
	cr_assert_eq(errno, ENOTDIR);
	cr_assert_eq(runtime_dir_prepare(below("file/x"), 0700), -1);
	cr_assert_eq(runtime_dir_prepare("", 0700), -1);
	cr_assert_eq(runtime_dir_prepare(below("no/such/folder"), 0700), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(runtime_dir_prepare("/proc/no/such", 0700), -1);
}

Test(folder, somebody_elses_is_not_trusted)
{
	if (geteuid() != 0)
		return;
	cr_assert_eq(runtime_dir_prepare(below("a"), 0700), 0);
	cr_assert_eq(chown(path, 12345, 12345), 0);
	cr_assert_eq(runtime_dir_prepare(path, 0700), -1);
	cr_assert_eq(errno, EPERM);
}

Test(folder, one_that_everybody_may_write_to_is_not_trusted)
{
	cr_assert_eq(runtime_dir_prepare(below("a"), 0700), 0);
	cr_assert_eq(runtime_dir_check(path), 0);
	cr_assert_eq(chmod(path, 0777), 0);
	cr_assert_eq(runtime_dir_check(path), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(chmod(path, 01777), 0, "there others cannot replace what is ours");
	cr_assert_eq(runtime_dir_check(path), 0);
}

static void
can_prepare(const char *name, int error)
{
	errno = 0;
	cr_assert_eq(runtime_dir_can_prepare(below(name)), error == 0 ? 0 : -1, "%s", name);
	cr_assert_eq(error, error == 0 ? 0 : errno, "%s: %s", name, strerror(errno));
}

Test(folder, whether_one_could_be_made_is_told_without_making_it)
{
	FILE *f = fopen(below("file"), "w");

	cr_assert_not_null(f);
	(void)fclose(f);
	can_prepare("a", 0);
	can_prepare("a/b", 0);
	can_prepare("a/b/c", ENOENT);
	can_prepare("file", ENOTDIR);
	can_prepare("file/x", ENOTDIR);
	cr_assert_eq(runtime_dir_can_prepare("/policypool-none"), geteuid() == 0 ? 0 : -1);
	cr_assert_eq(access(below("a"), F_OK), -1, "nothing is made");
	cr_assert_eq(mkdir(below("a"), 0777), 0);
	can_prepare("a", 0);
	cr_assert_eq(chmod(path, 0777), 0);
	can_prepare("a", EPERM);
	cr_assert_eq(chmod(path, 0555), 0);
	can_prepare("a", geteuid() == 0 ? 0 : EACCES);
	can_prepare("a/b", geteuid() == 0 ? 0 : EACCES);
}
