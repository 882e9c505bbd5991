/* succession.h - what a server's master has from its predecessor, and hands to its successor. */
#ifndef POLICYPOOL_SERVER_SUCCESSION_H
#define POLICYPOOL_SERVER_SUCCESSION_H

#include "attr.h"
#include "handover.h"
#include "upgrade.h"

/* Their ctx is a struct master. */
extern const struct handover_ops succession_heir;
extern const struct upgrade_ops succession_testator;

#endif
