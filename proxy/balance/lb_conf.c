/* lb_conf.c - see lb_conf.h. */
#include "lb_conf.h"

#include <string.h>

#define BALANCE_WORD(name, text) text,
static const char *const words[] = {LB_BALANCES(BALANCE_WORD) NULL};
#undef BALANCE_WORD

static const char by_key[] = "hash:", usual_key[] = "srcid";

static bool
has_key(const char *text)
{
	return strncmp(text, by_key, sizeof by_key - 1) == 0 && text[sizeof by_key - 1] != '\0';
}

/* The index of text among the words; their number when it is none. */
static int
word_of(const char *text)
{
	int i;

	for (i = 0; words[i] != NULL && strcmp(text, words[i]) != 0; i++)
		;
	return i;
}

const char *
lb_conf_check(const char *text)
{
	if (words[word_of(text)] != NULL || has_key(text))
		return NULL;
	return "none of roundrobin, weighted, leastconn, random2, hash and hash:KEY";
}

struct lb_conf
lb_conf_of(const char *text)
{
	if (has_key(text))
		return (struct lb_conf){LB_HASH, text + sizeof by_key - 1};
	return (struct lb_conf){(enum lb_balance)word_of(text), usual_key};
}
