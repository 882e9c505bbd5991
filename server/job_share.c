/* job_share.c - see job_share.h. */
#include "job_share.h"

static const struct job_stats_payloads *
row_of(const struct job_share *s, unsigned worker)
{
	return counters_cell(s->stats->payloads, worker, 0);
}

static struct job_stats_payloads *
own_row(const struct job_share *s)
{
	return counters_own(s->stats->payloads, s->slot, 0);
}

/* The lowest bit of a fingerprint says nothing. */
static unsigned
place_of(uint64_t payload)
{
	return (unsigned)(payload >> 1) % JOB_STATS_ANSWERED;
}

/* Workers of a former generation have rows too. */
static unsigned
rows(const struct job_share *s)
{
	return s->stats->payloads->workers;
}

static bool
was_answered(const struct job_share *s, uint64_t payload)
{
	for (unsigned i = 0; i < rows(s); i++)
		if (counter_get(&row_of(s, i)->answered[place_of(payload)]) == payload)
			return true;
	return false;
}

static unsigned
half(unsigned n)
{
	return n < 2 ? 1 : n / 2;
}

struct sight {
	unsigned all, own; /* processes that have it in hand */
	uint64_t age;	   /* of the oldest job, ms */
};

/* In a row, but for the process `but`.  One that has only said that it wants it, since is 0, counts
 * for those of later rows: of two that want it at the same moment one gets it. */
static void
look_at(const struct job_share *s, unsigned worker, const struct job_share_ask *a, unsigned but,
	struct sight *seen)
{
	const struct job_stats_payloads *row = row_of(s, worker);

	for (unsigned i = 0; i < s->processes; i++) {
		uint64_t since;

		if (counter_get(&row->in_hand[i]) != a->payload || (worker == s->slot && i == but))
			continue;
		since = shm_instant(counter_get(&row->since[i]), a->now);
		if (since == 0 && worker > s->slot)
			continue;
		seen->all++;
		seen->own += worker == s->slot;
		if (since > 0 && a->now - since > seen->age)
			seen->age = a->now - since;
	}
}

static enum job_share_verdict
judge(const struct job_share *s, const struct job_share_ask *a, unsigned but, uint64_t *age)
{
	struct sight seen = {0};

	for (unsigned i = 0; i < rows(s); i++)
		look_at(s, i, a, but, &seen);
	*age = seen.age;
	if (seen.all < (a->struck ? 1 : half(s->workers * s->processes)) &&
	    seen.own < half(s->processes))
		return JOB_SHARE_RUN;
	if (!a->struck && was_answered(s, a->payload))
		return JOB_SHARE_RUN;
	return seen.age > a->patience ? JOB_SHARE_REFUSE : JOB_SHARE_WAIT;
}

enum job_share_verdict
job_share_ask(const struct job_share *s, const struct job_share_ask *a, uint64_t *age)
{
	return judge(s, a, UINT32_MAX, age);
}

enum job_share_verdict
job_share_take(const struct job_share *s, const struct job_share_ask *a, unsigned number,
	       uint64_t *age)
{
	struct job_stats_payloads *row = own_row(s);
	enum job_share_verdict v;

	counter_set(&row->since[number], 0);
	counter_set(&row->in_hand[number], a->payload);
	atomic_thread_fence(memory_order_seq_cst); /* others see it, or this one sees theirs */
	v = judge(s, a, number, age);
	if (v == JOB_SHARE_RUN)
		counter_set(&row->since[number], a->now);
	else
		counter_set(&row->in_hand[number], 0);
	return v;
}

void
job_share_give_back(const struct job_share *s, unsigned number)
{
	struct job_stats_payloads *row = own_row(s);

	counter_set(&row->in_hand[number], 0);
	counter_set(&row->since[number], 0);
}

void
job_share_answered(const struct job_share *s, uint64_t payload)
{
	_Atomic uint64_t *word = &own_row(s)->answered[place_of(payload)];

	if (counter_get(word) != payload) /* the line stays the readers' */
		counter_set(word, payload);
}

void
job_share_failed(const struct job_share *s, uint64_t payload)
{
	_Atomic uint64_t *word = &own_row(s)->answered[place_of(payload)];

	if (counter_get(word) == payload)
		counter_set(word, 0);
}
