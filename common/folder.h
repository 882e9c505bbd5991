/* folder.h - a folder for files of our own: made where it is missing, and found trustworthy. */
#ifndef POLICYPOOL_FOLDER_H
#define POLICYPOOL_FOLDER_H

#include <sys/types.h>

#include "attr.h"

/* Makes it with that mode, and its parent (0755) where that is missing too; refuses one that
 * somebody else but root owns (EPERM), who could replace what we put there, and what is no folder
 * (ENOTDIR).  0, or -1 with errno. */
MUST_CHECK int folder_prepare(const char *path, mode_t mode);

#endif
