/* outcome.c - see outcome.h. */
#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "status.h"

enum { LOOK_MS = 20, SLACK_MS = 1000, WHY_MAX = 160 };

enum outcome { OUTCOME_OPEN, OUTCOME_DONE, OUTCOME_FAILED };

/* An order that is being carried out. */
struct order {
	const char *name;
	struct supervisor *supervisor;
	struct control_deferred *answer;
	struct event *look;
	uint64_t since, until; /* clock_ms() */
	bool started;	       /* who is to serve does; now others leave */
	unsigned uid;	       /* who gave it */
	enum outcome (*judge)(struct order *);
	struct json_object *(*tell)(const struct order *);
	unsigned workers; /* scale: so many are wanted */
	unsigned slot;	  /* recycle: whose worker leaves */
	pid_t pid;	  /* it */
	int successor;	  /* in which slot */
	char why[WHY_MAX];
};

static void
order_free(struct order *o)
{
	event_free(o->look);
	free(o);
}

static void
on_gone(void *arg)
{
	order_free(arg);
}

/* ---- how many ---- */

/* What the last worker that could not start ended with; empty where none did since `at`. */
static const char *
last_failure(const struct supervisor *s, uint64_t at, char out[SUPERVISOR_EXIT])
{
	const struct supervisor_death *d = supervisor_death(s, 0);

	if (d == NULL || d->at < at || d->served || d->end == END_ASKED)
		return "";
	return supervisor_exit_text(d->status, out);
}

/* Workers of the generation in force, whatever they are doing. */
static unsigned
occupied(const struct supervisor *s, unsigned generation)
{
	struct supervisor_member m;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(s); i++) {
		supervisor_look_at(s, i, &m);
		n += m.state != SLOT_VACANT && m.generation == generation;
	}
	return n;
}

/* What is told when nothing better comes of it. */
static void
say_how_far(struct order *o, const struct supervisor_view *v)
{
	char text[SUPERVISOR_EXIT];
	const char *failure = last_failure(o->supervisor, o->since, text);
	bool failed = failure[0] != '\0';

	(void)snprintf(o->why, sizeof o->why, "%u of %u workers serve%s%s%s", v->ready, o->workers,
		       failed ? ", one died while starting (" : "", failure, failed ? ")" : "");
	if (v->ready >= o->workers)
		(void)snprintf(o->why, sizeof o->why, "those too many have not ended yet");
}

static enum outcome
judge_scale(struct order *o)
{
	struct supervisor_view v;

	supervisor_look(o->supervisor, &v);
	if (v.wanted != o->workers) {
		(void)snprintf(o->why, sizeof o->why, "another order came: %u workers", v.wanted);
		return OUTCOME_FAILED;
	}
	o->started = v.ready >= o->workers;
	if (v.ready == o->workers && occupied(o->supervisor, v.generation) == o->workers)
		return OUTCOME_DONE;
	say_how_far(o, &v);
	return v.ready < o->workers && strcmp(v.state, "degraded") == 0 ? OUTCOME_FAILED
									: OUTCOME_OPEN;
}

static struct json_object *
tell_scale(const struct order *o)
{
	struct json_object *data = json_object_new_object();
	char text[32];

	(void)snprintf(text, sizeof text, "%u workers serve", o->workers);
	if (data != NULL) {
		status_add_text(data, "done", text);
		status_add_number(data, "workers", o->workers);
	}
	return data;
}

/* ---- one for another ---- */

static enum outcome
judge_recycle(struct order *o)
{
	struct supervisor_member old, successor;
	char text[SUPERVISOR_EXIT];

	supervisor_look_at(o->supervisor, o->slot, &old);
	supervisor_look_at(o->supervisor, (unsigned)o->successor, &successor);
	(void)snprintf(o->why, sizeof o->why, "the former worker has not ended yet");
	o->started = successor.state == SLOT_READY && successor.replaces < 0;
	if (o->started)
		return old.pid != o->pid ? OUTCOME_DONE : OUTCOME_OPEN;
	if (successor.state == SLOT_STARTING)
		return OUTCOME_OPEN;
	if (successor.state == SLOT_COOLING) {
		(void)snprintf(o->why, sizeof o->why,
			       "the successor cannot be started; it is tried again");
		return OUTCOME_FAILED;
	}
	(void)snprintf(o->why, sizeof o->why, "the successor did not start (%s)%s",
		       supervisor_exit_text(successor.last_status, text),
		       old.pid == o->pid ? "; the worker stays" : "");
	return OUTCOME_FAILED;
}

