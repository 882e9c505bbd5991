/* sha1.c - a module whose job is the SHA-1 of the payload: what a handler costs beside the same in
 * the worker. */
#include <nettle/sha1.h>
#include <policypool/handler.h>

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	static const char digits[] = "0123456789abcdef";
	static char hex[2 * SHA1_DIGEST_SIZE];
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx context;

	(void)state;
	sha1_init(&context);
	sha1_update(&context, job->payload.n, (const uint8_t *)job->payload.p);
	sha1_digest(&context, sizeof digest, digest);
	for (unsigned i = 0; i < sizeof digest; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	reply->payload = (struct ppool_text){hex, sizeof hex};
	return PPOOL_DONE;
}

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "sha1", "1", PPOOL_REPEATABLE, 0, run, 0};
