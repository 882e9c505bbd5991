/* vitals.c - see vitals.h. */
#include "vitals.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "procstat.h"

static void
write_build(struct exposition *e, const char *program, const struct supervisor_view *v)
{
	const struct exposition_label build[] = {
		{"program", program}, {"version", POLICYPOOL_VERSION}, {NULL, NULL}};

	exposition_family(e, "policypool_build_info", EXPOSITION_GAUGE,
			  "Which program and version this is; always 1.");
	exposition_number(e, build, 1);
	exposition_family(e, "policypool_uptime_seconds", EXPOSITION_GAUGE,
			  "Time since the start of the master.");
	exposition_ms(e, NULL, clock_ms() - v->started);
	exposition_family(e, "policypool_degraded", EXPOSITION_GAUGE,
			  "1 while workers die when they start.");
	exposition_number(e, NULL, strcmp(v->state, "degraded") == 0);
	exposition_family(e, "policypool_workers_wanted", EXPOSITION_GAUGE,
			  "Workers that there are to be.");
	exposition_number(e, NULL, v->wanted);
	exposition_family(e, "policypool_workers_ready", EXPOSITION_GAUGE, "Workers that serve.");
	exposition_number(e, NULL, v->ready);
}

static void
write_deaths(struct exposition *e, const struct supervisor *s)
{
	exposition_family(e, "policypool_worker_ends_total", EXPOSITION_COUNTER,
			  "Workers that have ended, by the reason.");
	for (unsigned i = 0; i < SUPERVISOR_END_COUNT; i++) {
		const struct exposition_label why[] = {
			{"why", supervisor_end_text((enum supervisor_end)i)}, {NULL, NULL}};
		exposition_number(e, why, supervisor_ends(s, (enum supervisor_end)i));
	}
}

#define COUNTER_HELP_accepted	    "Connections taken."
#define COUNTER_HELP_requests	    "Packets answered well."
#define COUNTER_HELP_errors	    "Packets answered with an error."
#define COUNTER_HELP_bytes_in	    "Bytes of packets read."
#define COUNTER_HELP_bytes_out	    "Bytes of answers written."
#define COUNTER_HELP_tls_handshakes "TLS handshakes that both sides agreed in."
#define COUNTER_HELP_tls_failed	    "TLS handshakes that failed or took too long."
#define COUNTER_HELP_tls_refused    "TLS handshakes refused, for there were too many."

static void
write_sums(struct exposition *e, struct supervisor *s)
{
	struct scoreboard_row sum;

	scoreboard_sum(supervisor_scoreboard(s), &sum);
#define TELL(name)                                                             \
	exposition_family(e, "policypool_" #name "_total", EXPOSITION_COUNTER, \
			  COUNTER_HELP_##name);                                \
	exposition_number(e, NULL, scoreboard_get(&sum.name));
	SCOREBOARD_COUNTERS(TELL)
#undef TELL
	exposition_family(e, "policypool_connections", EXPOSITION_GAUGE, "Connections open now.");
	exposition_number(e, NULL, scoreboard_get(&sum.connections));
	exposition_family(e, "policypool_in_flight", EXPOSITION_GAUGE,
			  "Requests taken and not yet answered.");
	exposition_number(e, NULL, scoreboard_get(&sum.in_flight));
	exposition_family(e, "policypool_tls_handshaking", EXPOSITION_GAUGE,
			  "TLS handshakes under way.");
	exposition_number(e, NULL, scoreboard_get(&sum.tls_handshaking));
}

/* ---- a sample a worker ---- */

struct sight {
	struct supervisor_member member;
	struct procstat process;
	const struct scoreboard_row *row;
	uint64_t now;
};

static void
tell_cpu(struct exposition *e, const struct exposition_label *l, const struct sight *w)
{
	exposition_ms(e, l, w->process.cpu_ms);
}

static void
tell_memory(struct exposition *e, const struct exposition_label *l, const struct sight *w)
{
	exposition_number(e, l, w->process.resident);
}

static void
tell_connections(struct exposition *e, const struct exposition_label *l, const struct sight *w)
{
	exposition_number(e, l, scoreboard_get(&w->row->connections));
}

static void
tell_requests(struct exposition *e, const struct exposition_label *l, const struct sight *w)
{
	exposition_number(e, l, scoreboard_get(&w->row->requests));
}

static void
tell_silence(struct exposition *e, const struct exposition_label *l, const struct sight *w)
{
	uint64_t beat = scoreboard_get(&w->row->heartbeat);

	exposition_ms(e, l, beat > 0 && w->now > beat ? w->now - beat : 0);
}

static const struct {
	const char *name;
	enum exposition_type type;
	const char *help;
	void (*tell)(struct exposition *, const struct exposition_label *, const struct sight *);
} of_worker[] = {
	{"policypool_worker_cpu_seconds_total", EXPOSITION_COUNTER,
	 "Processor time of the process in a slot.", tell_cpu},
	{"policypool_worker_requests_total", EXPOSITION_COUNTER,
	 "Packets answered well by the process in a slot.", tell_requests},
	{"policypool_worker_resident_bytes", EXPOSITION_GAUGE, "Memory of the process in a slot.",
	 tell_memory},
	{"policypool_worker_connections", EXPOSITION_GAUGE, "Connections of the process in a slot.",
	 tell_connections},
	{"policypool_worker_silence_seconds", EXPOSITION_GAUGE, "Time since its loop last turned.",
	 tell_silence},
};

static bool
see(struct supervisor *s, unsigned slot, struct sight *w)
{
	*w = (struct sight){.now = clock_ms(),
			    .row = scoreboard_row(supervisor_scoreboard(s), slot)};
	supervisor_look_at(s, slot, &w->member);
	return w->member.pid > 0 && procstat_read(w->member.pid, &w->process) == 0;
}

static void
write_workers(struct exposition *e, struct supervisor *s)
{
	struct sight w;
	char slot[16];
	const struct exposition_label label[] = {{"slot", slot}, {NULL, NULL}};

	for (size_t f = 0; f < sizeof of_worker / sizeof *of_worker; f++) {
		exposition_family(e, of_worker[f].name, of_worker[f].type, of_worker[f].help);
		for (unsigned i = 0; i < supervisor_slots(s); i++) {
			(void)snprintf(slot, sizeof slot, "%u", i);
			if (see(s, i, &w))
				of_worker[f].tell(e, label, &w);
		}
	}
}

void
vitals_write(struct exposition *e, const char *program, struct supervisor *s)
{
	struct supervisor_view v;

	supervisor_look(s, &v);
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

	supervisor_look(ctx, &v);
	if (v.ready > 0)
		return say(out, 200, v.state);
	return say(out, 503, "no worker serves");
}

int
vitals_readiness(struct evbuffer *out, struct supervisor *s)
{
	struct supervisor_view v;

	supervisor_look(s, &v);
	if (supervisor_stopping(s))
		return say(out, 503, "stopping");
	if (v.ready == 0)
		return say(out, 503, "no worker serves");
	return say(out, 200, "ready");
}

static int
write_readiness(struct evbuffer *out, void *ctx)
{
	return vitals_readiness(out, ctx);
}

const struct admin_page vitals_pages[] = {
	{"/healthz", "text/plain; charset=utf-8", write_health},
	{"/readyz", "text/plain; charset=utf-8", write_readiness},
	{NULL, NULL, NULL},
};
