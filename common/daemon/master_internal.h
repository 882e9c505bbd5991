/* master_internal.h - internal to a master: master.c (its life) and master_upgrade.c (upgrades). */
#ifndef POLICYPOOL_MASTER_INTERNAL_H
#define POLICYPOOL_MASTER_INTERNAL_H

#include "compiler.h"
#include "master.h"

/* Takes leave and has the workers drain. */
void master_leave(struct master *);

/* Takes over from a predecessor where there is one, and prepares to be followed.  0, or -1 logged.
 */
MUST_CHECK int master_open_upgrade(struct master *);

#endif
