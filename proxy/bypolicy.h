/* bypolicy.h - settings a policy at a time: a list key whose items are VALUE (for all policies) or
 * POLICY=VALUE.
 *
 * The last `=` separates, so a policy may have one in its name and a value may not.  An item that
 * names the policy beats the one for all, wherever they stand.  Looking up goes through the list:
 * do it once per policy when the roster is made anew, not per request. */
#ifndef POLICYPOOL_BYPOLICY_H
#define POLICYPOOL_BYPOLICY_H

#include <stdint.h>

#include "attr.h"
#include "conf.h"

enum { BYPOLICY_WHY = 256 };

/* What stands behind the last `=`, or the whole item; borrows from it. */
const char *bypolicy_value(const char *item);

/* ---- for a key's judge: NULL when the item is fine, otherwise a constant sentence ---- */

/* Policy and value are not empty, the policy is no longer than one can be, and judge (NULL: takes
 * all) finds nothing wrong with the value. */
const char *bypolicy_judge(const char *item, const char *(*judge)(const char *value));

/* True when the value is one of the words (NULL-terminated). */
bool bypolicy_is_word(const char *value, const char *const *words);

/* True when the value is a decimal number within [min, max]. */
bool bypolicy_is_number(const char *value, uint64_t min, uint64_t max);

/* What no single item shows: a policy, or all of them, set twice.  0, or -1 with why, which names
 * the item. */
MUST_CHECK int bypolicy_check(const struct conf_list *, char why[BYPOLICY_WHY]);

/* ---- the value in force for a policy; the lists have been judged ---- */

/* As text, borrowed from the list; NULL when neither the policy nor all are named. */
const char *bypolicy_text(const struct conf_list *, const char *policy);

/* The index among words, or fallback. */
int bypolicy_word(const struct conf_list *, const char *policy, const char *const *words,
		  int fallback);

uint64_t bypolicy_number(const struct conf_list *, const char *policy, uint64_t fallback);

#endif
