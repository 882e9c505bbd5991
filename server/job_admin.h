/* job_admin.h - what operators see of a server's handler, and order: control commands, its part of
 * the status, metrics, readiness. */
#ifndef POLICYPOOL_JOB_ADMIN_H
#define POLICYPOOL_JOB_ADMIN_H

#include <json-c/json.h>

#include "control.h"
#include "handler_conf.h"
#include "job_stats.h"
#include "job_strikes.h"
#include "prometheus.h"
#include "supervisor.h"

/* Borrowed, as all in it. */
struct job_admin {
	struct supervisor *supervisor;
	struct job_stats *stats;
	struct job_strikes *strikes;
	const struct handler_conf *(*conf)(void *ctx); /* that in force */
	void *ctx;
};

/* handlers, strikes [clear [FINGERPRINT]]; their ctx is a struct job_admin. */
extern const struct control_verb job_admin_verbs[];

/* Arrays as these commands tell them; NULL without a handler, or on ENOMEM. */
struct json_object *job_admin_handlers(const struct job_admin *);
struct json_object *job_admin_strikes(const struct job_admin *);

/* Adds to the status: the job, and with a handler its processes and counters. */
void job_admin_describe(const struct job_admin *, struct json_object *status);

/* Without a handler nothing. */
void job_admin_metrics(const struct job_admin *, struct prometheus *);

/* Why its handler keeps it from being of use; NULL: nothing does. */
const char *job_admin_trouble(const struct job_admin *);

#endif
