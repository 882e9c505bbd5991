/* referral.h - registrations: a client's packet goes to the master, who alone judges them, and the
 * answer comes back. */
#ifndef POLICYPOOL_REFERRAL_H
#define POLICYPOOL_REFERRAL_H

#include "packet.h"
#include "span.h"

struct client;
struct front;

/* Of type 1 or 5. */
void referral_make(struct client *, const struct packet *);

/* The master's answer, whose client may have gone meanwhile. */
void referral_end(struct front *, struct span message);

#endif
