/* venue.h - where a daemon listens.  While a reload is under way there are two: the one in force,
 * and the fresh or former one aside, whose socket is the same where the place has not changed. */
#ifndef POLICYPOOL_VENUE_H
#define POLICYPOOL_VENUE_H

#include <stdbool.h>
#include <stdio.h>

#include "addr.h"
#include "attr.h"
#include "daemon.h"

struct venue {
	struct addr asked, addr; /* port 0 may be asked for; addr is the one taken */
	int fd;			 /* the listening socket; -1: none */
};

/* Listens where fresh->asked says, unless that is what was asked for before.  0, or -1 with a line
 * on err. */
MUST_CHECK int venue_open(struct venue *fresh, const struct venue *in_force,
			  const struct daemon_conf *, FILE *err);

void venue_swap(struct venue *, struct venue *);

bool venue_is_same(const struct venue *, const struct venue *);

/* Closes the one aside, unless its socket is the one in force. */
void venue_close(struct venue *aside, const struct venue *in_force);

#endif
