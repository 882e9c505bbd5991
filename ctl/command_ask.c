/* command_ask.c - see command_ask.h. */
#include "command_ask.h"

#include <string.h>

#include "rpc.h"

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

const char *
command_refusal(const struct command *v, const char *why)
{
	if (strstr(why, "no such command here") == NULL)
		return why;
	switch (v->of) {
	case DISCOVER_PROXY: return "a command of proxies: name one with -p";
	case DISCOVER_SERVER: return "a command of servers: name one with -i";
	case DISCOVER_ANY: break;
	}
	return "no such command here";
}

int
command_ask(const struct command *v, const struct target *t, const struct view *view,
	    char *const args[], unsigned seconds)
{
	struct json_object *data;
	char path[TARGET_PATH], why[RPC_WHY];
	enum rpc_result result = RPC_ANSWERED;
	int rc;

	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	if (seconds > RPC_LIMIT)
		result = ping(path, why);
	if (result == RPC_ANSWERED)
		result = rpc_daemon(path, v->name, args, seconds, &data, why);
	if (result == RPC_ANSWERED) {
		rc = view_show(view, data, v->columns, v->name);
		(void)json_object_put(data);
		return rc < 0 ? STATUS_USAGE : 0;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name,
		      result == RPC_REFUSED ? command_refusal(v, why) : why);
	return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
}

bool
command_too_many(const struct command *v, char *const args[], size_t most)
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
