/* server_health.h - the health of each server, for workers to read when they pick: one word a
 * server in a view (shm.h) that they can't write.
 *
 * All zero is OPEN: a server that is not known to be bad is used. */
#ifndef POLICYPOOL_SERVER_HEALTH_H
#define POLICYPOOL_SERVER_HEALTH_H

#include <stdatomic.h>
#include <stdint.h>

enum server_health_kind {
	SERVER_HEALTH_OPEN,  /* to be used */
	SERVER_HEALTH_RAMP,  /* has just returned: to be used more and more */
	SERVER_HEALTH_SHUT,  /* not to be used */
	SERVER_HEALTH_TRIAL, /* has answered nobody yet: to be given one request and no more until
			      * it has
			      */
	SERVER_HEALTH_LAST   /* fails: to be used when there is nobody better */
};

enum { SERVER_HEALTH_FULL = 256, SERVER_HEALTH_LEAST = 16 }; /* shares of a server's turns */

struct verdicts;

/* Seen by every child forked later.  NULL with errno. */
struct verdicts *verdicts_new(unsigned servers);
void verdicts_free(struct verdicts *);

/* The master; since in clock_ms(): a ramp's start. */
void server_health_set(struct verdicts *, unsigned server, enum server_health_kind, uint64_t since);
/* Another number whenever any has changed; and one that stands for a server's health, for finding
 * out which that was. */
uint64_t server_health_changes(const struct verdicts *);
uint64_t server_health_word(const struct verdicts *, unsigned server);

enum server_health_kind server_health_kind(const struct verdicts *, unsigned server);

/* What share of its turns a server is to have: 0 when shut, SERVER_HEALTH_FULL when open, in
 * between and at least SERVER_HEALTH_LEAST on a ramp of that many ms. */
unsigned server_health_share(const struct verdicts *, unsigned server, uint64_t now, uint64_t ramp);

#endif
