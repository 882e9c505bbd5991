/* main.c - ppool-proxy(8). */
#include "proxy_master.h"

int
main(int argc, char *argv[])
{
	static struct proxy_master m = {
		.pool.journal_lock = -1, .access_fd = -1, .former_access_fd = -1};

	return master_main(&m.base, &proxy_master_ops, argc, argv);
}
