/* job_admin.c - see job_admin.h. */
#include "job_admin.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "printable.h"
#include "process.h"
#include "status.h"

/* ---- processes ---- */

#define PROCESS_STATES(X)       \
	X(STARTING, "starting") \
	X(IDLE, "idle")         \
	X(BUSY, "busy")         \
	X(ENDING, "ending")     \
	X(DOWN, "down") /* there is none at the moment */
#define STATE_ENUM(name, text) name,
#define STATE_TEXT(name, text) text,
enum process_state { PROCESS_STATES(STATE_ENUM) PROCESS_STATE_COUNT };
static const char *const state_text[] = {PROCESS_STATES(STATE_TEXT)};
#undef STATE_ENUM
#undef STATE_TEXT

struct sight {
	unsigned worker, number;
	const struct job_life *life;
	const struct job_stats_cell *cell;
	enum process_state state;
	uint64_t began; /* clock_ms() of the job in hand; 0: none */
	char client[JOB_STATS_TEXT];
};

static void
see(const struct job_admin *a, uint64_t now, struct sight *p)
{
	p->life = job_stats_life(a->stats, p->worker, p->number);
	p->cell = counters_cell(a->stats->cells, p->worker, p->number);
	p->began = job_stats_in_hand(a->stats, p->worker, p->number, now, p->client);
	p->state = p->life->pid == 0 ? DOWN
		   : p->life->ending ? ENDING
		   : !p->life->ready ? STARTING
		   : p->began > 0    ? BUSY
				     : IDLE;
}

/* The next one that there is, or is to be; p->number is UINT_MAX before the first of a worker. */
static bool
next(const struct job_admin *a, uint64_t now, struct sight *p)
{
	unsigned wanted = a->conf(a->ctx)->processes;
	struct supervisor_child child;

	for (; p->worker < supervisor_slots(a->supervisor); p->worker++, p->number = UINT32_MAX) {
		supervisor_child_snapshot(a->supervisor, p->worker, &child);
		while (++p->number < JOB_STATS_PROCESSES) {
			see(a, now, p);
			if (p->state != DOWN || (child.pid > 0 && p->number < wanted))
				return true;
		}
	}
	return false;
}

static const struct sight BEFORE_FIRST = {.number = UINT32_MAX};

static void
count(const struct job_admin *a, unsigned in[PROCESS_STATE_COUNT])
{
	struct sight p = BEFORE_FIRST;
	uint64_t now = clock_ms();

	memset(in, 0, PROCESS_STATE_COUNT * sizeof *in);
	while (next(a, now, &p))
		in[p.state]++;
}

static bool
has_handler(const struct job_admin *a)
{
	return handler_conf_has_processes(a->conf(a->ctx));
}

const char *
job_admin_trouble(const struct job_admin *a)
{
	const struct job_trouble *t = has_handler(a) ? job_stats_trouble(a->stats) : NULL;

	return t == NULL ? NULL : t->why;
}

/* ---- the status ---- */

static unsigned
count_strikes(const struct job_admin *a)
{
	unsigned at = 0, n = 0;

	while (job_strikes_next(a->strikes, &at) != NULL)
		n++;
	return n;
}

static struct json_object *
processes_of(const struct job_admin *a)
{
	struct json_object *o = json_object_new_object();
	unsigned in[PROCESS_STATE_COUNT];

	count(a, in);
	for (unsigned i = 0; o != NULL && i < PROCESS_STATE_COUNT; i++)
		status_add_number(o, state_text[i], in[i]);
	return o;
}

