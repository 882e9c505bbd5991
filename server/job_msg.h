/* job_msg.h - what a server's master and its workers say to each other about job processes, over
 * their channel.
 *
 * A worker owns the pipes of its job processes, its master the processes: only the master forks,
 * kills and reaps them.  number counts a worker's job processes from 0, serial the lives of the
 * server's job processes from 1: what is said of a former life is not heeded.
 *
 *   to a worker   STDIN, STDOUT   a process was started; with the descriptor to write to, to read
 *                                 from, non-blocking
 *                 ENDED           it was reaped
 *                 RETIRE          it is to be given no further job; KILL follows once it has none
 *   to a master   READY           it has answered job 0
 *                 KILL            it is to be ended, for a reason
 *                 STRIKE          a payload has ended a process or used up its time
 *                 FAILING         whether the handler fails at everything
 *                 RETIRE          it has done handler_max_jobs: a RETIRE answers when its turn is
 *
 * What comes is judged by job_msg_read(), for a worker that was taken over can send anything. */
#ifndef POLICYPOOL_JOB_MSG_H
#define POLICYPOOL_JOB_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "packet.h"
#include "span.h"

/* Why a job process is ended, or has ended: enumerator, word for log, metrics and ppool-ctl. */
#define JOB_ENDS(X)                                                                     \
	X(JOB_END_SELF, "ended")	  /* by itself: a signal, or a status */        \
	X(JOB_END_START, "start-timeout") /* it did not answer job 0 in time */         \
	X(JOB_END_REFUSED, "refused")	  /* it answered job 0 with an error */         \
	X(JOB_END_TIMEOUT, "timeout")	  /* its job took longer than job_timeout */    \
	X(JOB_END_PROTOCOL, "protocol")	  /* it said what is no answer, to job 0 too */ \
	X(JOB_END_JOBS, "max-jobs")	  /* handler_max_jobs */                        \
	X(JOB_END_MEMORY, "max-memory")	  /* handler_max_memory */                      \
	X(JOB_END_STOP, "stop")		  /* its worker leaves */

#define JOB_END_ENUM(name, text) name,
enum job_end { JOB_ENDS(JOB_END_ENUM) JOB_END_COUNT };
#undef JOB_END_ENUM

const char *job_end_text(enum job_end);

enum job_msg_kind {
	JOB_MSG_NONE,
	JOB_MSG_STDIN = 0x4a01,
	JOB_MSG_STDOUT,
	JOB_MSG_ENDED,
	JOB_MSG_READY,
	JOB_MSG_KILL,
	JOB_MSG_STRIKE,
	JOB_MSG_FAILING,
	JOB_MSG_RETIRE
};

struct job_msg {
	uint32_t kind;	 /* enum job_msg_kind */
	uint32_t number; /* of the process in its worker */
	uint64_t serial; /* of its life; STRIKE, FAILING: 0 */
	union {
		struct {
			int32_t status; /* wait(2) */
			uint32_t end;	/* enum job_end */
		} ended;
		struct {
			uint32_t repeatable; /* 1: it says that its jobs may be repeated */
		} ready;
		struct {
			uint32_t end;  /* enum job_end */
			char why[160]; /* NUL-terminated: of one that is not ready; or empty */
		} kill;		       /* RETIRE too */
		struct {
			uint64_t fingerprint; /* of the payload, job_strikes.h */
			uint32_t end;	      /* enum job_end */
			uint32_t clear;	      /* 1: it was answered: the strikes are void */
			char client[PACKET_ID_MAX + 1]; /* srcid; cut, NUL-terminated */
		} strike;
		struct {
			uint32_t failing; /* 0 or 1 */
			char why[160];	  /* NUL-terminated */
		} failing;
	};
};

/* The message as bytes, for worker_send() and supervisor_send(); borrows. */
static inline struct span
job_msg_span(const struct job_msg *m)
{
	return span_of((const char *)m, sizeof *m);
}

/* Judges a message: whole, of a known kind, every value within its type, texts ended, number below
 * processes.  False: *out is not to be used. */
MUST_CHECK bool job_msg_read(struct span message, unsigned processes, struct job_msg *out);

#endif
