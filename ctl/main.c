/* main.c - ppool-ctl(8): looks into running daemons. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "options.h"
#include "printable.h"
#include "process_init.h"

static int
run(const struct options *o)
{
	const struct command *v = command_find(o->args[0]);
	const char *near = v == NULL ? command_nearest(o->args[0]) : NULL;
	char shown[64];

	if (v != NULL)
		return command_run(v, &o->target, &o->view, o->args + 1);
	(void)fprintf(stderr, "ppool-ctl: %s: no such command",
		      printable(o->args[0], shown, sizeof shown));
	if (near != NULL)
		(void)fprintf(stderr, " (did you mean %s?)", near);
	(void)fputc('\n', stderr);
	options_hint();
	return STATUS_USAGE;
}

/* This user's runtime folder, the system's, and that of its units, which another user runs. */
static char *
choose_folders(struct options *o)
{
	struct target *t = &o->target;
	char *dir = daemon_runtime_dir(o->runtime_dir);

	int n = 0;

	t->dir[n++] = dir;
	t->dir_named = o->runtime_dir != NULL;
	if (dir == NULL || t->dir_named)
		return dir;
	if (strcmp(dir, TARGET_SYSTEM_DIR) != 0)
		t->dir[n++] = TARGET_SYSTEM_DIR;
	t->dir[n] = TARGET_UNITS_DIR;
	return dir;
}

int
main(int argc, char *argv[])
{
	struct options o = {.n = 0};
	char *dir = NULL;
	int status = STATUS_USAGE;

	process_init(PROCESS_COMMAND);
	if (options_parse(&o, argc, argv) == 0) {
		dir = choose_folders(&o);
		status = dir != NULL ? run(&o) : STATUS_REFUSED;
		if (dir == NULL)
			(void)fputs("ppool-ctl: out of memory\n", stderr);
	}
	free(dir);
	free(o.args);
	return process_status("ppool-ctl", status);
}
