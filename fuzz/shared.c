/* Whatever a worker that has been taken over writes to the memory that it can write: what the
 * master and other workers read there stays within bounds, permits are never given twice, and once
 * the worker is dead nothing of it is left.
 *
 * The input is repeated over the worker's rows and over what all workers write. */
#include "shm.h"

#include <string.h>

#include "conn_limit.h"
#include "fuzz.h"
#include "job_stats.h"
#include "job_strikes.h"
#include "lb_algo.h"
#include "policy_stats.h"
#include "rate_limit.h"
#include "registry.h"
#include "registry_dump.h"
#include "scoreboard.h"
#include "server_stats.h"
#include "worker_stats.h"

enum {
	WORKERS = 3,
	TAKEN = 1,     /* over */
	SERVERS = 600, /* a row of permits has a size of its own */
	JOINED = 4,
	POLICIES = 600,
	SLOTS = 2,
	RATE = 10,
	LIST = 64
};

static const uint64_t now = 1000000;

static struct counters *scoreboard;
static struct counters *tally;
static struct worker_stats *meter;
static struct permits *permits;
static struct rate_limit *limiter;
static struct registry *registry;
static struct policy_stats *ledger;
static struct job_stats *jobs;
static struct job_strikes *strikes;

/* ---- what a process can write, as it finds it in the list of its own mappings ---- */

struct area {
	char *at;
	size_t n;
	bool pairs; /* of a key, which stays, and of what is overwritten */
};

struct areas {
	struct area is[LIST];
	unsigned n;
};

static struct areas victim; /* what the worker writes to */

static struct areas
list_areas(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	struct areas all = {.n = 0};
	unsigned long from, to;
	char line[512], mode[8];

	HOLDS(maps != NULL);
	while (fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strcmp(mode, "rw-s") != 0)
			continue;
		HOLDS(all.n < LIST);
		all.is[all.n++] = (struct area){.at = (char *)from, .n = to - from};
	}
	(void)fclose(maps);
	return all;
}

static bool
was_there(const struct areas *before, const struct area *a)
{
	for (unsigned i = 0; i < before->n; i++)
		if (before->is[i].at == a->at)
			return true;
	return false;
}

/* Of the new ones that are not a view of the master's, which is larger or smaller, the nth. */
static void
add_victim(const struct areas *before, size_t size, unsigned nth)
{
	const struct areas after = list_areas();
	unsigned i = 0;

	size = (size + 4095) / 4096 * 4096;
	for (; i < after.n; i++)
		if (!was_there(before, &after.is[i]) && after.is[i].n == size && nth-- == 0)
			break;
	HOLDS(i < after.n && victim.n < LIST);
	victim.is[victim.n++] = after.is[i];
}

/* Doubling what is there. */
static void
fill(const struct area *a, const uint8_t *data, size_t size)
{
	size_t done = size < a->n ? size : a->n;

	memcpy(a->at, data, done);
	while (done < a->n) {
		size_t more = done < a->n - done ? done : a->n - done;
		memcpy(a->at + done, a->at, more);
		done += more;
	}
}

static void
fill_pairs(const struct area *a, const uint8_t *data, size_t size)
{
	uint64_t *word = (uint64_t *)(void *)a->at, hostile = 0;

	memcpy(&hostile, data, size < sizeof hostile ? size : sizeof hostile);
	for (size_t i = 1; i < a->n / sizeof hostile; i += 2)
		word[i] = hostile;
}

static void
overwrite(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < victim.n; i++)
		if (victim.is[i].pairs)
			fill_pairs(&victim.is[i], data, size);
		else
			fill(&victim.is[i], data, size);
}

/* ---- making ---- */

static void
join(unsigned n)
{
	struct packet_announcement a = {.port = 1, .slots = SLOTS};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%u", n);
	(void)snprintf(a.policy, sizeof a.policy, "%u", n % 2);
	HOLDS(addr_numeric(&at, "127.0.0.1", 1) == 0);
	HOLDS(registry_join(registry, &a, &at, 1) == REGISTRY_JOINED);
}

static void
open_all(void)
{
	struct areas before = list_areas();

	scoreboard = scoreboard_new(WORKERS);
	HOLDS(scoreboard != NULL);
	add_victim(&before, sizeof(struct scoreboard_row), TAKEN);
	before = list_areas();
	tally = server_stats_new(WORKERS, SERVERS);
	HOLDS(tally != NULL);
	add_victim(&before, SERVERS * sizeof(struct server_stats_cell), TAKEN);
	before = list_areas();
	meter = worker_stats_new(WORKERS, POLICIES);
	HOLDS(meter != NULL);
	add_victim(&before, sizeof(struct worker_stats_row), TAKEN);
	add_victim(&before, POLICIES * sizeof(struct worker_stats_queue), TAKEN);
	before = list_areas();
	permits = permits_new(SERVERS, WORKERS);
	HOLDS(permits != NULL);
	add_victim(&before, SERVERS * sizeof(uint64_t), TAKEN);
	before = list_areas();
	limiter = rate_limit_new(RATE, RATE, RATE_LIMIT_SHARED);
	HOLDS(limiter != NULL);
	add_victim(&before, RATE_LIMIT_KEYS * 2 * sizeof(uint64_t), 0);
	victim.is[victim.n - 1].pairs = true;
	before = list_areas();
	registry = registry_new(SERVERS, POLICIES);
	HOLDS(registry != NULL);
	add_victim(&before, POLICIES * sizeof(uint64_t), 0);
	ledger = policy_stats_new(registry, tally);
	HOLDS(ledger != NULL);
	before = list_areas();
	jobs = job_stats_new(WORKERS);
	HOLDS(jobs != NULL);
	add_victim(&before, sizeof(struct job_stats_row), TAKEN);
	add_victim(&before, JOB_STATS_PROCESSES * sizeof(struct job_stats_cell), TAKEN);
	strikes = job_strikes_new();
	HOLDS(strikes != NULL);
	job_strikes_set(strikes, 2, 1000);
}

