/* lb_conf.c - balance: the words of the key. */
#include "lb_conf.h"

#include <criterion/criterion.h>

static void
check(const char *text, enum lb_balance how, const char *key)
{
	struct lb_conf b = lb_conf_of(text);

	cr_assert_null(lb_conf_check(text), "%s", text);
	cr_assert_eq(b.how, how, "%s", text);
	if (how == LB_HASH)
		cr_assert_str_eq(b.key, key);
}

Test(balance, each_word_is_known)
{
	check("roundrobin", LB_ROUNDROBIN, NULL);
	check("weighted", LB_WEIGHTED, NULL);
	check("leastconn", LB_LEASTCONN, NULL);
	check("random2", LB_RANDOM2, NULL);
	check("hash", LB_HASH, "srcid");
	check("hash:user", LB_HASH, "user");
	check("hash:a=b", LB_HASH, "a=b");
}

Test(balance, what_is_no_word_is_refused)
{
	static const char *const bad[] = {"",	   "leastcon", "1=hash",
					  "hash:", "HASH",     "roundrobin:x"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_not_null(lb_conf_check(bad[i]), "%s", bad[i]);
}
