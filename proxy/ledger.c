/* ledger.c - see ledger.h. */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose counts an index holds. */
struct row {
	unsigned policy;	/* its index + 1; 0: nobody's */
	struct tally_cell base; /* what had been counted when it came to that policy */
};

struct account {
	char name[PACKET_ID_MAX + 1]; /* an index can pass to another policy */
	struct tally_cell gone;	      /* of those who are there no more */
};

struct ledger {
	const struct registry *registry;
	struct tally *tally;
	struct row *row;
	struct account *account;
};

struct ledger *
ledger_new(const struct registry *r, struct tally *t)
{
	struct ledger *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->registry = r;
	l->tally = t;
	l->row = calloc(registry_max_servers(r), sizeof *l->row);
	l->account = calloc(registry_max_policies(r), sizeof *l->account);
	if (l->row != NULL && l->account != NULL)
		return l;
	ledger_free(l);
	return NULL;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	free(l->row);
	free(l->account);
	free(l);
}

/* What it has done for its policy. */
static void
done(const struct ledger *l, unsigned server, struct tally_cell *out)
{
	tally_sum(l->tally, server, out);
	tally_less(out, &l->row[server].base);
}

static void
settle(struct ledger *l, unsigned server)
{
	struct row *row = &l->row[server];
	struct tally_cell cell;

	if (row->policy == 0)
		return;
	done(l, server, &cell);
	tally_plus(&l->account[row->policy - 1].gone, &cell);
	tally_plus(&row->base, &cell);
	row->policy = 0;
}

void
ledger_keep(struct ledger *l, unsigned server)
{
	settle(l, server);
	memset(&l->row[server], 0, sizeof l->row[server]);
}

/* Another policy than before has this index: nothing that was is its own. */
static void
open_account(struct ledger *l, unsigned policy)
{
	struct account *a = &l->account[policy];
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
ledger_follow(struct ledger *l)
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
ledger_sums(const struct ledger *l, struct tally_cell *out)
{
	struct tally_cell cell;

	for (unsigned p = 0; p < registry_policy_end(l->registry); p++)
		memcpy(&out[p], &l->account[p].gone, sizeof *out);
	for (unsigned i = 0; i < registry_server_end(l->registry); i++) {
		if (l->row[i].policy == 0)
			continue;
		done(l, i, &cell);
		tally_plus(&out[l->row[i].policy - 1], &cell);
	}
}
