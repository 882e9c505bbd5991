/* daemon_metrics.c - see daemon_metrics.h. */
#include "daemon_metrics.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "process.h"

static void
write_build(struct prometheus *e, const char *program, const struct supervisor_view *v)
{
	const struct prometheus_label build[] = {
		{"program", program}, {"version", POLICYPOOL_VERSION}, {NULL, NULL}};

	prometheus_family(e, "policypool_build_info", PROMETHEUS_GAUGE,
			  "Which program and version this is; always 1.");
	prometheus_number(e, build, 1);
	prometheus_family(e, "policypool_uptime_seconds", PROMETHEUS_GAUGE,
			  "Time since the start of the master.");
	prometheus_ms(e, NULL, clock_ms() - v->started);
	prometheus_family(e, "policypool_degraded", PROMETHEUS_GAUGE,
			  "1 while workers die when they start.");
	prometheus_number(e, NULL, strcmp(v->state, "degraded") == 0);
	prometheus_family(e, "policypool_workers_wanted", PROMETHEUS_GAUGE,
			  "Workers that there are to be.");
	prometheus_number(e, NULL, v->wanted);
	prometheus_family(e, "policypool_workers_ready", PROMETHEUS_GAUGE, "Workers that serve.");
	prometheus_number(e, NULL, v->ready);
}

static void
write_deaths(struct prometheus *e, const struct supervisor *s)
{
	prometheus_family(e, "policypool_worker_ends_total", PROMETHEUS_COUNTER,
			  "Workers that have ended, by the reason.");
	for (unsigned i = 0; i < EXIT_CAUSE_COUNT; i++) {
		const struct prometheus_label why[] = {{"why", exit_cause_text((enum exit_cause)i)},
						       {NULL, NULL}};
		prometheus_number(e, why, supervisor_exits(s)->count[i]);
	}
}

static void
write_sums(struct prometheus *e, struct supervisor *s)
{
	struct scoreboard_row sum;

	supervisor_sum(s, &sum);
	counter_add(&sum.requests, counter_get(&sum.errors));
	prometheus_counters(e, "policypool_", &scoreboard_row_type, &sum);
}

/* ---- a sample a worker ---- */

struct sight {
	struct supervisor_child child;
	struct procstat process;
	const struct scoreboard_row *row;
	uint64_t now;
};

static void
tell_cpu(struct prometheus *e, const struct prometheus_label *l, const struct sight *w)
{
	prometheus_ms(e, l, w->process.cpu_ms);
}

static void
tell_memory(struct prometheus *e, const struct prometheus_label *l, const struct sight *w)
{
	prometheus_number(e, l, w->process.resident);
}

static void
tell_connections(struct prometheus *e, const struct prometheus_label *l, const struct sight *w)
{
	prometheus_number(e, l, counter_told(&w->row->connections));
}

static void
tell_requests(struct prometheus *e, const struct prometheus_label *l, const struct sight *w)
{
	prometheus_number(e, l, counter_told(&w->row->requests) + counter_told(&w->row->errors));
}

static void
tell_silence(struct prometheus *e, const struct prometheus_label *l, const struct sight *w)
{
	uint64_t beat = counter_told(&w->row->heartbeat);

	prometheus_ms(e, l, beat > 0 && w->now > beat ? w->now - beat : 0);
}

static const struct {
	const char *name;
	enum prometheus_type type;
	const char *help;
	void (*tell)(struct prometheus *, const struct prometheus_label *, const struct sight *);
} of_worker[] = {
	{"policypool_worker_cpu_seconds_total", PROMETHEUS_COUNTER,
	 "Processor time of the process in a slot.", tell_cpu},
	{"policypool_worker_requests_total", PROMETHEUS_COUNTER,
	 "Packets answered, well or with an error, by the process in a slot.", tell_requests},
	{"policypool_worker_resident_bytes", PROMETHEUS_GAUGE, "Memory of the process in a slot.",
	 tell_memory},
	{"policypool_worker_connections", PROMETHEUS_GAUGE, "Connections of the process in a slot.",
	 tell_connections},
	{"policypool_worker_silence_seconds", PROMETHEUS_GAUGE,
	 "Seconds since the event loop last ran.", tell_silence},
};

static bool
see(struct supervisor *s, unsigned slot, struct sight *w)
{
	*w = (struct sight){.now = clock_ms(),
			    .row = scoreboard_peek(supervisor_scoreboard(s), slot)};
	supervisor_child_snapshot(s, slot, &w->child);
	return w->child.pid > 0 && procstat_read(w->child.pid, &w->process) == 0;
}

static void
write_workers(struct prometheus *e, struct supervisor *s)
{
	struct sight w;
	char slot[16];
	const struct prometheus_label label[] = {{"slot", slot}, {NULL, NULL}};

	for (size_t f = 0; f < sizeof of_worker / sizeof *of_worker; f++) {
		prometheus_family(e, of_worker[f].name, of_worker[f].type, of_worker[f].help);
		for (unsigned i = 0; i < supervisor_slots(s); i++) {
			(void)snprintf(slot, sizeof slot, "%u", i);
			if (see(s, i, &w))
				of_worker[f].tell(e, label, &w);
		}
	}
}

void
daemon_metrics_write(struct prometheus *e, const char *program, struct supervisor *s)
{
	struct supervisor_view v;

	supervisor_snapshot(s, &v);
	write_build(e, program, &v);
	write_deaths(e, s);
	write_sums(e, s);
	write_workers(e, s);
}

/* ---- pages ---- */

static int
say(struct evbuffer *out, int status, const char *text)
{
	return evbuffer_add_printf(out, "%s\n", text) < 0 ? 500 : status;
}

static int
write_health(struct evbuffer *out, void *ctx)
{
	struct supervisor_view v;

	supervisor_snapshot(ctx, &v);
	if (v.ready > 0)
		return say(out, 200, v.state);
	return say(out, 503, "no worker serves");
}

int
daemon_metrics_readiness(struct evbuffer *out, struct supervisor *s)
{
	struct supervisor_view v;

	supervisor_snapshot(s, &v);
	if (supervisor_stopping(s))
		return say(out, 503, "stopping");
	if (v.ready == 0)
		return say(out, 503, "no worker serves");
	return say(out, 200, "ready");
}

static int
write_readiness(struct evbuffer *out, void *ctx)
{
	return daemon_metrics_readiness(out, ctx);
}

const struct http_admin_page daemon_metrics_pages[] = {
	{"/healthz", "text/plain; charset=utf-8", write_health},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};
