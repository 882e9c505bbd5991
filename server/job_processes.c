/* job_processes.c - see job_processes.h. */
#include "job_processes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "clock.h"
#include "exit_history.h"
#include "job_process.h"
#include "job_strays.h"
#include "log.h"
#include "process.h"

enum {
	START_TRIES = 3, /* of a process until its worker's start is refused */
	LOOK_MS = 1000,	 /* between looks at memory and at what was left behind */
	WHY = JOB_PROCESS_WHY + 192
};

LIST_HEAD(job_process_list, job_process);

struct job_processes {
	struct job_process_host host;
	struct job_process_list all;
	struct event *look;
	bool strays; /* a process has ended since the last look for what it left */
	/* The one that is being replaced, for its memory or its jobs: 0, or its serial, until
	 * another is in its place. */
	uint64_t retiring;
	unsigned retiring_worker, retiring_number;
	enum job_end retiring_why;
	uint64_t due_turns; /* given to those that have done handler_max_jobs */
	char why[WHY];	    /* of the last failure */
};

/* ---- finding ---- */

static struct job_process *
find(const struct job_processes *s, unsigned worker, unsigned number)
{
	struct job_process *p;

	LIST_FOREACH(p, &s->all, link)
		if (p->wanted && p->worker == worker && p->number == number)
			return p;
	return NULL;
}

static bool
lives(uint64_t serial, pid_t pid, void *arg)
{
	const struct job_processes *s = arg;
	const struct job_process *p;

	LIST_FOREACH(p, &s->all, link)
		if (p->pid > 0 && (serial == p->serial || pid == p->pid))
			return true;
	return false;
}

/* ---- replacing one at a time ---- */

static bool
is_too_large(const struct job_process *p, struct procstat *has)
{
	uint64_t most = job_process_conf(p)->max_memory;

	return most > 0 && p->state == SLOT_READY && p->wanted && procstat_read(p->pid, has) == 0 &&
	       has->resident > most;
}

/* Its worker lets the job in hand end first.  False: another time. */
static bool
retire(struct job_processes *s, const struct job_process *p, enum job_end why)
{
	const struct job_msg m = {.kind = JOB_MSG_RETIRE,
				  .number = p->number,
				  .serial = p->serial,
				  .kill = {.end = why}};

	if (supervisor_send(s->host.supervisor, p->worker, job_msg_span(&m)) < 0)
		return false;
	s->retiring = p->serial;
	s->retiring_worker = p->worker;
	s->retiring_number = p->number;
	s->retiring_why = why;
	return true;
}

/* The largest: where they grow fast, those that have just been replaced are too large again before
 * all others have had their turn. */
static void
look_at_memory(struct job_processes *s)
{
	const struct job_process *p, *largest = NULL;
	struct procstat has, most = {.resident = 0};

	LIST_FOREACH(p, &s->all, link)
		if (s->retiring == 0 && is_too_large(p, &has) && has.resident > most.resident) {
			largest = p;
			most = has;
		}
	if (largest != NULL && retire(s, largest, JOB_END_MEMORY))
		log_event(LOG_VERBOSE, "job process has too much memory",
			  "worker=%u process=%u process_pid=%d bytes=%llu", largest->worker,
			  largest->number, (int)largest->pid, (unsigned long long)most.resident);
}

static bool
is_due(const struct job_process *p)
{
	return p->wanted && p->state == SLOT_READY && p->due == p->serial;
}

/* The one that has been due for the longest: where jobs are quick, those that have just been
 * replaced are due again before all others have had their turn. */
static void
look_at_jobs(struct job_processes *s)
{
	const struct job_process *p, *first = NULL;

	if (s->retiring != 0)
		return;
	LIST_FOREACH(p, &s->all, link)
		if (is_due(p) && (first == NULL || p->due_turn < first->due_turn))
			first = p;
	if (first != NULL)
		(void)retire(s, first, JOB_END_JOBS);
}

static void
note_due(struct job_processes *s, struct job_process *p)
{
	if (p->due == p->serial)
		return;
	p->due = p->serial;
	p->due_turn = ++s->due_turns;
}

