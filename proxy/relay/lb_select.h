/* lb_select.h - which server of a policy a request goes to: the usable ones and their load,
 * picked by lb_algo.h. */
#ifndef POLICYPOOL_LB_SELECT_H
#define POLICYPOOL_LB_SELECT_H

#include "lb_algo.h"
#include "packet.h"
#include "upstream.h"

struct lb_select;

/* Both borrowed.  NULL on ENOMEM. */
struct lb_select *lb_select_new(const struct upstream_env *, struct registry *);
void lb_select_free(struct lb_select *);

/* The roster was made anew: what each policy's balance is, is looked up once for now. */
void lb_select_refresh(struct lb_select *);

/* What a policy that goes by a key goes by in this request; 0 for others. */
uint64_t lb_select_key(const struct lb_select *, const struct registry_snapshot_policy *,
		       const struct packet *);

/* Looks at a policy's servers for that request.  False when none is usable now, or only those that
 * failed it while another will have room soon. */
bool lb_select_begin(struct lb_select *, struct upstreams *,
		     const struct registry_snapshot_policy *, const struct request *, uint64_t now);

/* The same without taking a turn: what would be chosen, for show. */
bool lb_select_foresee(struct lb_select *, struct upstreams *,
		       const struct registry_snapshot_policy *, const struct request *,
		       uint64_t now);

/* After either: is a server of the policy that could take the request a backup, and takes nothing
 * while another is up? */
bool lb_select_is_held(const struct lb_select *, unsigned server);

/* Is there a server that has not failed that request and takes others, now or in a moment? */
bool lb_select_knows_another(struct lb_select *, struct upstreams *,
			     const struct registry_snapshot_policy *, const struct request *);

/* Is the one that lb_select_next() just offered to be waited for? */
bool lb_select_must_wait(const struct lb_select *);

/* What lb_select_begin() took stays the turn of that request: it will be tried again. */
void lb_select_keep_turn(const struct lb_select *, struct request *);

/* The next one to try, by registry index, each once; LB_NOBODY when there is none left. */
int lb_select_next(struct lb_select *);

#endif
