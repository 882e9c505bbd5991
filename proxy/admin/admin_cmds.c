/* admin_cmds.c - see admin_cmds.h. */
#include "admin_cmds.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "idle_wait.h"
#include "inquiry.h"
#include "log.h"
#include "show_pool.h"
#include "status.h"

enum { WAIT_S = 60, WAIT_MAX_S = 86400 };

struct admin_cmds {
	struct admin_cmds_env env;
	struct idle_wait *quiet;
	struct inquiry *inquiry;
};

struct admin_cmds *
admin_cmds_new(const struct admin_cmds_env *env)
{
	struct admin_cmds *c = calloc(1, sizeof *c);
	struct inquiry_env asked;

	if (c == NULL)
		return NULL;
	c->env = *env;
	asked = (struct inquiry_env){.base = env->base,
				     .registry = env->registry,
				     .conf = env->conf,
				     .watch = env->watch,
				     .ask = env->ask,
				     .ctx = env->ctx};
	c->quiet = idle_wait_new(env->base, env->registry, env->tally);
	c->inquiry = inquiry_new(&asked);
	if (c->quiet == NULL || c->inquiry == NULL) {
		admin_cmds_free(c);
		return NULL;
	}
	return c;
}

void
admin_cmds_free(struct admin_cmds *c)
{
	if (c == NULL)
		return;
	inquiry_free(c->inquiry);
	idle_wait_free(c->quiet);
	free(c);
}

void
admin_cmds_after_fork(struct admin_cmds *c)
{
	if (c == NULL)
		return;
	inquiry_after_fork(c->inquiry);
	idle_wait_after_fork(c->quiet);
	free(c);
}

void
admin_cmds_answer(struct admin_cmds *c, struct span message)
{
	inquiry_answer(c->inquiry, message);
}

/* ---- arguments ---- */

static struct json_object *
refused(const char *why, const char **error)
{
	*error = why;
	return NULL;
}

static struct json_object *
or_error(struct json_object *o, const char **error)
{
	return o != NULL ? o : refused("out of memory", error);
}

static struct json_object *
no_such_server(const char *id, const char **error)
{
	static char why[128];

	(void)snprintf(why, sizeof why, "%.64s: no such server is registered, see servers", id);
	return refused(why, error);
}

static struct json_object *
is_of_the_file(const char *id, const char **error)
{
	static char why[192];

	(void)snprintf(
		why, sizeof why,
		"%.64s is configured in the proxy's file: take its section out and reload, or "
		"disable it",
		id);
	return refused(why, error);
}

/* It would be learned again at once. */
static struct json_object *
is_of_another_proxy(const char *id, const char *by, const char **error)
{
	static char why[256];

	(void)snprintf(why, sizeof why,
		       "%.64s is known from proxy %.64s: remove it there, or disable it here", id,
		       by);
	return refused(why, error);
}

/* The server that the first argument names, or -1 with *error. */
static int
named_server(const struct admin_cmds *c, const struct control_call *call, const char **error)
{
	const char *id = control_argument(call, 0);
	int at = id == NULL ? -1 : registry_find(c->env.registry, id);

	if (id == NULL) {
		(void)refused("the id of a server is needed, see servers", error);
	} else if (at < 0) {
		(void)no_such_server(id, error);
	}
	return at;
}

/* The decimal number at that place; otherwise what is not there or not such a number: -1. */
static long
number(const struct control_call *call, size_t i, long max)
{
	const char *text = control_argument(call, i);
	char *end;
	long v;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	v = strtol(text, &end, 10);
	return *end != '\0' || errno != 0 || v > max ? -1 : v;
}

/* ---- looking ---- */

static struct json_object *
tell_servers(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;
	const char *more = control_argument(call, 0);
	struct json_object *list;

	if (more != NULL && strcmp(more, "latencies") != 0)
		return refused("servers takes nothing but latencies", error);
	list = show_servers(c->env.registry, c->env.tally, c->env.watch, clock_ms());
	if (list != NULL && more != NULL)
		show_latencies(list, c->env.registry, c->env.tally);
	return or_error(list, error);
}

static struct json_object *
tell_policies(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;

	(void)call;
	return or_error(show_policies(c->env.registry, c->env.tally, c->env.watch, c->env.meter,
				      c->env.conf(c->env.ctx)),
			error);
}

static struct json_object *
tell_store(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;

	(void)call;
	return or_error(c->env.store(c->env.ctx), error);
}

static struct json_object *
tell_proxies(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;

	(void)call;
	return or_error(c->env.proxies(c->env.ctx), error);
}

/* explain POLICY [KEY] */
static struct json_object *
tell_why(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;
	const char *policy = control_argument(call, 0);

	if (policy == NULL)
		return refused("a policy is needed, see policies", error);
	/* *error where it can't be asked; otherwise the answer follows. */
	inquiry_explain(c->inquiry, call, policy, control_argument(call, 1), error);
	return NULL;
}

/* events [N]: the last N; events after NUMBER: those that followed. */
static struct json_object *
tell_events(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;
	const char *first = control_argument(call, 0);
	bool after = first != NULL && strcmp(first, "after") == 0;
	long n = first == NULL ? EVENTS_ALL : number(call, after, LONG_MAX);

	if (n < 0)
		return refused("a number of events is needed, or nothing", error);
	if (!after)
		n = (long)events_before(c->env.events, (uint64_t)n);
	return or_error(show_events(c->env.events, (uint64_t)n), error);
}

/* ---- orders ---- */

