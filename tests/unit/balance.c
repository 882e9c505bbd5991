/* balance: the words of the key, a policy at a time. */
#include "balance.h"

#include <criterion/criterion.h>

static char weighted[] = "weighted", by_id[] = "222=hash", by_key[] = "a=b=hash:user",
	    least[] = "333=leastconn";
static char *item[] = {weighted, by_id, by_key, least};
static const struct conf_list list = {item, 4}, none = {NULL, 0};

static void
check(const struct conf_list *l, const char *policy, enum route_balance how, const char *key,
      const char *text)
{
	struct balance b = balance_of(l, policy);

	cr_assert_eq(b.how, how, "%s", policy);
	if (how == ROUTE_HASH)
		cr_assert_str_eq(b.key, key);
	cr_assert_str_eq(balance_text(l, policy), text);
}

Test(balance, each_policy_has_its_own)
{
	check(&none, "111", ROUTE_ROUNDROBIN, NULL, "roundrobin");
	check(&list, "111", ROUTE_WEIGHTED, NULL, "weighted");
	check(&list, "222", ROUTE_HASH, "srcid", "hash");
	check(&list, "a=b", ROUTE_HASH, "user", "hash:user");
	check(&list, "333", ROUTE_LEASTCONN, NULL, "leastconn");
}

Test(balance, what_is_no_word_is_refused)
{
	static const char *const good[] = {"roundrobin", "1=weighted", "leastconn",
					   "random2",	 "hash",       "1=hash:k"};
	static const char *const bad[] = {"",	   "leastcon", "1=",   "=hash",
					  "hash:", "hash:k=v", "HASH", "roundrobin:x"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_assert_null(balance_judge(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_not_null(balance_judge(bad[i]), "%s", bad[i]);
}
