/* status.c - see status.h. */
#include "status.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "procstat.h"

void
status_add_text(struct json_object *o, const char *key, const char *value)
{
	(void)json_object_object_add(o, key, json_object_new_string(value));
}

void
status_add_number(struct json_object *o, const char *key, uint64_t value)
{
	(void)json_object_object_add(o, key, json_object_new_uint64(value));
}

void
status_add_seconds(struct json_object *o, const char *key, uint64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(ms / 1000),
		       (unsigned long long)(ms % 1000 / 100));
	(void)json_object_object_add(o, key, json_object_new_double_s((double)ms / 1000, text));
}

static void
add_since(struct json_object *o, uint64_t at)
{
	char text[CLOCK_TEXT];

	clock_text_at(at, text, sizeof text);
	status_add_text(o, "since", text);
	status_add_seconds(o, "uptime_s", clock_ms() - at);
}

static void
add_sums(struct json_object *o, struct supervisor *sup)
{
	struct scoreboard_row sum;

	scoreboard_sum(supervisor_scoreboard(sup), &sum);
#define TELL(name) status_add_number(o, #name, scoreboard_get(&sum.name));
	SCOREBOARD_COUNTERS(TELL)
#undef TELL
	status_add_number(o, "connections", scoreboard_get(&sum.connections));
	status_add_number(o, "in_flight", scoreboard_get(&sum.in_flight));
	status_add_number(o, "tls_handshaking", scoreboard_get(&sum.tls_handshaking));
}

struct json_object *
status_of_daemon(const char *program, struct supervisor *sup)
{
	struct json_object *o = json_object_new_object(), *workers = json_object_new_object();
	struct supervisor_view v;

	if (o == NULL || workers == NULL) {
		(void)json_object_put(o);
		(void)json_object_put(workers);
		return NULL;
	}
	supervisor_look(sup, &v);
	status_add_text(o, "program", program);
	status_add_text(o, "version", POLICYPOOL_VERSION);
	status_add_number(o, "pid", (uint64_t)getpid());
	status_add_text(o, "state", v.state);
	add_since(o, v.started);
	status_add_number(workers, "wanted", v.wanted);
	status_add_number(workers, "ready", v.ready);
	(void)json_object_object_add(o, "workers", workers);
	status_add_number(o, "generation", v.generation);
	add_sums(o, sup);
	return o;
}

static void
add_exit(struct json_object *o, const char *key, int status)
{
	char text[SUPERVISOR_EXIT];

	status_add_text(o, key, supervisor_exit_text(status, text));
}

static void
add_usage(struct json_object *o, pid_t pid)
{
	struct procstat p = {0, 0};

	if (pid > 0 && procstat_read(pid, &p) < 0)
		p = (struct procstat){0, 0};
	status_add_seconds(o, "cpu_s", p.cpu_ms);
	status_add_number(o, "rss_kib", p.resident / 1024);
}

static struct json_object *
worker_status(struct supervisor *sup, unsigned slot, uint64_t now)
{
	struct json_object *o = json_object_new_object();
	struct supervisor_member m;
	const struct scoreboard_row *row = scoreboard_row(supervisor_scoreboard(sup), slot);
	uint64_t beat = scoreboard_get(&row->heartbeat);

	if (o == NULL)
		return NULL;
	supervisor_look_at(sup, slot, &m);
	status_add_number(o, "slot", slot);
	status_add_number(o, "pid", (uint64_t)m.pid);
	status_add_text(o, "state", slot_state_text(m.state));
	status_add_seconds(o, "age_s", m.pid > 0 ? now - m.born : 0);
	status_add_number(o, "accepted", scoreboard_get(&row->accepted));
	status_add_number(o, "requests", scoreboard_get(&row->requests));
	status_add_number(o, "errors", scoreboard_get(&row->errors));
	status_add_number(o, "in_flight", scoreboard_get(&row->in_flight));
	status_add_number(o, "connections", scoreboard_get(&row->connections));
	status_add_number(o, "restarts", m.deaths);
	add_exit(o, "last_exit", m.last_status);
	status_add_text(o, "last_why",
			m.last_end < 0 ? "-"
				       : supervisor_end_text((enum supervisor_end)m.last_end));
	add_usage(o, m.pid);
	status_add_number(o, "heartbeat_ms", beat > 0 && now > beat ? now - beat : 0);
	return o;
}

/* Those that have a worker, or had one that is to be replaced. */
struct json_object *
status_of_workers(struct supervisor *sup)
{
	struct json_object *list = json_object_new_array();
	uint64_t now = clock_ms();
	struct supervisor_member m;

	for (unsigned i = 0; list != NULL && i < supervisor_slots(sup); i++) {
		supervisor_look_at(sup, i, &m);
		if (m.state != SLOT_VACANT)
			(void)json_object_array_add(list, worker_status(sup, i, now));
	}
	return list;
}

static struct json_object *
death_status(const struct supervisor_death *d)
{
	struct json_object *o = json_object_new_object();
	char when[CLOCK_TEXT];

	if (o == NULL)
		return NULL;
	clock_text_at(d->at, when, sizeof when);
	status_add_text(o, "when", when);
	status_add_number(o, "slot", d->slot);
	status_add_number(o, "pid", (uint64_t)d->pid);
	status_add_seconds(o, "age_s", d->age);
	status_add_text(o, "why", supervisor_end_text(d->end));
	add_exit(o, "exit", d->status);
	return o;
}

struct json_object *
status_of_deaths(struct supervisor *sup)
{
	struct json_object *list = json_object_new_array();
	const struct supervisor_death *d;

	for (unsigned i = 0; list != NULL && (d = supervisor_death(sup, i)) != NULL; i++)
		(void)json_object_array_add(list, death_status(d));
	return list;
}
