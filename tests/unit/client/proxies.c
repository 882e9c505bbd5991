/* proxies: which address is tried next, and after what pause; the client's clock is not asked. */
#include "proxies.h"

#include <criterion/criterion.h>
#include <string.h>

static struct proxies all;
static struct proxies_choice c;
static uint32_t said[64];
static unsigned asked;

static uint32_t
told(void)
{
	return said[asked++ % 64];
}

static struct addr
address(const char *host, uint16_t port)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, port), 0);
	return a;
}

static bool
add(unsigned proxy, const char *host, uint16_t port)
{
	struct addr a = address(host, port);

	return proxies_add(&all, proxy, &a, host);
}

/* Proxy 0 has two addresses, 1 and 2 one each. */
static void
list_some(void)
{
	memset(&all, 0, sizeof all);
	asked = 0;
	cr_assert(add(0, "::1", 2100) && add(0, "127.0.0.1", 2100));
	cr_assert(add(1, "127.0.0.2", 2100) && add(2, "127.0.0.3", 2100));
	proxies_choice_init(&c, &all, 50, 1000, NULL);
}

TestSuite(proxies, .init = list_some);

Test(proxies, each_is_tried_in_the_order_of_the_list)
{
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 4; i++) {
			cr_expect_eq(proxies_choice_at(&c), i);
			cr_expect_eq(proxies_choice_failed(&c), i < 3, "%u", i);
		}
	}
}

Test(proxies, what_works_is_stayed_at_and_a_round_begins_there)
{
	cr_expect(proxies_choice_failed(&c) && proxies_choice_failed(&c));
	proxies_choice_worked(&c);
	cr_expect_eq(proxies_choice_at(&c), 2);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(proxies_choice_at(&c), (2 + i) % 4);
		cr_expect_eq(proxies_choice_failed(&c), i < 3);
	}
	cr_expect_eq(proxies_choice_at(&c), 2);
}

Test(proxies, a_pause_is_jittered_grows_with_each_round_and_is_short_again_after_an_answer)
{
	cr_expect_eq(proxies_choice_pause(&c, 0), 25);
	cr_expect_eq(proxies_choice_pause(&c, UINT32_MAX), 99);
	cr_expect_eq(proxies_choice_pause(&c, 0), 100);
	for (int i = 0; i < 40; i++)
		(void)proxies_choice_pause(&c, 0);
	cr_expect_eq(proxies_choice_pause(&c, 0), 500);
	proxies_choice_worked(&c);
	cr_expect_eq(proxies_choice_pause(&c, 0), 25);
}

Test(proxies, a_round_may_always_be_ended_and_so_many_more_begun)
{
	cr_expect(proxies_choice_may_fail(&c, 0), "three are left");
	for (unsigned i = 0; i < 3; i++)
		(void)proxies_choice_failed(&c);
	cr_expect_not(proxies_choice_may_fail(&c, 0));
	cr_expect(proxies_choice_may_fail(&c, 1));
	(void)proxies_choice_failed(&c);
	(void)proxies_choice_pause(&c, 0);
	for (unsigned i = 0; i < 3; i++)
		(void)proxies_choice_failed(&c);
	cr_expect_not(proxies_choice_may_fail(&c, 1));
	cr_expect(proxies_choice_may_fail(&c, 2));
}

Test(proxies, an_address_is_there_once_and_so_many_fit)
{
	cr_expect(add(2, "127.0.0.1", 2100));
	cr_expect_eq(all.n, 4);
	for (uint16_t i = 0; i < PROXIES_PLACES - 4; i++)
		cr_expect(add(3, "127.0.0.9", (uint16_t)(i + 1)));
	cr_expect_not(add(3, "127.0.0.10", 1));
	cr_expect(add(3, "127.0.0.9", 1), "it is there");
}

/* Over all draws each proxy is the first about as often; the addresses of one keep their order. */
Test(proxies, at_random_each_proxy_may_be_first_and_its_addresses_keep_their_order)
{
	unsigned first[3] = {0, 0, 0}, n = 3000;
	uint32_t x = 1;

	for (unsigned i = 0; i < n; i++) {
		unsigned place[4];

		for (unsigned k = 0; k < 64; k++)
			said[k] = x = x * 1664525u + 1013904223u;
		proxies_choice_init(&c, &all, 50, 1000, told);
		for (unsigned k = 0; k < 4; k++) {
			place[k] = proxies_choice_at(&c);
			(void)proxies_choice_failed(&c);
		}
		first[all.place[place[0]].proxy]++;
		for (unsigned k = 0; k < 4; k++)
			if (place[k] == 0)
				cr_expect(k < 3 && place[k + 1] == 1);
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect(first[i] > n / 4 && first[i] < n / 2, "%u: %u", i, first[i]);
}