static void
close_all(void)
{
	job_strikes_free(strikes);
	job_stats_free(jobs);
	policy_stats_free(ledger);
	registry_free(registry);
	rate_limit_free(limiter);
	permits_free(permits);
	worker_stats_free(meter);
	counters_free(tally);
	counters_free(scoreboard);
	victim.n = 0;
}

/* ---- reading ---- */

#define IS_A_SUM(word) HOLDS(counter_get(&(word)) <= INT64_MAX)

static void
look_at_scoreboard(void)
{
	struct scoreboard_row sum;
	uint64_t since[WORKERS] = {0}, least;

	counters_sum(scoreboard, 0, &sum);
#define CHECK(kind, name, ...) IS_A_SUM(sum.name);
	SCOREBOARD(CHECK, CHECK)
	if (scoreboard_least(scoreboard, 0, &least))
		HOLDS(least <= SHM_COUNT_MAX);
	if (scoreboard_least_accepted(scoreboard, 0, since, &least))
		HOLDS(least <= SHM_COUNT_MAX);
}

static void
look_at_tally(unsigned server)
{
	struct server_stats_cell sum, less;

	counters_sum(tally, server, &sum);
	memcpy(&less, &sum, sizeof less);
	counters_minus(&server_stats_cell_type, &less, &sum);
	IS_A_SUM(sum.served);
	IS_A_SUM(sum.failed);
	IS_A_SUM(sum.latency[0]);
	IS_A_SUM(sum.in_flight);
	HOLDS(counter_get(&less.served) == 0 && counter_get(&less.latency[0]) == 0);
	HOLDS(counters_quantile(sum.latency, 0.99) <= counters_bucket_top(COUNTERS_BUCKETS - 1));
	HOLDS(server_stats_reached(tally, server, now) <= now);
	HOLDS(server_stats_in_flight(tally, server, 0) < 1 << 24);
}

static void
look_at_ledger(void)
{
	struct server_stats_cell sums[POLICIES];

	policy_stats_follow(ledger);
	policy_stats_sums(ledger, sums);
	for (unsigned i = 0; i < registry_policy_end(registry); i++)
		IS_A_SUM(sums[i].served);
}

static void
look_at_meter(void)
{
	struct worker_stats_row sum;
	struct worker_stats_queue queue;

	counters_sum(meter->rows, 0, &sum);
	for (unsigned i = 0; i < PACKET_CODE_COUNT; i++)
		IS_A_SUM(sum.error[i]);
	IS_A_SUM(sum.retrying);
	HOLDS(counter_get(&sum.queued_max) <= SHM_COUNT_MAX);
	counters_sum(meter->queues, POLICIES - 1, &queue);
	IS_A_SUM(queue.refused);
}

/* Those that were not taken over never hold more than there are together, whatever that one says;
 * and have them all once it says what is true. */
static void
look_at_permits(unsigned server)
{
	unsigned got[WORKERS] = {0}, total = 0;

	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		unsigned w = i % 2 == 0 ? 0 : 2;
		bool taken = conn_limit_take(permits, server, SLOTS, w) == CONN_LIMIT_TAKEN;
		got[w] += taken;
		total += taken;
		HOLDS(total <= SLOTS);
	}
	HOLDS(conn_limit_held(permits, server) <= WORKERS * CONN_LIMIT_MAX);
	(void)permits_use(permits, SERVERS);
	for (unsigned w = 0; w < WORKERS; w += 2) {
		while (got[w]-- > 0)
			conn_limit_give(permits, server, CONN_LIMIT_TAKEN, w);
		conn_limit_forget(permits, server, w);
	}
}

static void
look_at_limiter(void)
{
	const struct span key = span_str("key");
	const uint64_t most = 2000000 + 1000000 / RATE; /* us: a burst and what clocks differ */
	uint64_t wait = rate_limit_take(limiter, key, now);

	HOLDS(wait <= most && rate_limit_ask(limiter, key, now) <= most);
	HOLDS(rate_limit_take(limiter, key, now + most) == 0);
}

