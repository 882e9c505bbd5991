/* registry_snapshot.c - see registry_snapshot.h. */
#include "registry_snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct registry_snapshot {
	const struct registry *registry;
	uint32_t generation; /* of the copy; odd: none yet */
	struct registry_copy copy;
	struct registry_snapshot_policy *policy; /* by registry index */
	unsigned *turns;			 /* every policy's servers, one after the other */
	unsigned *bucket;			 /* open addressing: policy index + 1, 0 is free */
	unsigned mask;				 /* buckets - 1; at least twice the policies */
};

struct registry_snapshot *
registry_snapshot_new(const struct registry *registry)
{
	struct registry_snapshot *r = calloc(1, sizeof *r);
	unsigned servers = registry_max_servers(registry),
		 policies = registry_max_policies(registry);
	unsigned buckets = 2;

	if (r == NULL)
		return NULL;
	while (buckets < 2 * policies)
		buckets *= 2;
	r->registry = registry;
	r->generation = 1;
	r->mask = buckets - 1;
	r->copy.server = calloc(servers, sizeof *r->copy.server);
	r->copy.policy = calloc(policies, sizeof *r->copy.policy);
	r->policy = calloc(policies, sizeof *r->policy);
	r->turns = calloc(servers, sizeof *r->turns);
	r->bucket = calloc(buckets, sizeof *r->bucket);
	if (r->copy.server == NULL || r->copy.policy == NULL || r->policy == NULL ||
	    r->turns == NULL || r->bucket == NULL) {
		registry_snapshot_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void
registry_snapshot_free(struct registry_snapshot *r)
{
	if (r == NULL)
		return;
	free(r->copy.server);
	free(r->copy.policy);
	free(r->policy);
	free(r->turns);
	free(r->bucket);
	free(r);
}

/* FNV-1a: short keys, no adversary (policies are named by registered servers). */
static unsigned
hash(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

static void
index_policy(struct registry_snapshot *r, unsigned i)
{
	unsigned b = hash(span_str(r->copy.policy[i].name)) & r->mask;

	while (r->bucket[b] != 0)
		b = (b + 1) & r->mask;
	r->bucket[b] = i + 1;
}

static void
insert_by_order(struct registry_snapshot *r, unsigned *list, unsigned n, unsigned server)
{
	unsigned at = n;

	for (; at > 0 && r->copy.server[list[at - 1]].order > r->copy.server[server].order; at--)
		list[at] = list[at - 1];
	list[at] = server;
}

/* Lists each policy's servers in the order of their turns. */
static void
list_turns(struct registry_snapshot *r)
{
	unsigned start = 0;

	for (unsigned i = 0; i < r->copy.policy_end; i++)
		r->policy[i].n = 0;
	for (unsigned i = 0; i < r->copy.server_end; i++)
		if (r->copy.server[i].used)
			r->policy[r->copy.server[i].policy].n++;
	for (unsigned i = 0; i < r->copy.policy_end; i++) {
		struct registry_snapshot_policy *p = &r->policy[i];
		*p = (struct registry_snapshot_policy){.index = i,
						       .n = p->n,
						       .server = r->turns + start,
						       .name = r->copy.policy[i].name};
		start += p->n;
		p->n = 0;
	}
	for (unsigned i = 0; i < r->copy.server_end; i++) {
		if (!r->copy.server[i].used)
			continue;
		struct registry_snapshot_policy *p = &r->policy[r->copy.server[i].policy];
		insert_by_order(r, r->turns + (p->server - r->turns), p->n++, i);
		p->backups += r->copy.server[i].backup;
	}
}

bool
registry_snapshot_refresh(struct registry_snapshot *r)
{
	if (registry_generation(r->registry) == r->generation)
		return false;
	r->generation = registry_copy(r->registry, &r->copy);
	memset(r->bucket, 0, (r->mask + 1) * sizeof *r->bucket);
	for (unsigned i = 0; i < r->copy.policy_end; i++)
		if (r->copy.policy[i].used)
			index_policy(r, i);
	list_turns(r);
	return true;
}

const struct registry_snapshot_policy *
registry_snapshot_find(const struct registry_snapshot *r, struct span name)
{
	for (unsigned b = hash(name) & r->mask; r->bucket[b] != 0; b = (b + 1) & r->mask)
		if (span_eq_str(name, r->copy.policy[r->bucket[b] - 1].name))
			return &r->policy[r->bucket[b] - 1];
	return NULL;
}

const struct registry_snapshot_policy *
registry_snapshot_at(const struct registry_snapshot *r, unsigned policy)
{
	return &r->policy[policy];
}

const struct registry_server *
registry_snapshot_server(const struct registry_snapshot *r, unsigned index)
{
	return &r->copy.server[index];
}

unsigned
registry_snapshot_server_end(const struct registry_snapshot *r)
{
	return r->copy.server_end;
}

unsigned
registry_snapshot_policy_end(const struct registry_snapshot *r)
{
	return r->copy.policy_end;
}
