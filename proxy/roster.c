/* roster.c - see roster.h. */
#include "roster.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	bool used;
	struct roster_policy policy;
	char name[PACKET_ID_MAX + 1];
};

struct roster {
	const struct registry *registry;
	uint32_t generation; /* of the copy; odd: none yet */
	unsigned server_end, policy_end;
	struct registry_server *server; /* by registry index */
	struct entry *entry;		/* by registry index */
	unsigned *turns;		/* every policy's servers, one after the other */
	unsigned *bucket;		/* open addressing: policy index + 1, 0 is free */
	unsigned mask;			/* buckets - 1; at least twice the policies */
};

struct roster *
roster_new(const struct registry *registry)
{
	struct roster *r = calloc(1, sizeof *r);
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
	r->server = calloc(servers, sizeof *r->server);
	r->entry = calloc(policies, sizeof *r->entry);
	r->turns = calloc(servers, sizeof *r->turns);
	r->bucket = calloc(buckets, sizeof *r->bucket);
	if (r->server == NULL || r->entry == NULL || r->turns == NULL || r->bucket == NULL) {
		roster_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void
roster_free(struct roster *r)
{
	if (r == NULL)
		return;
	free(r->server);
	free(r->entry);
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

/* Copies the table as it stood at one moment. */
static void
copy(struct roster *r)
{
	const struct registry *g = r->registry;
	uint32_t before;

	do {
		before = registry_generation(g);
		if (before & 1)
			continue;
		r->server_end = registry_server_end(g);
		r->policy_end = registry_policy_end(g);
		memcpy(r->server, registry_server(g, 0), r->server_end * sizeof *r->server);
		for (unsigned i = 0; i < r->policy_end; i++) {
			r->entry[i].used = registry_policy(g, i)->used;
			memcpy(r->entry[i].name, registry_policy(g, i)->name,
			       sizeof r->entry[i].name);
		}
		atomic_thread_fence(memory_order_acquire);
	} while ((before & 1) || registry_generation(g) != before);
	r->generation = before;
}

static void
index_policy(struct roster *r, unsigned i)
{
	unsigned b = hash(span_str(r->entry[i].name)) & r->mask;

	while (r->bucket[b] != 0)
		b = (b + 1) & r->mask;
	r->bucket[b] = i + 1;
}

static void
insert_by_order(struct roster *r, unsigned *list, unsigned n, unsigned server)
{
	unsigned at = n;

	for (; at > 0 && r->server[list[at - 1]].order > r->server[server].order; at--)
		list[at] = list[at - 1];
	list[at] = server;
}

/* Lists each policy's servers in the order of their turns. */
static void
list_turns(struct roster *r)
{
	unsigned start = 0;

	for (unsigned i = 0; i < r->policy_end; i++)
		r->entry[i].policy.n = 0;
	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used)
			r->entry[r->server[i].policy].policy.n++;
	for (unsigned i = 0; i < r->policy_end; i++) {
		struct roster_policy *p = &r->entry[i].policy;
		*p = (struct roster_policy){i, p->n, r->turns + start, r->entry[i].name};
		start += p->n;
		p->n = 0;
	}
	for (unsigned i = 0; i < r->server_end; i++) {
		if (!r->server[i].used)
			continue;
		struct roster_policy *p = &r->entry[r->server[i].policy].policy;
		insert_by_order(r, r->turns + (p->server - r->turns), p->n++, i);
	}
}

bool
roster_refresh(struct roster *r)
{
	if (registry_generation(r->registry) == r->generation)
		return false;
	copy(r);
	memset(r->bucket, 0, (r->mask + 1) * sizeof *r->bucket);
	for (unsigned i = 0; i < r->policy_end; i++)
		if (r->entry[i].used)
			index_policy(r, i);
	list_turns(r);
	return true;
}

const struct roster_policy *
roster_find(const struct roster *r, struct span name)
{
	for (unsigned b = hash(name) & r->mask; r->bucket[b] != 0; b = (b + 1) & r->mask)
		if (span_eq_str(name, r->entry[r->bucket[b] - 1].name))
			return &r->entry[r->bucket[b] - 1].policy;
	return NULL;
}

const struct roster_policy *
roster_at(const struct roster *r, unsigned policy)
{
	return &r->entry[policy].policy;
}

const struct registry_server *
roster_server(const struct roster *r, unsigned index)
{
	return &r->server[index];
}

unsigned
roster_server_end(const struct roster *r)
{
	return r->server_end;
}

unsigned
roster_policy_end(const struct roster *r)
{
	return r->policy_end;
}
