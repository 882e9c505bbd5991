/* A journal, whatever it holds, is taken whole or changes nothing; what was taken is written as a
 * journal that gives the same registry.
 *
 * The digest at its end would keep the fuzzer out: it is made right where the last line asks for it
 * with an empty one. */
#include "digest.h"
#include "fuzz.h"
#include "registry_dump.h"

enum { SERVERS = 4, POLICIES = 4 };

static int
read_into(struct registry *r, struct span text, enum registry_dump_origin origin)
{
	char why[REGISTRY_DUMP_WHY] = "";
	uint64_t saved;
	int rc = registry_dump_read(r, text, origin, 100000, 0, &saved, why);

	HOLDS((rc == 0) == (why[0] == '\0'));
	if (rc < 0)
		HOLDS(registry_server_end(r) == 0 && registry_policy_end(r) == 0);
	return rc;
}

/* The same with the last line in order. */
static struct span
complete(struct span text, struct buf *out)
{
	char sum[DIGEST_HEX + 1];
	unsigned lines = 0;

	HOLDS(buf_append_span(out, text) == 0);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	digest_sha1_hex(text, sum);
	HOLDS(buf_printf(out, "{\"end\":%u,\"sha1\":\"%s\"}\n", lines, sum) == 0);
	return buf_span(out);
}

static void
write_again(const struct registry *r)
{
	struct registry *again = registry_new(SERVERS, POLICIES);
	struct buf one = BUF_INIT, other = BUF_INIT;

	HOLDS(again != NULL);
	HOLDS(registry_dump_write(&one, r, 100000, 7) == 0);
	HOLDS(read_into(again, buf_span(&one), REGISTRY_DUMP_HANDED_OVER) == 0);
	HOLDS(registry_dump_write(&other, again, 100000, 7) == 0);
	HOLDS(span_eq(buf_span(&one), buf_span(&other)));
	buf_release(&one);
	buf_release(&other);
	registry_free(again);
}

static void
try(struct span text, enum registry_dump_origin origin)
{
	struct registry *r = registry_new(SERVERS, POLICIES);

	HOLDS(r != NULL);
	if (read_into(r, text, origin) == 0)
		write_again(r);
	registry_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT;

	try(fuzz_span(data, size), REGISTRY_DUMP_FOUND);
	if (size > 0 && data[size - 1] == '\n')
		try(complete(fuzz_span(data, size), &whole), REGISTRY_DUMP_HANDED_OVER);
	buf_release(&whole);
	return 0;
}
