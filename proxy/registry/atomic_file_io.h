/* atomic_file_io.h - the file of atomic_file.h itself: read, written aside, set aside.  What writes
 * allocates nothing: a thread does it. */
#ifndef POLICYPOOL_ATOMIC_FILE_IO_H
#define POLICYPOOL_ATOMIC_FILE_IO_H

#include <stddef.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

enum { ATOMIC_FILE_MAX = 64 << 20 }; /* bytes that are read */

/* Writes all of it to a file.  0, or -1 with errno. */
MUST_CHECK int atomic_file_write_all(int fd, struct span);

/* Makes the file, or empties it, and syncs what it writes.  0, or -1 with errno. */
MUST_CHECK int atomic_file_write_aside(const char *path, struct span);
/* What was renamed in it stays so.  0, or -1 with errno. */
MUST_CHECK int atomic_file_sync_folder(const char *path);

/* Appends what the file holds.  0, or -1 with errno: ENOENT; EPERM when it is somebody else's;
 * EFBIG over ATOMIC_FILE_MAX; EINVAL when it is no file. */
MUST_CHECK int atomic_file_read(const char *path, struct buf *out);

/* Renames it to PATH.bad-YYYYMMDDTHHMMSS, which goes to `to`.  0, or -1 with errno. */
MUST_CHECK int atomic_file_set_aside(const char *path, char *to, size_t size);

#endif
