/* atomic_file.h - replaces a file as a whole: written aside, synced, renamed, and the folder
 * synced.
 *
 * A thread writes, so that a slow disk holds up nobody; what changes meanwhile is written next.
 * Writes are WAIT_MS apart at least, and happen every FRESH_MS though nothing has changed; between
 * them only the moment is noted (state_lock.h).  Nothing is written without the lock. */
#ifndef POLICYPOOL_ATOMIC_FILE_H
#define POLICYPOOL_ATOMIC_FILE_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"

enum {
	ATOMIC_FILE_WAIT_MS = 100,
	ATOMIC_FILE_FRESH_MS = 300000,
	ATOMIC_FILE_RETRY_MS = 1000 /* after a write that failed */
};

struct atomic_file_ops {
	/* Appends the state as it is now.  0, or -1 on ENOMEM: tried again later. */
	int (*compose)(struct buf *out, void *ctx);
	/* The first write that failed, with its errno, EAGAIN where another process has the lock;
	 * 0: writing works again. */
	void (*on_trouble)(int error, void *ctx);
};

struct atomic_file;

/* All but the path is borrowed; nothing is written yet.  NULL with errno. */
struct atomic_file *atomic_file_new(struct event_base *, const char *path,
				    const struct atomic_file_ops *, void *ctx);

/* The lock that this process has taken or was handed; it is owned from here on.  Without this call
 * it is taken by the first write. */
void atomic_file_own(struct atomic_file *, int lock);
/* Another descriptor of it, close-on-exec, the caller's.  -1 with errno; EBADF: there is none. */
MUST_CHECK int atomic_file_dup_lock(struct atomic_file *);
/* Notes every so many ms that this process lives, from now on. */
void atomic_file_beat(struct atomic_file *, uint64_t ms);

/* The state has changed: it is written soon. */
void atomic_file_touch(struct atomic_file *);

/* After a write that failed, as in on_trouble: the file or folder of that error, borrowed. */
const char *atomic_file_failed_at(const struct atomic_file *);

/* Writes it now and waits for the end of that.  0, or -1 with errno. */
MUST_CHECK int atomic_file_flush(struct atomic_file *);

/* Writes nothing more.  NULL is fine. */
void atomic_file_free(struct atomic_file *);
/* In a forked child, where there is no thread. */
void atomic_file_after_fork(struct atomic_file *);

#endif
