/* input.h - the bytes that a request or what is expected of its reply is made of: those of a file,
 * of standard input, or what a program prints. */
#ifndef POLICYPOOL_INPUT_H
#define POLICYPOOL_INPUT_H

#include <stdio.h>

#include "buf.h"
#include "compiler.h"

/* path, or "standard input" where it is "-". */
const char *input_name(const char *path);

/* Appends all that there is, max bytes at most.  0, or -1 with one line on err. */
MUST_CHECK int input_read(const char *path, size_t max, struct buf *out, FILE *err);

/* Runs the command line in /bin/sh with `given` as its standard input, and appends what it prints,
 * max bytes at most.  Waits for its end, which has to be status 0.  0, or -1 with one line on err.
 */
MUST_CHECK int input_run(const char *command, struct span given, size_t max, struct buf *out,
			 FILE *err);

#endif
