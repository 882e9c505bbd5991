/* runtime_dir.h - a folder for our own files: made where it is missing, refused where it can't be
 * trusted. */
#ifndef POLICYPOOL_RUNTIME_DIR_H
#define POLICYPOOL_RUNTIME_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"

/* Makes it with that mode, and its parent (0755) where that is missing too; refuses one that
 * another user than root owns (EPERM), since the owner could replace our files, and what is no
 * folder (ENOTDIR).  0, or -1 with errno. */
MUST_CHECK int runtime_dir_prepare(const char *path, mode_t mode);

/* Whether it could do that, and this process could put files there; makes nothing.  0, or -1 with
 * errno. */
MUST_CHECK int runtime_dir_can_prepare(const char *path);

/* Is path that of a file in dir itself, as written? */
bool runtime_dir_has(const char *dir, const char *path);

/* The judgement of runtime_dir_prepare() of one that is to be there: what lies in it can be trusted
 * as far as its owner, this user or root.  Also EPERM: anybody may replace what lies there
 * (writable by all, without the sticky bit).  0, or -1 with errno. */
MUST_CHECK int runtime_dir_check(const char *path);

#endif
