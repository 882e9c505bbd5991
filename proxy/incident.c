/* incident.c - see incident.h. */
#include "incident.h"

#include <assert.h>
#include <errno.h>

static const struct {
	enum incident_kind kind;
	const char *text;
} causes[] = {
#define INCIDENT_ROW(name, kind, text) [name] = {kind, text},
	INCIDENT_CAUSES(INCIDENT_ROW)
#undef INCIDENT_ROW
};

enum incident_kind
incident_kind(enum incident_cause cause)
{
	assert(cause < INCIDENT_CAUSE_COUNT);
	return causes[cause].kind;
}

const char *
incident_text(enum incident_cause cause)
{
	assert(cause < INCIDENT_CAUSE_COUNT);
	return causes[cause].text;
}

enum incident_cause
incident_of_errno(int error, bool connected)
{
	if (error == EPROTO || error == ETIME || error == EPROTONOSUPPORT || error == EPROTOTYPE)
		return CAUSE_TLS;
	if (connected)
		return error == 0 ? CAUSE_CLOSED : CAUSE_RESET;
	if (error == ETIMEDOUT)
		return CAUSE_CONNECT_TIMEOUT;
	return error == ECONNREFUSED ? CAUSE_REFUSED : CAUSE_UNREACHABLE;
}