static struct json_object *
tell_recycle(const struct order *o)
{
	struct json_object *data = json_object_new_object();
	struct supervisor_member successor;

	supervisor_look_at(o->supervisor, (unsigned)o->successor, &successor);
	if (data != NULL) {
		status_add_text(data, "done", "recycled");
		status_add_number(data, "slot", (uint64_t)o->successor);
		status_add_number(data, "pid", (uint64_t)successor.pid);
	}
	return data;
}

/* -1: there is none. */
static int
find_successor(const struct supervisor *s, unsigned slot)
{
	struct supervisor_member m;

	for (unsigned i = 0; i < supervisor_slots(s); i++) {
		supervisor_look_at(s, i, &m);
		if (m.replaces == (int)slot)
			return (int)i;
	}
	return -1;
}

/* ---- waiting ---- */

static void
settle(struct order *o, bool done)
{
	struct json_object *data = done ? o->tell(o) : NULL;

	log_event(done ? LOG_INFO : LOG_WARN, done ? "order carried out" : "order not carried out",
		  "order=%s by_uid=%u%s%s", o->name, o->uid,
		  done ? "" : " why=", done ? "" : log_quoted(o->why));
	control_settle(o->answer, data, done ? "done; out of memory to say more" : o->why);
	order_free(o);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct order *o = arg;
	struct supervisor_view v;
	enum outcome outcome;
	bool was_started;

	(void)fd;
	(void)what;
	if (supervisor_stopping(o->supervisor)) {
		(void)snprintf(o->why, sizeof o->why, "the daemon stops");
		settle(o, false);
		return;
	}
	was_started = o->started;
	outcome = o->judge(o);
	supervisor_look(o->supervisor, &v);
	if (o->started && !was_started)
		o->until = clock_ms() + v.stop_timeout + SLACK_MS;
	if (outcome != OUTCOME_OPEN || clock_ms() >= o->until)
		settle(o, outcome == OUTCOME_DONE);
}

/* As run() returns it. */
static struct json_object *
wait_for(const struct order *given, const struct control_call *call, const char **error)
{
	struct order *o = malloc(sizeof *o);
	struct timeval tv = clock_timeval(LOOK_MS);
	struct supervisor_view v;

	*error = "out of memory to wait for the outcome";
	if (o == NULL)
		return NULL;
	supervisor_look(given->supervisor, &v);
	*o = *given;
	o->uid = (unsigned)call->uid;
	o->since = clock_ms();
	o->until = o->since + v.start_timeout + SLACK_MS;
	o->look = event_new(supervisor_base(o->supervisor), -1, EV_PERSIST, on_look, o);
	if (o->look == NULL || event_add(o->look, &tv) < 0 ||
	    (o->answer = control_defer(call, on_gone, o)) == NULL) {
		if (o->look != NULL)
			event_free(o->look);
		free(o);
	}
	return NULL;
}

struct json_object *
outcome_of_scale(const struct control_call *call, struct supervisor *s, unsigned workers,
		 const char **error)
{
	const struct order o = {.name = "scale",
				.supervisor = s,
				.judge = judge_scale,
				.tell = tell_scale,
				.workers = workers};

	return wait_for(&o, call, error);
}

struct json_object *
outcome_of_recycle(const struct control_call *call, struct supervisor *s, unsigned slot,
		   const char **error)
{
	struct order o = {.name = "recycle",
			  .supervisor = s,
			  .judge = judge_recycle,
			  .tell = tell_recycle,
			  .slot = slot,
			  .successor = find_successor(s, slot)};
	struct supervisor_member m;

	supervisor_look_at(s, slot, &m);
	o.pid = m.pid;
	if (o.successor >= 0)
		return wait_for(&o, call, error);
	*error = "the successor could not be started; the worker stays";
	return NULL;
}
