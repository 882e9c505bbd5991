/* failure_cause.c - see failure_cause.h. */
#include "failure_cause.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "net.h"

static const struct {
	enum failure_kind kind;
	const char *text;
} causes[] = {
#define INCIDENT_ROW(name, kind, text) [name] = {kind, text},
	FAILURE_CAUSES(INCIDENT_ROW)
#undef INCIDENT_ROW
};

enum failure_kind
failure_kind(enum failure_cause cause)
{
	assert(cause < FAILURE_CAUSE_COUNT);
	return causes[cause].kind;
}

const char *
failure_text(enum failure_cause cause)
{
	assert(cause < FAILURE_CAUSE_COUNT);
	return causes[cause].text;
}

enum failure_cause
failure_of_errno(int error, bool connected)
{
	if (error == EPROTO || error == ETIME || error == EPROTONOSUPPORT || error == EPROTOTYPE)
		return CAUSE_TLS;
	if (net_shortage(error) != NULL)
		return CAUSE_SHORTAGE;
	if (connected)
		return error == 0 ? CAUSE_CLOSED : CAUSE_RESET;
	if (error == ETIMEDOUT)
		return CAUSE_CONNECT_TIMEOUT;
	return error == ECONNREFUSED ? CAUSE_REFUSED : CAUSE_UNREACHABLE;
}
