/* job_processes.h - the job processes of all workers of a server, kept by its master.
 *
 * A worker that is forked gets handler_processes of them, of the settings that it was forked with,
 * for its life; then they end.  A process that cannot start refuses the start of its worker. */
#ifndef POLICYPOOL_JOB_PROCESSES_H
#define POLICYPOOL_JOB_PROCESSES_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"
#include "job_msg.h"
#include "job_stats.h"
#include "settings.h"
#include "supervisor.h"

struct job_processes;

/* stats is borrowed; forget, with ctx, is job_child.h's.  NULL with errno. */
struct job_processes *job_processes_new(struct event_base *, struct job_stats *stats,
					void (*forget)(void *ctx), void *ctx);
/* Processes that live are killed.  NULL is fine. */
void job_processes_free(struct job_processes *);
/* In a forked worker, or job process: gives up what is the master's.  NULL is fine. */
void job_processes_after_fork(struct job_processes *);
/* All settings that are held, for their keys. */
void job_processes_each_settings(struct job_processes *, void (*fn)(struct settings *));

/* The supervisor of the workers; borrowed.  Before the first is forked. */
void job_processes_attach(struct job_processes *, struct supervisor *);

/* As the supervisor's ops have it.  settings: of the worker; held as long as they are needed. */
void job_processes_worker_forked(struct job_processes *, unsigned worker, struct settings *);
void job_processes_worker_ended(struct job_processes *, unsigned worker);
/* READY, KILL or RETIRE of a worker, judged by job_msg_read(). */
void job_processes_hear(struct job_processes *, unsigned worker, const struct job_msg *);
/* Was it one of them? */
bool job_processes_reaped(struct job_processes *, pid_t, int status);
/* Some are left, though their workers have ended. */
bool job_processes_linger(const struct job_processes *);

#endif
