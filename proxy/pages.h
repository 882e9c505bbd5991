/* pages.h - the proxy's pages for operators: the pool at a glance, and as data. */
#ifndef POLICYPOOL_PAGES_H
#define POLICYPOOL_PAGES_H

#include <json-c/json.h>

#include "admin.h"
#include "console.h"
#include "supervisor.h"

struct pages {
	const struct console_env *pool; /* borrowed, as all here */
	struct supervisor *supervisor;
	struct json_object *(*status)(void *ctx); /* as ppool-ctl status has it; NULL on ENOMEM */
	void *ctx;
};

/* / (the status page), /overview (what it shows), /servers, /policies, /events, /metrics; their ctx
 * is a struct pages. */
extern const struct admin_page pages[];

#endif
