/* command.c - see command.h. */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf_key.h"
#include "printable.h"
#include "rpc.h"
#include "secret_file.h"
#include "signature.h"
#include "table.h"
#include "top.h"

enum { WAIT_S = 60 };	/* what a daemon waits when it is not said */
enum { LOOK_MS = 200 }; /* between two looks at the events that follow */

/* Before what takes its time: one that hangs is told from one that is at work.  That it knows no
 * such command is an answer. */
static enum rpc_result
ping(const char *path, char why[RPC_WHY])
{
	char verb[] = "ping", *none[] = {NULL};
	struct json_object *data;
	enum rpc_result result = rpc_daemon(path, verb, none, RPC_LIMIT, &data, why);

	(void)json_object_put(data);
	return result == RPC_UNREACHED ? result : RPC_ANSWERED;
}

/* Where the daemon that was asked knows no such command. */
static const char *
whose(const struct command *v)
{
	switch (v->of) {
	case DISCOVER_PROXY: return "a command of proxies: name one with -p";
	case DISCOVER_SERVER: return "a command of servers: name one with -i";
	case DISCOVER_ANY: break;
	}
	return "no such command here";
}

/* One question, one answer. */
static int
ask(const struct command *v, const struct target *t, bool json, char *const args[],
    unsigned seconds)
{
	struct json_object *data;
	char path[TARGET_PATH], why[RPC_WHY];
	enum rpc_result result = RPC_ANSWERED;

	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	if (seconds > RPC_LIMIT)
		result = ping(path, why);
	if (result == RPC_ANSWERED)
		result = rpc_daemon(path, v->name, args, seconds, &data, why);
	if (result == RPC_ANSWERED) {
		show(data, json, v->print);
		(void)json_object_put(data);
		return 0;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name,
		      result == RPC_REFUSED && strstr(why, "no such command here") != NULL
			      ? whose(v)
			      : why);
	return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
}

/* The daemon waits for as long as it is told, and we for a little longer. */
static int
run_wait(const struct command *v, const struct target *t, bool json, char *const args[])
{
	unsigned long seconds = WAIT_S;

	if (args[0] != NULL && args[1] != NULL)
		seconds = strtoul(args[1], NULL, 10);
	if (seconds > 86400)
		seconds = 0; /* which the daemon refuses at once */
	return ask(v, t, json, args, (unsigned)seconds + RPC_LIMIT);
}

/* Workers have to come up until it is answered. */
static int
run_patiently(const struct command *v, const struct target *t, bool json, char *const args[])
{
	return ask(v, t, json, args, WAIT_S + RPC_LIMIT);
}

/* Says so. */
static bool
too_many(const struct command *v, char *const args[], size_t most)
{
	size_t n = 0;

	while (n < most && args[n] != NULL)
		n++;
	if (args[n] == NULL)
		return false;
	(void)fprintf(stderr, "ppool-ctl: %s: %s: no argument is expected here\n", v->name,
		      args[n]);
	return true;
}

/* ---- events ---- */

static const char *
text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(o, key, &v);
	return v == NULL ? "-" : json_object_get_string(v);
}

static void
print_event(struct json_object *e, bool json)
{
	static const struct {
		const char *key;
		int width;
	} column[] = {{"when", 0}, {"event", 11}, {"id", 8}, {"policy", 8}, {"why", 0}};
	enum { COLUMNS = sizeof column / sizeof *column };
	char shown[RPC_WHY];

	if (json) {
		show_json(e, JSON_C_TO_STRING_PLAIN, stdout);
		return;
	}
	for (int i = 0; i < COLUMNS; i++)
		(void)printf("%-*s%s", column[i].width,
			     printable(text_of(e, column[i].key), shown, sizeof shown),
			     i + 1 < COLUMNS ? "  " : "\n");
}

/* Prints what there is; the number of the last one. */
static uint64_t
print_all(struct json_object *list, bool json, uint64_t last)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i), *number = NULL;
		print_event(e, json);
		if (json_object_object_get_ex(e, "number", &number))
			last = json_object_get_uint64(number);
	}
	return last;
}

/* Prints those that are remembered, then each new one, until it is interrupted or the proxy cannot
 * be reached any more; the exit status. */
