/* list.c - see list.h. */
#include "list.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "find.h"
#include "target.h"

/* What a daemon says of itself, or that it does not answer. */
static struct json_object *
row_of(const char *dir, const char *name)
{
	static const char *const wanted[] = {"pid", "state", "listen", "uptime_s"};
	struct json_object *row = json_object_new_object(), *data = NULL, *v;
	char path[TARGET_PATH], why[CALL_WHY];
	char *none[] = {NULL};

	(void)snprintf(path, sizeof path, "%s/%s.sock", dir, name);
	(void)json_object_object_add(row, "name", json_object_new_string(name));
	if (call_daemon(path, "status", none, CALL_LIMIT, &data, why) != CALL_ANSWERED)
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

struct json_object *
list_daemons(const char *dir)
{
	struct json_object *rows;
	struct find_list found;

	if (find_daemons(dir, &found) < 0)
		return NULL;
	rows = json_object_new_array();
	for (size_t i = 0; rows != NULL && i < found.n; i++)
		(void)json_object_array_add(rows, row_of(dir, found.name[i]));
	find_free(&found);
	return rows;
}
