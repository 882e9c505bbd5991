/* main.c - ppool-server(8). */
#include "server_master.h"
#include "server_once.h"

int
main(int argc, char *argv[])
{
	static struct server_master m;

	if (server_once_is_asked(argc, argv))
		return server_once(argc, argv);
	return master_main(&m.base, &server_master_ops, argc, argv);
}
