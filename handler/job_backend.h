/* job_backend.h - what does the jobs of a job process: a module, a program each, or pseudonyms. */
#ifndef POLICYPOOL_JOB_BACKEND_H
#define POLICYPOOL_JOB_BACKEND_H

#include "job_io.h"
#include "sandbox_job.h"

struct job_backend {
	/* Gets ready.  0 with *repeatable filled, or -1 with the reason in why. */
	int (*start)(void *state, bool *repeatable, char why[HANDLER_WHY]);
	/* Does one job; what *answer borrows stays until the next call. */
	enum job_outcome (*run)(void *state, const struct job_request *, struct job_reply *);
	/* After the last job; of one that started. */
	void (*stop)(void *state);
	void (*free)(void *state);
	/* Its system calls once it has started. */
	enum sandbox_job filter;
};

#endif
