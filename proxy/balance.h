/* balance.h - how a policy's requests are shared out, as the key `balance` says: the words of
 * route.h, and hash:KEY. */
#ifndef POLICYPOOL_BALANCE_H
#define POLICYPOOL_BALANCE_H

#include "conf.h"
#include "route.h"

struct balance {
	enum route_balance how;
	const char *key; /* HASH: the packet's key that decides; borrowed from the list */
};

/* An item of the list: NULL when it is fine, otherwise what is wrong. */
const char *balance_judge(const char *item);

struct balance balance_of(const struct conf_list *, const char *policy);

/* The same as a word. */
const char *balance_text(const struct conf_list *, const char *policy);

#endif
