/* main.c - ppool-ctl(8): looks into running daemons. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "printable.h"
#include "process_init.h"

struct options {
	struct target target;
	const char *runtime_dir;
	bool json;
	char **args; /* the command, its arguments, NULL; the array is owned */
	int n;
};

static void
usage(FILE *out)
{
	(void)fputs("usage: ppool-ctl COMMAND [ARGUMENT ...] [OPTION ...]\n\n"
		    "  -p, --port PORT        the proxy on this port\n"
		    "  -i, --id ID            the server with this id\n"
		    "  -s, --socket PATH      the daemon with this control socket\n"
		    "      --pid PID          the daemon with this pid\n"
		    "  -j, --json             print JSON\n"
		    "  -r, --runtime-dir DIR  directory of the control sockets\n"
		    "  -h, --help             print this help and exit\n"
		    "  -V, --version          print the version and exit\n\n"
		    "Without -p, -i, -s or --pid the only daemon, or the only proxy, is used.\n\n",
		    out);
	command_usage(out);
}

/* "-1" is an argument, which its command judges. */
static bool
is_negative_number(const char *word)
{
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

static int
hint(void)
{
	(void)fputs("ppool-ctl: try ppool-ctl --help\n", stderr);
	return -1;
}

/* What belongs to the command, in the order given.  There is room for all. */
static void
keep(struct options *o, char *argument)
{
	o->args[o->n++] = argument;
}

static int
parse(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
					      {"port", required_argument, NULL, 'p'},
					      {"id", required_argument, NULL, 'i'},
					      {"pid", required_argument, NULL, 'P'},
					      {"json", no_argument, NULL, 'j'},
					      {"follow", no_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {"runtime-dir", required_argument, NULL, 'r'},
					      {NULL, 0, NULL, 0}};
	struct target *t = &o->target;
	static char pages[] = "-n", seconds[] = "-d", follow[] = "--follow";
	int c;

	o->args = calloc(2 * (size_t)argc + 1, sizeof *o->args);
	if (o->args == NULL) {
		(void)fputs("ppool-ctl: out of memory\n", stderr);
		return -1;
	}
	/* Options stand anywhere, those of a command among them. */
	for (;;) {
		while (optind < argc && is_negative_number(argv[optind]))
			keep(o, argv[optind++]);
		c = getopt_long(argc, argv, "-s:p:i:jhVr:n:d:", longs, NULL);
		if (c == -1)
			break;
		switch (c) {
		case 1: keep(o, optarg); break;
		case 'f': keep(o, follow); break;
		case 'n':
		case 'd':
			keep(o, c == 'n' ? pages : seconds);
			keep(o, optarg);
			break;
		case 's': t->socket = optarg; break;
		case 'p': t->port = optarg; break;
		case 'i': t->id = optarg; break;
		case 'P': t->pid = optarg; break;
		case 'r': o->runtime_dir = optarg; break;
		case 'j': o->json = true; break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("ppool-ctl %s\n", POLICYPOOL_VERSION); exit(0);
		default: return hint();
		}
	}
	while (optind < argc)
		keep(o, argv[optind++]);
	if ((t->socket != NULL) + (t->port != NULL) + (t->id != NULL) + (t->pid != NULL) > 1) {
		(void)fputs("ppool-ctl: only one of -s, -p, -i and --pid\n", stderr);
		return -1;
	}
	if (o->n == 0) {
		usage(stderr);
		return -1;
	}
	return 0;
}

static int
run(const struct options *o)
{
	const struct command *v = command_find(o->args[0]);
	const char *near = v == NULL ? command_nearest(o->args[0]) : NULL;
	char shown[64];

	if (v != NULL)
		return command_run(v, &o->target, o->json, o->args + 1);
	(void)fprintf(stderr, "ppool-ctl: %s: no such command",
		      printable(o->args[0], shown, sizeof shown));
	if (near != NULL)
		(void)fprintf(stderr, " (did you mean %s?)", near);
	(void)fputc('\n', stderr);
	(void)hint();
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
	struct options o = {.json = false};
	char *dir = NULL;
	int status = STATUS_USAGE;

	process_init(PROCESS_COMMAND);
	if (parse(argc, argv, &o) == 0) {
		dir = choose_folders(&o);
		status = dir != NULL ? run(&o) : STATUS_REFUSED;
		if (dir == NULL)
			(void)fputs("ppool-ctl: out of memory\n", stderr);
	}
	free(dir);
	free(o.args);
	return process_status("ppool-ctl", status);
}
