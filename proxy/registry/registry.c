/* registry.c - see registry.h. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry_internal.h"

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

	if (r == NULL)
		return NULL;
	r->max_servers = max_servers;
	r->max_policies = max_policies;
	r->server = calloc(max_servers, sizeof *r->server);
	r->policy = calloc(max_policies, sizeof *r->policy);
	r->tenure = calloc(max_servers, sizeof *r->tenure);
	if (r->server != NULL && r->policy != NULL && r->tenure != NULL &&
	    registry_view_open(r) == 0)
		return r;
	registry_free(r);
	errno = ENOMEM;
	return NULL;
}

void
registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	registry_view_close(r);
	free(r->server);
	free(r->policy);
	free(r->tenure);
	free(r);
}

/* ---- finding ---- */

int
registry_find(const struct registry *r, const char *id)
{
	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used && strcmp(r->server[i].id, id) == 0)
			return (int)i;
	return -1;
}

int
registry_find_policy(const struct registry *r, const char *name)
{
	for (unsigned i = 0; i < r->policy_end; i++)
		if (r->policy[i].used && strcmp(r->policy[i].name, name) == 0)
			return (int)i;
	return -1;
}

int
registry_find_other_job(const struct registry *r, const char *policy, const char *id,
			const char *job)
{
	int of = registry_find_policy(r, policy);

	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used && (int)r->server[i].policy == of &&
		    strcmp(r->server[i].job, job) != 0 && strcmp(r->server[i].id, id) != 0)
			return (int)i;
	return -1;
}

int
registry_find_twin(const struct registry *r, const char *policy, const char *id,
		   const struct addr *addr)
{
	int of = registry_find_policy(r, policy);

	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used && (int)r->server[i].policy == of && !r->server[i].pooled &&
		    r->tenure[i].is.keyid[0] == '\0' && addr_eq(&r->server[i].addr, addr) &&
		    strcmp(r->server[i].id, id) != 0)
			return (int)i;
	return -1;
}

static bool
policy_has_servers(const struct registry *r, unsigned policy)
{
	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used && r->server[i].policy == policy)
			return true;
	return false;
}

/* A place for a new policy: a free one, or that of a policy that has no server any more. */
static int
place_for_policy(const struct registry *r)
{
	if (r->policy_end < r->max_policies)
		return (int)r->policy_end;
	for (unsigned i = 0; i < r->max_policies; i++)
		if (!policy_has_servers(r, i))
			return (int)i;
	return -1;
}

/* A place for a new server: one never used, then the one that has been free the longest, so that
 * what workers still count for the one that left does not fall to the newcomer. */
static int
place_for_server(const struct registry *r)
{
	int best = -1;

	if (r->server_end < r->max_servers)
		return (int)r->server_end;
	for (unsigned i = 0; i < r->max_servers; i++)
		if (!r->server[i].used && (best < 0 || r->tenure[i].freed < r->tenure[best].freed))
			best = (int)i;
	return best;
}

bool
registry_lacks_policy(const struct registry *r, const char *policy)
{
	return registry_find_policy(r, policy) < 0 && place_for_policy(r) < 0;
}

bool
registry_lacks_server(const struct registry *r)
{
	return place_for_server(r) < 0;
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
	s->once = a->once;
	s->backup = a->backup;
	s->job_timeout = a->jobtimeout;
	(void)snprintf(s->id, sizeof s->id, "%s", a->id);
	(void)snprintf(s->job, sizeof s->job, "%s", packet_job(a));
}

static bool
same(const struct registry_server *a, const struct registry_server *b)
{
	return a->pooled == b->pooled && a->tls == b->tls && a->pipeline == b->pipeline &&
	       a->slots == b->slots && a->weight == b->weight && a->policy == b->policy &&
	       a->once == b->once && a->backup == b->backup && a->job_timeout == b->job_timeout &&
	       a->user == b->user && a->configured == b->configured &&
	       strcmp(a->job, b->job) == 0 && addr_eq(&a->addr, &b->addr);
}

static unsigned
admit_policy(struct registry *r, unsigned at, const char *name)
{
	struct registry_policy *p = &r->policy[at];

	if (p->used && strcmp(p->name, name) == 0)
		return at;
	p->used = true;
	atomic_store_explicit(&r->turn[at], 0, memory_order_relaxed);
	(void)snprintf(p->name, sizeof p->name, "%s", name);
	if (at >= r->policy_end)
		r->policy_end = at + 1;
	registry_view_policy(r, at);
	return at;
}

static void
replace(struct registry *r, unsigned i, const struct registry_server *new, const char *policy)
{
	struct registry_server *s = &r->server[i];
	bool moved = s->policy != new->policy;
	uint8_t admin = s->admin;

	registry_view_begin(r);
	(void)admit_policy(r, new->policy, policy);
	uint64_t order = moved ? ++r->orders : s->order;
	*s = *new;
	s->order = order;
	s->admin = admin;
	s->incarnation = ++r->incarnations;
	registry_view_server(r, i);
	registry_view_end(r);
}

