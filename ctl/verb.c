/* verb.c - see verb.h. */
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "derive.h"
#include "follow.h"
#include "list.h"
#include "show.h"
#include "table.h"
#include "top.h"

enum { WAIT_S = 60 }; /* what a daemon waits when it is not said */

/* One question, one answer. */
static int
ask(const struct verb *v, const struct target *t, bool json, char *const args[], unsigned seconds)
{
	struct json_object *data;
	char path[TARGET_PATH], why[CALL_WHY];
	enum call_result result;

	if (target_path(t, v->proxy_only, v->name, path) < 0)
		return STATUS_UNREACHED;
	result = call_daemon(path, v->name, args, seconds, &data, why);
	if (result == CALL_ANSWERED) {
		show(data, json, v->print);
		(void)json_object_put(data);
		return 0;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name, why);
	return result == CALL_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
}

/* The daemon waits for as long as it is told, and we for a little longer. */
static int
run_wait(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	unsigned long seconds = WAIT_S;

	if (args[0] != NULL && args[1] != NULL)
		seconds = strtoul(args[1], NULL, 10);
	if (seconds > 86400)
		seconds = 0; /* which the daemon refuses at once */
	return ask(v, t, json, args, (unsigned)seconds + CALL_LIMIT);
}

/* Workers have to come up until it is answered. */
static int
run_patiently(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	return ask(v, t, json, args, WAIT_S + CALL_LIMIT);
}

static int
run_events(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	char path[TARGET_PATH];

	if (args[0] == NULL || strcmp(args[0], "--follow") != 0)
		return ask(v, t, json, args, CALL_LIMIT);
	if (args[1] != NULL) {
		(void)fputs("ppool-ctl: events: nothing can follow --follow\n", stderr);
		return STATUS_USAGE;
	}
	if (target_path(t, v->proxy_only, v->name, path) < 0)
		return STATUS_UNREACHED;
	return follow_events(path, json);
}

/* Asks no daemon. */
static int
run_derive_key(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	(void)t;
	(void)json;
	if (args[0] == NULL || args[1] == NULL || args[2] != NULL) {
		(void)fprintf(stderr, "usage: ppool-ctl %s %s < SECRET\n", v->name, v->args);
		return STATUS_USAGE;
	}
	return derive_key(args[0], args[1], stdin, stdout);
}

/* The number behind a flag, 1 to max; 0 where it is none. */
static unsigned
flag_number(const char *text, unsigned long max)
{
	unsigned long v;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	v = strtoul(text, &end, 10);
	return *end != '\0' || v > max ? 0 : (unsigned)v;
}

static int
run_top(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	unsigned shots = 0, seconds = 1, *number;
	char path[TARGET_PATH];

	for (; args[0] != NULL; args += 2) {
		number = strcmp(args[0], "-n") == 0   ? &shots
			 : strcmp(args[0], "-d") == 0 ? &seconds
						      : NULL;
		if (number == NULL || (*number = flag_number(args[1], 3600)) == 0) {
			(void)fputs("ppool-ctl: top: -n pages, -d seconds: 1 to 3600\n", stderr);
			return STATUS_USAGE;
		}
	}
	if (target_path(t, v->proxy_only, v->name, path) < 0)
		return STATUS_UNREACHED;
	return top_run(path, json, shots, seconds * 1000);
}

static int
run_list(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	struct json_object *rows = list_daemons(t->dir);

	(void)args;
	if (rows == NULL) {
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", t->dir, strerror(errno));
		return STATUS_UNREACHED;
	}
	show(rows, json, v->print);
	(void)json_object_put(rows);
	return 0;
}

static const struct verb verbs[] = {
	{"list", "", false, table_print, run_list, "the daemons of the runtime folder"},
	{"status", "", false, table_print_object, NULL,
	 "what it is, how long it runs, what it has done"},
	{"workers", "", false, table_print, NULL, "its workers, one a line"},
	{"deaths", "", false, table_print, NULL, "its last dead workers, and why they ended"},
	{"stop", "[now]", false, table_print_object, NULL, "stops it; now: without waiting"},
	{"reload", "", false, table_print_object, run_patiently,
	 "reads its settings anew; answers with the outcome"},
	{"upgrade", "", false, table_print_object, run_patiently,
	 "replaces it by its binary as it is now; answers with the outcome"},
	{"reopen", "", false, table_print_object, NULL, "opens its log anew"},
	{"scale", "N", false, table_print_object, run_patiently,
	 "so many workers from now on; answers with the outcome"},
	{"recycle", "SLOT", false, table_print_object, run_patiently,
	 "replaces a worker, the successor first; answers with the outcome"},
	{"kill-worker", "SLOT [SIGNAL]", false, table_print_object, NULL,
	 "for tests: KILL if not said otherwise"},
	{"servers", "", true, table_print, NULL, "the servers registered with a proxy"},
	{"policies", "", true, table_print, NULL, "the policies that a proxy knows"},
	{"events", "[N | --follow]", true, table_print, run_events,
	 "what happened to the pool; --follow: and what happens"},
	{"top", "[-n PAGES] [-d S]", true, NULL, run_top,
	 "what happens a second, by policy and server; q ends it"},
	{"explain", "POLICY [KEY]", true, table_print, NULL,
	 "who would be sent a request now, and why not the others"},
	{"drain", "ID", true, table_print_object, NULL, "nothing new for a server; it stays"},
	{"wait", "ID [SECONDS]", true, table_print_object, run_wait,
	 "until nothing is in flight at a server"},
	{"disable", "ID", true, table_print_object, NULL,
	 "as drain, and closes the connections to it"},
	{"enable", "ID", true, table_print_object, NULL, "the end of both"},
	{"remove", "ID", true, table_print_object, NULL, "as if the server had taken leave"},
	{"derive-key", "KEY ID", false, NULL, run_derive_key,
	 "the key of one server, from the secret on standard input"},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

const struct verb *
verb_find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

void
verb_usage(FILE *out)
{
	for (size_t i = 0; i < VERBS; i++)
		(void)fprintf(out, "  %-11s %-17s %s\n", verbs[i].name, verbs[i].args,
			      verbs[i].help);
}

int
verb_run(const struct verb *v, const struct target *t, bool json, char *const args[])
{
	if (args[0] != NULL && v->args[0] == '\0') {
		(void)fprintf(stderr, "ppool-ctl: %s: %s: no argument is expected here\n", v->name,
			      args[0]);
		return STATUS_USAGE;
	}
	if (v->run != NULL)
		return v->run(v, t, json, args);
	return ask(v, t, json, args, CALL_LIMIT);
}
