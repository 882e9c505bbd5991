/* orders.h - the control verbs that every daemon has: looking at its workers, giving it orders. */
#ifndef POLICYPOOL_ORDERS_H
#define POLICYPOOL_ORDERS_H

#include "control.h"

/* workers, deaths, stop, reopen, scale, recycle, kill-worker; their ctx is the struct supervisor.
 */
extern const struct control_verb orders[];

#endif
