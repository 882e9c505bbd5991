/* command.c - see command.h. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "cmd_events.h"
#include "cmd_key.h"
#include "cmd_list.h"
#include "cmd_server.h"
#include "command_ask.h"
#include "conf_key.h"
#include "rpc.h"
#include "top.h"

enum { WAIT_S = 60 }; /* what a daemon waits when it is not said */

/* The daemon waits for as long as it is told, and we for a little longer. */
static int
run_wait(const struct command *v, const struct target *t, const struct view *view,
	 char *const args[])
{
	unsigned long seconds = WAIT_S;

	if (args[0] != NULL && args[1] != NULL)
		seconds = strtoul(args[1], NULL, 10);
	if (seconds > 86400)
		seconds = 0; /* which the daemon refuses at once */
	return command_ask(v, t, view, args, (unsigned)seconds + RPC_LIMIT);
}

/* Workers have to come up until it is answered. */
static int
run_patiently(const struct command *v, const struct target *t, const struct view *view,
	      char *const args[])
{
	return command_ask(v, t, view, args, WAIT_S + RPC_LIMIT);
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
run_top(const struct command *v, const struct target *t, const struct view *view,
	char *const args[])
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
	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	return top_run(path, view, shots, seconds * 1000);
}

/* ---- the table ---- */

/* What a person looks for first, and then what tells more of it. */
#define OF_WORKERS \
	"slot,pid,state,age_s,requests,errors,in_flight,last_why,connections,restarts,cpu_s,rss_kib"
#define OF_DEATHS   "when,why,exit,slot,pid,age_s"
#define OF_HANDLERS "worker,process,pid,state,jobs,job_age_s,client,restarts,last_end,last_exit"
#define OF_STRIKES  "fingerprint,count,refused,age_s,last_cause,srcid"
#define OF_SERVERS                                                                           \
	"id,policy,state,addr,reason,served,failed,in_flight,p99_us,since_s,p50_us,lease_s," \
	"retried,ejections,connections,last_check,job,backup,weight,age_s,source,kind,known,by"
#define OF_POLICIES "policy,servers,up,queued,in_flight,served,failed,refused,expired,balance,job"
#define OF_EVENTS   "when,event,id,policy,why,count,number"
#define OF_EXPLAIN  "id,choice,why_not,in_flight,policy,balance"