static int
follow_events(const char *path, bool json)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	char number[24] = "0", why[RPC_WHY];
	char after[] = "after", verb[] = "events";
	char *args[] = {after, number, NULL};
	struct json_object *list;
	uint64_t last = 0;

	for (;;) {
		enum rpc_result result = rpc_daemon(path, verb, args, RPC_LIMIT, &list, why);
		if (result != RPC_ANSWERED) {
			(void)fprintf(stderr, "ppool-ctl: events: %s\n", why);
			return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
		}
		last = print_all(list, json, last);
		(void)json_object_put(list);
		if (fflush(stdout) == EOF)
			return 0; /* nobody reads any more; see process_status() */
		(void)snprintf(number, sizeof number, "%" PRIu64, last);
		(void)nanosleep(&pause, NULL);
	}
}

static int
run_events(const struct command *v, const struct target *t, bool json, char *const args[])
{
	char path[TARGET_PATH];

	if (args[0] == NULL || strcmp(args[0], "--follow") != 0) {
		size_t most = args[0] != NULL && strcmp(args[0], "after") == 0 ? 2 : 1;
		return too_many(v, args, most) ? STATUS_USAGE : ask(v, t, json, args, RPC_LIMIT);
	}
	if (args[1] != NULL) {
		(void)fputs("ppool-ctl: events: nothing can follow --follow\n", stderr);
		return STATUS_USAGE;
	}
	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	return follow_events(path, json);
}

/* ---- derive-key ---- */

static int
derive(const char *text, const char *keyid, const char *id)
{
	const struct secret_file_line line = {.file = "standard input", .number = 1};
	uint8_t secret[SIGNATURE_SECRET_MAX], key[DIGEST_MAC];
	char hex[DIGEST_MAC_HEX + 1];
	int n = secret_file_secret(&line, text, secret, stderr);

	if (n < 0)
		return STATUS_USAGE;
	signature_server_key(span_of((const char *)secret, (size_t)n), keyid, id, key);
	digest_hex(key, sizeof key, hex);
	(void)printf("server-key %s\n", hex);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(key, sizeof key);
	explicit_bzero(hex, sizeof hex);
	return 0;
}

/* Asks no daemon: the secret, in hex or base64, is on standard input. */
static int
run_derive_key(const struct command *v, const struct target *t, bool json, char *const args[])
{
	char text[2 * SIGNATURE_SECRET_MAX + 2];
	int status;

	(void)t;
	(void)json;
	if (args[0] == NULL || args[1] == NULL || args[2] != NULL) {
		(void)fprintf(stderr, "usage: ppool-ctl %s %s < SECRET\n", v->name, v->args);
		return STATUS_USAGE;
	}
	if (strlen(args[0]) > PACKET_ID_MAX || strlen(args[1]) > PACKET_ID_MAX) {
		(void)fprintf(stderr, "ppool-ctl: derive-key: names have at most %d bytes\n",
			      PACKET_ID_MAX);
		return STATUS_USAGE;
	}
	if (fgets(text, sizeof text, stdin) == NULL) {
		(void)fputs("ppool-ctl: derive-key: the secret is read from standard input\n",
			    stderr);
		return STATUS_USAGE;
	}
	text[strcspn(text, " \t\r\n")] = '\0';
	status = derive(text, args[0], args[1]);
	explicit_bzero(text, sizeof text);
	return status;
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
run_top(const struct command *v, const struct target *t, bool json, char *const args[])
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
	return top_run(path, json, shots, seconds * 1000);
}

/* ---- list ---- */

/* What a daemon says of itself, or that it does not answer. */
static struct json_object *
row_of(const struct discover_entry *e)
{
	static const char *const wanted[] = {"pid", "state", "listen", "uptime_s"};
	const char *state = e->answers ? "no answer" : "gone";
	struct json_object *row = json_object_new_object(), *data = NULL, *v;
	char path[TARGET_PATH], why[RPC_WHY];
	char *none[] = {NULL};

	(void)snprintf(path, sizeof path, "%s/%s.sock", e->dir, e->name);
	(void)json_object_object_add(row, "name", json_object_new_string(e->name));
	if (!e->answers || rpc_daemon(path, "status", none, RPC_LIMIT, &data, why) != RPC_ANSWERED)
		data = NULL;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		v = NULL;
		if (data != NULL)
			(void)json_object_object_get_ex(data, wanted[i], &v);
		if (v == NULL && strcmp(wanted[i], "state") == 0)
			v = json_object_new_string(state);
		else if (v == NULL && strcmp(wanted[i], "pid") == 0 && e->pid > 0)
			v = json_object_new_int(e->pid);
		else
			v = json_object_get(v);
		(void)json_object_object_add(row, wanted[i], v);
	}
	(void)json_object_put(data);
	return row;
}

