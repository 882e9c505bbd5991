/* reload.c - see reload.h. */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "log.h"
#include "sd_notify.h"
#include "status.h"

/* A caller that waits for an outcome. */
struct reload_waiter {
	struct reload *reload;
	struct control_deferred *answer;
	bool of_next; /* of the one remembered, not of the one that runs */
	LIST_ENTRY(reload_waiter) link;
};

struct reload {
	const struct reload_ops *ops;
	void *ctx;
	struct supervisor *supervisor;
	struct event *next; /* begins what is remembered, from the loop */
	bool running, remembered;
	bool held, again; /* none begins; one was asked for since then */
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	char *notes;	  /* of the one that runs, or NULL */
	char *error;	  /* of the last one, or NULL */
	uint64_t last_at; /* clock_ms() of the last one that succeeded; 0: none */
	LIST_HEAD(reload_waiter_list, reload_waiter) waiters;
};

/* ---- outcomes ---- */

/* Each line an event of its own. */
static void
log_lines(enum log_level level, const char *msg, const char *text)
{
	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n > 0)
			log_event(level, msg, "what=%s", log_quoted_n(text, n));
	}
}

/* Without the newline at its end. */
static void
trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
}

/* For an answer, a status: its lines as one.  Frees text. */
static char *
joined(char *text)
{
	size_t n = strlen(text), size = n + 1;
	char *out, *to;

	for (size_t i = 0; i < n; i++)
		size += text[i] == '\n';
	out = to = calloc(size, 1);
	if (out == NULL)
		return text;
	for (size_t i = 0; i < n; i++) {
		*to++ = text[i] == '\n' ? ';' : text[i];
		if (text[i] == '\n')
			*to++ = ' ';
	}
	free(text);
	return out;
}

static struct json_object *
good_news(void *arg)
{
	const struct reload *r = arg;
	struct json_object *o = json_object_new_object();
	struct supervisor_view v;

	if (o == NULL)
		return NULL;
	supervisor_snapshot(r->supervisor, &v);
	status_add_text(o, "done", "reloaded");
	status_add_number(o, "generation", v.generation);
	status_add_number(o, "workers", v.wanted);
	if (r->notes != NULL && r->notes[0] != '\0')
		status_add_text(o, "note", r->notes);
	return o;
}

static void
answer_waiters(struct reload *r, struct json_object *(*news)(void *), const char *error)
{
	struct reload_waiter *w, *next;

	for (w = LIST_FIRST(&r->waiters); w != NULL; w = next) {
		next = LIST_NEXT(w, link);
		if (w->of_next)
			continue;
		LIST_REMOVE(w, link);
		control_settle(w->answer, error == NULL ? news(r) : NULL,
			       error != NULL ? error : "reloaded; out of memory to say more");
		free(w);
	}
}

static void
start_next(struct reload *r)
{
	struct reload_waiter *w;

	LIST_FOREACH(w, &r->waiters, link)
		w->of_next = false;
	if (r->on_end != NULL)
		r->on_end(r->on_end_ctx);
	if (r->remembered)
		event_active(r->next, EV_TIMEOUT, 0);
}

/* error: why it failed, NULL where there is no memory to say it; freed here. */
static void
ended(struct reload *r, bool fine, char *error)
{
	static const char not_reloaded[] = "not reloaded; the settings before stay in force",
			  no_memory[] = "out of memory";
	struct supervisor_view v;

	r->running = false;
	if (!supervisor_stopping(r->supervisor))
		sd_notify_ready();
	free(r->error);
	r->error = NULL;
	supervisor_snapshot(r->supervisor, &v);
	if (error != NULL) {
		trim(error);
		log_lines(LOG_ERROR, not_reloaded, error);
		r->error = joined(error);
	} else if (!fine) {
		log_lines(LOG_ERROR, not_reloaded, no_memory);
	} else {
		r->last_at = clock_ms();
		log_event(LOG_INFO, "reloaded", "generation=%u workers=%u", v.generation, v.wanted);
		if (r->notes != NULL) {
			log_lines(LOG_WARN, "reloaded, but not all of it", r->notes);
			r->notes = joined(r->notes);
		}
	}
	answer_waiters(r, good_news, fine || r->error != NULL ? r->error : no_memory);
	free(r->notes);
	r->notes = NULL;
	start_next(r);
}

static void
ended_because(struct reload *r, const char *why)
{
	ended(r, false, strdup(why));
}

/* ---- running ---- */

void
reload_settled(struct reload *r, bool yield)
{
	supervisor_retire(r->supervisor, yield);
	ended(r, true, NULL);
}

static void
on_renewed(bool up, const char *why, void *arg)
{
	struct reload *r = arg;

	if (up) {
		r->ops->keep(r->ctx);
		return;
	}
	r->ops->undo(r->ctx);
	ended_because(r, why);
}

