/* rate_limit: so many a second for each key, over all processes, in a table that is bounded. */
#include "rate_limit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taken_over_fixture.h"

static const uint64_t start = 5000000; /* us */

static unsigned
taken(struct rate_limit *l, const char *key, unsigned tries, uint64_t now)
{
	unsigned n = 0;

	while (tries-- > 0)
		n += rate_limit_take(l, span_str(key), now) == 0;
	return n;
}

Test(limiter, a_burst_and_then_the_rate)
{
	struct rate_limit *l = rate_limit_new(100, 5, RATE_LIMIT_SHARED);

	cr_assert_eq(taken(l, "a", 20, start), 5);
	cr_assert_eq(rate_limit_take(l, span_str("a"), start), 10000, "one is back after 10 ms");
	cr_assert_eq(taken(l, "a", 20, start + 9999), 0);
	cr_assert_eq(taken(l, "a", 20, start + 10000), 1);
	cr_assert_eq(taken(l, "a", 20, start + 40000), 3);
	cr_assert_eq(taken(l, "a", 20, start + 60000000), 5,
		     "no more than a burst, however long ago");
	rate_limit_free(l);
}

Test(limiter, without_a_burst_it_is_a_seconds_worth)
{
	struct rate_limit *l = rate_limit_new(50, 0, RATE_LIMIT_SHARED);

	cr_assert_eq(taken(l, "a", 200, start), 50);
	rate_limit_free(l);
}

Test(limiter, keys_do_not_disturb_each_other)
{
	struct rate_limit *l = rate_limit_new(10, 1, RATE_LIMIT_SHARED);
	char key[16];

	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(key, sizeof key, "%u", i);
		cr_assert_eq(taken(l, key, 3, start), 1, "%s", key);
	}
	rate_limit_free(l);
}

Test(limiter, asking_takes_nothing)
{
	struct rate_limit *l = rate_limit_new(10, 1, RATE_LIMIT_SHARED);

	cr_assert_eq(rate_limit_ask(l, span_str("a"), start), 0);
	cr_assert_eq(rate_limit_ask(l, span_str("a"), start), 0);
	cr_assert_eq(taken(l, "a", 2, start), 1);
	cr_assert_gt(rate_limit_ask(l, span_str("a"), start), 0);
	rate_limit_free(l);
}

/* Whoever floods it with keys gets in, and those who owe the most stay known. */
Test(limiter, a_flood_of_keys_is_bounded_and_spares_the_debtors)
{
	struct rate_limit *l = rate_limit_new(1, 100, RATE_LIMIT_SHARED);
	char key[16];

	cr_assert_eq(taken(l, "debtor", 200, start), 100);
	for (unsigned i = 0; i < 4 * RATE_LIMIT_KEYS; i++) {
		(void)snprintf(key, sizeof key, "%u", i);
		cr_assert_eq(taken(l, key, 1, start), 1);
	}
	cr_assert_eq(taken(l, "debtor", 10, start), 0);
	rate_limit_free(l);
}

Test(limiter, processes_share_one_account)
{
	struct rate_limit *l = rate_limit_new(1, 1000, RATE_LIMIT_SHARED);
	unsigned sum = 0;
	pid_t child[4];
	int status, fd[2];

	cr_assert_eq(pipe(fd), 0);
	for (unsigned i = 0; i < 4; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			unsigned n = taken(l, "a", 1000, start);
			_exit(write(fd[1], &n, sizeof n) != sizeof n);
		}
	}
	for (unsigned i = 0; i < 4; i++) {
		unsigned n;
		cr_assert_eq(waitpid(child[i], &status, 0), child[i]);
		cr_assert_eq(status, 0);
		cr_assert_eq(read(fd[0], &n, sizeof n), (ssize_t)sizeof n);
		sum += n;
	}
	cr_assert_eq(sum, 1000);
	rate_limit_free(l);
}

static uint64_t hostile_instant;

/* Every worker may write it.  An account is a key and an instant: who it is shall still be known.
 */
static int
enter(void)
{
	_exit(overwrite_some(hostile_instant, 1, 2) > 0 ? 0 : 1);
}

Test(limiter, nothing_that_is_written_to_an_account_locks_its_key_out_for_long)
{
	struct rate_limit *l = rate_limit_new(10, 5, RATE_LIMIT_SHARED);
	uint64_t wait, at = start;

	for (unsigned i = 0; i < HOSTILE; i++) {
		at += 10000000;
		cr_assert_eq(rate_limit_take(l, span_str("a"), at), 0);
		hostile_instant = hostile[i];
		take_over(enter, 0);
		wait = rate_limit_take(l, span_str("a"), at);
		cr_assert_leq(wait, 1600000, "%llx", (unsigned long long)hostile[i]);
		cr_assert_eq(rate_limit_take(l, span_str("a"), at + 1600000), 0);
	}
	rate_limit_free(l);
}

Test(limiter, what_is_the_makers_own_no_worker_writes)
{
	struct rate_limit *l = rate_limit_new(10, 1, RATE_LIMIT_OWN);
	int status;
	pid_t pid;

	cr_assert_eq(rate_limit_take(l, span_str("a"), start), 0);
	pid = fork();
	if (pid == 0)
		_exit(rate_limit_take(l, span_str("b"), start) == 0 ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(rate_limit_take(l, span_str("b"), start), 0);
	rate_limit_free(l);
}
