/* registrar_set.h - keeps this server registered with each proxy of a list: a registrar for each,
 * with its own state, lease and pauses, and those that these tell of.
 *
 * An entry of the list stays as it is when others come or go.  Two that lead to one place are one
 * registration; the other says so, and waits.
 *
 * What a proxy tells of is joined as long as it, or another one that is joined, tells of it, or it
 * can't be asked: those that lead back to the list by which told of which.  A proxy on another
 * machine is not believed where it tells of this one. */
#ifndef POLICYPOOL_REGISTRAR_SET_H
#define POLICYPOOL_REGISTRAR_SET_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "conf_check.h"
#include "registrar.h"
#include "span.h"

struct registrar_set;

struct registrar_set_ops {
	/* How it is joined, but for its place and what is the set's, and what it is told. */
	void (*fill)(const char *proxy, struct registrar_conf *, struct packet_announcement *,
		     void *ctx);
};

enum { REGISTRAR_SET_LEARNED = 16 }; /* at most */

/* NULL with errno. */
struct registrar_set *registrar_set_new(struct event_base *, const struct registrar_set_ops *,
					void *ctx);
/* Closes without a word to the proxies: for a forked worker too.  NULL is fine. */
void registrar_set_free(struct registrar_set *);

/* Whether what proxies tell of is joined; from the next call of one of these on.  At first: no. */
void registrar_set_learn(struct registrar_set *, bool);

/* What proxies have told so far, as text: for a successor, which may come up while they are down.
 * 0, or -1 with ENOMEM. */
MUST_CHECK int registrar_set_save(const struct registrar_set *, struct buf *out);
/* Once there is a list; what is not understood is passed over. */
void registrar_set_recall(struct registrar_set *, struct span text);

/* Those of the list are the ones that there are; nothing is said to new ones yet, and leave is
 * taken of those that are on it no more.  0, or -1 logged: some of it is as it was. */
int registrar_set_list(struct registrar_set *, const struct conf_list *);

/* The same, and to each what fill() says now.  done is called once, maybe before the return: when
 * each knows it or can't be told for now; and once one has joined, the others are waited for no
 * longer than `patience` ms.  Another call forgets an earlier done. */
void registrar_set_announce(struct registrar_set *, const struct conf_list *, uint64_t patience,
			    void (*done)(void *ctx), void *ctx);

/* Of all; done is called once, maybe before the return. */
void registrar_set_leave(struct registrar_set *, void (*done)(void *ctx), void *ctx);

/* ---- for operators ---- */

struct registrar_view {
	const char *proxy;   /* as in the list */
	const char *state;   /* of registrar_states */
	uint64_t since;	     /* clock_ms() */
	const char *trouble; /* empty: none */
	bool learned;	     /* not on the list: a proxy told of it */
};

unsigned registrar_set_count(const struct registrar_set *);
/* In the order of the list, then those that were learned.  Borrows until the next call of another
 * function. */
struct registrar_view registrar_set_at(const struct registrar_set *, unsigned i);
/* Of all as one: the one that has come furthest.  trouble: the first that there is, with its proxy
 * in front where there are several.  state is NULL where there is none. */
struct registrar_view registrar_set_view(const struct registrar_set *, char *space, size_t size);

#endif
