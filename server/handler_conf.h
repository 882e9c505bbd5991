/* handler_conf.h - the settings of what a server does for its policy: a built-in digest in the
 * worker, or a handler in job processes of its own; see policypool-handler(7).
 *
 * Part of struct server_conf; the snapshot owns what is pointed to. */
#ifndef POLICYPOOL_HANDLER_CONF_H
#define POLICYPOOL_HANDLER_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "conf.h"
#include "daemon.h"
#include "job.h"
#include "packet.h"
#include "privdrop.h"

enum handler_kind {
	HANDLER_NONE,	   /* a built-in digest, inline in the worker: no job process */
	HANDLER_EXEC,	   /* a program, long-lived, that speaks lines of JSON */
	HANDLER_EXEC_ONCE, /* a program, started anew for each job */
	HANDLER_MODULE,	   /* a loadable module in a process of ours */
	HANDLER_PSEUDONYM  /* hmac-sha256, built in, in a process of ours */
};

enum handler_repeatable { HANDLER_REPEATABLE_AUTO, HANDLER_REPEATABLE_YES, HANDLER_REPEATABLE_NO };

enum { HANDLER_PROCESSES_MAX = 64, HANDLER_PATH = 4096 };

struct handler_conf {
	char *job; /* as given; see name */
	int kind;  /* enum handler_kind */
	struct conf_list command;
	char *module;				    /* path */
	unsigned processes;			    /* of a worker */
	uint64_t job_timeout, start_timeout, grace; /* ms */
	int signal_choice;			    /* see signal */
	unsigned max_jobs;			    /* of a process; 0: it is never recycled */
	uint64_t max_memory;			    /* bytes of a process; 0: not looked at */
	unsigned max_processes;	   /* of user, with all that they start; 0: job_child.c's default */
	uint64_t max_reply;	   /* bytes, escaped; at most max_message */
	unsigned queue;		   /* jobs that wait in a worker */
	unsigned strikes;	   /* 0: none are counted */
	uint64_t strike_time;	   /* ms */
	struct privdrop_conf user; /* of job processes; its plan by the check */
	char *directory;
	struct conf_list env;	  /* NAME=VALUE */
	struct conf_list setting; /* key=value */
	bool network, seccomp;
	int repeatable; /* enum handler_repeatable */
	char *pseudonym_keys, *pseudonym_domain;
	/* By handler_conf_check(). */
	char name[PACKET_ID_MAX + 1];	 /* of the job, as announced */
	char job_keys[JOB_KEYS_MAX + 1]; /* PSEUDONYM: what is announced of its keys */
	const struct job *known;	 /* what replies look like; never NULL */
	int signal;			 /* that ends a process that is overdue */
	char program[HANDLER_PATH];	 /* EXEC, EXEC_ONCE: path of command's first word */
};

enum { HANDLER_KEYS = 25 };
extern const struct conf_key handler_keys[HANDLER_KEYS];

/* Judges what no single key can and fills what is told above; origin: where each key was given, by
 * its place in handler_keys (conf.h).  0, or -1 with a line on err. */
MUST_CHECK int handler_conf_check(struct handler_conf *, const struct daemon_conf *,
				  char *const origin[], const char *program, FILE *err);

/* As handler has it: "exec". */
const char *handler_kind_text(int kind);
/* That a choice of handler_signal stands for. */
int handler_signal_of(int choice);

/* Tells the daemon what descriptors job processes cost, those of two generations in the master. */
void handler_conf_files(const struct handler_conf *, struct daemon_conf *);

/* Does it need job processes? */
static inline bool
handler_conf_has_processes(const struct handler_conf *c)
{
	return c->kind != HANDLER_NONE;
}

/* The value of NAME in the environment of job processes: what handler_env says, or else the
 * default's; NULL: not set. */
const char *handler_conf_env(const struct handler_conf *, const char *name);

/* What is always set there, unless handler_env says other values; up to NULL. */
extern const char *const handler_default_env[];

#endif
