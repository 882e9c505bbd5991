/* store_confine.h - what the store process gives up: the master's descriptors, its user, and the
 * system calls that reach out of a process. */
#ifndef POLICYPOOL_STORE_CONFINE_H
#define POLICYPOOL_STORE_CONFINE_H

#include <sys/types.h>

#include "compiler.h"
#include "privdrop.h"

/* All but this one, stdio and the log are closed.  0, or -1 with the reason logged. */
MUST_CHECK int store_confine_close(int channel);

/* What needs files is opened before.  It dies with the master from now on.  0, or -1. */
MUST_CHECK int store_confine(const struct privdrop *, pid_t master);

#endif
