/* registry.c - see registry.h. */
#include "registry.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct shared {
	_Atomic uint32_t generation; /* odd: being changed */
	uint32_t server_end, policy_end;
};

/* The master's own, a row a server. */
struct tenure {
	struct registry_tenure is;
	uint64_t heard; /* clock_ms(): its last announcement */
	uint64_t freed; /* count of removals when it was freed: oldest is used again first */
};

struct registry {
	unsigned max_servers, max_policies;
	size_t bytes;
	struct shared *shared; /* one mapping: this, then servers, then policies */
	struct registry_server *server;
	struct registry_policy *policy;
	struct tenure *tenure;
	uint64_t orders, incarnations, removals;
};

#define ADMIN_TEXT(name, text) text,
static const char *const admin_text[] = {REGISTRY_ADMINS(ADMIN_TEXT)};

const char *
registry_admin_text(enum registry_admin admin)
{
	return admin < REGISTRY_ADMIN_COUNT ? admin_text[admin] : "?";
}

struct registry *
registry_new(unsigned max_servers, unsigned max_policies)
{
	struct registry *r = calloc(1, sizeof *r);
	size_t servers = max_servers * sizeof *r->server,
	       policies = max_policies * sizeof *r->policy;

	if (r == NULL)
		return NULL;
	r->max_servers = max_servers;
	r->max_policies = max_policies;
	r->bytes = 64 + servers + policies;
	r->tenure = calloc(max_servers, sizeof *r->tenure);
	r->shared = r->tenure == NULL ? MAP_FAILED
				      : mmap(NULL, r->bytes, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->shared == MAP_FAILED) {
		free(r->tenure);
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	_Static_assert(sizeof(struct shared) <= 64, "the head of the mapping");
	r->policy = (struct registry_policy *)(void *)((char *)r->shared + 64);
	r->server = (struct registry_server *)(void *)((char *)r->policy + policies);
	return r;
}

void
registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	(void)munmap(r->shared, r->bytes);
	free(r->tenure);
	free(r);
}

/* ---- changing: everything between begin and end ---- */

