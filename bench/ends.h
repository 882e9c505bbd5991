/* ends.h - the loop of small programs of the bench that accept connections and maybe open some:
 * what is read stands in `in`, what is put into `out` is written once a turn.  One thread; out of
 * memory ends the program. */
#ifndef POLICYPOOL_ENDS_H
#define POLICYPOOL_ENDS_H

#include <stdbool.h>

#include "addr.h"
#include "buf.h"
#include "compiler.h"

struct end {
	int fd; /* -1: closed, and freed at the end of the turn */
	struct buf in, out;
	bool wants_write, listed;
	void *ctx;	  /* the program's own */
	struct end *next; /* of those to be written or freed */
};

struct ends_ops {
	void (*on_accept)(struct end *);
	void (*on_bytes)(struct end *); /* there is more in `in` */
	void (*on_close)(struct end *); /* by the peer, or by an error; not by end_close() */
};

/* Listens at a free port of 127.0.0.1 and prints it.  0, or -1 with errno. */
MUST_CHECK int ends_begin(const struct ends_ops *);
/* Until it is killed; -1 with errno. */
MUST_CHECK int ends_run(void);

/* Connecting; NULL with errno. */
MUST_CHECK struct end *end_connect(const struct addr *);
/* To be written at the end of this turn. */
void end_put(struct end *, struct span);
void end_close(struct end *);

#endif
