/* A stream cut in whatever places gives the same objects as the same stream in one piece, looked at
 * on the way or not.
 *
 * The first byte says how large the pieces are, the rest is the stream. */
#include <errno.h>

#include "frame.h"
#include "fuzz.h"

enum { MAX = 256, OBJECTS = 512 };

struct deferred_cmds {
	unsigned n;
	struct span object[OBJECTS]; /* where they stand in the stream */
	enum frame_result end;
	int error;
};

static enum frame_result
next(struct frame *f, struct buf *in, bool looks, struct span *object)
{
	static struct json_text_object members;

	return looks ? frame_next_members(f, in, object, &members) : frame_next(f, in, object);
}

static void
take(struct frame *f, struct buf *in, bool looks, struct deferred_cmds *o, size_t *sum)
{
	struct span object;

	while ((o->end = next(f, in, looks, &object)) == FRAME_READY) {
		HOLDS(object.n >= 2 && object.n <= MAX);
		HOLDS(object.p >= in->base + in->head &&
		      object.p + object.n <= in->base + in->tail);
		if (o->n < OBJECTS)
			o->object[o->n++] = span_of(NULL, object.n);
		for (size_t i = 0; i < object.n; i++)
			*sum = *sum * 31 + (unsigned char)object.p[i];
	}
	o->error = o->end == FRAME_ERROR ? errno : 0;
}

static size_t
run(struct span stream, size_t piece, bool looks, struct deferred_cmds *o)
{
	struct buf in = BUF_INIT;
	struct frame f;
	size_t sum = 0;

	*o = (struct deferred_cmds){.end = FRAME_MORE};
	frame_init(&f, MAX);
	for (size_t at = 0; at < stream.n && o->end != FRAME_ERROR; at += piece) {
		size_t n = stream.n - at < piece ? stream.n - at : piece;
		HOLDS(buf_append(&in, stream.p + at, n) == 0);
		take(&f, &in, looks, o, &sum);
		buf_check(&in);
		(void)frame_partial(&f, &in);
	}
	buf_release(&in);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct deferred_cmds whole, cut;
	struct span stream;
	size_t a, b;

	if (size < 2)
		return 0;
	stream = fuzz_span(data + 1, size - 1);
	a = run(stream, stream.n, data[0] & 0x80, &whole);
	b = run(stream, 1 + data[0] % 16, !(data[0] & 0x40), &cut);
	HOLDS(a == b && whole.n == cut.n);
	HOLDS(whole.end == cut.end && whole.error == cut.error);
	return 0;
}
