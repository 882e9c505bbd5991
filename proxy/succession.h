/* succession.h - what a proxy's master has from its predecessor, and hands to its successor: the
 * registry beside all that every daemon has, and registrations that still come to the former
 * workers. */
#ifndef POLICYPOOL_PROXY_SUCCESSION_H
#define POLICYPOOL_PROXY_SUCCESSION_H

#include "attr.h"
#include "handover.h"
#include "span.h"
#include "upgrade.h"

struct master;

/* Their ctx is a struct master. */
extern const struct handover_ops succession_heir;
extern const struct upgrade_ops succession_testator;

/* Fills the registry with what was handed over.  1, 0 when nothing was, or -1 with the reason
 * logged. */
MUST_CHECK int succession_recall(struct master *);

/* A registration as the worker in a slot handed it over goes to the successor as well.  True when
 * the answer comes from there. */
bool succession_forward(struct master *, unsigned slot, struct span message);

#endif
