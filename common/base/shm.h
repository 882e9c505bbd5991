/* shm.h - shared memory between a master and its workers, each byte with one writer: views, which
 * the master writes and all read, and rows, of which each worker writes its own.
 *
 * A process that may not write can't gain that right: the mapping is one of a sealed file
 * (memfd_create(2), F_SEAL_FUTURE_WRITE), for which mprotect(2) refuses PROT_WRITE, and no
 * descriptor of it stays open.  A row is a file of its own, for mremap(2) makes a mapping longer
 * within its file.
 *
 * What a worker has written is read as a stranger's word: bounded, see shm_count() and shm_sum().
 */
#ifndef POLICYPOOL_SHM_H
#define POLICYPOOL_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"

/* ---- written by one process ---- */

struct shm_view {
	void *own;	  /* the maker's alone: a child does not inherit it */
	const void *seen; /* everybody's */
	size_t bytes;
	pid_t maker;
	bool sealed; /* false where the system has no sealed files: then only protected */
};

/* All zero.  0, or -1 with errno. */
MUST_CHECK int shm_view_open(struct shm_view *, size_t bytes);
/* In a child nothing is closed; its mappings end with it.  Zeroed is fine. */
void shm_view_close(struct shm_view *);

/* ---- a row a worker ---- */

struct shm_rows {
	char *own;	  /* writable: all of the maker's, one of a worker's */
	const char *seen; /* all */
	size_t stride;
	unsigned n;
	pid_t maker;
	bool sealed;
};

/* n rows of so many bytes, all zero, which begin at pages.  0, or -1 with errno. */
MUST_CHECK int shm_rows_open(struct shm_rows *, unsigned n, size_t bytes);
void shm_rows_close(struct shm_rows *); /* as shm_view_close() */

/* In a worker, first of all: from now on it can write that row alone.  0, or -1 with errno. */
MUST_CHECK int shm_rows_enter(struct shm_rows *, unsigned row);

/* For the process that may write it. */
static inline void *
shm_own_row(const struct shm_rows *r, unsigned row)
{
	return r->own + row * r->stride;
}

static inline const void *
shm_row(const struct shm_rows *r, unsigned row)
{
	return r->seen + row * r->stride;
}

/* ---- written by all ---- */

/* For what has to be one word for all, such as a counter of turns: whatever stands there, nothing
 * may come of it but another order.  All zero; NULL with errno.  shm_common_free(NULL) is fine. */
void *shm_common(size_t bytes);
void shm_common_free(void *, size_t bytes);

/* ---- reading what a worker has written ---- */

/* A count is not larger than this, so that the sum of all workers' fits in a word. */
#define SHM_COUNT_MAX (UINT64_C(1) << 56)

/* What no worker can have counted is no count. */
static inline uint64_t
shm_count(uint64_t said)
{
	return said <= SHM_COUNT_MAX ? said : 0;
}

/* An instant is not after now. */
static inline uint64_t
shm_instant(uint64_t said, uint64_t now)
{
	return said <= now ? said : 0;
}

/* Saturates, at what fits in a signed word too. */
static inline uint64_t
shm_sum(uint64_t a, uint64_t b)
{
	return a > INT64_MAX || b > INT64_MAX - a ? INT64_MAX : a + b;
}

#endif
