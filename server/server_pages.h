/* server_pages.h - what a server's page for people shows: its job, the processes that do it, its
 * workers.  Metrics and readiness are server_master.c's. */
#ifndef POLICYPOOL_SERVER_PAGES_H
#define POLICYPOOL_SERVER_PAGES_H

#include "http_admin.h"
#include "job_admin.h"

struct server_pages {
	struct supervisor *supervisor;
	const struct job_admin *jobs;
	struct json_object *(*status)(void *ctx); /* as ppool-ctl status has it; NULL on ENOMEM */
	void *ctx;
};

/* /, the page, and /overview, what it shows; their ctx is a struct server_pages. */
extern const struct http_admin_page server_pages[];

#endif
