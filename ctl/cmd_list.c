/* cmd_list.c - see cmd_list.h. */
#include "cmd_list.h"

#include <string.h>

#include "rpc.h"

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

int
cmd_list(const struct command *v, const struct target *t, const struct view *view,
	 char *const args[])
{
	struct json_object *rows = json_object_new_array();
	struct discover_list found;
	int status = 0;

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
	if (found.n == 0 && view->form == VIEW_TEXT) {
		(void)fputs("none in ", stdout);
		target_tell_folders(t, stdout);
	} else {
		status = view_show(view, rows, v->columns, v->name) < 0 ? STATUS_USAGE : 0;
	}
	discover_free(&found);
	(void)json_object_put(rows);
	return status;
}