/* Another is in its place, or there is none any more. */
static void
settle_retired(struct job_processes *s, const struct job_process *p)
{
	if (s->retiring == 0 || p->worker != s->retiring_worker || p->number != s->retiring_number)
		return;
	s->retiring = 0;
	look_at_jobs(s);
	look_at_memory(s);
}

/* ---- what is left behind ---- */

static void
look_for_strays(struct job_processes *s)
{
	s->strays = job_strays_kill(lives, s) > 0;
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct job_processes *s = arg;

	(void)fd;
	(void)what;
	look_at_jobs(s);
	look_at_memory(s);
	if (s->strays)
		look_for_strays(s);
}

/* ---- what befalls one ---- */

static void
on_ready(struct job_process *p, void *arg)
{
	struct job_processes *s = arg;

	settle_retired(s, p);
	if (p->told_failing)
		job_stats_failing(s->host.stats, p->worker, NULL, 0);
	p->told_failing = false;
}

/* "ended with status 1", "was ended by signal 9 KILL". */
static const char *
ended_text(int status, char out[64])
{
	char text[EXIT_STATUS_TEXT];

	if (WIFEXITED(status))
		(void)snprintf(out, 64, "ended with status %d", WEXITSTATUS(status));
	else
		(void)snprintf(out, 64, "was ended by %s", exit_status_text(status, text));
	return out;
}

static const char *
what_failed(const struct job_process *p, enum job_process_failure f, char out[128])
{
	char text[64];

	switch (f) {
	case JOB_PROCESS_DIED:
		(void)snprintf(out, 128, "the handler %s while it started",
			       ended_text(p->status, text));
		return out;
	case JOB_PROCESS_LATE: return "the handler is not ready in time";
	case JOB_PROCESS_UNREADY: return "the handler is not ready";
	case JOB_PROCESS_UNABLE: return "the handler cannot be started";
	case JOB_PROCESS_LARGE: return "handler_max_memory is less than a job process starts with";
	}
	return "the handler does not start";
}

/* With what it has said itself. */
static const char *
why_not(struct job_processes *s, const struct job_process *p, enum job_process_failure f)
{
	bool says = p->why[0] != '\0' && f != JOB_PROCESS_LATE && f != JOB_PROCESS_LARGE;
	char text[128];

	(void)snprintf(s->why, sizeof s->why, "%s%s%s%s", what_failed(p, f, text), says ? ": " : "",
		       says ? p->why : "",
		       f == JOB_PROCESS_DIED || f == JOB_PROCESS_LATE
			       ? "; ppool-handler check shows all of it"
			       : "");
	return s->why;
}

/* A worker that serves goes on with those that it has, and the server is degraded. */
static void
on_failure(struct job_process *p, enum job_process_failure f, void *arg)
{
	struct job_processes *s = arg;
	struct supervisor_child worker;

	if (f == JOB_PROCESS_DIED && p->failures < START_TRIES)
		return;
	supervisor_child_snapshot(s->host.supervisor, p->worker, &worker);
	if (worker.state == SLOT_STARTING) {
		supervisor_refuse_start(s->host.supervisor, p->worker, why_not(s, p, f));
	} else if (f != JOB_PROCESS_LARGE && p->failures >= START_TRIES) {
		p->told_failing = true;
		job_stats_failing(s->host.stats, p->worker, why_not(s, p, f), clock_ms());
	}
}

static void
on_over(struct job_process *p, void *arg)
{
	struct job_processes *s = arg;

	LIST_REMOVE(p, link);
	settle_retired(s, p);
	job_process_free(p);
	if (!LIST_EMPTY(&s->all))
		return;
	(void)event_del(s->look);
	look_for_strays(s);
	(void)event_base_loopbreak(s->host.base); /* for whom this was the last */
}

/* ---- workers ---- */

static int
add(struct job_processes *s, unsigned worker, pid_t pid, struct settings *settings, unsigned number)
{
	struct job_process *p = job_process_new(&s->host, settings, worker, pid, number);

	if (p == NULL)
		return -1;
	LIST_INSERT_HEAD(&s->all, p, link);
	return 0;
}

