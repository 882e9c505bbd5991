/* secure_mem.h - memory for secrets: in pages of its own, not in core files, wiped when it is
 * freed. */
#ifndef POLICYPOOL_SECURE_MEM_H
#define POLICYPOOL_SECURE_MEM_H

#include <stddef.h>

/* Zeroed; n is at least 1.  NULL with errno. */
void *secure_mem_new(size_t n);

/* n is what it was made with.  NULL is fine. */
void secure_mem_free(void *, size_t n);

/* From now on this process writes no core file at all, for it has secrets in memory of another
 * kind: GnuTLS keeps private keys on the heap. */
void secure_mem_refuse_cores(void);

#endif