static const struct command verbs[] = {
	{"list", COMMAND_LOOK, "", DISCOVER_ANY, "", cmd_list, "daemons of the runtime directory"},
	{"status", COMMAND_LOOK, "", DISCOVER_ANY, NULL, NULL, "version, state, uptime, counters"},
	{"workers", COMMAND_LOOK, "", DISCOVER_ANY, OF_WORKERS, NULL, "workers, one a line"},
	{"deaths", COMMAND_LOOK, "", DISCOVER_ANY, OF_DEATHS, NULL,
	 "last workers that ended, and why"},
	{"handlers", COMMAND_LOOK, "", DISCOVER_SERVER, OF_HANDLERS, NULL,
	 "job processes of a server's handler"},
	{"strikes", COMMAND_LOOK, "[clear] [FINGERPRINT]", DISCOVER_SERVER, OF_STRIKES, NULL,
	 "payloads that ended it; clear: run again"},

	{"servers", COMMAND_POOL, "", DISCOVER_PROXY, OF_SERVERS, NULL,
	 "servers registered with a proxy"},
	{"server", COMMAND_POOL, "ID", DISCOVER_PROXY, NULL, cmd_server,
	 "all of one server, and its last events"},
	{"policies", COMMAND_POOL, "", DISCOVER_PROXY, OF_POLICIES, NULL,
	 "policies of a proxy, and their queues"},
	{"events", COMMAND_POOL, "[N | --follow]", DISCOVER_PROXY, OF_EVENTS, cmd_events,
	 "history of the pool; --follow: as it happens"},
	{"store", COMMAND_POOL, "", DISCOVER_PROXY, NULL, NULL,
	 "the store that proxies share servers by"},
	{"proxies", COMMAND_POOL, "", DISCOVER_PROXY, "id,address,version,servers,self", NULL,
	 "proxies that share the store"},
	{"top", COMMAND_POOL, "[-n PAGES] [-d S]", DISCOVER_PROXY, "", run_top,
	 "rates a second, by policy and server"},
	{"explain", COMMAND_POOL, "POLICY [KEY]", DISCOVER_PROXY, OF_EXPLAIN, NULL,
	 "next server of a request, why not others"},
	{"drain", COMMAND_POOL, "ID", DISCOVER_PROXY, NULL, NULL,
	 "send no new requests to a server; it stays"},
	{"wait", COMMAND_POOL, "ID [SECONDS]", DISCOVER_PROXY, NULL, run_wait,
	 "wait until none is in flight at a server"},
	{"disable", COMMAND_POOL, "ID", DISCOVER_PROXY, NULL, NULL,
	 "as drain, and close its idle connections"},
	{"enable", COMMAND_POOL, "ID", DISCOVER_PROXY, NULL, NULL, "undo drain and disable"},
	{"remove", COMMAND_POOL, "ID|PATTERN [POLICY]", DISCOVER_PROXY, NULL, NULL,
	 "remove servers, as if they had deregistered"},

	{"reload", COMMAND_DAEMON, "", DISCOVER_ANY, NULL, run_patiently,
	 "reload the settings; wait for the outcome"},
	{"upgrade", COMMAND_DAEMON, "", DISCOVER_ANY, NULL, run_patiently,
	 "replace it by its binary on disk; wait"},
	{"reopen", COMMAND_DAEMON, "", DISCOVER_ANY, NULL, NULL, "reopen the log"},
	{"scale", COMMAND_DAEMON, "N", DISCOVER_ANY, NULL, run_patiently,
	 "set the number of workers; wait"},
	{"recycle", COMMAND_DAEMON, "SLOT", DISCOVER_ANY, NULL, run_patiently,
	 "replace a worker, the new one first; wait"},
	{"stop", COMMAND_DAEMON, "[now]", DISCOVER_ANY, NULL, NULL,
	 "graceful shutdown; now: fast shutdown"},
	{"derive-key", COMMAND_DAEMON, "KEY ID", DISCOVER_ANY, NULL, cmd_key,
	 "key of one server, from the secret on stdin"},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

const char *
command_nearest(const char *name)
{
	struct conf_key key[VERBS + 1] = {{.name = NULL}};
	const struct conf_table table = {.key = key, .n = VERBS};
	size_t at;

	for (size_t i = 0; i < VERBS; i++)
		key[i].name = verbs[i].name;
	at = conf_key_nearest(&table, 1, name);
	return at < VERBS ? verbs[at].name : NULL;
}

void
command_usage(FILE *out)
{
	static const char *const title[COMMAND_GROUPS] = {[COMMAND_LOOK] = "a daemon",
							  [COMMAND_POOL] = "the pool of a proxy",
							  [COMMAND_DAEMON] = "orders to a daemon"};

	for (size_t i = 0; i < VERBS; i++) {
		if (i == 0 || verbs[i].group != verbs[i - 1].group)
			(void)fprintf(out, "\n%s:\n", title[verbs[i].group]);
		(void)fprintf(out, "  %-11s %-21s %s\n", verbs[i].name, verbs[i].args,
			      verbs[i].help);
	}
}

/* As many as its usage has words; what stands in brackets is one. */
static size_t
most_arguments(const struct command *v)
{
	size_t n = v->args[0] != '\0';
	bool inside = false;

	for (const char *p = v->args; *p != '\0'; p++) {
		inside = *p == '[' || (inside && *p != ']');
		n += *p == ' ' && !inside;
	}
	return n;
}

/* Says what was asked for that this one does not have. */
static bool
no_table(const struct command *v, const struct view *view)
{
	const char *option = NULL;

	if (v->columns == NULL && view_wants_rows(view))
		option =
			"-o, --wide, --sort, --policy and --state are for tables: not for this one";
	else if (view->form == VIEW_CSV && (v->run == run_top || v->run == cmd_key))
		option = "--csv is for tables: not for this one";
	if (option != NULL)
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name, option);
	return option != NULL;
}

int
command_run(const struct command *v, const struct target *t, const struct view *view,
	    char *const args[])
{
	bool counts = v->run == run_top || v->run == cmd_events; /* by what the first one is */

	if (no_table(v, view) || (!counts && command_too_many(v, args, most_arguments(v))))
		return STATUS_USAGE;
	if (v->run != NULL)
		return v->run(v, t, view, args);
	return command_ask(v, t, view, args, RPC_LIMIT);
}