/* Whatever the loads and turns are, somebody of those that can take it is chosen. */
static void
look_at_routes(void)
{
	struct lb_server s[JOINED];

	for (int how = 0; how < LB_BALANCE_COUNT; how++) {
		struct lb_live live = {.balance = (enum lb_balance)how,
				       .server = s,
				       .n = JOINED,
				       .turn = registry_turn(registry, 0),
				       .key = 7};
		for (unsigned i = 0; i < JOINED; i++)
			s[i] = (struct lb_server){.usable = i != 2,
						  .weight = i + 1,
						  .load = server_stats_in_flight(tally, i, 0),
						  .name = i};
		int pick = lb_pick(&live);
		HOLDS(pick >= 0 && pick < JOINED && pick != 2);
	}
}

/* What is kept of it can be read again. */
static void
look_at_journal(void)
{
	struct registry *again = registry_new(SERVERS, POLICIES);
	struct buf text = BUF_INIT;
	char why[REGISTRY_DUMP_WHY];
	uint64_t saved;

	HOLDS(again != NULL && registry_dump_write(&text, registry, now, 7) == 0);
	HOLDS(registry_dump_read(again, buf_span(&text), REGISTRY_DUMP_HANDED_OVER, now, 0, &saved,
				 why) == 0);
	HOLDS(registry_turn_next(again, 0) == registry_turn_next(registry, 0));
	buf_release(&text);
	registry_free(again);
}

static void
look_at_jobs(void)
{
	char client[JOB_STATS_TEXT];
	struct job_stats_row sum;

	counters_sum(jobs->rows, 0, &sum);
	for (unsigned i = 0; i < JOB_OUTCOME_COUNT; i++)
		IS_A_SUM(sum.outcome[i]);
	IS_A_SUM(sum.queued);
	IS_A_SUM(sum.latency[0]);
	for (unsigned i = 0; i < JOB_STATS_PROCESSES; i++) {
		HOLDS(job_stats_in_hand(jobs, TAKEN, i, now, client) <= now);
		HOLDS(strlen(client) < sizeof client);
	}
}

/* It can tell of any strikes, and write to none. */
static void
strike(const uint8_t *data, size_t size)
{
	uint64_t print;

	for (; size >= sizeof print; data += sizeof print, size -= sizeof print) {
		unsigned at = 0, n = 0;
		memcpy(&print, data, sizeof print);
		if (print % 4 == 3)
			(void)job_strikes_clear(strikes, print);
		else
			(void)job_strikes_add(strikes, print, JOB_END_SELF, "1", now);
		for (const struct job_strike *k; (k = job_strikes_next(strikes, &at)) != NULL; n++)
			HOLDS(job_strikes_standing(strikes, k->fingerprint) ==
			      (k->count < 2 ? JOB_STRIKES_SOME : JOB_STRIKES_OUT));
		HOLDS(n <= JOB_STRIKES_SETS * JOB_STRIKES_WAYS);
		HOLDS(job_strikes_is_empty(strikes) == (n == 0));
	}
	job_strikes_expire(strikes, now + 1000);
	HOLDS(job_strikes_is_empty(strikes));
}

static void
look_at_all(void)
{
	look_at_jobs();
	look_at_scoreboard();
	look_at_ledger();
	look_at_meter();
	look_at_limiter();
	look_at_routes();
	look_at_journal();
	for (unsigned i = 0; i < JOINED; i++) {
		look_at_tally(i);
		look_at_permits(i);
	}
}

/* The worker's end: what it held is nobody's. */
static void
die(void)
{
	struct scoreboard_row row;
	struct worker_stats_row meters;
	struct server_stats_cell sum;

	counters_fold(scoreboard, TAKEN, 1);
	conn_limit_release_all(permits, TAKEN);
	worker_stats_fold(meter, TAKEN);
	counters_fold(tally, TAKEN, JOINED);
	job_stats_fold(jobs, TAKEN);
	HOLDS(job_stats_in_hand(jobs, TAKEN, 0, now, (char[JOB_STATS_TEXT]){0}) == 0);
	counters_sum(scoreboard, 0, &row);
	counters_sum(meter->rows, 0, &meters);
	HOLDS(counter_get(&row.connections) == 0 && counter_get(&row.in_flight) == 0);
	HOLDS(counter_get(&meters.queued) == 0 && counter_get(&meters.retrying) == 0);
	for (unsigned i = 0; i < JOINED; i++) {
		counters_sum(tally, i, &sum);
		HOLDS(counter_get(&sum.in_flight) == 0 && counter_get(&sum.connections) == 0);
		HOLDS(conn_limit_held(permits, i) == 0);
		HOLDS(conn_limit_take(permits, i, 1, 0) == CONN_LIMIT_TAKEN);
		conn_limit_give(permits, i, CONN_LIMIT_TAKEN, 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	open_all();
	for (unsigned w = 0; w < WORKERS; w++)
		permits_admit(permits, w);
	for (unsigned i = 0; i < JOINED; i++)
		join(i);
	HOLDS(rate_limit_take(limiter, span_str("key"), now) == 0);
	overwrite(data, size);
	look_at_all();
	strike(data, size);
	conn_limit_restate(permits, TAKEN);
	HOLDS(conn_limit_held(permits, 0) == 0);
	overwrite(data, size);
	look_at_all();
	die();
	close_all();
	return 0;
}
