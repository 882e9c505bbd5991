/* job_runner.h - what runs inside a job process of ours: takes jobs as lines on standard input, has
 * each done by a module, by a program of its own or as a pseudonym, and answers on standard output.
 *
 * The process has been forked for this; standard input and output are its pipes to a worker, and
 * what goes to standard error is logged.  Lines are those of policypool-handler(7):
 *
 *   {"job":17,"policy":"111","srcid":"1","timeout":5000,"payload":"..."}
 *   {"job":17,"payload":"..."}, {"job":17,"error":"why"} or {"job":17,"busy":200}
 *
 * Job 0 asks whether it is ready: answered once the backend has started, with "repeatable":true
 * where the same request may be done twice.  Then one job at a time until standard input ends. */
#ifndef POLICYPOOL_JOB_RUNNER_H
#define POLICYPOOL_JOB_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"

enum job_runner_kind {
	JOB_RUNNER_MODULE,   /* a shared object, handler_module.h */
	JOB_RUNNER_ONCE,     /* a program for each job, handler_once.h */
	JOB_RUNNER_PSEUDONYM /* hmac-sha256, pseudonym.h */
};

/* What does not concern the kind is not looked at.  All of it is borrowed. */
struct job_runner_conf {
	enum job_runner_kind kind;
	size_t max_message;   /* bytes of a packet, hence of a payload still escaped */
	size_t max_reply;     /* bytes of an answer's payload, counted escaped */
	bool seccomp;	      /* a filter of system calls; pseudonyms always have theirs */
	const char *module;   /* path */
	char *const *setting; /* MODULE: "key=value", ended by NULL; NULL: none */

	char *const *command;	  /* ONCE: path of the program, and arguments; NULL */
	bool text;		  /* ONCE: replies are text also where the payload is bytes */
	char *const *environment; /* ONCE: "NAME=VALUE", ended by NULL: all that it gets */
	int signal;		  /* ONCE: sent to this process to end it, and passed on */
	uint64_t grace;		  /* ONCE: ms between that and SIGKILL */

	const char *keys;   /* PSEUDONYM: keyring file */
	const char *domain; /* PSEUDONYM: pseudonyms of two domains can't be compared */
};

struct job_runner;

/* Before privileges are given up: reads the keyring.  NULL with a line on err. */
MUST_CHECK struct job_runner *job_runner_new(const struct job_runner_conf *, FILE *err);

/* Serves until standard input ends.  The pipes are such that wait, all other descriptors closed,
 * signals as a new process has them.  Returns the status that the process is to _exit(2) with, for
 * nothing else can be called any more: 0, or 1 with the reason on standard error. */
MUST_CHECK int job_runner_run(struct job_runner *);

#endif
