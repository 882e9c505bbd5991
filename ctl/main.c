/* main.c - ppool-ctl(8): looks into running daemons. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "daemon.h"
#include "find.h"
#include "table.h"

enum { STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHED = 3, PATH_SIZE = 4200 };

struct options {
	const char *socket, *port, *id, *runtime_dir;
	bool json;
};

/* What can be asked: a row a command. */
static const struct verb {
	const char *name, *args;
	bool proxy_only;
	void (*print)(struct json_object *, FILE *);
	const char *help;
} verbs[] = {
	{"status", "", false, table_print_object, "what it is, how long it runs, what it has done"},
	{"workers", "", false, table_print, "its workers, one a line"},
	{"deaths", "", false, table_print, "its last dead workers, and why they ended"},
	{"stop", "[now]", false, table_print_object, "stops it; now: without waiting"},
	{"reopen", "", false, table_print_object, "opens its log anew"},
	{"scale", "N", false, table_print_object, "so many workers from now on"},
	{"recycle", "SLOT", false, table_print_object, "replaces a worker, the successor first"},
	{"kill-worker", "SLOT [SIGNAL]", false, table_print_object,
	 "for tests: KILL if not said otherwise"},
	{"servers", "", true, table_print, "the servers registered with a proxy"},
	{"policies", "", true, table_print, "the policies that a proxy knows"},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

static void
usage(FILE *out)
{
	(void)fputs(
		"usage: ppool-ctl [-s SOCKET | -p PORT | -i ID] [--json] [--runtime-dir DIR] COMMAND\n\n"
		"  list                       the daemons of the runtime folder\n",
		out);
	for (size_t i = 0; i < VERBS; i++)
		(void)fprintf(out, "  %-11s %-14s %s\n", verbs[i].name, verbs[i].args,
			      verbs[i].help);
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
	int c;

	while ((c = getopt_long(argc, argv, "+s:p:i:jhVr:", longs, NULL)) != -1) {
		switch (c) {
		case 's': o->socket = optarg; break;
		case 'p': o->port = optarg; break;
		case 'i': o->id = optarg; break;
		case 'r': o->runtime_dir = optarg; break;
		case 'j': o->json = true; break;
		case 'h': usage(stdout); exit(0);
		case 'V': (void)printf("ppool-ctl %s\n", POLICYPOOL_VERSION); exit(0);
		default: usage(stderr); return -1;
		}
	}
	if ((o->socket != NULL) + (o->port != NULL) + (o->id != NULL) > 1) {
		(void)fputs("ppool-ctl: only one of -s, -p and -i\n", stderr);
		return -1;
	}
	if (optind == argc) {
		usage(stderr);
		return -1;
	}
	return 0;
}

static void
show(const struct verb *v, struct json_object *data, bool json)
{
	int flags = isatty(STDOUT_FILENO) ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
					  : JSON_C_TO_STRING_PLAIN;

	if (json)
		(void)printf("%s\n", json_object_to_json_string_ext(data, flags));
	else
		v->print(data, stdout);
}

/* ---- which daemon ---- */

static void
tell_candidates(const struct find_list *l, const char *dir, const char *verb)
{
	if (l->n == 0) {
		(void)fprintf(stderr, "ppool-ctl: no daemon's socket in %s\n", dir);
		return;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: which one? Name it with -p, -i or -s:\n", verb);
	for (size_t i = 0; i < l->n; i++)
		(void)fprintf(stderr, "  -s %s/%s.sock\n", dir, l->name[i]);
}

/* 0, or the exit status with the reason told. */
static int
choose(const struct options *o, const char *dir, const struct verb *v, char path[PATH_SIZE])
{
	struct find_list list;
	const char *name;

	if (o->socket != NULL)
		(void)snprintf(path, PATH_SIZE, "%s", o->socket);
	else if (o->port != NULL)
		(void)snprintf(path, PATH_SIZE, "%s/ppool-proxy-%s.sock", dir, o->port);
	else if (o->id != NULL)
		(void)snprintf(path, PATH_SIZE, "%s/ppool-server-%s.sock", dir, o->id);
	if (o->socket != NULL || o->port != NULL || o->id != NULL)
		return 0;
	if (find_daemons(dir, &list) < 0) {
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", dir, strerror(errno));
		return STATUS_UNREACHED;
	}
	name = find_only(&list, v->proxy_only);
	if (name != NULL)
		(void)snprintf(path, PATH_SIZE, "%s/%s.sock", dir, name);
	else
		tell_candidates(&list, dir, v->name);
	find_free(&list);
	return name != NULL ? 0 : STATUS_UNREACHED;
}

/* ---- commands ---- */

static int
run_verb(const struct options *o, const char *dir, const struct verb *v, char *const args[])
{
	struct json_object *data;
	char path[PATH_SIZE], why[CALL_WHY];
	int status = choose(o, dir, v, path);

	if (status != 0)
		return status;
	switch (call_daemon(path, v->name, args, &data, why)) {
	case CALL_ANSWERED:
		show(v, data, o->json);
		(void)json_object_put(data);
		return 0;
	case CALL_REFUSED: status = STATUS_REFUSED; break;
	case CALL_UNREACHED: status = STATUS_UNREACHED; break;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name, why);
	return status;
}

/* A row of the list: what a daemon says of itself, or that it does not answer. */
static struct json_object *
list_row(const char *dir, const char *name)
{
	static const char *const wanted[] = {"pid", "state", "listen", "uptime_s"};
	struct json_object *row = json_object_new_object(), *data = NULL, *v;
	char path[PATH_SIZE], why[CALL_WHY];
	char *none[] = {NULL};

	(void)snprintf(path, sizeof path, "%s/%s.sock", dir, name);
	(void)json_object_object_add(row, "name", json_object_new_string(name));
	if (call_daemon(path, "status", none, &data, why) != CALL_ANSWERED)
		data = NULL;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		v = NULL;
		if (data != NULL)
			(void)json_object_object_get_ex(data, wanted[i], &v);
		if (v == NULL && strcmp(wanted[i], "state") == 0)
			v = json_object_new_string("gone");
		else
			v = json_object_get(v);
		(void)json_object_object_add(row, wanted[i], v);
	}
	(void)json_object_put(data);
	return row;
}

static int
run_list(const struct options *o, const char *dir)
{
	static const struct verb printer = {.name = "list", .print = table_print};
	struct json_object *rows = json_object_new_array();
	struct find_list list;

	if (find_daemons(dir, &list) < 0) {
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", dir, strerror(errno));
		(void)json_object_put(rows);
		return STATUS_UNREACHED;
	}
	for (size_t i = 0; i < list.n; i++)
		(void)json_object_array_add(rows, list_row(dir, list.name[i]));
	show(&printer, rows, o->json);
	(void)json_object_put(rows);
	find_free(&list);
	return 0;
}

static int
run(const struct options *o, const char *dir, char *argv[])
{
	if (strcmp(argv[0], "list") == 0 && argv[1] == NULL)
		return run_list(o, dir);
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(argv[0], verbs[i].name) == 0 &&
		    (argv[1] == NULL || verbs[i].args[0] != '\0'))
			return run_verb(o, dir, &verbs[i], argv + 1);
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
	status = run(&o, dir, argv + optind);
	free(dir);
	return status;
}
