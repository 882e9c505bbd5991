/* shm.c - see shm.h. */
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

static size_t
whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

/* Where a mapping is to be, which nothing else is given meanwhile. */
static void *
reserve(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* ---- files ---- */

/* A limit on the size of files is meant for those on disks, and would end the process by SIGXFSZ.
 * Where it can't be raised this file can't be had. */
static int
set_size(int fd, size_t bytes)
{
	struct rlimit before, raised;
	bool limited = getrlimit(RLIMIT_FSIZE, &before) == 0 && before.rlim_cur < bytes;
	int rc, error;

	if (limited) {
		raised = before;
		raised.rlim_cur = bytes;
		if (raised.rlim_max < bytes)
			raised.rlim_max = bytes;
		if (setrlimit(RLIMIT_FSIZE, &raised) < 0) {
			errno = EFBIG;
			return -1;
		}
	}
	rc = ftruncate(fd, (off_t)bytes);
	error = errno;
	if (limited)
		(void)setrlimit(RLIMIT_FSIZE, &before);
	errno = error;
	return rc;
}

static int
make_file(size_t bytes)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("policypool", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* an older kernel */
		fd = memfd_create("policypool", flags);
	if (fd >= 0 && set_size(fd, bytes) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool
map(void *at, size_t bytes, int protection, int fd)
{
	return mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, fd, 0) == at;
}

/* Mappings made for writing by now stay writable; no other can be made. */
static bool
seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS,
		     F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

/* The same memory at two places, to write and to read.  False, with errno, where the system has no
 * such files. */
static bool
map_sealed(void *own, void *seen, size_t bytes)
{
	int fd = make_file(bytes), error;
	bool done;

	if (fd < 0)
		return false;
	done = map(own, bytes, PROT_READ | PROT_WRITE, fd) && seal(fd) &&
	       map(seen, bytes, PROT_READ, fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return done;
}

/* The same without a file: readers are kept from writing by the protection alone. */
static bool
map_protected(void *own, void *seen, size_t bytes)
{
	return mmap(own, bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == own &&
	       mremap(own, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, seen) == seen &&
	       mprotect(seen, bytes, PROT_READ) == 0;
}

/* *sealed turns false when it is not. */
static bool
map_both(void *own, void *seen, size_t bytes, bool *sealed)
{
	if (*sealed && map_sealed(own, seen, bytes))
		return true;
	*sealed = false;
	return map_protected(own, seen, bytes);
}

static void
unmap(const void *at, size_t bytes)
{
	if (at != NULL)
		(void)munmap((void *)(uintptr_t)at, bytes);
}

/* ---- views ---- */

int
shm_view_open(struct shm_view *v, size_t bytes)
{
	void *own, *seen;

	*v = (struct shm_view){.bytes = whole_pages(bytes), .maker = getpid(), .sealed = true};
	v->own = own = reserve(v->bytes);
	v->seen = seen = reserve(v->bytes);
	if (own != NULL && seen != NULL && map_both(own, seen, v->bytes, &v->sealed) &&
	    madvise(own, v->bytes, MADV_DONTFORK) == 0)
		return 0;
	shm_view_close(v);
	errno = ENOMEM;
	return -1;
}

void
shm_view_close(struct shm_view *v)
{
	if (v->maker != getpid())
		return;
	unmap(v->own, v->bytes);
	unmap(v->seen, v->bytes);
	*v = (struct shm_view){0};
}

/* ---- rows ---- */

int
shm_rows_open(struct shm_rows *r, unsigned n, size_t bytes)
{
	char *own, *seen;
	unsigned done = 0;

	*r = (struct shm_rows){
		.stride = whole_pages(bytes), .n = n, .maker = getpid(), .sealed = true};
	r->own = own = reserve(n * r->stride);
	r->seen = seen = reserve(n * r->stride);
	while (own != NULL && seen != NULL && done < n &&
	       map_both(own + done * r->stride, seen + done * r->stride, r->stride, &r->sealed))
		done++;
	if (done == n)
		return 0;
	shm_rows_close(r);
	errno = ENOMEM;
	return -1;
}

void
shm_rows_close(struct shm_rows *r)
{
	if (r->maker != getpid())
		return;
	unmap(r->own, r->n * r->stride);
	unmap(r->seen, r->n * r->stride);
	*r = (struct shm_rows){0};
}

static bool
give_up(char *from, const char *to)
{
	size_t bytes = (size_t)(to - from);

	return bytes == 0 || munmap(from, bytes) == 0;
}

int
shm_rows_enter(struct shm_rows *r, unsigned row)
{
	char *mine = r->own + row * r->stride;

	return give_up(r->own, mine) && give_up(mine + r->stride, r->own + r->n * r->stride) ? 0
											     : -1;
}

/* ---- common ---- */

void *
shm_common(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void
shm_common_free(void *at, size_t bytes)
{
	unmap(at, bytes);
}
