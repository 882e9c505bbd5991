/* route.c - see route.h. */
#include "route.h"

static int
nth_usable(const bool *usable, size_t n, uint64_t nth, int avoid)
{
	for (size_t i = 0; i < n; i++)
		if (usable[i] && (int)i != avoid && nth-- == 0)
			return (int)i;
	return ROUTE_NOBODY;
}

int
route_pick(const bool *usable, size_t n, uint64_t turn, int avoid)
{
	size_t live = 0, others = 0;

	for (size_t i = 0; i < n; i++) {
		live += usable[i];
		others += usable[i] && (int)i != avoid;
	}
	if (live == 0)
		return ROUTE_NOBODY;
	if (others == 0)
		return nth_usable(usable, n, 0, ROUTE_NOBODY);
	return nth_usable(usable, n, turn % others, avoid);
}
