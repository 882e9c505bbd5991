/* handler_once.h - jobs done by a program that is run for each: the payload is its standard input,
 * the reply its standard output, and a status other than 0 an error.
 *
 * It has the environment that is given and of the job PPOOL_JOB (its number), PPOOL_POLICY,
 * PPOOL_SRCID and PPOOL_TIMEOUT (ms), a process group of its own, and our standard error.  The
 * reply is complete when it ends, whatever else has its pipes; what it has started and left behind
 * is killed then. */
#ifndef POLICYPOOL_HANDLER_ONCE_H
#define POLICYPOOL_HANDLER_ONCE_H

#include "job_backend.h"

/* All borrowed. */
struct handler_once_conf {
	char *const *command;	  /* path of the program and its arguments, ended by NULL */
	char *const *environment; /* "NAME=VALUE", ended by NULL */
	size_t max_reply;	  /* bytes */
	bool text;		  /* replies are text also where the payload is bytes */
	int signal;		  /* to this process: passed on to the program's group */
	uint64_t grace;		  /* ms that the group has then, before SIGKILL */
	int worker;		  /* a pipe's end: once the other one is closed, nobody waits */
};

/* NULL on ENOMEM. */
void *handler_once_new(const struct handler_once_conf *);

/* Its state is what handler_once_new() returned. */
extern const struct job_backend handler_once_backend;

#endif