void
job_admin_describe(const struct job_admin *a, struct json_object *o)
{
	const struct handler_conf *c = a->conf(a->ctx);
	const char *trouble = job_admin_trouble(a);
	struct json_object *state;
	struct job_stats_row sum;

	status_add_text(o, "job", c->name);
	status_add_text(o, "handler", handler_kind_text(c->kind));
	if (!handler_conf_has_processes(c))
		return;
	status_add_text_or_null(o, "handler_degraded", trouble);
	if (trouble != NULL && json_object_object_get_ex(o, "state", &state) &&
	    strcmp(json_object_get_string(state), "running") == 0)
		status_add_text(o, "state", "degraded");
	status_add(o, "job_processes", processes_of(a));
	counters_sum(a->stats->rows, 0, &sum);
	status_add_counters(o, &job_stats_row_type, &sum);
	status_add_number(o, "strikes", count_strikes(a));
}

/* ---- handlers ---- */

static void
add_end(struct json_object *o, const struct job_life *l)
{
	char text[EXIT_STATUS_TEXT];

	if (l->last_end < 0) {
		status_add_null(o, "last_end");
		status_add_null(o, "last_exit");
		return;
	}
	status_add_text(o, "last_end", job_end_text((enum job_end)l->last_end));
	status_add_text(o, "last_exit", exit_status_text(l->last_status, text));
}

static struct json_object *
process_status(const struct sight *p, uint64_t now)
{
	struct json_object *o = json_object_new_object();
	struct procstat usage = {.cpu_ms = 0};
	bool lives = p->life->pid > 0;

	if (o == NULL)
		return NULL;
	if (lives && procstat_read(p->life->pid, &usage) < 0)
		usage = (struct procstat){.cpu_ms = 0};
	status_add_number(o, "worker", p->worker);
	status_add_number(o, "process", p->number);
	status_add_number(o, "pid", (uint64_t)p->life->pid);
	status_add_text(o, "state", state_text[p->state]);
	status_add_seconds(o, "age_s", lives ? now - p->life->started : 0);
	status_add_number(o, "jobs", counter_told(&p->cell->jobs));
	if (p->state == BUSY)
		status_add_seconds(o, "job_age_s", now - p->began);
	else
		status_add_null(o, "job_age_s");
	status_add_text_or_null(o, "client", p->state == BUSY ? p->client : NULL);
	status_add_number(o, "restarts", p->life->restarts);
	add_end(o, p->life);
	status_add_seconds(o, "cpu_s", usage.cpu_ms);
	status_add_number(o, "rss_kib", usage.resident / 1024);
	return o;
}

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

static const char no_handler[] =
	"this server has no handler: it does a built-in job in its workers, see handler in "
	"policypool.conf(5)";

struct json_object *
job_admin_handlers(const struct job_admin *a)
{
	struct json_object *list = has_handler(a) ? json_object_new_array() : NULL;
	struct sight p = BEFORE_FIRST;
	uint64_t now = clock_ms();

	while (list != NULL && next(a, now, &p))
		status_append(list, process_status(&p, now));
	return list;
}

static struct json_object *
run_handlers(const struct control_call *call, const char **error, void *arg)
{
	const struct job_admin *a = arg;

	(void)call;
	return has_handler(a) ? or_error(job_admin_handlers(a), error) : refused(no_handler, error);
}

/* ---- strikes ---- */

static struct json_object *
strike_status(const struct job_strike *k, uint64_t now)
{
	struct json_object *o = json_object_new_object();
	char text[JOB_STRIKES_TEXT], client[6 * PACKET_ID_MAX + 1];

	if (o == NULL)
		return NULL;
	status_add_text(o, "fingerprint", job_strikes_text(k->fingerprint, text));
	status_add_number(o, "count", k->count);
	status_add_bool(o, "refused", k->out);
	status_add_seconds(o, "age_s", now > k->last ? now - k->last : 0);
	status_add_text(o, "last_cause", job_end_text(k->end));
	status_add_text_or_null(o, "srcid", printable(k->client, client, sizeof client));
	return o;
}

