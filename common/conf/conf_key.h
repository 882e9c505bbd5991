/* conf_key.h - finding keys in several tables taken as one.  Internal to conf. */
#ifndef POLICYPOOL_CONF_KEY_H
#define POLICYPOOL_CONF_KEY_H

#include "conf.h"

/* How many keys of a table stand outside of sections. */
static inline size_t
conf_key_count(const struct conf_table *t)
{
	return t->sections != NULL && t->sections->alone ? 0 : t->n;
}

/* The i-th key of all tables that stands outside of sections and, where settings isn't NULL, the
 * struct it fills; NULL at the end.
 */
const struct conf_key *conf_key_at(const struct conf_table *tables, size_t n, size_t i,
				   void **settings);

/* The place of the key of that name; the number of keys when there is none. */
size_t conf_key_find(const struct conf_table *tables, size_t n, const char *name);

/* The place of the key with the name or original word nearest to `word` (- counts as _) and so near
 * that a slip of the hand explains it; the number of keys when there is none. */
size_t conf_key_nearest(const struct conf_table *tables, size_t n, const char *word);

/* What to write instead of a key that there was once, as the file or an option has it; NULL: there
 * was none of that name. */
const char *conf_key_former(const struct conf_table *tables, size_t n, const char *word);

/* The other program that has a key of that name, as the file or an option has it; NULL: none,
 * or it is in these tables. */
const char *conf_key_elsewhere(const struct conf_table *tables, size_t n, const char *word);

/* The option of a key that is nearest to `word`: "-port" or "--listen".  Cut at size; returns out.
 */
const char *conf_key_spelling(const struct conf_key *, const char *word, char *out, size_t size);

/* The long option of a key, cut at size: "--stop-timeout".  Returns out. */
const char *conf_key_option(const struct conf_key *, char *out, size_t size);

enum { CONF_OPTION = 72 }; /* enough for any */

/* The options that every program has, as rows that fill a struct conf_command. */
extern const struct conf_key conf_builtin_keys[];
extern const size_t conf_builtin_keys_n;

#endif
