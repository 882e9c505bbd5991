/* status.c - see status.h. */
#include "status.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

void
status_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (o == NULL || json_object_object_add(o, key, value) < 0)
		(void)json_object_put(value);
}

void
status_append(struct json_object *list, struct json_object *value)
{
	if (list == NULL || json_object_array_add(list, value) < 0)
		(void)json_object_put(value);
}

void
status_add_text(struct json_object *o, const char *key, const char *value)
{
	status_add(o, key, json_object_new_string(value));
}

void
status_add_null(struct json_object *o, const char *key)
{
	status_add(o, key, NULL);
}

struct json_object *
status_add_list(struct json_object *o, const char *key)
{
	struct json_object *list = json_object_new_array();

	if (o != NULL && list != NULL && json_object_object_add(o, key, list) == 0)
		return list;
	(void)json_object_put(list);
	return NULL;
}

struct json_object *
status_add_row(struct json_object *list)
{
	struct json_object *row = json_object_new_object();

	if (list != NULL && row != NULL && json_object_array_add(list, row) == 0)
		return row;
	(void)json_object_put(row);
	return NULL;
}

void
status_add_text_or_null(struct json_object *o, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		status_add_null(o, key);
	else
		status_add_text(o, key, value);
}

void
status_add_bool(struct json_object *o, const char *key, bool value)
{
	status_add(o, key, json_object_new_boolean(value));
}

void
status_add_number(struct json_object *o, const char *key, uint64_t value)
{
	status_add(o, key, json_object_new_uint64(value));
}

void
status_add_seconds(struct json_object *o, const char *key, uint64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(ms / 1000),
		       (unsigned long long)(ms % 1000 / 100));
	status_add(o, key, json_object_new_double_s((double)ms / 1000, text));
}

static struct json_object *
array_status(const struct counters_field *f, const _Atomic uint64_t *word)
{
	struct json_object *o = json_object_new_object();

	for (unsigned i = 0; o != NULL && i < f->n; i++) {
		uint64_t n = counter_get(&word[i]);
		if (f->text(i) != NULL && (n > 0 || f->kind != COUNTER_SPARSE))
			status_add_number(o, f->text(i), n);
	}
	return o;
}

void
status_add_counters(struct json_object *o, const struct counters_type *type, const void *sum)
{
	const struct counters_field *f = type->field, *end = f + type->fields;

	for (; f < end; f++) {
		const _Atomic uint64_t *word = counters_words(type, f, sum);
		if (f->key == NULL)
			continue;
		if (f->text == NULL)
			status_add_number(o, f->key, counter_get(word));
		else
			status_add(o, f->key, array_status(f, word));
	}
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

	supervisor_sum(sup, &sum);
	status_add_counters(o, &scoreboard_row_type, &sum);
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
	supervisor_snapshot(sup, &v);
	status_add_text(o, "program", program);
	status_add_text(o, "version", POLICYPOOL_VERSION);
	status_add_number(o, "pid", (uint64_t)getpid());
	status_add_text(o, "state", v.state);
	add_since(o, v.started);
	status_add_number(workers, "wanted", v.wanted);
	status_add_number(workers, "ready", v.ready);
	status_add(o, "workers", workers);
	status_add_number(o, "generation", v.generation);
	add_sums(o, sup);
	return o;
}

static void
add_exit(struct json_object *o, const char *key, int status)
{
	char text[EXIT_STATUS_TEXT];

	status_add_text_or_null(o, key, status < 0 ? NULL : exit_status_text(status, text));
}

static void
add_usage(struct json_object *o, pid_t pid)
{
	struct procstat p = {.cpu_ms = 0};

	if (pid > 0 && procstat_read(pid, &p) < 0)
		p = (struct procstat){.cpu_ms = 0};
	status_add_seconds(o, "cpu_s", p.cpu_ms);
	status_add_number(o, "rss_kib", p.resident / 1024);
}

static struct json_object *
worker_status(struct supervisor *sup, unsigned slot, uint64_t now)
{
	struct json_object *o = json_object_new_object();
	struct supervisor_child m;
	const struct scoreboard_row *row = scoreboard_peek(supervisor_scoreboard(sup), slot);
	uint64_t beat = counter_told(&row->heartbeat);

	if (o == NULL)
		return NULL;
	supervisor_child_snapshot(sup, slot, &m);
	status_add_number(o, "slot", slot);
	status_add_number(o, "pid", (uint64_t)m.pid);
	status_add_text(o, "state", slot_state_text(m.state));
	status_add_seconds(o, "age_s", m.pid > 0 ? now - m.born : 0);
	status_add_number(o, "accepted", counter_told(&row->accepted));
	status_add_number(o, "requests", counter_told(&row->requests));
	status_add_number(o, "errors", counter_told(&row->errors));
	status_add_number(o, "in_flight", counter_told(&row->in_flight));
	status_add_number(o, "connections", counter_told(&row->connections));
	status_add_number(o, "restarts", m.deaths);
	add_exit(o, "last_exit", m.last_status);
	status_add_text_or_null(o, "last_why",
				m.last_cause < 0 ? NULL
						 : exit_cause_text((enum exit_cause)m.last_cause));
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
	struct supervisor_child m;

	for (unsigned i = 0; list != NULL && i < supervisor_slots(sup); i++) {
		supervisor_child_snapshot(sup, i, &m);
		if (m.state != SLOT_VACANT)
			status_append(list, worker_status(sup, i, now));
	}
	return list;
}

static struct json_object *
death_status(const struct exit_record *d)
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
	status_add_text(o, "why", exit_cause_text(d->cause));
	add_exit(o, "exit", d->status);
	return o;
}

struct json_object *
status_of_deaths(struct supervisor *sup)
{
	struct json_object *list = json_object_new_array();
	const struct exit_record *d;

	for (unsigned i = 0;
	     list != NULL && (d = exit_history_last(supervisor_exits(sup), i)) != NULL; i++)
		status_append(list, death_status(d));
	return list;
}
