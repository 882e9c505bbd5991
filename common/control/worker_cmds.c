/* worker_cmds.c - see worker_cmds.h. */
#include "worker_cmds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred_cmds.h"
#include "log.h"
#include "status.h"
#include "supervisor.h"

/* ---- arguments ---- */

/* 0, or -1 where there is no such number. */
static int
number(const struct control_call *call, size_t i, unsigned max, unsigned *out)
{
	const char *text = control_argument(call, i);
	char *end;
	unsigned long v;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || v > max)
		return -1;
	*out = (unsigned)v;
	return 0;
}

/* What a command has come to; NULL on ENOMEM. */
static struct json_object *
said(const char *what, const struct control_call *call)
{
	struct json_object *o = json_object_new_object();

	log_event(LOG_INFO, "order carried out", "order=%s by_uid=%u", log_quoted(what),
		  (unsigned)call->uid);
	if (o != NULL)
		status_add_text(o, "done", what);
	return o;
}

static struct json_object *
refused(const char *why, const char **error)
{
	*error = why;
	return NULL;
}

/* ---- looking ---- */

static struct json_object *
run_workers(const struct control_call *call, const char **error, void *ctx)
{
	struct json_object *o = status_of_workers(ctx);

	(void)call;
	return o != NULL ? o : refused("out of memory", error);
}

static struct json_object *
run_deaths(const struct control_call *call, const char **error, void *ctx)
{
	struct json_object *o = status_of_deaths(ctx);

	(void)call;
	return o != NULL ? o : refused("out of memory", error);
}

/* ---- changing ---- */

static struct json_object *
run_stop(const struct control_call *call, const char **error, void *ctx)
{
	const char *how = control_argument(call, 0);
	bool at_once = how != NULL && strcmp(how, "now") == 0;

	if (how != NULL && !at_once)
		return refused("nothing but now can follow", error);
	supervisor_stop(ctx, at_once);
	return said(at_once ? "stopping at once" : "stopping", call);
}

static struct json_object *
run_reopen(const struct control_call *call, const char **error, void *ctx)
{
	static char why[160];

	if (supervisor_reopen(ctx) == 0)
		return said("log opened anew", call);
	(void)snprintf(why, sizeof why, "the log cannot be opened: %s", strerror(errno));
	return refused(why, error);
}

static struct json_object *
run_scale(const struct control_call *call, const char **error, void *ctx)
{
	static char why[128];
	unsigned n, most = supervisor_most_workers(ctx);

	if (number(call, 0, most, &n) < 0 || n == 0) {
		(void)snprintf(
			why, sizeof why,
			"a number of workers from 1 to %u is needed: what there is room for since the start",
			most);
		return refused(why, error);
	}
	if (supervisor_scale(ctx, n) < 0)
		return refused("not now: it reloads, starts or stops", error);
	return deferred_cmds_scale(call, ctx, n, error);
}

static struct json_object *
run_recycle(const struct control_call *call, const char **error, void *ctx)
{
	unsigned slot;

	if (number(call, 0, supervisor_slots(ctx) - 1, &slot) < 0)
		return refused("the slot of a worker is needed, see workers", error);
	if (supervisor_recycle(ctx, slot) < 0)
		return refused(errno == ESRCH ? "no worker serves in that slot, see workers"
					      : "not now: no slot is free for its successor",
			       error);
	return deferred_cmds_recycle(call, ctx, slot, error);
}

const struct control_verb worker_cmds[] = {
	{.name = "workers", .run = run_workers},
	{.name = "deaths", .run = run_deaths},
	{.name = "stop", .changes = true, .run = run_stop},
	{.name = "reopen", .changes = true, .run = run_reopen},
	{.name = "scale", .changes = true, .run = run_scale},
	{.name = "recycle", .changes = true, .run = run_recycle},
	{.name = NULL},
};
