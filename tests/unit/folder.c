/* folder: made with its parents, and not trusted when it is somebody else's. */
#include "folder.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

	cr_assert_eq(folder_prepare(below("a/b"), 0700), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	cr_assert_eq(folder_prepare(path, 0700), 0, "it is there already");
}

Test(folder, what_is_none_is_refused)
{
	FILE *f = fopen(below("file"), "w");

	cr_assert_not_null(f);
	(void)fclose(f);
	cr_assert_eq(folder_prepare(path, 0700), -1);
	cr_assert_eq(errno, ENOTDIR);
	cr_assert_eq(folder_prepare(below("file/x"), 0700), -1);
	cr_assert_eq(folder_prepare("", 0700), -1);
	cr_assert_eq(folder_prepare(below("no/such/folder"), 0700), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(folder_prepare("/proc/no/such", 0700), -1);
}

Test(folder, somebody_elses_is_not_trusted)
{
	if (geteuid() != 0)
		return;
	cr_assert_eq(folder_prepare(below("a"), 0700), 0);
	cr_assert_eq(chown(path, 12345, 12345), 0);
	cr_assert_eq(folder_prepare(path, 0700), -1);
	cr_assert_eq(errno, EPERM);
}
