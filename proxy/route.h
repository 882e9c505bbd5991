/* route.h - policy + who can take a request now -> which server.  Pure. */
#ifndef POLICYPOOL_ROUTE_H
#define POLICYPOOL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_NOBODY = -1 };

/* Strict round robin: of the candidates that are usable, in their order, the one whose turn it is.
 * avoid is the candidate that failed this request just now (ROUTE_NOBODY: none): another takes its
 * turn where there is another.  ROUTE_NOBODY when none is usable. */
int route_pick(const bool *usable, size_t n, uint64_t turn, int avoid);

#endif
