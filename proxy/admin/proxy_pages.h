/* proxy_pages.h - the proxy's pages for operators: the pool at a glance, and as data. */
#ifndef POLICYPOOL_PROXY_PAGES_H
#define POLICYPOOL_PROXY_PAGES_H

#include <json-c/json.h>

#include "admin_cmds.h"
#include "http_admin.h"
#include "supervisor.h"

struct proxy_pages {
	const struct admin_cmds_env *pool; /* borrowed, as all here */
	struct supervisor *supervisor;
	struct json_object *(*status)(void *ctx); /* as ppool-ctl status has it; NULL on ENOMEM */
	unsigned (*missing)(void *ctx);		  /* servers of the file that are not in the pool */
	void *ctx;
};

/* / (the status page), /overview (what it shows), /servers, /policies, /events, /metrics, and
 * /readyz, which asks for a server that may take requests too; their ctx
 * is a struct proxy_pages. */
extern const struct http_admin_page pages[];

#endif
