/* pages.c - see pages.h. */
#include "pages.h"

#include <string.h>

#include "clock.h"
#include "exposition.h"
#include "vitals.h"

static const char *
registration(const struct pages *p, uint64_t *since)
{
	return *p->registrar == NULL ? NULL : registrar_state(*p->registrar, since);
}

static int
write_metrics(struct evbuffer *out, void *ctx)
{
	const struct pages *p = ctx;
	struct exposition e = {.out = out};
	uint64_t since = 0;
	const char *state = registration(p, &since);
	const struct exposition_label label[] = {{"state", state}, {NULL, NULL}};

	vitals_write(&e, "ppool-server", p->supervisor);
	if (state != NULL) {
		exposition_family(&e, "policypool_registration_state", EXPOSITION_GAUGE,
				  "1 for the state of the registration with the proxy.");
		exposition_number(&e, label, 1);
		exposition_family(&e, "policypool_registration_state_seconds", EXPOSITION_GAUGE,
				  "How long it has been in that state.");
		exposition_ms(&e, NULL, clock_ms() - since);
	}
	return e.error != 0 ? 500 : 200;
}

/* A proxy that never acknowledges leaves it unconfirmed: more than that can't be known. */
static bool
is_waiting(const char *state)
{
	return state != NULL && strcmp(state, "joined") != 0 && strcmp(state, "unconfirmed") != 0;
}

static int
write_readiness(struct evbuffer *out, void *ctx)
{
	const struct pages *p = ctx;
	struct supervisor_view v;
	uint64_t since;
	const char *state = registration(p, &since);

	supervisor_look(p->supervisor, &v);
	if (!supervisor_stopping(p->supervisor) && v.ready > 0 && is_waiting(state))
		return evbuffer_add_printf(out, "not registered with the proxy: %s\n", state) < 0
			       ? 500
			       : 503;
	return vitals_readiness(out, p->supervisor);
}

const struct admin_page pages[] = {
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};
