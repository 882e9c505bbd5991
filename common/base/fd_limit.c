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
	unsigned long master = OWN + (unsigned long)n->of_master, limit;

	limit = net_raise_nofile((wanted > master ? wanted : master) + SPARE_WANTED);
	*out = (struct fd_limit){
		.asked = n->connections, .master_needs = master, .master_limit = limit};
	if (n->most > 0 && n->most < limit)
		limit = n->most;
	out->limit = limit;
	out->granted = fd_limit_fit(limit, n);
	return out->granted > 0 && OWN + n->of_master / 2 <= out->master_limit ? 0 : -1;
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

const char *
fd_limit_master_text(const struct fd_limit *f, char text[FD_LIMIT_TEXT])
{
	if (f->master_needs <= f->master_limit)
		return NULL;
	(void)snprintf(text, FD_LIMIT_TEXT,
		       "the master needs %lu descriptors in a reload: the limit of open files is "
		       "%lu (ulimit -n, LimitNOFILE=)",
		       f->master_needs, f->master_limit);
	return text;
}