/* 0, or -1 with what is wrong in *error, to be freed. */
static int
take(struct reload *r, char **error)
{
	size_t notes_n, error_n;
	FILE *notes = open_memstream(&r->notes, &notes_n), *err = open_memstream(error, &error_n);
	int rc = -1;

	if (notes != NULL && err != NULL)
		rc = r->ops->take(r->ctx, notes, err);
	if (notes != NULL)
		(void)fclose(notes);
	if (err != NULL)
		(void)fclose(err);
	if (r->notes != NULL)
		trim(r->notes);
	return rc;
}

static void
begin(struct reload *r)
{
	struct supervisor_conf conf;
	char *error = NULL;
	int saved;

	r->remembered = false;
	r->running = true;
	sd_notify_reloading();
	if (take(r, &error) < 0) {
		ended(r, false, error);
		return;
	}
	free(error);
	r->ops->conf(r->ctx, &conf);
	if (supervisor_renew(r->supervisor, &conf, on_renewed, r) == 0)
		return;
	saved = errno;
	r->ops->undo(r->ctx);
	if (saved != EBUSY) {
		ended_because(r, strerror(saved));
		return;
	}
	/* The new settings want more slots than are free: again when there is room. */
	sd_notify_ready();
	r->running = false;
	r->remembered = true;
	free(r->notes);
	r->notes = NULL;
}

void
reload_resume(struct reload *r)
{
	struct supervisor_conf conf;

	if (!r->remembered || r->running || r->held)
		return;
	if (supervisor_stopping(r->supervisor)) {
		r->remembered = false;
		r->running = true;
		ended_because(r, "the daemon stops");
		return;
	}
	r->ops->conf(r->ctx, &conf);
	if (supervisor_may_renew(r->supervisor, conf.workers))
		begin(r);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reload_resume(arg);
}

void
reload_request(struct reload *r)
{
	bool now = !r->running && !r->remembered && !r->held;

	log_event(r->remembered ? LOG_VERBOSE : LOG_INFO, "reload requested", "now=%d", now);
	if (r->held)
		r->again = true;
	else
		r->remembered = true;
	event_active(r->next, EV_TIMEOUT, 0);
}

bool
reload_runs(const struct reload *r)
{
	return r->running;
}

/* ---- beside an upgrade ---- */

void
reload_pause(struct reload *r)
{
	r->held = true;
}

void
reload_release(struct reload *r)
{
	r->remembered = r->remembered || r->again;
	r->held = r->again = false;
	if (r->remembered)
		event_active(r->next, EV_TIMEOUT, 0);
}

static struct json_object *
done_elsewhere(void *arg)
{
	struct json_object *o = json_object_new_object();

	(void)arg;
	if (o != NULL)
		status_add_text(o, "done", "reloaded, by an upgrade");
	return o;
}

bool
reload_supersede(struct reload *r)
{
	bool again = r->again;

	r->remembered = r->again = false;
	answer_waiters(r, done_elsewhere, NULL);
	return again;
}

void
reload_on_end(struct reload *r, void (*fn)(void *ctx), void *ctx)
{
	r->on_end = fn;
	r->on_end_ctx = ctx;
}

/* ---- the order ---- */

static void
waiter_gone(void *arg)
{
	struct reload_waiter *w = arg;

	LIST_REMOVE(w, link);
	free(w);
}

static struct json_object *
run_reload(const struct control_call *call, const char **error, void *arg)
{
	struct reload *r = arg;
	struct reload_waiter *w;

	if (r->held) {
		*error = "not now: an upgrade is under way, whose successor reads the settings";
		return NULL;
	}
	w = calloc(1, sizeof *w);
	if (w != NULL)
		w->answer = control_defer(call, waiter_gone, w);
	if (w == NULL || w->answer == NULL) {
		free(w);
		*error = "out of memory";
		return NULL;
	}
	w->reload = r;
	w->of_next = r->running;
	LIST_INSERT_HEAD(&r->waiters, w, link);
	reload_request(r);
	return NULL;
}

const struct control_verb reload_verbs[] = {
	{.name = "reload", .changes = true, .run = run_reload},
	{.name = NULL},
};

/* ---- life ---- */

struct reload *
reload_new(struct event_base *base, const struct reload_ops *ops, void *ctx)
{
	struct reload *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	*r = (struct reload){.ops = ops, .ctx = ctx};
	LIST_INIT(&r->waiters);
	r->next = event_new(base, -1, 0, on_next, r);
	if (r->next != NULL)
		return r;
	free(r);
	return NULL;
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	event_free(r->next);
	free(r->notes);
	free(r->error);
	free(r);
}

void
reload_attach(struct reload *r, struct supervisor *s)
{
	r->supervisor = s;
}

void
reload_add_status(const struct reload *r, struct json_object *o)
{
	char when[CLOCK_TEXT];

	if (r->last_at != 0) {
		clock_text_at(r->last_at, when, sizeof when);
		status_add_text(o, "reloaded", when);
	}
	if (r->error != NULL)
		status_add_text(o, "reload_error", r->error);
}
