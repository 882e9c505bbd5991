/* bypolicy: values a policy at a time. */
#include "bypolicy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"never", "always", NULL};

static const char *
judge_word(const char *value)
{
	return bypolicy_is_word(value, words) ? NULL : "neither never nor always";
}

/* A copy, as conf_load() makes one. */
static struct conf_list
list_of(const char *const *item)
{
	struct conf_list list = {calloc(8, sizeof(char *)), 0};

	cr_assert_not_null(list.item);
	for (; item[list.n] != NULL; list.n++)
		list.item[list.n] = strdup(item[list.n]);
	return list;
}

static void
release(struct conf_list *list)
{
	while (list->n > 0)
		free(list->item[--list->n]);
	free(list->item);
}

Test(bypolicy, the_last_sign_separates)
{
	cr_assert_str_eq(bypolicy_value("never"), "never");
	cr_assert_str_eq(bypolicy_value("222=never"), "never");
	cr_assert_str_eq(bypolicy_value("a=b=never"), "never");
}

Test(bypolicy, the_policys_own_value_beats_the_one_for_all_wherever_it_stands)
{
	const char *item[] = {"222=always", "never", "a=b=always", NULL};
	struct conf_list list = list_of(item), none = {NULL, 0}, own = {list.item, 1};

	cr_assert_str_eq(bypolicy_text(&list, "222"), "always");
	cr_assert_str_eq(bypolicy_text(&list, "a=b"), "always");
	cr_assert_str_eq(bypolicy_text(&list, "22"), "never");
	cr_assert_str_eq(bypolicy_text(&list, "2222"), "never");
	cr_assert_null(bypolicy_text(&none, "222"));
	cr_assert_null(bypolicy_text(&own, "111"));
	cr_assert_eq(bypolicy_word(&list, "222", words, -1), 1);
	cr_assert_eq(bypolicy_word(&list, "9", words, -1), 0);
	cr_assert_eq(bypolicy_word(&own, "9", words, -1), -1);
	release(&list);
}

Test(bypolicy, numbers_are_decimal_and_bounded)
{
	const char *item[] = {"10", "222=20", NULL};
	struct conf_list list = list_of(item), none = {NULL, 0};

	cr_assert_eq(bypolicy_number(&list, "222", 5), 20);
	cr_assert_eq(bypolicy_number(&list, "1", 5), 10);
	cr_assert_eq(bypolicy_number(&none, "1", 5), 5);
	cr_assert(bypolicy_is_number("1", 1, 20) && bypolicy_is_number("20", 1, 20));
	for (const char *const *bad = (const char *const[]){"0", "21", "", "x", "1x", "-1", "+1",
							    " 1", "99999999999999999999999", NULL};
	     *bad != NULL; bad++)
		cr_assert_not(bypolicy_is_number(*bad, 1, 20), "%s", *bad);
	release(&list);
}

Test(bypolicy, what_is_wrong_with_an_item_is_said)
{
	char longest[80] = "";

	memset(longest, 'p', 65);
	strcpy(longest + 65, "=never");
	cr_assert_null(bypolicy_judge("never", judge_word));
	cr_assert_null(bypolicy_judge("222=never", judge_word));
	cr_assert_null(bypolicy_judge("222=x", NULL));
	cr_assert_null(bypolicy_judge(longest + 1, judge_word));
	cr_assert_not_null(bypolicy_judge(longest, judge_word));
	cr_assert_str_eq(bypolicy_judge("222=x", judge_word), "neither never nor always");
	cr_assert_str_eq(bypolicy_judge("=never", judge_word), "a policy is missing before the =");
	cr_assert_str_eq(bypolicy_judge("222=", judge_word), "a value is missing behind the =");
}

static void
check(const char *const *item, const char *wanted)
{
	struct conf_list list = list_of(item);
	char why[BYPOLICY_WHY] = "";

	cr_assert_eq(bypolicy_check(&list, why), wanted == NULL ? 0 : -1);
	cr_assert_str_eq(why, wanted == NULL ? "" : wanted);
	release(&list);
}

Test(bypolicy, a_policy_set_twice_is_told_with_both_items)
{
	static const char *const fine[] = {"1=never", "never", "2=never", "a=1=never", NULL},
				 *const twice[] = {"1=never", "never", "1=always", NULL},
				 *const all_twice[] = {"never", "1=never", "always", NULL};

	check(fine, NULL);
	check(twice, "\"1=always\": that policy is set already, by \"1=never\"");
	check(all_twice, "\"always\": all policies are set already, by \"never\"");
}
