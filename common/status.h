/* status.h - what both daemons tell of themselves on their control socket. */
#ifndef POLICYPOOL_STATUS_H
#define POLICYPOOL_STATUS_H

#include <json-c/json.h>

#include "supervisor.h"

/* An object: program, version, pid, state, since, uptime_s, workers, and the scoreboard's sums. The
 * caller adds its own and owns it.  NULL on ENOMEM. */
struct json_object *status_of_daemon(const char *program, struct supervisor *);

/* An array, an object a worker.  NULL on ENOMEM. */
struct json_object *status_of_workers(struct supervisor *);

/* An array of the last deaths, the newest first.  NULL on ENOMEM. */
struct json_object *status_of_deaths(struct supervisor *);

/* Adds a member; a value that could not be made (NULL) makes the object incomplete, not wrong. */
void status_add_text(struct json_object *, const char *key, const char *value);
void status_add_number(struct json_object *, const char *key, uint64_t value);
/* Milliseconds as seconds with one decimal. */
void status_add_seconds(struct json_object *, const char *key, uint64_t ms);

#endif
