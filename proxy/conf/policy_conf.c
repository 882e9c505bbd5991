/* policy_conf.c - see policy_conf.h. */
#include "policy_conf.h"

#include <string.h>

#include "proxy_conf.h"

const struct policy_conf *
policy_conf_of(const struct proxy_conf *c, const char *policy)
{
	const struct conf_section *s = conf_section_find(&c->sections, policy, strlen(policy));

	return s != NULL ? s->settings : &c->policy;
}
