/* tls_tickets: a secret of this process, what follows from it, and its way to a successor. */
#include "tls_tickets.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static const unsigned char one[TLS_TICKETS_OF] = {1}, other[TLS_TICKETS_OF] = {2};

struct key {
	unsigned char bytes[TLS_TICKETS_KEY];
};

static struct key
key_of(const unsigned char *of)
{
	struct key k;

	cr_assert_eq(tls_tickets_key(of, k.bytes), 0);
	return k;
}

static bool
same(struct key a, struct key b)
{
	return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

Test(tls_tickets, without_a_secret_there_is_no_key)
{
	struct key k;

	cr_assert_eq(tls_tickets_key(one, k.bytes), -1);
	cr_assert_eq(tls_tickets_give(), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(tls_tickets_begin(), 0);
	(void)key_of(one);
	tls_tickets_forget();
	cr_assert_eq(tls_tickets_key(one, k.bytes), -1);
}

Test(tls_tickets, who_is_verified_by_the_same_has_the_same_key)
{
	struct key k;

	cr_assert_eq(tls_tickets_begin(), 0);
	k = key_of(one);
	cr_assert(same(k, key_of(one)));
	cr_assert_not(same(k, key_of(other)));
	cr_assert_eq(tls_tickets_begin(), 0, "there is one");
	cr_assert(same(k, key_of(one)));
	tls_tickets_forget();
	cr_assert_eq(tls_tickets_begin(), 0);
	cr_assert_not(same(k, key_of(one)), "another secret");
}

Test(tls_tickets, it_is_another_in_each_period_and_the_same_in_each_process)
{
	uint64_t now = clock_ms(), left = tls_tickets_left(now);
	struct key today, tomorrow, told;
	int ends[2], status;
	pid_t child;

	cr_assert_eq(tls_tickets_begin(), 0);
	today = key_of(one);
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) { /* at once, two periods further */
		tls_tickets_advance(now + left + TLS_TICKETS_PERIOD);
		if (tls_tickets_key(one, told.bytes) < 0 ||
		    write(ends[1], told.bytes, sizeof told.bytes) != (ssize_t)sizeof told.bytes)
			_exit(1);
		_exit(0);
	}
	tls_tickets_advance(now + left - 1);
	cr_assert(same(today, key_of(one)));
	tls_tickets_advance(now + left);
	tomorrow = key_of(one);
	cr_assert_not(same(today, tomorrow));
	tls_tickets_advance(now);
	cr_assert(same(tomorrow, key_of(one)), "there is no way back");
	tls_tickets_advance(now + left + TLS_TICKETS_PERIOD);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(read(ends[0], told.bytes, sizeof told.bytes), (ssize_t)sizeof told.bytes);
	cr_assert(same(told, key_of(one)));
}

Test(tls_tickets, a_successor_has_it_and_nobody_reads_it_twice)
{
	struct key k;
	char room;
	int fd;

	cr_assert_eq(tls_tickets_begin(), 0);
	k = key_of(one);
	fd = tls_tickets_give();
	cr_assert_geq(fd, 0);
	tls_tickets_forget();
	cr_assert_eq(tls_tickets_take(fd), 0);
	cr_assert(same(k, key_of(one)));
	cr_assert_eq(read(fd, &room, 1), 0);
	(void)close(fd);
}

Test(tls_tickets, what_is_no_secret_is_not_taken)
{
	unsigned char of_the_future[72];
	int ends[2];
	struct key k;

	memset(of_the_future, 0xff, sizeof of_the_future);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], of_the_future, sizeof of_the_future),
		     (ssize_t)sizeof of_the_future);
	cr_assert_eq(tls_tickets_take(ends[0]), -1);
	cr_assert_eq(write(ends[1], "short", 5), 5);
	cr_assert_eq(tls_tickets_take(ends[0]), -1);
	cr_assert_eq(errno, EINVAL);
	(void)close(ends[1]);
	cr_assert_eq(tls_tickets_take(ends[0]), -1);
	cr_assert_eq(tls_tickets_key(one, k.bytes), -1);
	cr_assert_eq(tls_tickets_begin(), 0, "one of its own then");
}