struct json_object *
job_admin_strikes(const struct job_admin *a)
{
	struct json_object *list = has_handler(a) ? json_object_new_array() : NULL;
	const struct job_strike *k;
	uint64_t now = clock_ms();
	unsigned at = 0;

	while (list != NULL && (k = job_strikes_next(a->strikes, &at)) != NULL)
		status_append(list, strike_status(k, now));
	return list;
}

/* Returns how many were cleared; -1 with *error. */
static int
clear(const struct job_admin *a, const char *which, const char **error)
{
	uint64_t fingerprint;

	if (which == NULL)
		return (int)job_strikes_clear_all(a->strikes);
	if (!job_strikes_parse(which, &fingerprint))
		*error = "a fingerprint has 16 hex digits, see strikes";
	else if (!job_strikes_clear(a->strikes, fingerprint))
		*error = "no payload with this fingerprint has strikes, see strikes";
	else
		return 1;
	return -1;
}

static struct json_object *
order_clear(const struct job_admin *a, const struct control_call *call, const char **error)
{
	int n = clear(a, control_argument(call, 1), error);
	struct json_object *o;

	if (n < 0)
		return NULL;
	log_event(LOG_INFO, "strikes cleared", "payloads=%d by_uid=%u", n, (unsigned)call->uid);
	o = json_object_new_object();
	if (o != NULL)
		status_add_number(o, "cleared", (uint64_t)n);
	return or_error(o, error);
}

static struct json_object *
run_strikes(const struct control_call *call, const char **error, void *arg)
{
	const struct job_admin *a = arg;
	const char *what = control_argument(call, 0);

	if (!has_handler(a))
		return refused(no_handler, error);
	if (what == NULL)
		return or_error(job_admin_strikes(a), error);
	if (strcmp(what, "clear") != 0)
		return refused("strikes takes nothing but clear", error);
	if (!call->may_change)
		return refused("only root and the daemon's own user may do this", error);
	return order_clear(a, call, error);
}

const struct control_verb job_admin_verbs[] = {
	{.name = "handlers", .run = run_handlers},
	{.name = "strikes", .run = run_strikes},
	{.name = NULL},
};

/* ---- metrics ---- */

static void
write_restarts(const struct job_admin *a, struct prometheus *e)
{
	prometheus_family(e, "policypool_job_process_restarts_total", PROMETHEUS_COUNTER,
			  "Job processes that have ended and were replaced, by cause.");
	for (unsigned i = 0; i < JOB_END_COUNT; i++) {
		const struct prometheus_label cause[] = {{"cause", job_end_text((enum job_end)i)},
							 {NULL, NULL}};
		if (i != JOB_END_STOP)
			prometheus_number(e, cause, a->stats->ends[i]);
	}
}

static void
write_processes(const struct job_admin *a, struct prometheus *e)
{
	unsigned in[PROCESS_STATE_COUNT];

	count(a, in);
	prometheus_family(e, "policypool_job_processes", PROMETHEUS_GAUGE,
			  "Job processes, by state.");
	for (unsigned i = 0; i < PROCESS_STATE_COUNT; i++) {
		const struct prometheus_label state[] = {{"state", state_text[i]}, {NULL, NULL}};
		prometheus_number(e, state, in[i]);
	}
}

void
job_admin_metrics(const struct job_admin *a, struct prometheus *e)
{
	struct job_stats_row sum;

	if (!has_handler(a))
		return;
	counters_sum(a->stats->rows, 0, &sum);
	prometheus_counters(e, "policypool_", &job_stats_row_type, &sum);
	write_restarts(a, e);
	write_processes(a, e);
	prometheus_family(e, "policypool_job_strikes", PROMETHEUS_GAUGE,
			  "Payloads that are remembered for having ended a handler.");
	prometheus_number(e, NULL, count_strikes(a));
	prometheus_family(e, "policypool_handler_degraded", PROMETHEUS_GAUGE,
			  "1 while the handler fails at everything.");
	prometheus_number(e, NULL, job_admin_trouble(a) != NULL);
}
