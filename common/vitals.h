/* vitals.h - what every daemon tells its monitoring: is it well, is it ready, what have its workers
 * done. */
#ifndef POLICYPOOL_VITALS_H
#define POLICYPOOL_VITALS_H

#include "admin.h"
#include "exposition.h"
#include "supervisor.h"

/* Measured values of the daemon itself: its build, workers, connections, packets. */
void vitals_write(struct exposition *, const char *program, struct supervisor *);

/* A page's body: 200 while workers serve and nobody asked it to stop, otherwise 503 and why. */
int vitals_readiness(struct evbuffer *, struct supervisor *);

/* /healthz: 200 unless no worker can serve; /readyz: vitals_readiness().  Their ctx is the struct
 * supervisor. */
extern const struct admin_page vitals_pages[];

#endif
