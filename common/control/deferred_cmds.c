/* deferred_cmds.c - see deferred_cmds.h. */
#include "deferred_cmds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "status.h"

enum { LOOK_MS = 20, SLACK_MS = 1000, WHY_MAX = 160 };

enum progress { CMD_RUNNING, CMD_DONE, CMD_FAILED };

/* A command that is being carried out. */
struct deferred {
	const char *name;
	struct supervisor *supervisor;
	struct control_deferred *answer;
	struct event *look;
	uint64_t since, until; /* clock_ms() */
	bool started;	       /* the new workers serve; now the old ones leave */
	unsigned uid;	       /* of its caller */
	enum progress (*judge)(struct deferred *);
	struct json_object *(*tell)(const struct deferred *);
	unsigned workers; /* scale: so many are wanted */
	unsigned slot;	  /* recycle: of the worker that leaves */
	pid_t pid;	  /* it */
	int successor;	  /* in which slot */
	char why[WHY_MAX];
};

static void
deferred_free(struct deferred *d)
{
	event_free(d->look);
	free(d);
}

static void
on_gone(void *arg)
{
	deferred_free(arg);
}

/* ---- how many ---- */

enum { FAILURE = EXIT_STATUS_TEXT + 64 };

/* How the last worker ended that could not start; empty where none did since `at`. */
static const char *
last_failure(const struct supervisor *s, uint64_t at, char out[FAILURE])
{
	const struct exit_record *r = exit_history_last(supervisor_exits(s), 0);
	char text[EXIT_STATUS_TEXT];

	out[0] = '\0';
	if (r == NULL || r->at < at || r->served || r->cause == EXIT_ASKED)
		return out;
	if (r->cause == EXIT_NO_FORK)
		(void)snprintf(out, FAILURE, ", one cannot be forked");
	else
		(void)snprintf(out, FAILURE, ", one died while starting (%s)",
			       exit_status_text(r->status, text));
	return out;
}

/* Workers of the generation in force, whatever they are doing. */
static unsigned
occupied(const struct supervisor *s, unsigned generation)
{
	struct supervisor_child c;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(s); i++) {
		supervisor_child_snapshot(s, i, &c);
		n += c.state != SLOT_VACANT && c.generation == generation;
	}
	return n;
}

/* What is told when nothing better comes of it. */
static void
say_how_far(struct deferred *d, const struct supervisor_view *v)
{
	char failure[FAILURE];

	(void)snprintf(d->why, sizeof d->why, "%u of %u workers serve%s", v->ready, d->workers,
		       last_failure(d->supervisor, d->since, failure));
	if (v->ready >= d->workers)
		(void)snprintf(d->why, sizeof d->why, "those too many have not ended yet");
}

static enum progress
judge_scale(struct deferred *d)
{
	struct supervisor_view v;

	supervisor_snapshot(d->supervisor, &v);
	if (v.wanted != d->workers) {
		(void)snprintf(d->why, sizeof d->why, "another order came: %u workers", v.wanted);
		return CMD_FAILED;
	}
	d->started = v.ready >= d->workers;
	if (v.ready == d->workers && occupied(d->supervisor, v.generation) == d->workers)
		return CMD_DONE;
	say_how_far(d, &v);
	return v.ready < d->workers && strcmp(v.state, "degraded") == 0 ? CMD_FAILED : CMD_RUNNING;
}

static struct json_object *
tell_scale(const struct deferred *d)
{
	struct json_object *data = json_object_new_object();
	char text[32];

	(void)snprintf(text, sizeof text, "%u workers serve", d->workers);
	if (data != NULL) {
		status_add_text(data, "done", text);
		status_add_number(data, "workers", d->workers);
	}
	return data;
}

/* ---- one for another ---- */

static enum progress
judge_recycle(struct deferred *d)
{
	struct supervisor_child old, successor;
	char text[EXIT_STATUS_TEXT];

	supervisor_child_snapshot(d->supervisor, d->slot, &old);
	supervisor_child_snapshot(d->supervisor, (unsigned)d->successor, &successor);
	(void)snprintf(d->why, sizeof d->why, "the former worker has not ended yet");
	d->started = successor.state == SLOT_READY && successor.replaces < 0;
	if (d->started)
		return old.pid != d->pid ? CMD_DONE : CMD_RUNNING;
	if (successor.state == SLOT_STARTING)
		return CMD_RUNNING;
	if (successor.state == SLOT_COOLING) {
		(void)snprintf(d->why, sizeof d->why,
			       "the successor cannot be started; it is tried again");
		return CMD_FAILED;
	}
	(void)snprintf(d->why, sizeof d->why, "the successor did not start (%s)%s",
		       successor.last_cause == EXIT_NO_FORK
			       ? exit_cause_text(EXIT_NO_FORK)
			       : exit_status_text(successor.last_status, text),
		       old.pid == d->pid ? "; the worker stays" : "");
	return CMD_FAILED;
}

