/* follow.h - the events of a proxy as they happen. */
#ifndef POLICYPOOL_FOLLOW_H
#define POLICYPOOL_FOLLOW_H

#include <stdbool.h>

/* Prints those that are remembered, then each new one, until it is interrupted or the proxy cannot
 * be reached any more; the exit status. */
int follow_events(const char *path, bool json);

#endif
