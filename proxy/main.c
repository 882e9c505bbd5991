/* main.c - ppool-proxy(8). */
#include "launch.h"
#include "log.h"
#include "master.h"
#include "proctitle.h"

static int
check(void *arg, FILE *err)
{
	struct master *m = arg;

	return proxy_settings_check(&m->settings, &m->venue.asked, err);
}

int
main(int argc, char *argv[])
{
	static const char program[] = "ppool-proxy";
	static struct master m = {.venue.fd = -1, .front = {.access_fd = -1}};
	int status;

	proxy_settings_init(&m.settings);
	status = launch_settings(program, m.settings.table, 2, argc, argv, check, &m, &m.command);
	if (status == LAUNCH_GO_ON) {
		status = 1;
		proctitle_init(argc, argv, program);
		if (launch_detach(&m.settings.daemon, program) == 0 && master_prepare(&m) == 0)
			status = master_run(&m);
		master_release(&m);
		command_release(&m.command);
		daemon_end();
		log_close();
	}
	proxy_settings_forget_keys(&m.settings);
	proxy_settings_forget_tls(&m.settings);
	conf_free(m.settings.table, 2);
	return status;
}
