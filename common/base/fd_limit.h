/* fd_limit.h - the limit of open descriptors (RLIMIT_NOFILE): raised to what the settings need,
 * or the number of connections lowered to it.
 *
 * A worker's descriptors: some of its own (event loop, channel, log, listener), one a connection,
 * and where it forwards one a connection to a server and one for each worker that it can wake. */
#ifndef POLICYPOOL_FD_LIMIT_H
#define POLICYPOOL_FD_LIMIT_H

#include <stdbool.h>

#include "compiler.h"

struct fd_limit {
	unsigned long limit; /* in force for a worker */
	unsigned asked;	     /* connections, by the settings */
	unsigned granted;    /* at most asked */
	/* What the master needs while two generations of workers are there, and may have. */
	unsigned long master_needs, master_limit;
};

struct fd_limit_need {
	unsigned workers;     /* that there may be */
	unsigned connections; /* of one worker */
	bool forwards;	      /* each may need another one, to a server */
	unsigned others;      /* descriptors of a worker beside these, and of the master */
	unsigned of_master;   /* for two generations of workers */
	unsigned most;	      /* descriptors of one worker, by the settings; 0: no such limit */
};

/* How many connections fit.  Where they forward, a quarter of what is not the worker's own is kept
 * for servers.  Pure; 0 when there is no room for one. */
unsigned fd_limit_fit(unsigned long limit, const struct fd_limit_need *);

/* Raises the soft limit, at most to the hard one, and fits the connections in.  0, or -1 when not
 * even one fits: fd_limit_text() tells; or a single generation's descriptors of the master do not:
 * fd_limit_master_text() tells. */
MUST_CHECK int fd_limit_plan(const struct fd_limit_need *, struct fd_limit *);

/* "16384 lowered to 164: the limit of open files is 256", or why not even one fits. */
enum { FD_LIMIT_TEXT = 160 };
const char *fd_limit_text(const struct fd_limit *, char text[FD_LIMIT_TEXT]);
/* "the master needs 168 descriptors in a reload: the limit of open files is 100"; NULL: it has
 * them. */
const char *fd_limit_master_text(const struct fd_limit *, char text[FD_LIMIT_TEXT]);

#endif
