/* call.h - one question to a daemon over its control socket. */
#ifndef POLICYPOOL_CALL_H
#define POLICYPOOL_CALL_H

#include <json-c/json.h>

#include "attr.h"

enum call_result {
	CALL_ANSWERED, /* *data is the caller's */
	CALL_REFUSED,  /* the daemon said no; why says what it said */
	CALL_UNREACHED /* nobody there, no permission, no answer in time; why says so */
};

enum { CALL_WHY = 4096, CALL_LIMIT = 5 };

/* Sends {"cmd": verb, "args": [...]} and waits for the answer, so many seconds at most. */
MUST_CHECK enum call_result call_daemon(const char *path, const char *verb, char *const args[],
					unsigned seconds, struct json_object **data,
					char why[CALL_WHY]);

#endif
