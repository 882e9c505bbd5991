/* cmd_server.c - see cmd_server.h. */
#include "cmd_server.h"

#include <string.h>

#include "command_ask.h"
#include "rpc.h"

enum { EVENTS = 10 }; /* the last ones of the server */

/* The exit status, what is wrong told. */
static int
ask(const struct command *v, const char *path, const char *verb, struct json_object **data)
{
	char *none[] = {NULL}, why[RPC_WHY];
	enum rpc_result result = rpc_daemon(path, verb, none, RPC_LIMIT, data, why);

	if (result == RPC_ANSWERED)
		return 0;
	(void)fprintf(stderr, "ppool-ctl: %s: %s\n", v->name,
		      result == RPC_REFUSED ? command_refusal(v, why) : why);
	return result == RPC_REFUSED ? STATUS_REFUSED : STATUS_UNREACHED;
}

/* Those of all that are the server's, without what all of them have in common.  The caller's. */
static struct json_object *
events_of(struct json_object *all, const char *id)
{
	struct json_object *mine = json_object_new_array(), *last, *e;
	size_t n = json_object_array_length(all), from;

	for (size_t i = 0; i < n; i++) {
		struct json_object *whose = NULL;
		e = json_object_array_get_idx(all, i);
		if (json_object_object_get_ex(e, "id", &whose) && whose != NULL &&
		    strcmp(json_object_get_string(whose), id) == 0)
			(void)json_object_array_add(mine, json_object_get(e));
	}
	n = json_object_array_length(mine);
	from = n > EVENTS ? n - EVENTS : 0;
	last = json_object_new_array();
	for (size_t i = from; i < n; i++) {
		e = json_object_array_get_idx(mine, i);
		json_object_object_del(e, "id");
		(void)json_object_array_add(last, json_object_get(e));
	}
	(void)json_object_put(mine);
	return last;
}

static int
show(const struct command *v, const char *path, const struct view *view, const char *id,
     struct json_object *servers)
{
	struct json_object *one = rows_find(servers, "id", id), *all = NULL;
	int status;

	if (one == NULL) {
		(void)fprintf(stderr,
			      "ppool-ctl: %s: %s: no such server is registered, see servers\n",
			      v->name, id);
		return STATUS_REFUSED;
	}
	status = ask(v, path, "events", &all);
	if (status != 0)
		return status;
	if (view->form != VIEW_CSV)
		(void)json_object_object_add(one, "events", events_of(all, id));
	(void)json_object_put(all);
	return view_show(view, one, v->columns, v->name) < 0 ? STATUS_USAGE : 0;
}

int
cmd_server(const struct command *v, const struct target *t, const struct view *view,
	   char *const args[])
{
	struct json_object *servers = NULL;
	char path[TARGET_PATH];
	int status;

	if (args[0] == NULL) {
		(void)fputs("ppool-ctl: server: the id of a server is needed, see servers\n",
			    stderr);
		return STATUS_USAGE;
	}
	if (target_path(t, v->of, v->name, path) < 0)
		return STATUS_UNREACHED;
	status = ask(v, path, "servers", &servers);
	if (status == 0)
		status = show(v, path, view, args[0], servers);
	(void)json_object_put(servers);
	return status;
}
