/* isolate.h - what a worker gives up before it serves: its user, groups and capabilities, the right
 * to gain new ones, what it may use of the machine.  What it may ask the kernel for is sandbox.h's.
 *
 * isolate_check() is for the master, which may read the user database; isolate_apply() for the
 * worker, which only carries out. */
#ifndef POLICYPOOL_ISOLATE_H
#define POLICYPOOL_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "attr.h"

#define ISOLATE_USER "policypool"
enum { ISOLATE_GROUPS = 64 };

/* What is to be done. */
struct isolate {
	bool change_user;
	uid_t uid;
	gid_t gid;
	gid_t group[ISOLATE_GROUPS]; /* supplementary */
	int groups;
	bool no_new_privs, drop_capabilities, close_descriptors;
	mode_t umask;
	unsigned max_files;
	uint64_t core, address_space;
};

/* The settings; rows in daemon_keys. */
struct isolate_conf {
	char *user;  /* name or number; empty: for root ISOLATE_USER, or else nobody */
	char *group; /* empty: the user's groups */
	bool no_new_privs;
	bool drop_capabilities;
	bool close_descriptors; /* all but those it is to have (keep.h) */
	int seccomp;		/* enum sandbox_mode */
	unsigned umask;
	unsigned max_files;	/* 0: what worker_connections needs */
	uint64_t core;		/* bytes of a core file; 0: none is written */
	uint64_t address_space; /* bytes; 0: no limit */
	struct isolate plan;	/* what they come to; by isolate_check() */
};

/* Judges the settings and finds out what they come to for this process, plan: without root nothing
 * is changed that needs it.  0, or -1 with `PROGRAM: KEY: VALUE: what is wrong` on err, for what
 * was asked for and can't be. */
MUST_CHECK int isolate_check(struct isolate_conf *, const char *program, FILE *err);

/* In the worker.  Each step is verified.  0, or -1 with the reason logged: it must not serve. */
MUST_CHECK int isolate_apply(const struct isolate *);

#endif
