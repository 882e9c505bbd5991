/* lines.h - where the requests of a worker wait: a line a policy, and all of them together.
 *
 * A line belongs to a policy by name: while somebody waits in it, it is not given to another that
 * has come to have the same index. */
#ifndef POLICYPOOL_LINES_H
#define POLICYPOOL_LINES_H

#include "meter.h"
#include "pace.h"
#include "queue.h"
#include "roster.h"
#include "settings.h"

enum { LINE_WHY = 160 };

struct line {
	struct queue queue;
	struct pace pace;
	unsigned limit; /* that may wait in it */
	char policy[PACKET_ID_MAX + 1];
	char why[LINE_WHY]; /* what kept the last one from being sent; empty: nothing did */
	struct meter_queue *meter;
	bool busy;	       /* somebody waits */
	LIST_ENTRY(line) link; /* in the list of those */
};

struct lines;

/* Settings and meter are borrowed.  NULL on ENOMEM. */
struct lines *lines_new(unsigned policies, const struct proxy_conf *, struct meter *,
			unsigned worker);
void lines_free(struct lines *); /* nobody waits any more, or is taken out any more */

/* The line of that policy; one in which nobody waits begins anew. */
struct line *line_of(struct lines *, const struct roster_policy *);

/* The line of an index, whoever's it is. */
struct line *line_at(struct lines *, unsigned policy);

/* Into the line of its policy, as a request that has waited since then. */
void line_put(struct lines *, struct request *, uint64_t since);
/* As the next of all there. */
void line_put_first(struct lines *, struct request *, uint64_t since);
void line_take(struct lines *, struct request *, bool served);

unsigned lines_waiting(const struct lines *);

/* Lines in which somebody waits.  The next one may be asked for once the line has been emptied. */
struct line *lines_first(const struct lines *);
struct line *lines_next(const struct line *);

/* Who has waited too long, the longest first; NULL: nobody. */
struct request *lines_overdue(const struct lines *, uint64_t now);

/* From time to time: measures how quickly they are served. */
void lines_look(struct lines *, uint64_t now);

#endif
