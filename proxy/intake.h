/* intake.h - what comes from clients: connections, packets, faults and ends; each is taken, handed
 * on or refused. */
#ifndef POLICYPOOL_INTAKE_H
#define POLICYPOOL_INTAKE_H

#include "addr.h"
#include "conn.h"

/* As the listener and the clocks of front.h's worker call them; arg is its struct front. */
void intake_accept(int fd, const struct addr *from, void *arg);
void intake_too_slow(void *client, enum conn_debt, void *arg);

#endif
