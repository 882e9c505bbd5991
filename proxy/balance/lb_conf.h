/* lb_conf.h - the setting `balance`: an algorithm of lb_algo.h for each policy, and hash:KEY. */
#ifndef POLICYPOOL_LB_CONF_H
#define POLICYPOOL_LB_CONF_H

#include "lb_algo.h"

struct lb_conf {
	enum lb_balance how;
	const char *key; /* HASH: the packet's key that decides; borrowed from the text */
};

/* NULL when the text is fine, otherwise what is wrong. */
const char *lb_conf_check(const char *text);

/* Of a text that is fine. */
struct lb_conf lb_conf_of(const char *text);

#endif
