/* privdrop.h - what a worker gives up before it serves: user, groups, capabilities, new
 * privileges, resource limits.  What it may ask the kernel for is sandbox.h's.
 *
 * privdrop_check() is for the master, which may read the user database; privdrop_apply() for the
 * worker, which only carries out. */
#ifndef POLICYPOOL_PRIVDROP_H
#define POLICYPOOL_PRIVDROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "compiler.h"
#include "sandbox.h"

#define PRIVDROP_USER "policypool"
enum { PRIVDROP_GROUPS = 64 };

/* What is to be done. */
struct privdrop {
	bool change_user;
	uid_t uid;
	gid_t gid;
	gid_t group[PRIVDROP_GROUPS]; /* supplementary */
	int groups;
	enum isolation level;
	mode_t umask;
	unsigned max_files;
	uint64_t core, address_space;
};

/* The settings; rows in daemon_keys. */
struct privdrop_conf {
	char *user;	      /* name or number; empty: for root PRIVDROP_USER, or else nobody */
	char *group;	      /* empty: the user's groups */
	const char *user_key; /* what the key of user is called in errors; NULL: "user" */
	int level;	      /* enum isolation */
	unsigned umask;
	unsigned max_files;	/* 0: what worker_connections needs */
	uint64_t core;		/* bytes of a core file; 0: none is written */
	uint64_t address_space; /* bytes; 0: no limit */
	struct privdrop plan;	/* what they come to; by privdrop_check() */
};

/* Judges the settings and finds out what they come to for this process, plan: without root nothing
 * is changed that needs it.  0, or -1 with `PROGRAM: KEY: VALUE: what is wrong` on err, for what
 * was asked for and can't be. */
MUST_CHECK int privdrop_check(struct privdrop_conf *, const char *program, FILE *err);

/* In the worker.  Each step is verified.  0, or -1 with the reason logged: it must not serve. */
MUST_CHECK int privdrop_apply(const struct privdrop *);

/* ---- descriptors: those that a worker keeps of those it was forked with; others are closed ----
 */

/* Zeroed to begin with. */
struct fd_keep {
	int *fd;
	size_t n, room;
	bool short_of_memory;
};

/* -1 is none; twice is fine.  ENOMEM is told by fd_keep_close_others(). */
void fd_keep_add(struct fd_keep *, int fd);

/* Closes what was not added, but for stdio.  0, or -1 with errno. */
MUST_CHECK int fd_keep_close_others(struct fd_keep *);

void fd_keep_release(struct fd_keep *);

#endif
