/* venue.c - see venue.h. */
#include "venue.h"

#include <unistd.h>

#include "launch.h"

int
venue_open(struct venue *fresh, const struct venue *in_force, const struct daemon_conf *conf,
	   FILE *err)
{
	fresh->addr = fresh->asked;
	fresh->fd = launch_listen_anew(conf, &in_force->asked, in_force->fd, &fresh->addr, err);
	return fresh->fd < 0 ? -1 : 0;
}

void
venue_swap(struct venue *a, struct venue *b)
{
	struct venue c = *a;

	*a = *b;
	*b = c;
}

bool
venue_is_same(const struct venue *a, const struct venue *b)
{
	return a->fd == b->fd;
}

void
venue_close(struct venue *aside, const struct venue *in_force)
{
	if (aside->fd >= 0 && aside->fd != in_force->fd)
		(void)close(aside->fd);
	aside->fd = -1;
}
