/* daemon_metrics.h - metrics, health and readiness that every daemon has, of itself and its
 * workers. */
#ifndef POLICYPOOL_DAEMON_METRICS_H
#define POLICYPOOL_DAEMON_METRICS_H

#include "http_admin.h"
#include "prometheus.h"
#include "supervisor.h"

/* Measured values of the daemon itself: its build, workers, connections, packets. */
void daemon_metrics_write(struct prometheus *, const char *program, struct supervisor *);

/* A page's body: 200 while workers serve and nobody asked it to stop, otherwise 503 and why. */
int daemon_metrics_readiness(struct evbuffer *, struct supervisor *);

/* /healthz: 200 unless no worker can serve; /readyz: daemon_metrics_readiness().  Their ctx is the
 * struct supervisor. */
extern const struct http_admin_page daemon_metrics_pages[];

#endif
