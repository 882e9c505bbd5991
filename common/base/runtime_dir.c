/* runtime_dir.c - see runtime_dir.h. */
#include "runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
make(const char *path, mode_t mode)
{
	return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -1;
}

static int
make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int rc;

	if (slash == NULL || slash == path) {
		errno = ENOENT;
		return -1;
	}
	parent = strndup(path, (size_t)(slash - path));
	rc = parent == NULL ? -1 : make(parent, 0755);
	free(parent);
	return rc;
}

int
runtime_dir_check(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if ((st.st_uid != geteuid() && st.st_uid != 0) ||
		 ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0))
		errno = EPERM;
	else
		return 0;
	return -1;
}

int
runtime_dir_prepare(const char *path, mode_t mode)
{
	int rc = make(path, mode);

	if (rc < 0 && errno == ENOENT)
		rc = make_parent(path) < 0 ? -1 : make(path, mode);
	return rc < 0 ? -1 : runtime_dir_check(path);
}

static int
can_write_in(const char *path, size_t n)
{
	char folder[PATH_MAX];

	if ((size_t)snprintf(folder, sizeof folder, "%.*s/.", (int)n, path) >= sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS);
}

/* In its parent, or where that is missing too, in the parent's. */
static int
can_make(const char *path)
{
	const char *slash = strrchr(path, '/'), *above;

	if (slash == NULL || can_write_in(path, (size_t)(slash - path)) == 0)
		return slash == NULL ? can_write_in(".", 1) : 0;
	if (errno != ENOENT || slash == path)
		return -1;
	above = memrchr(path, '/', (size_t)(slash - path));
	return above == NULL ? can_write_in(".", 1) : can_write_in(path, (size_t)(above - path));
}

int
runtime_dir_can_prepare(const char *path)
{
	if (runtime_dir_check(path) == 0)
		return can_write_in(path, strlen(path));
	return errno == ENOENT ? can_make(path) : -1;
}

bool
runtime_dir_has(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}