static void
begin(struct registry *r)
{
	uint32_t g = atomic_load_explicit(&r->shared->generation, memory_order_relaxed);

	assert((g & 1) == 0);
	atomic_store_explicit(&r->shared->generation, g + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void
end(struct registry *r)
{
	uint32_t g = atomic_load_explicit(&r->shared->generation, memory_order_relaxed);

	atomic_store_explicit(&r->shared->generation, g + 1, memory_order_release);
}

/* ---- finding ---- */

int
registry_find(const struct registry *r, const char *id)
{
	for (unsigned i = 0; i < r->shared->server_end; i++)
		if (r->server[i].used && strcmp(r->server[i].id, id) == 0)
			return (int)i;
	return -1;
}

int
registry_find_policy(const struct registry *r, const char *name)
{
	for (unsigned i = 0; i < r->shared->policy_end; i++)
		if (r->policy[i].used && strcmp(r->policy[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool
policy_has_servers(const struct registry *r, unsigned policy)
{
	for (unsigned i = 0; i < r->shared->server_end; i++)
		if (r->server[i].used && r->server[i].policy == policy)
			return true;
	return false;
}

/* A place for a new policy: a free one, or that of a policy whose last server has left. */
static int
place_for_policy(const struct registry *r)
{
	if (r->shared->policy_end < r->max_policies)
		return (int)r->shared->policy_end;
	for (unsigned i = 0; i < r->max_policies; i++)
		if (!policy_has_servers(r, i))
			return (int)i;
	return -1;
}

/* A place for a new server: one never used, then the one that has been free the longest, so that
 * what workers still count for the one who left does not fall to the newcomer. */
static int
place_for_server(const struct registry *r)
{
	int best = -1;

	if (r->shared->server_end < r->max_servers)
		return (int)r->shared->server_end;
	for (unsigned i = 0; i < r->max_servers; i++)
		if (!r->server[i].used && (best < 0 || r->tenure[i].freed < r->tenure[best].freed))
			best = (int)i;
	return best;
}

/* ---- joining and leaving ---- */

static uint16_t
at_least_one(unsigned n)
{
	return (uint16_t)(n < 1 ? 1 : n > UINT16_MAX ? UINT16_MAX : n);
}

static void
describe(struct registry_server *s, const struct packet_announcement *a, const struct addr *addr,
	 unsigned policy)
{
	s->used = true;
	s->pooled = a->keepalive;
	s->tls = a->tls;
	s->pipeline = a->keepalive ? at_least_one(a->pipeline) : 1;
	s->slots = at_least_one(a->slots);
	s->weight = at_least_one(a->weight);
	s->policy = policy;
	s->addr = *addr;
	(void)snprintf(s->id, sizeof s->id, "%s", a->id);
}

static bool
same(const struct registry_server *a, const struct registry_server *b)
{
	return a->pooled == b->pooled && a->tls == b->tls && a->pipeline == b->pipeline &&
	       a->slots == b->slots && a->weight == b->weight && a->policy == b->policy &&
	       addr_eq(&a->addr, &b->addr);
}

static void
set_lease(struct registry *r, unsigned i, unsigned seconds, uint64_t now)
{
	struct registry_tenure *t = &r->tenure[i].is;

	t->lease = (uint64_t)seconds * 1000;
	t->lease_end = seconds > 0 ? now + t->lease : 0;
}

static unsigned
admit_policy(struct registry *r, unsigned at, const char *name)
{
	struct registry_policy *p = &r->policy[at];

	if (p->used && strcmp(p->name, name) == 0)
		return at;
	p->used = true;
	atomic_store_explicit(&p->ticket, 0, memory_order_relaxed);
	(void)snprintf(p->name, sizeof p->name, "%s", name);
	if (at >= r->shared->policy_end)
		r->shared->policy_end = at + 1;
	return at;
}

static void
replace(struct registry *r, unsigned i, const struct registry_server *new, const char *policy)
{
	struct registry_server *s = &r->server[i];
	bool moved = s->policy != new->policy;
	uint8_t admin = s->admin;

	begin(r);
	(void)admit_policy(r, new->policy, policy);
	uint64_t order = moved ? ++r->orders : s->order;
	*s = *new;
	s->order = order;
	s->admin = admin;
	s->incarnation = ++r->incarnations;
	end(r);
}

static void
admit(struct registry *r, unsigned i, const struct registry_server *new, const char *policy)
{
	begin(r);
	(void)admit_policy(r, new->policy, policy);
	r->server[i] = *new;
	r->server[i].order = ++r->orders;
	r->server[i].incarnation = ++r->incarnations;
	if (i >= r->shared->server_end)
		r->shared->server_end = i + 1;
	end(r);
}

enum registry_change
registry_join(struct registry *r, const struct packet_announcement *a, const struct addr *addr,
	      uint64_t now)
{
	struct registry_server new = {.used = true};
	int at = registry_find(r, a->id), policy = registry_find_policy(r, a->policy);
	bool known = at >= 0;

	if (policy < 0)
		policy = place_for_policy(r);
	if (at < 0)
		at = place_for_server(r);
	if (policy < 0 || at < 0)
		return REGISTRY_FULL;
	describe(&new, a, addr, (unsigned)policy);
	set_lease(r, (unsigned)at, a->lease, now);
	r->tenure[at].heard = now;
	if (known && same(&r->server[at], &new)) {
		registry_prove(r, (unsigned)at);
		return REGISTRY_RENEWED;
	}
	r->tenure[at].is.joined = now;
	if (known)
		replace(r, (unsigned)at, &new, a->policy);
	else
		admit(r, (unsigned)at, &new, a->policy);
	return known ? REGISTRY_REPLACED : REGISTRY_JOINED;
}

void
registry_remove(struct registry *r, unsigned i)
{
	begin(r);
	r->server[i].used = false;
	end(r);
	r->tenure[i] = (struct tenure){.freed = ++r->removals};
}

bool
registry_leave(struct registry *r, const char *id, const char *policy)
{
	int at = registry_find(r, id);

	if (at < 0 || strcmp(r->policy[r->server[at].policy].name, policy) != 0)
		return false;
	registry_remove(r, (unsigned)at);
	return true;
}

bool
registry_set_admin(struct registry *r, unsigned i, enum registry_admin admin, uint64_t now)
{
	if (r->server[i].admin == admin)
		return false;
	begin(r);
	r->server[i].admin = (uint8_t)admin;
	end(r);
	r->tenure[i].is.ordered = now;
	return true;
}

void
registry_prove(struct registry *r, unsigned i)
{
	if (!r->server[i].unproved)
		return;
	begin(r);
	r->server[i].unproved = false;
	end(r);
}

void
registry_expire(struct registry *r, uint64_t now,
		void (*gone)(const struct registry_server *, unsigned, void *), void *ctx)
{
	for (unsigned i = 0; i < r->shared->server_end; i++) {
		if (!r->server[i].used || r->tenure[i].is.lease_end == 0 ||
		    r->tenure[i].is.lease_end > now)
			continue;
		gone(&r->server[i], i, ctx);
		registry_remove(r, i);
	}
}

/* ---- restoring ---- */

int
registry_restore_policy(struct registry *r, const char *name, uint64_t ticket)
{
	unsigned at = r->shared->policy_end;

	if (at == r->max_policies || registry_find_policy(r, name) >= 0)
		return -1;
	begin(r);
	(void)admit_policy(r, at, name);
	atomic_store_explicit(&r->policy[at].ticket, ticket, memory_order_relaxed);
	end(r);
	return (int)at;
}

int
registry_restore_server(struct registry *r, const struct registry_server *s,
			const struct registry_tenure *t)
{
	unsigned at = r->shared->server_end;

	assert(s->policy < r->shared->policy_end);
	if (at == r->max_servers)
		return -1;
	admit(r, at, s, r->policy[s->policy].name);
	r->tenure[at].is = *t;
	return 0;
}

/* ---- reading ---- */

static int
by_turn(const void *a, const void *b, void *arg)
{
	const struct registry *r = arg;
	const struct registry_server *x = &r->server[*(const unsigned *)a],
				     *y = &r->server[*(const unsigned *)b];

	if (x->policy != y->policy)
		return x->policy < y->policy ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

unsigned
registry_list(const struct registry *r, unsigned *index)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->shared->server_end; i++)
		if (r->server[i].used)
			index[n++] = i;
	qsort_r(index, n, sizeof *index, by_turn, (void *)(uintptr_t)r);
	return n;
}

uint64_t
registry_heard(const struct registry *r, unsigned i)
{
	return r->tenure[i].heard;
}

uint64_t
registry_ordered(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.ordered;
}

uint64_t
registry_lease(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.lease;
}

void
registry_own(struct registry *r, unsigned i, const char *keyid, uint64_t epoch, bool old_secret)
{
	struct registry_tenure *t = &r->tenure[i].is;

	(void)snprintf(t->keyid, sizeof t->keyid, "%s", keyid);
	t->epoch = epoch;
	t->old_secret = old_secret;
}

const char *
registry_keyid(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.keyid;
}

uint64_t
registry_epoch(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.epoch;
}

bool
registry_old_secret(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.old_secret;
}

unsigned
registry_count_owned(const struct registry *r, const char *keyid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->shared->server_end; i++)
		n += r->server[i].used && strcmp(r->tenure[i].is.keyid, keyid) == 0;
	return n;
}

uint64_t
registry_lease_end(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.lease_end;
}

uint64_t
registry_joined(const struct registry *r, unsigned i)
{
	return r->tenure[i].is.joined;
}

unsigned
registry_max_servers(const struct registry *r)
{
	return r->max_servers;
}

unsigned
registry_max_policies(const struct registry *r)
{
	return r->max_policies;
}

unsigned
registry_server_end(const struct registry *r)
{
	return r->shared->server_end;
}

unsigned
registry_policy_end(const struct registry *r)
{
	return r->shared->policy_end;
}

uint32_t
registry_generation(const struct registry *r)
{
	return atomic_load_explicit(&r->shared->generation, memory_order_acquire);
}

const struct registry_server *
registry_server(const struct registry *r, unsigned i)
{
	assert(i < r->max_servers);
	return &r->server[i];
}

const struct registry_policy *
registry_policy(const struct registry *r, unsigned i)
{
	assert(i < r->max_policies);
	return &r->policy[i];
}

uint64_t
registry_turn_next(const struct registry *r, unsigned policy)
{
	return atomic_load_explicit(&registry_policy(r, policy)->ticket, memory_order_relaxed);
}

uint64_t
registry_turn(struct registry *r, unsigned policy)
{
	assert(policy < r->max_policies);
	return atomic_fetch_add_explicit(&r->policy[policy].ticket, 1, memory_order_relaxed);
}
