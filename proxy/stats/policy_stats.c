/* policy_stats.c - see policy_stats.h. */
#include "policy_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The policy that an index counts for. */
struct row {
	unsigned policy;	       /* its index + 1; 0: nobody's */
	struct server_stats_cell base; /* what had been counted when it came to that policy */
};

struct policy_account {
	char name[PACKET_ID_MAX + 1];  /* an index can pass to another policy */
	struct server_stats_cell gone; /* of servers that have left */
};

struct policy_stats {
	const struct registry *registry;
	struct counters *tally;
	struct row *row;
	struct policy_account *account;
};

struct policy_stats *
policy_stats_new(const struct registry *r, struct counters *t)
{
	struct policy_stats *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->registry = r;
	l->tally = t;
	l->row = calloc(registry_max_servers(r), sizeof *l->row);
	l->account = calloc(registry_max_policies(r), sizeof *l->account);
	if (l->row != NULL && l->account != NULL)
		return l;
	policy_stats_free(l);
	return NULL;
}

void
policy_stats_free(struct policy_stats *l)
{
	if (l == NULL)
		return;
	free(l->row);
	free(l->account);
	free(l);
}

/* What it has done for its policy. */
static void
done(const struct policy_stats *l, unsigned server, struct server_stats_cell *out)
{
	counters_sum(l->tally, server, out);
	counters_minus(&server_stats_cell_type, out, &l->row[server].base);
}

static void
settle(struct policy_stats *l, unsigned server)
{
	struct row *row = &l->row[server];
	struct server_stats_cell cell;

	if (row->policy == 0)
		return;
	done(l, server, &cell);
	counters_plus(&server_stats_cell_type, &l->account[row->policy - 1].gone, &cell);
	counters_plus(&server_stats_cell_type, &row->base, &cell);
	row->policy = 0;
}

void
policy_stats_keep(struct policy_stats *l, unsigned server)
{
	settle(l, server);
	memset(&l->row[server], 0, sizeof l->row[server]);
}

/* Another policy than before has this index: nothing that was is its own. */
static void
open_account(struct policy_stats *l, unsigned policy)
{
	struct policy_account *a = &l->account[policy];
	const char *name = registry_policy(l->registry, policy)->name;

	if (strcmp(a->name, name) == 0)
		return;
	memset(a, 0, sizeof *a);
	(void)snprintf(a->name, sizeof a->name, "%s", name);
	for (unsigned i = 0; i < registry_server_end(l->registry); i++)
		if (l->row[i].policy == policy + 1)
			l->row[i].policy = 0;
}

void
policy_stats_follow(struct policy_stats *l)
{
	for (unsigned i = 0; i < registry_server_end(l->registry); i++) {
		const struct registry_server *s = registry_server(l->registry, i);
		if (!s->used)
			continue;
		open_account(l, s->policy);
		if (l->row[i].policy == s->policy + 1)
			continue;
		settle(l, i);
		l->row[i].policy = s->policy + 1;
	}
}

void
policy_stats_sums(const struct policy_stats *l, struct server_stats_cell *out)
{
	struct server_stats_cell cell;

	for (unsigned p = 0; p < registry_policy_end(l->registry); p++)
		memcpy(&out[p], &l->account[p].gone, sizeof *out);
	for (unsigned i = 0; i < registry_server_end(l->registry); i++) {
		if (l->row[i].policy == 0)
			continue;
		done(l, i, &cell);
		counters_plus(&server_stats_cell_type, &out[l->row[i].policy - 1], &cell);
	}
}
