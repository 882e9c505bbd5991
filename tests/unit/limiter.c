/* limiter: so many a second for each key, over all processes, in a table that is bounded. */
#include "limiter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t start = 5000000; /* us */

static unsigned
taken(struct limiter *l, const char *key, unsigned tries, uint64_t now)
{
	unsigned n = 0;

	while (tries-- > 0)
		n += limiter_take(l, span_str(key), now) == 0;
	return n;
}

Test(limiter, a_burst_and_then_the_rate)
{
	struct limiter *l = limiter_new(100, 5);

	cr_assert_eq(taken(l, "a", 20, start), 5);
	cr_assert_eq(limiter_take(l, span_str("a"), start), 10000, "one is back after 10 ms");
	cr_assert_eq(taken(l, "a", 20, start + 9999), 0);
	cr_assert_eq(taken(l, "a", 20, start + 10000), 1);
	cr_assert_eq(taken(l, "a", 20, start + 40000), 3);
	cr_assert_eq(taken(l, "a", 20, start + 60000000), 5,
		     "no more than a burst, however long ago");
	limiter_free(l);
}

Test(limiter, without_a_burst_it_is_a_seconds_worth)
{
	struct limiter *l = limiter_new(50, 0);

	cr_assert_eq(taken(l, "a", 200, start), 50);
	limiter_free(l);
}

Test(limiter, keys_do_not_disturb_each_other)
{
	struct limiter *l = limiter_new(10, 1);
	char key[16];

	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(key, sizeof key, "%u", i);
		cr_assert_eq(taken(l, key, 3, start), 1, "%s", key);
	}
	limiter_free(l);
}

Test(limiter, asking_takes_nothing)
{
	struct limiter *l = limiter_new(10, 1);

	cr_assert_eq(limiter_ask(l, span_str("a"), start), 0);
	cr_assert_eq(limiter_ask(l, span_str("a"), start), 0);
	cr_assert_eq(taken(l, "a", 2, start), 1);
	cr_assert_gt(limiter_ask(l, span_str("a"), start), 0);
	limiter_free(l);
}

/* Whoever floods it with keys gets in, and those who owe the most stay known. */
Test(limiter, a_flood_of_keys_is_bounded_and_spares_the_debtors)
{
	struct limiter *l = limiter_new(1, 100);
	char key[16];

	cr_assert_eq(taken(l, "debtor", 200, start), 100);
	for (unsigned i = 0; i < 4 * LIMITER_KEYS; i++) {
		(void)snprintf(key, sizeof key, "%u", i);
		cr_assert_eq(taken(l, key, 1, start), 1);
	}
	cr_assert_eq(taken(l, "debtor", 10, start), 0);
	limiter_free(l);
}

Test(limiter, processes_share_one_account)
{
	struct limiter *l = limiter_new(1, 1000);
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
	limiter_free(l);
}

Test(limiter, an_ipv6_address_counts_as_its_network)
{
	struct addr a, b;
	char one[16], other[16];

	cr_assert_eq(addr_numeric(&a, "2001:db8::1", 1), 0);
	cr_assert_eq(addr_numeric(&b, "2001:db8::ffff:2", 2), 0);
	cr_assert(span_eq(limiter_key(&a, one), limiter_key(&b, other)));
	cr_assert_eq(addr_numeric(&b, "2001:db8:0:1::1", 1), 0);
	cr_assert_not(span_eq(limiter_key(&a, one), limiter_key(&b, other)));
	cr_assert_eq(addr_numeric(&a, "::ffff:192.0.2.1", 1), 0);
	cr_assert_eq(addr_numeric(&b, "192.0.2.1", 1), 0);
	cr_assert(span_eq(limiter_key(&a, one), limiter_key(&b, other)));
	cr_assert_eq(addr_numeric(&b, "192.0.2.2", 1), 0);
	cr_assert_not(span_eq(limiter_key(&a, one), limiter_key(&b, other)));
}
