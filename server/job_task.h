/* job_task.h - a request that waits for a job process or is with one, and the answers of one peer,
 * which leave in the order of its requests. */
#ifndef POLICYPOOL_JOB_TASK_H
#define POLICYPOOL_JOB_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "compiler.h"
#include "handler.h"
#include "job_breaker.h"
#include "span.h"

struct job_task {
	/* The peer that asked: NULL once it has left. */
	void *owner;
	TAILQ_ENTRY(job_task) order; /* among those of its peer */
	bool answered;		     /* answer waits for its turn */
	bool last;		     /* the connection ends after it */
	struct buf answer;
	/* job_dispatch.c's. */
	TAILQ_ENTRY(job_task) link; /* among those that wait for a process */
	bool waits;		    /* it is there */
	bool held;		    /* it waits among those of which others go before */
	uint64_t fingerprint;	    /* of its payload, decoded; 0: not made yet */
	uint64_t print;		    /* what job_share.h knows it by; 0: not made yet */
	int process;		    /* that has it or had it last; -1: none */
	bool repeated;		    /* another process had it and broke the protocol */
	bool struck;		    /* its payload has strikes */
	enum job_breaker_trial trial;
	unsigned returned; /* times a process ended before it had read any of it */
	/* Of the request, with what it borrows from. */
	struct handler_request request;
	size_t payload;	  /* bytes, decoded */
	struct span rest; /* of its line, job_line.h */
	size_t size;	  /* bytes of memory */
	char text[];
};

TAILQ_HEAD(job_tasks, job_task);

/* Copies what it needs.  payload: bytes, decoded; timeout in ms is told to the process; scratch is
 * overwritten.  NULL on ENOMEM.  Release: job_task_free(). */
struct job_task *job_task_new(const struct handler_request *, size_t payload, uint64_t timeout,
			      struct buf *scratch);
/* An answer that is complete, and waits for its turn only; NULL on ENOMEM. */
struct job_task *job_task_answered(struct span answer, bool last);
void job_task_free(struct job_task *);

/* The srcid, still escaped, without quotes. */
struct span job_task_client(const struct job_task *);
/* Decoded; cut between characters, and where it has a NUL byte.  Returns out. */
char *job_task_client_text(const struct job_task *, char out[PACKET_ID_MAX + 1]);

#endif
