/* links: common/share */
#include "share.h"

#include <criterion/criterion.h>

static struct share
taken(unsigned n)
{
	struct share s = {.in_a_row = 0};

	while (n-- > 0)
		share_took(&s);
	return s;
}

Test(share, who_has_much_more_than_the_least_passes)
{
	struct share s = taken(10);

	cr_expect(share_passes(&s, 10, 0));
	cr_expect(!share_passes(&s, 10, 9));
	cr_expect(!share_passes(&s, 10, 20));
}

Test(share, a_small_lead_is_none)
{
	struct share s = taken(40);

	cr_expect(!share_passes(&s, 2, 0));
	cr_expect(share_passes(&s, 3, 0));
	cr_expect(!share_passes(&s, 36, 32));
	cr_expect(share_passes(&s, 37, 32));
}

Test(share, where_connections_come_and_go_nobody_passes)
{
	struct share s = taken(10);

	share_gave_back(&s);
	share_took(&s);
	cr_expect(!share_passes(&s, 1000, 0));
	share_took(&s);
	share_took(&s);
	cr_expect(share_passes(&s, 1000, 0));
}

/* How many are taken before it passes again. */
static unsigned
taken_until_passing(struct share *s)
{
	unsigned n = 0;

	for (; !share_passes(s, 100, 0) && n < 1000; n++)
		share_took(s);
	return n;
}

Test(share, who_takes_nothing_although_it_is_left_to_him_keeps_nobody_waiting)
{
	struct share s = taken(10);
	unsigned before = 0, n = 0;

	cr_expect(share_passes(&s, 100, 0));
	for (int i = 0; i < 12; i++) {
		n = taken_until_passing(&s);
		cr_expect(n >= before && n < 1000, "%u after %u", n, before);
		before = n;
	}
	cr_expect_gt(n, 32);
}

Test(share, passing_goes_on_while_the_other_takes)
{
	struct share s = taken(10);

	for (unsigned other = 0; other < 7; other++)
		cr_expect(share_passes(&s, 10, other), "%u", other);
	cr_expect(!share_passes(&s, 10, 8));
}

/* Three that are asked in turn, as three workers awake are: they end with about as many each,
 * whatever they began with. */
Test(share, a_crowd_is_divided)
{
	struct share s[3] = {{0}, {0}, {0}};
	uint64_t n[3] = {40, 0, 0};

	for (unsigned round = 0, waiting = 260; waiting > 0; round++) {
		unsigned i = round % 3;
		uint64_t a = n[(i + 1) % 3], b = n[(i + 2) % 3];

		if (share_passes(&s[i], n[i], a < b ? a : b))
			continue;
		share_took(&s[i]);
		n[i]++;
		waiting--;
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect(n[i] >= 80 && n[i] <= 120, "%u has %llu", i, (unsigned long long)n[i]);
}

Test(share, who_has_taken_clearly_more_of_late_leads)
{
	struct share s = {.in_a_row = 0};

	cr_expect(!share_leads(&s, 8, 0));
	cr_expect(share_leads(&s, 9, 0));
	cr_expect(!share_leads(&s, 808 + 100, 800));
	cr_expect(share_leads(&s, 809 + 100, 800));
	cr_expect(!share_leads(&s, 5, 800));
}

Test(share, a_lead_that_nobody_takes_up_grows_and_one_that_is_taken_does_not)
{
	struct share s = {.in_a_row = 0};

	share_led(&s, false);
	cr_expect(!share_leads(&s, 16, 0));
	cr_expect(share_leads(&s, 17, 0));
	for (int i = 0; i < 100; i++)
		share_led(&s, false);
	cr_expect(!share_leads(&s, 2048, 0));
	cr_expect(share_leads(&s, 2049, 0), "it stays bounded");
	share_led(&s, true);
	cr_expect(share_leads(&s, 9, 0));
}
