/* fd_limit.c - see fd_limit.h. */
#include "fd_limit.h"

#include <stdio.h>

#include "net.h"

enum {
	OWN = 32,	   /* descriptors of a process beside connections */
	SPARE_SHARE = 4,   /* one in so many is kept for servers, ... */
	SPARE_MOST = 2048, /* ... and no more than that */
	SPARE_WANTED = 256 /* beyond what connections need, if it can be had */
};

static unsigned long
own(const struct fd_limit_need *n)
{
	return OWN + n->others + (n->forwards ? (unsigned long)n->workers : 0);
}

unsigned
fd_limit_fit(unsigned long limit, const struct fd_limit_need *n)
{
	unsigned long room = limit > own(n) ? limit - own(n) : 0;
	unsigned long spare = (room + SPARE_SHARE - 1) / SPARE_SHARE;

	if (n->forwards)
		room -= spare < SPARE_MOST ? spare : SPARE_MOST;
	return room < n->connections ? (unsigned)room : n->connections;
}

int
fd_limit_plan(const struct fd_limit_need *n, struct fd_limit *out)
{
	unsigned long each = n->forwards ? 2 : 1, wanted = own(n) + n->connections * each;
	unsigned long limit;

	if (wanted < OWN + (unsigned long)n->of_master)
		wanted = OWN + (unsigned long)n->of_master;
	limit = net_raise_nofile(wanted + SPARE_WANTED);
	if (n->most > 0 && n->most < limit)
		limit = n->most;
	*out = (struct fd_limit){
		.limit = limit, .asked = n->connections, .granted = fd_limit_fit(limit, n)};
	return out->granted > 0 ? 0 : -1;
}

const char *
fd_limit_text(const struct fd_limit *f, char text[FD_LIMIT_TEXT])
{
	if (f->granted == 0)
		(void)snprintf(text, FD_LIMIT_TEXT,
			       "no room for a single one: the limit of open files is %lu (ulimit "
			       "-n, LimitNOFILE=, worker_max_files)",
			       f->limit);
	else
		(void)snprintf(text, FD_LIMIT_TEXT,
			       "%u lowered to %u: the limit of open files is %lu (ulimit -n, "
			       "LimitNOFILE=, worker_max_files)",
			       f->asked, f->granted, f->limit);
	return text;
}
