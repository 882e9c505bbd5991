/* conf_file.h - reads a settings file, hands its statements out.  Internal to conf; only user of
 * libconfuse. */
#ifndef POLICYPOOL_CONF_FILE_H
#define POLICYPOOL_CONF_FILE_H

#include "conf.h"

struct conf_assignment {
	size_t place; /* of the key in the tables taken as one */
	unsigned line;
	const char *const *item; /* borrowed for the call */
	size_t n;		 /* 1 unless the key is a LIST */
};

/* 0, or -1 when it was refused and the reason told. */
typedef int conf_assign(const struct conf_assignment *, void *ctx);

/* Calls assign for each statement that can be followed and has a known key, in the file's order.
 * absent_is_fine: no such file is an empty one, and *read false.  0, or -1 when anything was wrong.
 */
MUST_CHECK int conf_file_read(const char *path, bool absent_is_fine,
			      const struct conf_table *tables, size_t n, conf_assign *assign,
			      void *ctx, bool *read, FILE *err);

#endif
