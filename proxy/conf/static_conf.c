/* static_conf.c - see static_conf.h. */
#include "static_conf.h"

#include <string.h>

#include "packet.h"
#include "proxy_conf.h"

bool
static_conf_addr(const struct static_conf *s, struct addr *at)
{
	char host[ADDR_HOST];
	const char *why;
	uint16_t port;

	if (addr_is_unix_text(s->host))
		return addr_unix(at, s->host, &why) == 0;
	if (addr_split(s->host, host, &port, &why) < 0)
		return false;
	if (addr_numeric(at, host[0] != '\0' ? host : "127.0.0.1", port) < 0)
		return false;
	addr_unmap(at);
	return true;
}

const struct conf_section *
static_conf_find(const struct proxy_conf *c, const char *id)
{
	return conf_section_find(&c->statics, id, strlen(id));
}

const char *
static_conf_job_of(const struct proxy_conf *c, const char *policy)
{
	const char *job = policy_conf_of(c, policy)->job;

	if (job[0] != '\0')
		return job;
	for (size_t i = 0; i < c->statics.n; i++) {
		const struct static_conf *s = c->statics.section[i].settings;
		if (strcmp(s->policy, policy) != 0)
			continue;
		if (s->job[0] != '\0')
			return s->job;
		job = PACKET_JOB; /* unless another of them says more */
	}
	return job;
}
