/* secret_file.h - files of secrets, as lines of words: refused where others than their owner may
 * read them.
 *
 * Blanks separate words, # begins a comment, empty lines count for nothing.  What was read is wiped
 * from memory afterwards. */
#ifndef POLICYPOOL_SECRET_FILE_H
#define POLICYPOOL_SECRET_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "span.h"

enum { SECRET_FILE_MAX = 1 << 20, SECRET_FILE_WORDS = 64 }; /* bytes of a file; words of a line */

struct secret_file_line {
	const char *file; /* as it is called in errors */
	unsigned number;
	size_t n; /* words, at least 1 */
	const char *word[SECRET_FILE_WORDS];
};

/* 0, or -1 when the line is wrong and the reason told. */
typedef int secret_file_take(const struct secret_file_line *, void *ctx, FILE *err);

/* A regular file of this process's user or of root, which nobody else may read or write.  Every
 * line is handed to take, also after one that was wrong; a byte order mark before the first is
 * passed over.  0, or -1 when anything was wrong, told on err: "FILE:LINE: what". */
MUST_CHECK int secret_file_read(const char *path, secret_file_take *take, void *ctx, FILE *err);

/* The same for text that is there already. */
MUST_CHECK int secret_file_parse(const char *name, struct span text, secret_file_take *take,
				 void *ctx, FILE *err);

/* Tells what is wrong with a line, as above; -1. */
int secret_file_wrong(const struct secret_file_line *, FILE *err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* A secret in hex or base64, of 32 to 256 bytes, which out holds.  Its length, or -1 and told. */
MUST_CHECK int secret_file_secret(const struct secret_file_line *, const char *word, uint8_t *out,
				  FILE *err);

#endif
