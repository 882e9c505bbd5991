/* registry_view.c - what workers share of the registry: the view, a seqlock that the master writes,
 * and the turns; see registry.h and registry_internal.h. */
#include <assert.h>
#include <string.h>

#include "registry_internal.h"

/* What workers see: this, then policies, then servers. */
struct head {
	_Atomic uint32_t generation; /* odd: being changed */
	uint32_t server_end, policy_end;
};

enum { HEAD = 64 };

static size_t
policies_at(void)
{
	_Static_assert(sizeof(struct head) <= HEAD, "the head of the view");
	return HEAD;
}

static size_t
servers_at(const struct registry *r)
{
	size_t end = policies_at() + r->max_policies * sizeof *r->policy;
	size_t align = _Alignof(struct registry_server);

	return (end + align - 1) / align * align; /* policies are of bytes, at any address */
}

static size_t
turns_size(const struct registry *r)
{
	return r->max_policies * sizeof *r->turn;
}

/* The master's side of it. */
static void *
own(const struct registry *r, size_t at)
{
	return (char *)r->view.own + at;
}

static const void *
seen(const struct registry *r, size_t at)
{
	return (const char *)r->view.seen + at;
}

int
registry_view_open(struct registry *r)
{
	r->turn = shm_common(turns_size(r));
	return r->turn == NULL ? -1
			       : shm_view_open(&r->view,
					       servers_at(r) + r->max_servers * sizeof *r->server);
}

void
registry_view_close(struct registry *r)
{
	shm_view_close(&r->view);
	shm_common_free((void *)(uintptr_t)r->turn, turns_size(r));
}

bool
registry_is_sealed(const struct registry *r)
{
	return r->view.sealed;
}

/* What is shown between begin and end is seen as one change. */
void
registry_view_begin(struct registry *r)
{
	struct head *head = own(r, 0);
	uint32_t g = atomic_load_explicit(&head->generation, memory_order_relaxed);

	assert((g & 1) == 0);
	atomic_store_explicit(&head->generation, g + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void
registry_view_server(struct registry *r, unsigned i)
{
	struct registry_server *shown = own(r, servers_at(r));

	shown[i] = r->server[i];
}

void
registry_view_policy(struct registry *r, unsigned i)
{
	struct registry_policy *shown = own(r, policies_at());

	shown[i] = r->policy[i];
}

void
registry_view_end(struct registry *r)
{
	struct head *head = own(r, 0);
	uint32_t g = atomic_load_explicit(&head->generation, memory_order_relaxed);

	head->server_end = r->server_end;
	head->policy_end = r->policy_end;
	atomic_store_explicit(&head->generation, g + 1, memory_order_release);
}

uint32_t
registry_generation(const struct registry *r)
{
	const struct head *head = seen(r, 0);

	return atomic_load_explicit(&head->generation, memory_order_acquire);
}

uint32_t
registry_copy(const struct registry *r, struct registry_copy *out)
{
	const struct head *head = seen(r, 0);
	uint32_t before;

	do {
		before = registry_generation(r);
		if (before & 1)
			continue;
		out->server_end = head->server_end;
		out->policy_end = head->policy_end;
		memcpy(out->server, seen(r, servers_at(r)), out->server_end * sizeof *out->server);
		memcpy(out->policy, seen(r, policies_at()), out->policy_end * sizeof *out->policy);
		atomic_thread_fence(memory_order_acquire);
	} while ((before & 1) || registry_generation(r) != before);
	return before;
}

uint64_t
registry_turn_next(const struct registry *r, unsigned policy)
{
	assert(policy < r->max_policies);
	return atomic_load_explicit(&r->turn[policy], memory_order_relaxed);
}

uint64_t
registry_turn(struct registry *r, unsigned policy)
{
	assert(policy < r->max_policies);
	return atomic_fetch_add_explicit(&r->turn[policy], 1, memory_order_relaxed);
}
