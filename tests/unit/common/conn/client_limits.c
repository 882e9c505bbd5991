/* client_limits: bytes held for clients, and clients that stall for too long. */
#include "client_limits.h"

#include <criterion/criterion.h>

#include "clock.h"

static struct event_base *base;
static struct client_timeout *p;
static struct client_stalls first, second;
static unsigned told;
static void *who[4];
static enum conn_stall what[4];

static void
too_long(void *client, enum conn_stall stall, void *ctx)
{
	cr_assert_eq(ctx, &told);
	who[told] = client;
	what[told++] = stall;
}

static void
open_timeout(void)
{
	base = event_base_new();
	p = client_timeout_new(base, 100, 200, too_long, &told);
	cr_assert_not_null(p);
}

static void
close_timeout(void)
{
	client_timeout_forget(&first);
	client_timeout_forget(&second);
	client_timeout_free(p);
	event_base_free(base);
}

TestSuite(client_timeout, .init = open_timeout, .fini = close_timeout, .timeout = 30);

Test(client_timeout, each_stall_has_its_own_limit_and_is_told_once)
{
	uint64_t began = clock_ms();

	client_timeout_note(p, &first, &first, CONN_STALL_READING, true);
	client_timeout_note(p, &second, &second, CONN_STALL_SENDING, true);
	cr_assert_eq(event_base_dispatch(base), 1, "it looks no more when nobody stalls");
	cr_assert(told == 2 && who[0] == &second && what[0] == CONN_STALL_SENDING &&
		  who[1] == &first && what[1] == CONN_STALL_READING);
	cr_assert_geq(clock_ms() - began, 200);
}

Test(client_timeout, who_has_paid_is_left_alone)
{
	client_timeout_note(p, &first, &first, CONN_STALL_SENDING, true);
	client_timeout_note(p, &first, &first, CONN_STALL_SENDING, false);
	client_timeout_note(p, &second, &second, CONN_STALL_READING, true);
	client_timeout_forget(&second);
	cr_assert_eq(event_base_dispatch(base), 1);
	cr_assert_eq(told, 0);
}

Test(client_timeout, without_a_limit_nobody_is_waited_for)
{
	client_timeout_free(p);
	p = client_timeout_new(base, 0, 0, too_long, &told);
	client_timeout_note(p, &first, &first, CONN_STALL_SENDING, true);
	cr_assert_eq(event_base_dispatch(base), 1);
	cr_assert_eq(told, 0);
}

/* ---- memory ---- */

static uint64_t conns;
static struct client_mem h;
static struct client_mem_share a, b;

static void
open_mem(void)
{
	h = (struct client_mem){.limit = 1000, .conns = &conns};
	client_mem_join(&h);
	client_mem_join(&h);
}

TestSuite(client_mem, .init = open_mem);

Test(client_mem, packets_and_connections_add_up_and_nothing_is_left)
{
	client_mem_take(&h, &a, 300);
	client_mem_take(&h, &b, 100);
	conns = 200;
	cr_assert_eq(client_mem_bytes(&h), 600);
	client_mem_give(&h, &a, 250);
	cr_assert_eq(client_mem_bytes(&h), 350);
	client_mem_leave(&h, &a);
	client_mem_leave(&h, &b);
	conns = 0;
	cr_assert(client_mem_bytes(&h) == 0 && h.packets == 0 && h.peers == 0);
}

Test(client_mem, over_the_limit_who_holds_more_than_others_is_greedy)
{
	client_mem_take(&h, &a, 700);
	conns = 300;
	cr_assert(!client_mem_is_full(&h) && !client_mem_is_greedy(&h, &a, 300));
	client_mem_take(&h, &b, 1);
	cr_assert(client_mem_is_full(&h));
	cr_assert(client_mem_is_greedy(&h, &a, 0) && !client_mem_is_greedy(&h, &b, 0));
	cr_assert(client_mem_is_greedy(&h, &b, 600), "what its connection holds counts as well");
	h.limit = 0;
	cr_assert(!client_mem_is_full(&h) && !client_mem_is_greedy(&h, &a, 300));
}