static struct json_object *
done(const struct control_call *call, const char *text)
{
	struct json_object *o = json_object_new_object();

	log_event(LOG_INFO, "order carried out", "order=%s by_uid=%u", log_quoted(text),
		  (unsigned)call->uid);
	if (o != NULL)
		status_add_text(o, "done", text);
	return o;
}

static struct json_object *
said(const struct control_call *call, const char *what, const char *id)
{
	char text[PACKET_ID_MAX + 64];

	(void)snprintf(text, sizeof text, "server %s %s", id, what);
	return done(call, text);
}

/* Adds it as an event, with the user that ordered it. */
static void
remember(const struct admin_cmds *c, const struct control_call *call, enum event_kind kind,
	 const struct registry_server *s)
{
	char why[48];

	(void)snprintf(why, sizeof why, "ordered by uid %u", (unsigned)call->uid);
	events_add(c->env.events, kind, s->id, registry_policy(c->env.registry, s->policy)->name,
		   why);
}

static struct json_object *
set_admin(const struct admin_cmds *c, const struct control_call *call, enum registry_admin admin,
	  enum event_kind kind, const char **error)
{
	int at = named_server(c, call, error);
	const struct registry_server *s;

	if (at < 0)
		return NULL;
	s = registry_server(c->env.registry, (unsigned)at);
	if (registry_set_admin(c->env.registry, (unsigned)at, admin, clock_ms())) {
		remember(c, call, kind, s);
		c->env.changed(c->env.ctx);
	}
	return or_error(said(call, registry_admin_text(admin), s->id), error);
}

static struct json_object *
order_drain(const struct control_call *call, const char **error, void *arg)
{
	return set_admin(arg, call, REGISTRY_DRAINING, EVENT_DRAINING, error);
}

static struct json_object *
order_enable(const struct control_call *call, const char **error, void *arg)
{
	return set_admin(arg, call, REGISTRY_ENABLED, EVENT_ENABLED, error);
}

static struct json_object *
order_disable(const struct control_call *call, const char **error, void *arg)
{
	return set_admin(arg, call, REGISTRY_DISABLED, EVENT_DISABLED, error);
}

/* policy NULL: any. */
static bool
is_meant(const struct registry *r, unsigned i, const char *id, bool exact, const char *policy)
{
	const struct registry_server *s = registry_server(r, i);

	if (!s->used ||
	    (policy != NULL && strcmp(registry_policy(r, s->policy)->name, policy) != 0))
		return false;
	return exact ? strcmp(s->id, id) == 0 : fnmatch(id, s->id, FNM_NOESCAPE) == 0;
}

/* remove ID|PATTERN [POLICY]; an id is itself before it is a pattern. */
static struct json_object *
order_remove(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;
	struct registry *r = c->env.registry;
	const char *asked = control_argument(call, 0), *policy = control_argument(call, 1);
	bool exact = asked != NULL && registry_find(r, asked) >= 0;
	char id[PACKET_ID_MAX + 1] = "", by[PACKET_ID_MAX + 1] = "", text[48];
	unsigned n = 0, fixed = 0;

	if (asked == NULL)
		return refused("the id of a server is needed, see servers", error);
	for (unsigned i = 0; i < registry_server_end(r); i++) {
		if (!is_meant(r, i, asked, exact, policy))
			continue;
		if (registry_server(r, i)->configured) {
			(void)snprintf(id, sizeof id, "%s", registry_server(r, i)->id);
			fixed++;
			continue;
		}
		if (registry_known(r, i) == REGISTRY_STORE) {
			(void)snprintf(id, sizeof id, "%s", registry_server(r, i)->id);
			(void)snprintf(by, sizeof by, "%s", registry_tenure_of(r, i)->by);
			continue;
		}
		(void)snprintf(id, sizeof id, "%s", registry_server(r, i)->id);
		remember(c, call, EVENT_REMOVED, registry_server(r, i));
		registry_remove(r, i);
		n++;
	}
	if (n == 0 && by[0] != '\0')
		return is_of_another_proxy(id, by, error);
	if (n == 0)
		return fixed > 0 ? is_of_the_file(id, error) : no_such_server(asked, error);
	c->env.changed(c->env.ctx);
	(void)snprintf(text, sizeof text, "%u servers removed", n);
	return or_error(n == 1 ? said(call, "removed", id) : done(call, text), error);
}

static struct json_object *
tell_when_quiet(const struct control_call *call, const char **error, void *arg)
{
	const struct admin_cmds *c = arg;
	int at = named_server(c, call, error);
	long seconds = control_argument(call, 1) == NULL ? WAIT_S : number(call, 1, WAIT_MAX_S);

	if (at < 0)
		return NULL;
	if (seconds < 0)
		return refused("a number of seconds can follow, 86400 at most", error);
	if (idle_wait_begin(c->quiet, call, (unsigned)at, (uint64_t)seconds * 1000) < 0)
		return refused("out of memory", error);
	return NULL;
}

const struct control_verb admin_cmds_verbs[] = {
	{.name = "servers", .run = tell_servers},
	{.name = "policies", .run = tell_policies},
	{.name = "events", .run = tell_events},
	{.name = "explain", .run = tell_why},
	{.name = "store", .run = tell_store},
	{.name = "proxies", .run = tell_proxies},
	{.name = "wait", .run = tell_when_quiet},
	{.name = "drain", .changes = true, .run = order_drain},
	{.name = "enable", .changes = true, .run = order_enable},
	{.name = "disable", .changes = true, .run = order_disable},
	{.name = "remove", .changes = true, .run = order_remove},
	{.name = NULL},
};
