/* job_process.c - see job_process.h. */
#include "job_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exit_history.h"
#include "job_child.h"
#include "log.h"
#include "printable.h"
#include "process.h"

enum {
	PAUSE_MIN_MS = 100, /* after a start that failed */
	PAUSE_MAX_MS = 5000,
	PAUSE_MS = 10, /* after one that has done jobs */
	LONG_ENOUGH_MS = 1000
};

static void happen(struct job_process *, enum slot_event);

/* ---- its clock ---- */

static void
arm(struct job_process *p, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(p->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a job process's clock", "worker=%u process=%u",
			  p->worker, p->number);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct job_process *p = arg;

	(void)fd;
	(void)what;
	if (p->state == SLOT_STARTING)
		p->end = JOB_END_START;
	happen(p, SLOT_TIMED_OUT);
}

/* ---- forking ---- */

enum { THEIRS, OURS, ENDS }; /* of a pipe */

struct pipes {
	int in[ENDS], out[ENDS], err[ENDS];
};

static void
close_pipe(int end[ENDS])
{
	for (int i = 0; i < ENDS; i++) {
		if (end[i] >= 0)
			(void)close(end[i]);
		end[i] = -1;
	}
}

static void
close_pipes(struct pipes *p)
{
	int error = errno;

	close_pipe(p->in);
	close_pipe(p->out);
	close_pipe(p->err);
	errno = error;
}

