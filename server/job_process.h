/* job_process.h - one job process of a worker: forked, its pipes given to the worker, ended with
 * its whole group, reaped, and another in its place while one is wanted.
 *
 * What becomes of it is slot.h's to say, as of workers:
 *
 *   STARTING   forked; handler_start_timeout runs until its worker says that it has answered job 0
 *   READY      does jobs
 *   DRAINING   is to end: it has had handler_signal where it is to blame, otherwise its input has
 *              ended; handler_grace runs
 *   KILLED     it and its group have had SIGKILL
 *   COOLING    the pause before the next try
 *
 * It outlives its worker, without which it only ends. */
#ifndef POLICYPOOL_JOB_PROCESS_H
#define POLICYPOOL_JOB_PROCESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "backoff.h"
#include "compiler.h"
#include "job_msg.h"
#include "job_stats.h"
#include "job_stderr.h"
#include "server_conf.h"
#include "slot.h"
#include "supervisor.h"

struct job_process;

enum { JOB_PROCESS_WHY = 160 };

enum job_process_failure {
	JOB_PROCESS_DIED,    /* while starting: another try may go better */
	JOB_PROCESS_LATE,    /* was not ready in time */
	JOB_PROCESS_UNREADY, /* said that it is not, or what is no answer */
	JOB_PROCESS_UNABLE,  /* cannot begin: no such program, no such user ... */
	JOB_PROCESS_LARGE    /* has more than handler_max_memory as soon as it is ready */
};

/* What processes need of those that keep them; borrowed for their lives. */
struct job_process_host {
	struct event_base *base;
	struct supervisor *supervisor;
	struct job_stats *stats;
	uint64_t serials; /* given so far */
	/* In the job process: see job_child.h. */
	void (*forget)(void *forget_ctx);
	void *forget_ctx;
	void (*on_ready)(struct job_process *, void *ctx);
	/* It did not start; failures: so often in a row. */
	void (*on_failure)(struct job_process *, enum job_process_failure, void *ctx);
	/* It has ended, and its worker before it: to be freed. */
	void (*on_over)(struct job_process *, void *ctx);
	void *ctx;
};

struct job_process {
	LIST_ENTRY(job_process) link; /* the host's */
	struct job_process_host *host;
	struct settings *settings; /* held: those of its worker */
	unsigned worker, number;
	pid_t worker_pid;
	enum slot_state state;
	bool wanted;	   /* its worker lives */
	uint64_t serial;   /* of the present life */
	uint64_t due;	   /* the life that has done handler_max_jobs, */
	uint64_t due_turn; /* and its turn to be replaced */
	pid_t pid;	   /* 0: none */
	bool was_ready;
	enum job_end end;  /* why it is to end; JOB_END_SELF: it is not */
	uint64_t born, up; /* clock_ms() of the fork, and of when it was ready */
	unsigned failures; /* starts in a row that came to nothing */
	bool told_failing; /* that is why its worker counts as failing */
	int status;	   /* wait(2)'s, of the last one that ended */
	/* Of the last one that was not ready: its last line on standard error, or what its worker
	 * says; can be shown. */
	char why[JOB_PROCESS_WHY];
	struct backoff pause;
	struct job_stderr *errors;
	struct event *clock;
};

static inline const struct handler_conf *
job_process_conf(const struct job_process *p)
{
	return &server_settings_of(p->settings)->server.handler;
}

/* A place for a process of that worker, and its first one.  NULL on ENOMEM. */
struct job_process *job_process_new(struct job_process_host *, struct settings *, unsigned worker,
				    pid_t worker_pid, unsigned number);
/* Frees it; a process that lives is not ended. */
void job_process_free(struct job_process *);

/* The worker says that it has answered job 0. */
void job_process_ready(struct job_process *);
/* It is to end, for a reason; another follows.  why: more of it, of one that is not ready, a
 * stranger's word; or empty. */
void job_process_end(struct job_process *, enum job_end, const char *why);
/* Its worker has ended. */
void job_process_leave(struct job_process *, bool at_once);
/* It was reaped. */
void job_process_reaped(struct job_process *, int status);

#endif
