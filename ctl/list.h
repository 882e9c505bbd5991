/* list.h - the daemons of a runtime folder, and what each says of itself. */
#ifndef POLICYPOOL_LIST_H
#define POLICYPOOL_LIST_H

#include <json-c/json.h>

/* An array, an object a daemon; the caller's.  NULL with errno. */
struct json_object *list_daemons(const char *dir);

#endif
