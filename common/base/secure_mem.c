/* secure_mem.c - see secure_mem.h. */
#include "secure_mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* The sanitizer that looks for leaks does not look into such pages by itself: what hangs on them
 * would be one. */
#if defined(__SANITIZE_ADDRESS__)
#define VAULT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VAULT_SANITIZED 1
#endif
#endif
#ifdef VAULT_SANITIZED
#include <sanitizer/lsan_interface.h>
#define SHOW(at, n) __lsan_register_root_region(at, n)
#define HIDE(at, n) __lsan_unregister_root_region(at, n)
#else
#define SHOW(at, n) (void)0
#define HIDE(at, n) (void)0
#endif

void *
secure_mem_new(size_t n)
{
	void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int saved;

	if (at == MAP_FAILED)
		return NULL;
	/* Asked of the kernel and not of the limit of core files, which a program that takes them
	 * by a pipe does not heed. */
	if (madvise(at, n, MADV_DONTDUMP) == 0) {
		SHOW(at, n);
		return at;
	}
	saved = errno;
	(void)munmap(at, n);
	errno = saved;
	return NULL;
}

void
secure_mem_refuse_cores(void)
{
#ifndef VAULT_SANITIZED			 /* which looks for leaks by tracing */
	(void)prctl(PR_SET_DUMPABLE, 0); /* cannot fail: the argument is one of those known */
#endif
}

void
secure_mem_free(void *at, size_t n)
{
	if (at == NULL)
		return;
	explicit_bzero(at, n);
	HIDE(at, n);
	(void)munmap(at, n);
}