static int
run_list(const struct command *v, const struct target *t, bool json, char *const args[])
{
	struct json_object *rows = json_object_new_array();
	struct discover_list found;

	(void)args;
	if (t->socket != NULL || t->port != NULL || t->id != NULL || t->pid != NULL) {
		(void)json_object_put(rows);
		(void)fputs("ppool-ctl: list: it is of all daemons of a folder (-r); of one that "
			    "is named, see status\n",
			    stderr);
		return STATUS_USAGE;
	}
	if (target_collect(t, v->name, &found) < 0) {
		(void)json_object_put(rows);
		return STATUS_UNREACHED;
	}
	for (size_t i = 0; i < found.n; i++)
		(void)json_object_array_add(rows, row_of(&found.entry[i]));
	if (found.n == 0 && !json) {
		(void)fputs("none in ", stdout);
		target_tell_folders(t, stdout);
	} else {
		show(rows, json, v->print);
	}
	discover_free(&found);
	(void)json_object_put(rows);
	return 0;
}

/* ---- the table ---- */

static const struct command verbs[] = {
	{"list", "", DISCOVER_ANY, table_print, run_list, "daemons of the runtime directory"},
	{"status", "", DISCOVER_ANY, table_print_object, NULL, "version, state, uptime, counters"},
	{"workers", "", DISCOVER_ANY, table_print, NULL, "workers, one a line"},
	{"deaths", "", DISCOVER_ANY, table_print, NULL, "last workers that ended, and why"},
	{"stop", "[now]", DISCOVER_ANY, table_print_object, NULL,
	 "graceful shutdown; now: fast shutdown"},
	{"reload", "", DISCOVER_ANY, table_print_object, run_patiently,
	 "reload the settings, and wait for the outcome"},
	{"upgrade", "", DISCOVER_ANY, table_print_object, run_patiently,
	 "replace it by its binary on disk, and wait"},
	{"reopen", "", DISCOVER_ANY, table_print_object, NULL, "reopen the log"},
	{"scale", "N", DISCOVER_ANY, table_print_object, run_patiently,
	 "set the number of workers, and wait"},
	{"recycle", "SLOT", DISCOVER_ANY, table_print_object, run_patiently,
	 "replace a worker, the new one first, and wait"},
	{"handlers", "", DISCOVER_SERVER, table_print, NULL, "job processes of a server's handler"},
	{"strikes", "[clear] [FINGERPRINT]", DISCOVER_SERVER, table_print_either, NULL,
	 "payloads that ended its handler; clear: run them again"},
	{"servers", "", DISCOVER_PROXY, table_print, NULL, "servers registered with a proxy"},
	{"policies", "", DISCOVER_PROXY, table_print, NULL,
	 "policies of a proxy, and their queues"},
	{"events", "[N | --follow]", DISCOVER_PROXY, table_print, run_events,
	 "history of the pool; --follow: as it happens"},
	{"top", "[-n PAGES] [-d S]", DISCOVER_PROXY, NULL, run_top,
	 "rates a second, by policy and server; q quits"},
	{"explain", "POLICY [KEY]", DISCOVER_PROXY, table_print, NULL,
	 "next server for a request, and why not others"},
	{"drain", "ID", DISCOVER_PROXY, table_print_object, NULL,
	 "send no new requests to a server; it stays"},
	{"wait", "ID [SECONDS]", DISCOVER_PROXY, table_print_object, run_wait,
	 "wait until none is in flight at a server"},
	{"disable", "ID", DISCOVER_PROXY, table_print_object, NULL,
	 "as drain, and close its idle connections"},
	{"enable", "ID", DISCOVER_PROXY, table_print_object, NULL, "undo drain and disable"},
	{"remove", "ID|PATTERN [POLICY]", DISCOVER_PROXY, table_print_object, NULL,
	 "remove servers, as if they had deregistered"},
	{"derive-key", "KEY ID", DISCOVER_ANY, NULL, run_derive_key,
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
	for (size_t i = 0; i < VERBS; i++)
		(void)fprintf(out, "  %-11s %-21s %s\n", verbs[i].name, verbs[i].args,
			      verbs[i].help);
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

int
command_run(const struct command *v, const struct target *t, bool json, char *const args[])
{
	bool counts = v->run == run_top || v->run == run_events; /* by what the first one is */

	if (!counts && too_many(v, args, most_arguments(v)))
		return STATUS_USAGE;
	if (v->run != NULL)
		return v->run(v, t, json, args);
	return ask(v, t, json, args, RPC_LIMIT);
}
