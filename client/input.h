/* input.h - a whole file, or standard input, as bytes. */
#ifndef POLICYPOOL_INPUT_H
#define POLICYPOOL_INPUT_H

#include "attr.h"
#include "buf.h"

/* Appends what the file at path holds, "-" for standard input; at most max bytes.  0, or -1 with
 * errno, EFBIG when there is more. */
MUST_CHECK int input_read(const char *path, size_t max, struct buf *out);

/* What to call path in a message. */
const char *input_name(const char *path);

#endif
