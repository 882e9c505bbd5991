/* main.c - ppool-ctl(8): looks into running daemons. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"
#include "verb.h"

struct options {
	struct target target;
	const char *runtime_dir;
	bool json;
};

static void
usage(FILE *out)
{
	(void)fputs("usage: ppool-ctl [-s SOCKET | -p PORT | -i ID] [--json] [--runtime-dir DIR] "
		    "COMMAND\n\n",
		    out);
	verb_usage(out);
}

static int
parse(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
					      {"port", required_argument, NULL, 'p'},
					      {"id", required_argument, NULL, 'i'},
					      {"json", no_argument, NULL, 'j'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {"runtime-dir", required_argument, NULL, 'r'},
					      {NULL, 0, NULL, 0}};
	struct target *t = &o->target;
	int c;

	while ((c = getopt_long(argc, argv, "+s:p:i:jhVr:", longs, NULL)) != -1) {
		switch (c) {
		case 's': t->socket = optarg; break;
		case 'p': t->port = optarg; break;
		case 'i': t->id = optarg; break;
		case 'r': o->runtime_dir = optarg; break;
		case 'j': o->json = true; break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("ppool-ctl %s\n", POLICYPOOL_VERSION); exit(0);
		default: usage(stderr); return -1;
		}
	}
	if ((t->socket != NULL) + (t->port != NULL) + (t->id != NULL) > 1) {
		(void)fputs("ppool-ctl: only one of -s, -p and -i\n", stderr);
		return -1;
	}
	if (optind == argc) {
		usage(stderr);
		return -1;
	}
	return 0;
}

static int
run(const struct options *o, char *argv[])
{
	const struct verb *v = verb_find(argv[0]);

	if (v != NULL)
		return verb_run(v, &o->target, o->json, argv + 1);
	(void)fprintf(stderr, "ppool-ctl: %s: no such command\n", argv[0]);
	usage(stderr);
	return STATUS_USAGE;
}

int
main(int argc, char *argv[])
{
	struct options o = {.json = false};
	char *dir;
	int status;

	if (parse(argc, argv, &o) < 0)
		return STATUS_USAGE;
	dir = daemon_runtime_dir(o.runtime_dir);
	if (dir == NULL) {
		(void)fputs("ppool-ctl: out of memory\n", stderr);
		return STATUS_REFUSED;
	}
	o.target.dir = dir;
	status = run(&o, argv + optind);
	free(dir);
	return status;
}
