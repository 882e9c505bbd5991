/* registration_forward.h - hands a client's registration to the master, which alone decides, and
 * its answer back. */
#ifndef POLICYPOOL_REGISTRATION_FORWARD_H
#define POLICYPOOL_REGISTRATION_FORWARD_H

#include <stdint.h>

#include "packet.h"
#include "span.h"

struct client;
struct proxy_worker;

/* Before anything else here: nothing is with the master. */
void registration_forward_init(struct proxy_worker *);

/* Of type 1 or 5. */
void registration_forward_make(struct client *, const struct packet *);

/* The master's answer; its client may have gone meanwhile. */
void registration_forward_end(struct proxy_worker *, struct span message);

/* Now and then, now in clock_ms(): what the master has not answered in MASTER_ANSWERS_MS is
 * answered `overloaded`; it may have lost the message, or its answer, for want of memory. */
void registration_forward_tick(struct proxy_worker *, uint64_t now);

#endif
