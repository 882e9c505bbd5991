/* frame.h - cuts a byte stream into whole JSON objects.  Knows no JSON tree.
 *
 * An object starts at the first byte that is not white space and ends where its brackets,
 * counted outside strings, close.  Bytes seen once are not looked at again, however thin
 * the segments. */
#ifndef POLICYPOOL_FRAME_H
#define POLICYPOOL_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "compiler.h"
#include "json_text.h"
#include "span.h"

struct frame {
	size_t max;	/* bytes of one object, at most */
	size_t seen;	/* bytes of the buffer's content already looked at */
	size_t taken;	/* bytes handed out by the last READY, consumed by the next call */
	unsigned depth; /* open brackets */
	bool in_string, escaped;
	int error; /* errno of the ERROR that every later call repeats; 0 before */
};

enum frame_result { FRAME_ERROR = -1, FRAME_MORE, FRAME_READY };

void frame_init(struct frame *, size_t max);

/* MORE: no whole object in `in` yet.
 * READY: *out is one whole object without the white space around it; it borrows from `in`
 * until the next call, which consumes it.
 * ERROR: errno is EMSGSIZE (the object is larger than max; known as soon as max bytes of
 * it are there) or EBADMSG (what stands there can't start an object); the stream can't be
 * followed further, and every later call says the same. */
MUST_CHECK enum frame_result frame_next(struct frame *, struct buf *in, struct span *out);

/* The same.  Where it is READY and the object is one that json_fast.h takes, that is how its end
 * was found, and *members are its members; otherwise members->n is 0. */
MUST_CHECK enum frame_result frame_next_members(struct frame *, struct buf *in, struct span *out,
						struct json_text_object *members);

/* After MORE: bytes of an unfinished object are waiting for the rest.  For "cut by close"
 * and slow senders. */
bool frame_partial(const struct frame *, const struct buf *in);

#endif
