/* A handler with a relocation in its code. */
#include <policypool/handler.h>

__asm__(".text\n.quad ppool_handler_1\n");

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	(void)state;
	reply->payload = job->payload;
	return PPOOL_DONE;
}

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "textrel", "1", 0, 0, run, 0};
