/* registrar_set_internal.h - the inside of registrar_set.h, for the files that it is made of:
 *
 *   registrar_set.c     the list, what all are told, leaving
 *   registrar_learn.c   the proxies that others tell of */
#ifndef POLICYPOOL_REGISTRAR_SET_INTERNAL_H
#define POLICYPOOL_REGISTRAR_SET_INTERNAL_H

#include "registrar_set.h"

struct registrar_entry {
	struct registrar_set *set;
	struct registrar_entry *next;
	struct registrar *registrar;
	char proxy[ADDR_HOST + 1];
	bool joins;			   /* otherwise it takes leave */
	bool listed;			   /* otherwise it was learned */
	bool afar;			   /* so, of a proxy on another machine */
	bool kept;			   /* while it is looked which are to be joined */
	bool near;			   /* its proxy was on this machine when it told that */
	bool asked;			   /* so: what its proxy tells has been looked at */
	bool waits;			   /* its proxy has not been told yet */
	bool left;			   /* unless it joins, the sweep frees it */
	char told[PACKET_PROXIES_MAX + 1]; /* of further ones, by its proxy */
};

struct registrar_set {
	struct event_base *base;
	const struct registrar_set_ops *ops;
	void *ctx;
	struct registrar_entry *first; /* those of the list in its order, and then the others */
	bool learns;
	bool begun; /* announced for the first time */
	bool ends;  /* leave is taken of all */
	struct event *sweep, *patience;
	bool impatient; /* the patience is over */
	void (*done)(void *);
	void *done_ctx;
	void (*all_left)(void *);
	void *left_ctx;
};

/* ---- registrar_set.c ---- */

/* NULL: it is not joined, or not as it is now said to be. */
struct registrar_entry *registrar_set_find(const struct registrar_set *, const char *proxy);
/* Behind all others, and not joined yet.  NULL with errno. */
struct registrar_entry *registrar_set_add(struct registrar_set *, const char *proxy, bool afar);
void registrar_set_begin(struct registrar_entry *);

/* ---- registrar_learn.c ---- */

/* Those that are kept tell of others, which are kept then, and tell. */
void registrar_learn(struct registrar_set *);

#endif
