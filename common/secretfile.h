/* secretfile.h - files that hold secrets: nobody but their owner may read them, and they are lines
 * of words.
 *
 * Blanks separate words, # begins a comment, empty lines count for nothing.  What was read is wiped
 * from memory afterwards. */
#ifndef POLICYPOOL_SECRETFILE_H
#define POLICYPOOL_SECRETFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attr.h"
#include "span.h"

enum { SECRETFILE_MAX = 1 << 20, SECRETFILE_WORDS = 64 }; /* bytes of a file; words of a line */

struct secretfile_line {
	const char *file; /* as it is called in errors */
	unsigned number;
	size_t n; /* words, at least 1 */
	const char *word[SECRETFILE_WORDS];
};

/* 0, or -1 when the line is wrong and the reason told. */
typedef int secretfile_take(const struct secretfile_line *, void *ctx, FILE *err);

/* A regular file of this process's user or of root, which nobody else may read or write.  Every
 * line is handed to take, also after one that was wrong.  0, or -1 when anything was wrong, told on
 * err: "FILE:LINE: what". */
MUST_CHECK int secretfile_read(const char *path, secretfile_take *take, void *ctx, FILE *err);

/* The same for text that is there already. */
MUST_CHECK int secretfile_parse(const char *name, struct span text, secretfile_take *take,
				void *ctx, FILE *err);

/* Tells what is wrong with a line, as above; -1. */
int secretfile_wrong(const struct secretfile_line *, FILE *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* A secret in hex or base64, of 32 to 256 bytes, which out holds.  Its length, or -1 and told. */
MUST_CHECK int secretfile_secret(const struct secretfile_line *, const char *word, uint8_t *out,
				 FILE *err);

#endif
