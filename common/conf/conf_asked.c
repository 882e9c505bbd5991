/* conf_asked.c - see conf_asked.h. */
#include "conf_asked.h"

#include <assert.h>
#include <string.h>

#include "conf_key.h"
#include "conf_option.h"

enum { TABLES_MAX = 8 };

bool
conf_asked(const struct conf_table *tables, size_t n, int argc, char *const argv[],
	   const char *name)
{
	struct conf_table all[TABLES_MAX + 1];
	struct conf_walk w = {.tables = all, .n = n + 1, .argc = argc, .argv = argv, .at = 1};
	struct conf_option option;
	size_t place;
	int rc;

	assert(n <= TABLES_MAX);
	memcpy(all, tables, n * sizeof *tables);
	all[n] = (struct conf_table){.key = conf_builtin_keys, .n = conf_builtin_keys_n};
	place = conf_key_find(all, n + 1, name);
	while ((rc = conf_option_next(&w, &option)) != 0)
		if (rc > 0 && option.place == place)
			return true;
	return false;
}