void
job_processes_worker_forked(struct job_processes *s, unsigned worker, struct settings *settings)
{
	const struct handler_conf *c = &server_settings_of(settings)->server.handler;
	struct timeval tv = clock_timeval(LOOK_MS);
	struct supervisor_child child;

	if (!handler_conf_has_processes(c))
		return;
	supervisor_child_snapshot(s->host.supervisor, worker, &child);
	if (LIST_EMPTY(&s->all) && event_add(s->look, &tv) < 0)
		log_event(LOG_ERROR, "memory of job processes is not looked at", NULL);
	for (unsigned i = 0; i < c->processes; i++)
		if (add(s, worker, child.pid, settings, i) < 0) {
			log_errno(LOG_ERROR, "cannot start job processes", "worker=%u", worker);
			supervisor_refuse_start(s->host.supervisor, worker, "out of memory");
			return;
		}
}

void
job_processes_worker_ended(struct job_processes *s, unsigned worker)
{
	struct supervisor_view v;
	struct job_process *p, *next;

	supervisor_snapshot(s->host.supervisor, &v);
	for (p = LIST_FIRST(&s->all); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (p->wanted && p->worker == worker)
			job_process_leave(p, v.at_once);
	}
}

void
job_processes_hear(struct job_processes *s, unsigned worker, const struct job_msg *m)
{
	struct job_process *p = find(s, worker, m->number);

	if (p == NULL || p->serial != m->serial || p->pid == 0)
		return; /* of a former life */
	if (m->kind == JOB_MSG_READY)
		job_process_ready(p);
	else if (m->kind == JOB_MSG_KILL)
		job_process_end(p, (enum job_end)m->kill.end, m->kill.why);
	else
		note_due(s, p);
	look_at_jobs(s);
}

bool
job_processes_reaped(struct job_processes *s, pid_t pid, int status)
{
	struct job_process *p;

	LIST_FOREACH(p, &s->all, link)
		if (p->pid == pid)
			break;
	if (p == NULL)
		return false;
	s->strays = true;
	/* Its worker has said so, but the end may be seen before that is read. */
	if (s->retiring == p->serial && p->end == JOB_END_SELF && status == 0)
		p->end = s->retiring_why;
	job_process_reaped(p, status);
	return true;
}

bool
job_processes_linger(const struct job_processes *s)
{
	return !LIST_EMPTY(&s->all);
}

/* ---- all of them ---- */

struct job_processes *
job_processes_new(struct event_base *base, struct job_stats *stats, void (*forget)(void *ctx),
		  void *ctx)
{
	struct job_processes *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->host = (struct job_process_host){.base = base,
					    .stats = stats,
					    .on_ready = on_ready,
					    .on_failure = on_failure,
					    .on_over = on_over,
					    .forget = forget,
					    .forget_ctx = ctx,
					    .ctx = s};
	LIST_INIT(&s->all);
	s->look = event_new(base, -1, EV_PERSIST, on_look, s);
	if (s->look != NULL)
		return s;
	free(s);
	errno = ENOMEM;
	return NULL;
}

void
job_processes_attach(struct job_processes *s, struct supervisor *supervisor)
{
	s->host.supervisor = supervisor;
}

void
job_processes_each_settings(struct job_processes *s, void (*fn)(struct settings *))
{
	struct job_process *p;

	LIST_FOREACH(p, &s->all, link)
		fn(p->settings);
}

static void
release(struct job_processes *s)
{
	struct job_process *p;

	while ((p = LIST_FIRST(&s->all)) != NULL) {
		LIST_REMOVE(p, link);
		job_process_free(p);
	}
	event_free(s->look);
	free(s);
}

void
job_processes_after_fork(struct job_processes *s)
{
	if (s != NULL)
		release(s);
}

void
job_processes_free(struct job_processes *s)
{
	struct job_process *p;

	if (s == NULL)
		return;
	LIST_FOREACH(p, &s->all, link)
		if (p->pid > 0 && kill(-p->pid, SIGKILL) < 0 && errno == ESRCH)
			(void)kill(p->pid, SIGKILL);
	release(s);
}
