/* main.c - ppool-client(1): send packets through the proxy, check each reply. */
#include <stdio.h>

#include "client_conf.h"
#include "process_init.h"
#include "run.h"

static const char program[] = "ppool-client";

static int
help(const struct client_settings *s, bool all)
{
	static const char *const usual[] = {"revproc",	"pkt",	   "policy", "payload",	 "size",
					    "id",	"expect",  "count",  "parallel", "pipeline",
					    "duration", "timeout", "tls",    "ca",	 "json",
					    "quiet",	NULL};

	printf("usage: %s -revproc [HOST:]PORT -pkt FILE [option ...]\n"
	       "       %s -revproc [HOST:]PORT --policy POLICY --payload TEXT [option ...]\n\n",
	       program, program);
	conf_help(s->table, 1, all ? NULL : usual, stdout);
	if (!all)
		printf("\n%s --help-all lists all %zu; ppool-client(1) tells of each.\n", program,
		       conf_options(s->table, 1));
	return RUN_CORRECT;
}

static int
send_packets(const struct client_settings *s, const struct proxies *proxies)
{
	struct template template;
	struct expect expect;
	struct tls_creds *tls;
	int status = RUN_USAGE;

	if (client_settings_tls(s, &tls, stderr) < 0)
		return RUN_USAGE;
	if (client_settings_template(s, &template, &expect, stderr) == 0)
		status = (int)run(s, proxies, &template, &expect, tls);
	expect_free(&expect);
	template_free(&template);
	tls_creds_unref(tls);
	return status;
}

static int
obey(struct client_settings *s, int argc, char *argv[])
{
	const struct conf_command *command = &s->command;
	struct proxies proxies;

	if (command->help || command->help_all)
		return help(s, command->help_all);
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
	if (command->check) {
		printf("%s: the options are ok\n", program);
		return RUN_CORRECT;
	}
	if (client_settings_proxies(s, &proxies, stderr) < 0)
		return RUN_UNREACHABLE;
	return send_packets(s, &proxies);
}

int
main(int argc, char *argv[])
{
	struct client_settings settings;
	int status = RUN_USAGE;

	process_init(PROCESS_COMMAND);
	client_settings_init(&settings);
	if (conf_load(settings.table, 1, argc, argv, NULL, &settings.command, stderr) == 0)
		status = obey(&settings, argc, argv);
	conf_free(settings.table, 1);
	return process_status(program, status);
}