static struct json_object *
tell_recycle(const struct deferred *d)
{
	struct json_object *data = json_object_new_object();
	struct supervisor_child successor;

	supervisor_child_snapshot(d->supervisor, (unsigned)d->successor, &successor);
	if (data != NULL) {
		status_add_text(data, "done", "recycled");
		status_add_number(data, "slot", (uint64_t)d->successor);
		status_add_number(data, "pid", (uint64_t)successor.pid);
	}
	return data;
}

/* -1: there is none. */
static int
find_successor(const struct supervisor *s, unsigned slot)
{
	struct supervisor_child c;

	for (unsigned i = 0; i < supervisor_slots(s); i++) {
		supervisor_child_snapshot(s, i, &c);
		if (c.replaces == (int)slot)
			return (int)i;
	}
	return -1;
}

/* ---- waiting ---- */

static void
settle(struct deferred *d, bool done)
{
	struct json_object *data = done ? d->tell(d) : NULL;

	log_event(done ? LOG_INFO : LOG_WARN, done ? "order carried out" : "order not carried out",
		  "order=%s by_uid=%u%s%s", d->name, d->uid,
		  done ? "" : " why=", done ? "" : log_quoted(d->why));
	control_settle(d->answer, data, done ? "done; out of memory to say more" : d->why);
	deferred_free(d);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct deferred *d = arg;
	struct supervisor_view v;
	enum progress progress;
	bool was_started;

	(void)fd;
	(void)what;
	if (supervisor_stopping(d->supervisor)) {
		(void)snprintf(d->why, sizeof d->why, "the daemon stops");
		settle(d, false);
		return;
	}
	was_started = d->started;
	progress = d->judge(d);
	supervisor_snapshot(d->supervisor, &v);
	if (d->started && !was_started)
		d->until = clock_ms() + v.stop_timeout + SLACK_MS;
	if (progress != CMD_RUNNING || clock_ms() >= d->until)
		settle(d, progress == CMD_DONE);
}

/* As run() returns it. */
static struct json_object *
wait_for(const struct deferred *given, const struct control_call *call, const char **error)
{
	struct deferred *d = malloc(sizeof *d);
	struct timeval tv = clock_timeval(LOOK_MS);
	struct supervisor_view v;

	*error = "out of memory to wait for the outcome";
	if (d == NULL)
		return NULL;
	supervisor_snapshot(given->supervisor, &v);
	*d = *given;
	d->uid = (unsigned)call->uid;
	d->since = clock_ms();
	d->until = d->since + v.start_timeout + SLACK_MS;
	d->look = event_new(supervisor_base(d->supervisor), -1, EV_PERSIST, on_look, d);
	if (d->look == NULL || event_add(d->look, &tv) < 0 ||
	    (d->answer = control_defer(call, on_gone, d)) == NULL) {
		if (d->look != NULL)
			event_free(d->look);
		free(d);
	}
	return NULL;
}

struct json_object *
deferred_cmds_scale(const struct control_call *call, struct supervisor *s, unsigned workers,
		    const char **error)
{
	const struct deferred d = {.name = "scale",
				   .supervisor = s,
				   .judge = judge_scale,
				   .tell = tell_scale,
				   .workers = workers};

	return wait_for(&d, call, error);
}

struct json_object *
deferred_cmds_recycle(const struct control_call *call, struct supervisor *s, unsigned slot,
		      const char **error)
{
	struct deferred d = {.name = "recycle",
			     .supervisor = s,
			     .judge = judge_recycle,
			     .tell = tell_recycle,
			     .slot = slot,
			     .successor = find_successor(s, slot)};
	struct supervisor_child c;

	supervisor_child_snapshot(s, slot, &c);
	d.pid = c.pid;
	if (d.successor >= 0)
		return wait_for(&d, call, error);
	*error = "the successor could not be started; the worker stays";
	return NULL;
}
