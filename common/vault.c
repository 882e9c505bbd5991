/* vault.c - see vault.h. */
#include "vault.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void *
vault_new(size_t n)
{
	void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int saved;

	if (at == MAP_FAILED)
		return NULL;
	/* Asked of the kernel and not of the limit of core files, which a program that takes them
	 * by a pipe does not heed. */
	if (madvise(at, n, MADV_DONTDUMP) == 0)
		return at;
	saved = errno;
	(void)munmap(at, n);
	errno = saved;
	return NULL;
}

void
vault_free(void *at, size_t n)
{
	if (at == NULL)
		return;
	explicit_bzero(at, n);
	(void)munmap(at, n);
}
