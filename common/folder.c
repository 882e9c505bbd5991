/* folder.c - see folder.h. */
#include "folder.h"

#include <errno.h>
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

static int
trust(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		errno = EPERM;
	else
		return 0;
	return -1;
}

int
folder_prepare(const char *path, mode_t mode)
{
	int rc = make(path, mode);

	if (rc < 0 && errno == ENOENT)
		rc = make_parent(path) < 0 ? -1 : make(path, mode);
	return rc < 0 ? -1 : trust(path);
}