/* Ours never waits; a worker has no system call to make it so. */
static int
open_pipe(int end[ENDS], bool they_read)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	end[THEIRS] = fd[!they_read];
	end[OURS] = fd[they_read];
	return fcntl(end[OURS], F_SETFL, (they_read ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
}

static int
open_pipes(struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	return open_pipe(p->in, true) < 0 || open_pipe(p->out, false) < 0 ||
			       open_pipe(p->err, false) < 0
		       ? -1
		       : 0;
}

static pid_t
fork_process(const struct job_process *p, const struct pipes *pipes)
{
	const struct job_child child = {.conf = job_process_conf(p),
					.daemon = &p->settings->daemon,
					.in = pipes->in[THEIRS],
					.out = pipes->out[THEIRS],
					.err = pipes->err[THEIRS],
					.worker = p->worker,
					.number = p->number,
					.serial = p->serial,
					.master = getpid(),
					.worker_pid = p->worker_pid,
					.forget = p->host->forget,
					.ctx = p->host->forget_ctx};

	return job_child_fork(&child);
}

static int
tell_with(const struct job_process *p, enum job_msg_kind kind, int fd)
{
	const struct job_msg m = {.kind = kind, .number = p->number, .serial = p->serial};

	return supervisor_pass_to(p->host->supervisor, p->worker, job_msg_span(&m), fd);
}

/* 0, or -1 with errno; a process that was forked is reaped in any case. */
static int
start(struct job_process *p)
{
	struct pipes pipes;
	int rc = -1;

	if (open_pipes(&pipes) == 0 && (p->errors = job_stderr_new(p->host->base, pipes.err[OURS],
								   p->worker, p->number)) != NULL) {
		pipes.err[OURS] = -1;
		p->pid = fork_process(p, &pipes);
		if (p->pid > 0)
			rc = 0;
		else
			p->pid = 0;
	}
	if (rc == 0) {
		job_stderr_of(p->errors, p->pid);
		if ((tell_with(p, JOB_MSG_STDIN, pipes.in[OURS]) < 0 ||
		     tell_with(p, JOB_MSG_STDOUT, pipes.out[OURS]) < 0) &&
		    errno != ESRCH && errno != EPIPE)
			log_errno(LOG_ERROR, "cannot give a worker the pipes of a job process",
				  "worker=%u", p->worker); /* it ends: nobody has them */
	}
	close_pipes(&pipes);
	return rc;
}

static void
do_fork(struct job_process *p)
{
	p->serial = ++p->host->serials;
	p->end = JOB_END_SELF;
	p->was_ready = false;
	p->why[0] = '\0';
	p->born = clock_ms();
	if (start(p) < 0) {
		log_errno(LOG_ERROR, "cannot start a job process", "worker=%u process=%u",
			  p->worker, p->number);
		job_stderr_forget(p->errors);
		p->errors = NULL;
		p->failures++;
		happen(p, SLOT_EXITED);
		return;
	}
	job_stats_started(p->host->stats, p->worker, p->number, p->serial, p->pid, p->born);
	arm(p, job_process_conf(p)->start_timeout);
	log_event(LOG_VERBOSE, "job process started", "worker=%u process=%u process_pid=%d",
		  p->worker, p->number, (int)p->pid);
}

/* ---- ending ---- */

/* Its whole group.  It leads one from its first moment on, but perhaps not yet. */
static void
signal_group(const struct job_process *p, int sig)
{
	if (p->pid > 0 && kill(-p->pid, sig) < 0 && kill(p->pid, sig) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot signal a job process", "process_pid=%d signal=%d",
			  (int)p->pid, sig);
}

static bool
is_to_blame(enum job_end end)
{
	return end == JOB_END_TIMEOUT || end == JOB_END_PROTOCOL || end == JOB_END_START ||
	       end == JOB_END_REFUSED;
}

/* Others see the end of their input, for their worker closes its pipes. */
static void
do_ask(struct job_process *p)
{
	arm(p, job_process_conf(p)->grace);
	if (is_to_blame(p->end))
		signal_group(p, job_process_conf(p)->signal);
}

/* One that has done jobs can start: it is tried again at once. */
static void
do_pause(struct job_process *p)
{
	const struct job_stats_cell *cell = counters_cell(p->host->stats->cells, p->worker,
							  p->number);
	uint32_t ms = PAUSE_MS;

	if (!p->was_ready || (clock_ms() - p->up < LONG_ENOUGH_MS && counter_get(&cell->jobs) == 0))
		ms = backoff_next(&p->pause, backoff_random());
	else
		backoff_reset(&p->pause);
	arm(p, ms);
}

static void
carry_out(struct job_process *p, enum slot_action action)
{
	switch (action) {
	case SLOT_NOTHING: break;
	case SLOT_FORK: do_fork(p); break;
	case SLOT_COUNT: (void)event_del(p->clock); break;
	case SLOT_ASK: do_ask(p); break;
	case SLOT_SHOOT:
		(void)event_del(p->clock);
		signal_group(p, SIGKILL);
		break;
	case SLOT_PAUSE: do_pause(p); break;
	case SLOT_RELEASE:
		(void)event_del(p->clock);
		p->host->on_over(p, p->host->ctx);
		break;
	case SLOT_ACTION_COUNT: abort();
	}
}

/* p may be gone afterwards. */
static void
happen(struct job_process *p, enum slot_event event)
{
	struct slot_step step = slot_step(p->state, event, p->wanted);

	p->state = step.next;
	carry_out(p, step.action);
}

/* ---- what befalls it ---- */

void
job_process_ready(struct job_process *p)
{
	uint64_t most = job_process_conf(p)->max_memory;
	struct procstat has;

	if (p->state != SLOT_STARTING)
		return;
	if (most > 0 && procstat_read(p->pid, &has) == 0 && has.resident > most) {
		log_event(LOG_ERROR, "handler_max_memory is less than a job process starts with",
			  "worker=%u process=%u process_pid=%d bytes=%llu "
			  "handler_max_memory=%llu",
			  p->worker, p->number, (int)p->pid, (unsigned long long)has.resident,
			  (unsigned long long)most);
		p->host->on_failure(p, JOB_PROCESS_LARGE, p->host->ctx);
	}
	p->was_ready = true;
	p->up = clock_ms();
	p->failures = 0;
	job_stats_ready(p->host->stats, p->worker, p->number, p->serial);
	happen(p, SLOT_SAID_READY);
	p->host->on_ready(p, p->host->ctx);
}

void
job_process_end(struct job_process *p, enum job_end end, const char *why)
{
	if (p->state != SLOT_STARTING && p->state != SLOT_READY)
		return; /* it is about to */
	p->end = end;
	(void)printable(why, p->why, sizeof p->why);
	job_stats_ending(p->host->stats, p->worker, p->number);
	happen(p, SLOT_TIMED_OUT);
}

void
job_process_leave(struct job_process *p, bool at_once)
{
	p->wanted = false;
	if (p->state == SLOT_STARTING || p->state == SLOT_READY)
		p->end = JOB_END_STOP;
	if (p->pid > 0) /* its place may be another's before it is reaped */
		job_stats_ended(p->host->stats, p->worker, p->number, JOB_END_STOP, 0);
	happen(p, at_once ? SLOT_KILL : SLOT_UNWANTED);
}

/* Its worker ends, or has and is not reaped yet: so its input has ended. */
static bool
is_left_alone(const struct job_process *p)
{
	struct supervisor_child c;

	supervisor_child_snapshot(p->host->supervisor, p->worker, &c);
	return c.pid != p->worker_pid || c.state == SLOT_DRAINING;
}

static enum log_level
level_of(const struct job_process *p, int status)
{
	if (p->end == JOB_END_STOP || (status == 0 && is_left_alone(p)))
		return LOG_VERBOSE;
	return p->end == JOB_END_JOBS || p->end == JOB_END_MEMORY ? LOG_INFO : LOG_WARN;
}

/* One line an end, with the client of the job in hand, or else of the last one.  What a handler
 * says itself is lines of another kind, and takes none of these away. */
static void
log_end(const struct job_process *p, int status)
{
	char text[EXIT_STATUS_TEXT], client[JOB_STATS_TEXT];

	(void)job_stats_last_client(p->host->stats, p->worker, p->number, client);
	log_limited(level_of(p, status), "job process ended",
		    "worker=%u process=%u process_pid=%d cause=%s srcid=%s exit=%s", p->worker,
		    p->number, (int)p->pid, job_end_text(p->end), log_quoted(client),
		    log_quoted(exit_status_text(status, text)));
}

static void
tell_end(const struct job_process *p, int status)
{
	const struct job_msg m = {.kind = JOB_MSG_ENDED,
				  .number = p->number,
				  .serial = p->serial,
				  .ended = {.status = status, .end = (uint32_t)p->end}};

	job_stats_ended(p->host->stats, p->worker, p->number, p->end, status);
	if (supervisor_send(p->host->supervisor, p->worker, job_msg_span(&m)) < 0 &&
	    errno != ESRCH && errno != EPIPE)
		log_errno(LOG_ERROR, "cannot tell a worker of a job process's end", "worker=%u",
			  p->worker);
}

/* Its worker has the same clock, which may run out a moment before by this one. */
static enum job_process_failure
failure_of(const struct job_process *p, int status)
{
	uint64_t limit = job_process_conf(p)->start_timeout;

	if (p->end == JOB_END_SELF)
		return WIFEXITED(status) && WEXITSTATUS(status) == JOB_CHILD_FAILED
			       ? JOB_PROCESS_UNABLE
			       : JOB_PROCESS_DIED;
	if (p->end != JOB_END_START || clock_ms() - p->born < limit - limit / 8)
		return JOB_PROCESS_UNREADY;
	log_event(LOG_ERROR, "a job process is not ready in time",
		  "worker=%u process=%u handler_start_timeout_ms=%llu", p->worker, p->number,
		  (unsigned long long)limit);
	return JOB_PROCESS_LATE;
}

void
job_process_reaped(struct job_process *p, int status)
{
	bool failed = p->wanted && !p->was_ready;
	char last[JOB_STDERR_LAST];

	(void)kill(-p->pid, SIGKILL); /* what it has started does not outlive it */
	(void)event_del(p->clock);
	job_stderr_end(p->errors, last);
	if (p->end == JOB_END_SELF)
		(void)printable(last, p->why, sizeof p->why);
	p->status = status;
	p->errors = NULL;
	log_end(p, status);
	if (p->wanted)
		tell_end(p, status);
	p->pid = 0;
	p->failures += failed;
	happen(p, SLOT_EXITED);
	if (failed)
		p->host->on_failure(p, failure_of(p, status), p->host->ctx);
}

/* ---- its place ---- */

struct job_process *
job_process_new(struct job_process_host *host, struct settings *settings, unsigned worker,
		pid_t worker_pid, unsigned number)
{
	struct job_process *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	*p = (struct job_process){.host = host,
				  .worker = worker,
				  .worker_pid = worker_pid,
				  .number = number,
				  .wanted = true,
				  .pause = {.min = PAUSE_MIN_MS, .max = PAUSE_MAX_MS}};
	p->clock = event_new(host->base, -1, 0, on_clock, p);
	if (p->clock == NULL) {
		free(p);
		return NULL;
	}
	p->settings = settings_hold(settings);
	happen(p, SLOT_WANTED);
	return p;
}

void
job_process_free(struct job_process *p)
{
	job_stderr_forget(p->errors);
	event_free(p->clock);
	settings_release(p->settings);
	free(p);
}
