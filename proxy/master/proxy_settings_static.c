/* proxy_settings_static.c - the servers of the proxy's file: the keys of their sections, and what
 * no single key can judge; see static_conf.h and proxy_settings.h. */
#include <stdio.h>
#include <string.h>

#include "conf_check.h"
#include "packet.h"
#include "proxy_settings.h"
#include "reg_auth.h"

#define AT(member) offsetof(struct static_conf, member)

static const char *const kind_names[] = {"plain", "pooled", NULL};

const struct conf_key static_keys[] = {
	{.name = "policy",
	 .type = CONF_TEXT,
	 .offset = AT(policy),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_policy,
	 .help = "policy that it serves (required)"},
	{.name = "host",
	 .type = CONF_TEXT,
	 .offset = AT(host),
	 .max = ADDR_HOST,
	 .judge = conf_check_peer,
	 .help = "HOST:PORT, PORT or unix:/PATH at which to reach it (required)"},
	{.name = "kind",
	 .type = CONF_CHOICE,
	 .offset = AT(kind),
	 .fallback = "plain",
	 .choices = kind_names,
	 .help = "plain: one request a connection; pooled: connections may be kept"},
	{.name = "pipeline",
	 .type = CONF_INT,
	 .offset = AT(pipeline),
	 .fallback = "1",
	 .min = 1,
	 .max = 65535,
	 .help = "requests in flight on one connection to a pooled server"},
	{.name = "slots",
	 .type = CONF_INT,
	 .offset = AT(slots),
	 .fallback = "1",
	 .min = 1,
	 .max = 65535,
	 .help = "connections that it serves at once"},
	{.name = "weight",
	 .type = CONF_INT,
	 .offset = AT(weight),
	 .fallback = "1",
	 .min = 1,
	 .max = 1000,
	 .help = "share of this server among those of its policy"},
	{.name = "backup",
	 .type = CONF_BOOL,
	 .offset = AT(backup),
	 .fallback = "no",
	 .help = "use it while no other server of the policy is up"},
	{.name = "tls",
	 .type = CONF_BOOL,
	 .offset = AT(tls),
	 .fallback = "no",
	 .help = "its port speaks TLS"},
	{.name = "job",
	 .type = CONF_TEXT,
	 .offset = AT(job),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "what it does with payloads; empty: the job of its policy"},
	{.name = "repeat",
	 .type = CONF_BOOL,
	 .offset = AT(repeat),
	 .fallback = "yes",
	 .help = "a request that it was sent may be sent again when it fails"},
	{.name = "job_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(job_timeout),
	 .fallback = "0",
	 .max = (uint64_t)24 * 3600 * 1000,
	 .help = "how long a job may take there; 0: not known"},
};

const size_t static_keys_n = sizeof static_keys / sizeof *static_keys;

/* ---- what is wrong with one ---- */

static const char *
judge_needed(const struct static_conf *s)
{
	if (s->policy[0] == '\0')
		return "policy: it is needed, as in policy = \"111\"";
	if (s->host[0] == '\0')
		return "host: it is needed, as in host = \"10.0.0.5:5000\"";
	if (s->kind == STATIC_PLAIN && s->pipeline > 1)
		return "pipeline: a plain server takes one request a connection; write kind = "
		       "pooled, or leave it out";
	return NULL;
}

/* As far as it is an address and no name. */
static const char *
judge_place(const struct static_conf *s, const struct listen_socket *asked)
{
	struct addr_peer here;
	struct addr at;

	if (!static_conf_addr(s, &at))
		return NULL;
	if (!addr_is_unicast(&at))
		return "host: no server can be at this address";
	addr_peer_of(&here, &at); /* the file's word is as good as the server's own */
	for (unsigned i = 0; i < asked->n; i++)
		if (!asked->at[i].other &&
		    server_addr_check(&at, &here, &asked->at[i].asked) != NULL)
			return "host: the proxy itself listens there";
	return NULL;
}

static const char *
judge_tls(const struct static_conf *s, const struct proxy_conf *c)
{
	if (s->tls && c->server_creds == NULL)
		return "tls: it needs server_ca, to verify the server by";
	if (!s->tls && c->server_tls != 0)
		return "tls: it is no, and server_tls = required";
	return NULL;
}

static const char *
judge(const struct proxy_conf *c, const struct static_conf *s, const struct listen_socket *asked)
{
	const char *why = judge_needed(s);

	if (why == NULL)
		why = judge_place(s, asked);
	return why != NULL ? why : judge_tls(s, c);
}

/* ---- against others ---- */

static bool
is_same_plain(const struct static_conf *a, const struct static_conf *b)
{
	struct addr one, other;

	return a->kind == STATIC_PLAIN && b->kind == STATIC_PLAIN &&
	       strcmp(a->policy, b->policy) == 0 && static_conf_addr(a, &one) &&
	       static_conf_addr(b, &other) && addr_eq(&one, &other);
}

/* 0, or -1 with a line on err. */
static int
check_others(const struct proxy_conf *c, size_t i, FILE *err)
{
	const struct conf_section *section = &c->statics.section[i], *other;
	const struct static_conf *s = section->settings;
	const char *job = static_conf_job_of(c, s->policy);

	if (s->job[0] != '\0' && strcmp(s->job, job) != 0) {
		(void)fprintf(err,
			      "%s: server \"%s\": job: it is %s, and that of policy %s is %s: all "
			      "servers of a policy do the same\n",
			      section->origin, section->title, s->job, s->policy, job);
		return -1;
	}
	for (other = c->statics.section; other < section; other++)
		if (is_same_plain(s, other->settings)) {
			(void)fprintf(
				err,
				"%s: server \"%s\": host: it is that of server \"%s\" in %s; a "
				"plain server has one id in a policy\n",
				section->origin, section->title, other->title, other->origin);
			return -1;
		}
	return 0;
}

static unsigned
policies(const struct conf_sections *s)
{
	unsigned n = 0;

	for (size_t i = 0, k; i < s->n; i++) {
		const struct static_conf *one = s->section[i].settings, *other;
		for (k = 0; k < i; k++) {
			other = s->section[k].settings;
			if (strcmp(one->policy, other->policy) == 0)
				break;
		}
		n += k == i;
	}
	return n;
}

int
proxy_settings_check_static(const struct proxy_conf *c, const struct listen_socket *asked,
			    FILE *err)
{
	const char *why;
	int r = 0;

	for (size_t i = 0; i < c->statics.n; i++) {
		const struct conf_section *section = &c->statics.section[i];
		why = judge(c, section->settings, asked);
		if (why != NULL)
			(void)fprintf(err, "%s: server \"%s\": %s\n", section->origin,
				      section->title, why);
		if (why != NULL || check_others(c, i, err) < 0)
			r = -1;
	}
	if (c->statics.n > c->max_servers) {
		(void)fprintf(err, "ppool-proxy: more servers in the file than max_servers, %u\n",
			      c->max_servers);
		r = -1;
	}
	if (policies(&c->statics) > c->max_policies) {
		(void)fprintf(err,
			      "ppool-proxy: servers of %u policies in the file, more than "
			      "max_policies, %u\n",
			      policies(&c->statics), c->max_policies);
		r = -1;
	}
	return r;
}
