/* fail_nth.c - preloaded by tests/faults: the allocation with the number in FAIL_NTH, counted
 * since main() began, fails with ENOMEM, once over a process and all that it forks.  With
 * FAIL_COUNT, a file, nothing fails, and the number so far is kept there.
 *
 * The number is in shared memory, so that a worker which is started again is spared the second
 * time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int main_fn(int, char **, char **);

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Atomic unsigned long *shared; /* NULL until main() begins */
static _Thread_local int spared;      /* within what crashes by itself for want of memory */
static unsigned long wanted;
static main_fn *real_main;

static int
fails(void)
{
	if (shared == NULL || spared || atomic_fetch_add(shared, 1) + 1 != wanted)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *old, size_t n)
{
	return fails() ? NULL : __libc_realloc(old, n);
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	return fails() ? NULL : __libc_memalign(alignment, n);
}

int
posix_memalign(void **out, size_t alignment, size_t n)
{
	*out = fails() ? NULL : __libc_memalign(alignment, n);
	return *out == NULL ? ENOMEM : 0;
}

/* glibc 2.36 itself crashes in these for want of memory. */
#define SPARE(type, name, parameter)                                \
	type *name(parameter x)                                     \
	{                                                           \
		type *(*real)(parameter) = dlsym(RTLD_NEXT, #name); \
		type *found;                                        \
                                                                    \
		spared++;                                           \
		found = real(x);                                    \
		spared--;                                           \
		return found;                                       \
	}

SPARE(struct passwd, getpwnam, const char *)
SPARE(struct passwd, getpwuid, uid_t)
SPARE(struct group, getgrnam, const char *)
SPARE(struct group, getgrgid, gid_t)

static int
counted_main(int argc, char **argv, char **envp)
{
	const char *nth = getenv("FAIL_NTH"), *count = getenv("FAIL_COUNT");
	int fd = count == NULL ? -1 : open(count, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *at;

	if (fd >= 0 && ftruncate(fd, sizeof *shared) < 0)
		abort();
	at = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		  MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (at == MAP_FAILED)
		abort();
	if (fd >= 0)
		(void)close(fd);
	wanted = nth == NULL ? 0 : strtoul(nth, NULL, 10);
	(void)unsetenv("FAIL_NTH");
	(void)unsetenv("FAIL_COUNT");
	(void)unsetenv("LD_PRELOAD");
	shared = at;
	return real_main(argc, argv, envp);
}

int
__libc_start_main(main_fn *program, int argc, char **argv, void (*init)(void), void (*fini)(void),
		  void (*ending)(void), void *stack_end)
{
	int (*start)(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void),
		     void *) = dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = program;
	return start(counted_main, argc, argv, init, fini, ending, stack_end);
}
