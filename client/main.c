/* main.c - ppool-client(1): send packets through the proxy, check the digest of each reply. */
#include <stdio.h>

#include "run.h"
#include "settings.h"

static const char program[] = "ppool-client";

static int
help(const struct client_settings *s)
{
	printf("usage: %s -revproc [HOST:]PORT -pkt FILE [option ...]\n"
	       "       %s -revproc [HOST:]PORT --policy POLICY --payload TEXT [option ...]\n\n",
	       program, program);
	conf_help(s->table, 1, stdout);
	return RUN_CORRECT;
}

static int
send_packets(const struct client_settings *s, const struct addr *proxy)
{
	struct template template;
	struct tls_creds *tls;
	int status = RUN_USAGE;

	if (client_settings_tls(s, &tls, stderr) < 0)
		return RUN_USAGE;
	if (client_settings_template(s, &template, stderr) == 0)
		status = (int)run(s, proxy, &template, tls);
	template_free(&template);
	tls_creds_release(tls);
	return status;
}

static int
obey(struct client_settings *s, int argc, char *argv[])
{
	const struct conf_command *command = &s->command;
	struct addr proxy;

	if (command->help)
		return help(s);
	if (command->version) {
		printf("%s %s\n", program, POLICYPOOL_VERSION);
		return RUN_CORRECT;
	}
	if (command->rest < argc) {
		(void)fprintf(stderr, "%s: %s: no such argument\n", program, argv[command->rest]);
		return RUN_USAGE;
	}
	if (client_settings_check(s, stderr) < 0)
		return RUN_USAGE;
	if (command->show) {
		conf_show(s->table, 1, stdout);
		return RUN_CORRECT;
	}
	if (command->check)
		return RUN_CORRECT;
	if (client_settings_proxy(s, &proxy, stderr) < 0)
		return RUN_UNREACHABLE;
	return send_packets(s, &proxy);
}

int
main(int argc, char *argv[])
{
	struct client_settings settings;
	int status = RUN_USAGE;

	client_settings_init(&settings);
	if (conf_load(settings.table, 1, argc, argv, NULL, &settings.command, stderr) == 0)
		status = obey(&settings, argc, argv);
	conf_free(settings.table, 1);
	return status;
}
