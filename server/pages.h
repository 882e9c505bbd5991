/* pages.h - the server's pages for operators. */
#ifndef POLICYPOOL_SERVER_PAGES_H
#define POLICYPOOL_SERVER_PAGES_H

#include "admin.h"
#include "registrar.h"
#include "supervisor.h"

struct pages {
	struct supervisor *supervisor;	    /* borrowed, as all here */
	struct registrar *const *registrar; /* who it points to may change; NULL: it joins nobody */
};

/* /metrics, and /readyz, which asks for the proxy's acknowledgement too; their ctx is a struct
 * pages. */
extern const struct admin_page pages[];

#endif
