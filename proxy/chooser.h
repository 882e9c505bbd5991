/* chooser.h - which server of a policy a request goes to: who is usable and how loaded, asked of
 * those who know, and route.h's answer. */
#ifndef POLICYPOOL_CHOOSER_H
#define POLICYPOOL_CHOOSER_H

#include "packet.h"
#include "route.h"
#include "upstream.h"

struct chooser;

/* Both borrowed.  NULL on ENOMEM. */
struct chooser *chooser_new(const struct upstream_env *, struct registry *);
void chooser_free(struct chooser *);

/* The roster was made anew: what each policy's balance is, is looked up once for now. */
void chooser_refresh(struct chooser *);

/* What a policy that goes by a key goes by in this request; 0 for others. */
uint64_t chooser_key(const struct chooser *, const struct roster_policy *, const struct packet *);

/* Looks at a policy's servers for that request.  False when none is usable now, or only those that
 * failed it while another will have room soon. */
bool chooser_begin(struct chooser *, struct upstreams *, const struct roster_policy *,
		   const struct request *, uint64_t now);

/* The same without taking a turn: what would be chosen, for whoever wants to know. */
bool chooser_foresee(struct chooser *, struct upstreams *, const struct roster_policy *,
		     const struct request *, uint64_t now);

/* Is there a server that has not failed that request and takes others, now or in a moment? */
bool chooser_knows_another(struct chooser *, struct upstreams *, const struct roster_policy *,
			   const struct request *);

/* The next one to try, by registry index, each once; ROUTE_NOBODY when there is none left. */
int chooser_next(struct chooser *);

#endif
