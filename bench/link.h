/* link.h - one connection of the load generator: keeps requests in flight on it, and finds for each
 * reply the request that it answers.
 *
 *   slots of a link:   head ..... unsent ..... tail    (numbers that only grow; slot n % in_flight)
 *                      | awaits its reply | to be written |
 *
 * Where a protocol's replies name what they answer and come in any order, a slot that is answered
 * changes places with the one at the head. */
#ifndef POLICYPOOL_LINK_H
#define POLICYPOOL_LINK_H

#include "counts.h"
#include "wire.h"

enum { LINK_EVENTS = 256 }; /* a turn */

struct slot {
	const struct variant *asked;
	uint64_t at;		  /* clock_us(): queued */
	uint64_t tag;		  /* by which its reply names it; 0: none, or not known yet */
	char head[PROTOCOL_HEAD]; /* goes before the text of what is asked ... */
	size_t head_n;		  /* ... so many bytes */
};

struct link {
	struct load *load;
	struct wire wire; /* closed: to be opened */
	bool wants_write;
	struct slot *slot;
	uint64_t head, unsent, tail;
	uint64_t named; /* slots before it have their tag */
	uint64_t asked; /* requests so far, in all */
	size_t offset;	/* bytes of slot `unsent` that are written */
	char inbox[PROTOCOL_INBOX];
	struct buf control; /* what the protocol wants said between two requests */
	struct reader reader;
	struct buf in;
};

/* What the connections of a process have in common. */
struct load {
	const struct plan *plan;
	struct tls_creds *creds; /* NULL: plain */
	struct counts *counts;
	int epoll;
	unsigned links;
	struct link *link;
	unsigned next;	 /* variant */
	unsigned opened; /* connections */
	uint64_t now;	 /* clock_us() of this turn */
	uint64_t last;	 /* the last reply came */
	uint64_t asked;	 /* in all */
	uint64_t most;	 /* to be asked; 0: no bound */
	uint64_t done;	 /* of those, answered or lost */
	bool counting, ending;
};

/* links: connections, none of them open; a number of the process tells theirs from those of
 * others.  0, or -1 with errno. */
MUST_CHECK int links_new(struct load *, unsigned links, unsigned process);
void links_free(struct load *);

/* Sends what may be sent, over a new connection where there is none. */
void link_go(struct link *);
/* Something has happened there: events of epoll(7). */
void link_event(struct link *, unsigned events);
/* Gives up what has been waited for longer than the plan allows, and opens what is closed. */
void links_tick(struct load *);

#endif
