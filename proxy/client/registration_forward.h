/* registration_forward.h - hands a client's registration to the master, which alone decides, and
 * its answer back. */
#ifndef POLICYPOOL_REGISTRATION_FORWARD_H
#define POLICYPOOL_REGISTRATION_FORWARD_H

#include "packet.h"
#include "span.h"

struct client;
struct proxy_worker;

/* Of type 1 or 5. */
void registration_forward_make(struct client *, const struct packet *);

/* The master's answer; its client may have gone meanwhile. */
void registration_forward_end(struct proxy_worker *, struct span message);

#endif
