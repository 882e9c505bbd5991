/* registry_lease.c - what workers do not see of a server: its lease, when it was heard, which
 * address announced it, which key has signed for it, which keys it has, which proxy tells of it;
 * see registry.h and registry_internal.h. */
#include <stdio.h>
#include <string.h>

#include "registry_internal.h"

void
registry_set_lease(struct registry *r, unsigned i, unsigned seconds, uint64_t now)
{
	struct registry_tenure *t = &r->tenure[i].is;

	t->lease = (uint64_t)seconds * 1000;
	t->lease_end = seconds > 0 ? now + t->lease : 0;
}

void
registry_expire(struct registry *r, uint64_t now,
		void (*gone)(const struct registry_server *, unsigned, void *), void *ctx)
{
	for (unsigned i = 0; i < r->server_end; i++) {
		if (!r->server[i].used || r->tenure[i].is.lease_end == 0 ||
		    r->tenure[i].is.lease_end > now)
			continue;
		gone(&r->server[i], i, ctx);
		if (r->tenure[i].is.by[0] != '\0')
			registry_unhear(r, i);
		else
			registry_remove(r, i);
	}
}

void
registry_set_origin(struct registry *r, unsigned i, const struct addr_peer *origin)
{
	r->tenure[i].origin = *origin;
}

struct addr_peer
registry_origin(const struct registry *r, unsigned i)
{
	struct addr_peer there = r->tenure[i].origin;

	if (there.family == 0)
		addr_peer_of(&there, &r->server[i].addr);
	return there;
}

void
registry_set_rival(struct registry *r, unsigned i, const struct addr *rival)
{
	r->tenure[i].rival = *rival;
}

bool
registry_take_rival(struct registry *r, unsigned i, struct addr *rival)
{
	*rival = r->tenure[i].rival;
	r->tenure[i].rival.len = 0;
	return rival->len > 0;
}

const struct registry_tenure *
registry_tenure_of(const struct registry *r, unsigned i)
{
	return &r->tenure[i].is;
}

uint64_t
registry_heard(const struct registry *r, unsigned i)
{
	return r->tenure[i].heard;
}

void
registry_own(struct registry *r, unsigned i, const char *keyid, uint64_t epoch, bool old_secret)
{
	struct registry_tenure *t = &r->tenure[i].is;

	(void)snprintf(t->keyid, sizeof t->keyid, "%s", keyid);
	t->epoch = epoch;
	t->old_secret = old_secret;
}

unsigned
registry_count_owned(const struct registry *r, const char *keyid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->server_end; i++)
		n += r->server[i].used && strcmp(r->tenure[i].is.keyid, keyid) == 0;
	return n;
}

bool
registry_set_job_keys(struct registry *r, unsigned i, const char *keys)
{
	struct registry_tenure *t = &r->tenure[i].is;
	bool others = strcmp(t->job_keys, keys) != 0;

	(void)snprintf(t->job_keys, sizeof t->job_keys, "%s", keys);
	return others;
}

int
registry_find_other_keys(const struct registry *r, const char *policy, const char *id,
			 const char *keys)
{
	int of = registry_find_policy(r, policy);
	struct span name;

	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used && (int)r->server[i].policy == of &&
		    strcmp(r->server[i].id, id) != 0 &&
		    job_keys_compare(keys, r->tenure[i].is.job_keys, &name) != JOB_KEYS_AGREE)
			return (int)i;
	return -1;
}

/* ---- what other proxies tell ---- */

#define KNOWN_TEXT(name, text) text,
static const char *const known_text[] = {REGISTRY_KNOWNS(KNOWN_TEXT)};

const char *
registry_known_text(enum registry_known known)
{
	return known < REGISTRY_KNOWN_COUNT ? known_text[known] : "?";
}

enum registry_known
registry_known(const struct registry *r, unsigned i)
{
	const struct registry_tenure *t = &r->tenure[i].is;

	if (!t->second)
		return t->by[0] != '\0' ? REGISTRY_BOTH : REGISTRY_SELF;
	return t->by[0] != '\0' ? REGISTRY_STORE : REGISTRY_FADING;
}

bool
registry_set_told(struct registry *r, unsigned i, const char *proxy, uint64_t now)
{
	struct registry_tenure *t = &r->tenure[i].is;

	if (strcmp(t->by, proxy) == 0 && (t->fading > 0) == (t->second && proxy[0] == '\0'))
		return false;
	(void)snprintf(t->by, sizeof t->by, "%s", proxy);
	t->fading = t->second && proxy[0] == '\0' ? now : 0;
	return true;
}

void
registry_unhear(struct registry *r, unsigned i)
{
	struct registry_tenure *t = &r->tenure[i].is;

	t->second = true;
	t->lease = t->lease_end = 0;
}

void
registry_fade_anew(struct registry *r, unsigned i, uint64_t now)
{
	if (r->tenure[i].is.fading > 0)
		r->tenure[i].is.fading = now;
}
