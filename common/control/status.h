/* status.h - the status that both daemons show on their control socket. */
#ifndef POLICYPOOL_STATUS_H
#define POLICYPOOL_STATUS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "supervisor.h"

/* An object: program, version, pid, state, since, uptime_s, workers, and the scoreboard's sums. The
 * caller adds its own and owns it.  NULL on ENOMEM. */
struct json_object *status_of_daemon(const char *program, struct supervisor *);

/* An array, an object a worker.  NULL on ENOMEM. */
struct json_object *status_of_workers(struct supervisor *);

/* An array of the last deaths, the newest first.  NULL on ENOMEM. */
struct json_object *status_of_deaths(struct supervisor *);

/* Adds a member, or an item; what could not be made (NULL, also the object or list itself) makes it
 * incomplete, not wrong.  The value is taken over.  json-c's own calls end the process there. */
void status_add(struct json_object *, const char *key, struct json_object *value);
void status_append(struct json_object *list, struct json_object *value);
void status_add_text(struct json_object *, const char *key, const char *value);
void status_add_number(struct json_object *, const char *key, uint64_t value);
/* null where there is nothing to tell: value NULL or empty. */
void status_add_text_or_null(struct json_object *, const char *key, const char *value);
void status_add_null(struct json_object *, const char *key);
/* An array, and an object in one, to be filled; borrowed, NULL where it could not be made. */
struct json_object *status_add_list(struct json_object *, const char *key);
struct json_object *status_add_row(struct json_object *list);
void status_add_bool(struct json_object *, const char *key, bool value);
/* What a sum of counters has keys for (counters.h), an array of them as an object. */
void status_add_counters(struct json_object *, const struct counters_type *, const void *sum);
/* Milliseconds as seconds with one decimal. */
void status_add_seconds(struct json_object *, const char *key, uint64_t ms);

#endif
