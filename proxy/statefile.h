/* statefile.h - a file that always holds the last whole state: written aside, synced, renamed, and
 * the folder synced.
 *
 * A thread writes, so that a slow disk holds up nobody; what changes meanwhile is written next.
 * Writes are WAIT_MS apart at least, and happen every FRESH_MS though nothing has changed. */
#ifndef POLICYPOOL_STATEFILE_H
#define POLICYPOOL_STATEFILE_H

#include <event2/event.h>
#include <stddef.h>

#include "attr.h"
#include "buf.h"

enum {
	STATEFILE_WAIT_MS = 100,
	STATEFILE_FRESH_MS = 300000,
	STATEFILE_RETRY_MS = 1000, /* after a write that failed */
	STATEFILE_MAX = 64 << 20   /* bytes that are read */
};

struct statefile_ops {
	/* Appends the state as it is now.  0, or -1 on ENOMEM: tried again later. */
	int (*compose)(struct buf *out, void *ctx);
	/* The first write that failed, with its errno; 0: writing works again. */
	void (*on_trouble)(int error, void *ctx);
};

struct statefile;

/* All but the path is borrowed; nothing is written yet.  NULL with errno. */
struct statefile *statefile_new(struct event_base *, const char *path, const struct statefile_ops *,
				void *ctx);

/* The state has changed: it is written soon. */
void statefile_touch(struct statefile *);

/* Writes it now and waits for the end of that.  0, or -1 with errno. */
MUST_CHECK int statefile_flush(struct statefile *);

/* Writes nothing more.  NULL is fine. */
void statefile_free(struct statefile *);
/* In a forked child, where there is no thread. */
void statefile_after_fork(struct statefile *);

/* Appends what the file holds.  0, or -1 with errno: ENOENT; EPERM when it is somebody else's;
 * EFBIG over STATEFILE_MAX; EINVAL when it is no file. */
MUST_CHECK int statefile_read(const char *path, struct buf *out);

/* Renames it to PATH.bad-YYYYMMDDTHHMMSS, which goes to `to`.  0, or -1 with errno. */
MUST_CHECK int statefile_set_aside(const char *path, char *to, size_t size);

#endif
