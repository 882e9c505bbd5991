/* rpc.h - one request to a daemon over its control socket. */
#ifndef POLICYPOOL_RPC_H
#define POLICYPOOL_RPC_H

#include <json-c/json.h>

#include "compiler.h"

enum rpc_result {
	RPC_ANSWERED, /* *data is the caller's */
	RPC_REFUSED,  /* the daemon said no; why says what it said */
	RPC_UNREACHED /* no daemon there, no permission, no answer in time; why says so */
};

enum { RPC_WHY = 4096, RPC_LIMIT = 5 };

/* Sends {"cmd": verb, "args": [...]} and waits for the answer, so many seconds at most.  Asks anew
 * where the daemon closes the connection without having read that, as at the end of an upgrade. */
MUST_CHECK enum rpc_result rpc_daemon(const char *path, const char *verb, char *const args[],
				      unsigned seconds, struct json_object **data,
				      char why[RPC_WHY]);

#endif