static void
admit(struct registry *r, unsigned i, const struct registry_server *new, const char *policy)
{
	registry_view_begin(r);
	(void)admit_policy(r, new->policy, policy);
	r->server[i] = *new;
	r->server[i].order = ++r->orders;
	r->server[i].incarnation = ++r->incarnations;
	if (i >= r->server_end)
		r->server_end = i + 1;
	registry_view_server(r, i);
	registry_view_end(r);
}

enum registry_change
registry_join(struct registry *r, const struct packet_announcement *a, const struct addr *addr,
	      uint64_t now)
{
	return registry_join_of(r, a, addr, 0, now);
}

/* new: what the announcement does not tell. */
static enum registry_change
put(struct registry *r, struct registry_server *new, const struct packet_announcement *a,
    const struct addr *addr, uint64_t now)
{
	int at = registry_find(r, a->id), policy = registry_find_policy(r, a->policy);
	bool known = at >= 0;

	if (policy < 0)
		policy = place_for_policy(r);
	if (at < 0)
		at = place_for_server(r);
	if (policy < 0 || at < 0)
		return REGISTRY_FULL;
	describe(new, a, addr, (unsigned)policy);
	registry_set_lease(r, (unsigned)at, a->lease, now);
	r->tenure[at].is.second = false;
	r->tenure[at].is.fading = 0;
	r->tenure[at].heard = now;
	if (known && same(&r->server[at], new))
		return REGISTRY_RENEWED;
	r->tenure[at].is.joined = now;
	if (known)
		replace(r, (unsigned)at, new, a->policy);
	else
		admit(r, (unsigned)at, new, a->policy);
	return known ? REGISTRY_REPLACED : REGISTRY_JOINED;
}

enum registry_change
registry_join_of(struct registry *r, const struct packet_announcement *a, const struct addr *addr,
		 uid_t user, uint64_t now)
{
	struct registry_server new = {.user = user};
	enum registry_change change = put(r, &new, a, addr, now);

	if (change == REGISTRY_RENEWED)
		registry_prove(r, (unsigned)registry_find(r, a->id));
	return change;
}

enum registry_change
registry_configure(struct registry *r, const struct packet_announcement *a, const struct addr *addr,
		   uint64_t now)
{
	struct registry_server new = {.configured = true, .unproved = true};
	enum registry_change change = put(r, &new, a, addr, now);

	if (change == REGISTRY_FULL)
		return change;
	registry_own(r, (unsigned)registry_find(r, a->id), "", 0, false);
	(void)registry_set_told(r, (unsigned)registry_find(r, a->id), "", now);
	return change;
}

enum registry_change
registry_learn(struct registry *r, const struct packet_announcement *a, const struct addr *addr,
	       uint64_t now)
{
	int at = registry_find(r, a->id);
	uint64_t heard = at < 0 ? now : r->tenure[at].heard;
	struct registry_server new = {.unproved = true};
	struct packet_announcement told = *a;
	enum registry_change change;

	told.lease = 0; /* it is the other proxy's to end */
	change = put(r, &new, &told, addr, now);
	at = registry_find(r, a->id);
	if (change == REGISTRY_FULL)
		return change;
	r->tenure[at].is.second = true;
	if (change == REGISTRY_RENEWED)
		r->tenure[at].heard = heard; /* no word of its own */
	return change;
}

void
registry_rename(struct registry *r, unsigned i, const char *id)
{
	registry_view_begin(r);
	(void)snprintf(r->server[i].id, sizeof r->server[i].id, "%s", id);
	r->server[i].incarnation = ++r->incarnations;
	registry_view_server(r, i);
	registry_view_end(r);
}

void
registry_remove(struct registry *r, unsigned i)
{
	registry_view_begin(r);
	r->server[i].used = false;
	registry_view_server(r, i);
	registry_view_end(r);
	r->tenure[i] = (struct registry_row){.freed = ++r->removals};
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
	registry_view_begin(r);
	r->server[i].admin = (uint8_t)admin;
	registry_view_server(r, i);
	registry_view_end(r);
	r->tenure[i].is.ordered = now;
	return true;
}

void
registry_prove(struct registry *r, unsigned i)
{
	if (!r->server[i].unproved)
		return;
	registry_view_begin(r);
	r->server[i].unproved = false;
	registry_view_server(r, i);
	registry_view_end(r);
}

/* ---- restoring ---- */

int
registry_restore_policy(struct registry *r, const char *name, uint64_t ticket)
{
	unsigned at = r->policy_end;

	if (at == r->max_policies || registry_find_policy(r, name) >= 0)
		return -1;
	registry_view_begin(r);
	(void)admit_policy(r, at, name);
	atomic_store_explicit(&r->turn[at], ticket, memory_order_relaxed);
	registry_view_end(r);
	return (int)at;
}

int
registry_restore_server(struct registry *r, const struct registry_server *s,
			const struct registry_tenure *t)
{
	unsigned at = r->server_end;

	assert(s->policy < r->policy_end);
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

	for (unsigned i = 0; i < r->server_end; i++)
		if (r->server[i].used)
			index[n++] = i;
	qsort_r(index, n, sizeof *index, by_turn, (void *)(uintptr_t)r);
	return n;
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
	return r->server_end;
}

unsigned
registry_policy_end(const struct registry *r)
{
	return r->policy_end;
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
