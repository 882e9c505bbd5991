/* answer_http.c - what answer is to policypool for HTTP/1.1: answers each request with the SHA-1 of
 * its body.  Prints its port. */
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "ends.h"

/* The number behind Content-Length; 0 without it. */
static size_t
length_of(struct span head)
{
	static const char name[] = "ontent-";
	const char *p = memmem(head.p, head.n, name, sizeof name - 1);

	return p == NULL ? 0 : strtoul(p + sizeof name - 1 + strlen("Length: "), NULL, 10);
}

static void
answer(struct end *e, struct span body)
{
	char hex[DIGEST_HEX + 1];

	digest_sha1_hex(body, hex);
	end_put(e, span_str("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"));
	end_put(e, span_of(hex, DIGEST_HEX));
}

static void
on_bytes(struct end *e)
{
	struct span in;
	const char *end;

	while ((in = buf_span(&e->in)).n > 0 && (end = memmem(in.p, in.n, "\r\n\r\n", 4)) != NULL) {
		size_t head = (size_t)(end - in.p) + 4, body = length_of(span_of(in.p, head));

		if (in.n < head + body)
			return;
		answer(e, span_of(in.p + head, body));
		buf_consume(&e->in, head + body);
	}
}

static void
nothing(struct end *e)
{
	(void)e;
}

int
main(void)
{
	static const struct ends_ops ops = {nothing, on_bytes, nothing};

	if (ends_begin(&ops) < 0 || ends_run() < 0) {
		perror("answer_http");
		return 1;
	}
	return 0;
}
