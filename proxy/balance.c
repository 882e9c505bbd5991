/* balance.c - see balance.h. */
#include "balance.h"

#include <string.h>

#include "bypolicy.h"

#define BALANCE_WORD(name, text) text,
static const char *const words[] = {ROUTE_BALANCES(BALANCE_WORD) NULL};
#undef BALANCE_WORD

static const char by_key[] = "hash:", usual_key[] = "srcid";

static bool
has_key(const char *value)
{
	return strncmp(value, by_key, sizeof by_key - 1) == 0 && value[sizeof by_key - 1] != '\0';
}

static const char *
judge_word(const char *value)
{
	if (bypolicy_is_word(value, words) || has_key(value))
		return NULL;
	return "none of roundrobin, weighted, leastconn, random2, hash and hash:KEY";
}

const char *
balance_judge(const char *item)
{
	return bypolicy_judge(item, judge_word);
}

struct balance
balance_of(const struct conf_list *list, const char *policy)
{
	const char *text = balance_text(list, policy);
	struct balance b = {ROUTE_HASH, usual_key};

	if (has_key(text))
		b.key = text + sizeof by_key - 1;
	else
		b.how = (enum route_balance)bypolicy_word(list, policy, words, ROUTE_ROUNDROBIN);
	return b;
}

const char *
balance_text(const struct conf_list *list, const char *policy)
{
	const char *text = bypolicy_text(list, policy);

	return text != NULL ? text : words[ROUTE_ROUNDROBIN];
}
