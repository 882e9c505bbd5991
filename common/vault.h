/* vault.h - memory for secrets: in pages of its own, which no core file has, and wiped when it is
 * given back. */
#ifndef POLICYPOOL_VAULT_H
#define POLICYPOOL_VAULT_H

#include <stddef.h>

/* Zeroed; n is at least 1.  NULL with errno. */
void *vault_new(size_t n);

/* n is what it was made with.  NULL is fine. */
void vault_free(void *, size_t n);

#endif
