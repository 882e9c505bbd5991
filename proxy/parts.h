/* parts.h - makes the parts of the proxy's master, each with what it needs of the others; the order
 * is master_prepare()'s, the end master_release()'s. */
#ifndef POLICYPOOL_PARTS_H
#define POLICYPOOL_PARTS_H

#include "attr.h"

struct master;

/* 0, or -1 with the reason logged. */
MUST_CHECK int parts_open_access_log(struct master *);
MUST_CHECK int parts_open_registry(struct master *); /* and what workers share beside it */
MUST_CHECK int parts_open_watch(struct master *);
MUST_CHECK int parts_open_console(struct master *);
MUST_CHECK int parts_open_pages(struct master *);
MUST_CHECK int parts_open_upgrade(struct master *);

/* Nothing that goes wrong there keeps the proxy from serving. */
void parts_open_keeper(struct master *);

#endif
