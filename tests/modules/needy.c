/* A handler that needs a library which is not there. */
#include <policypool/handler.h>

int absent(void);

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	(void)state;
	reply->payload = job->payload;
	return absent() == 1 ? PPOOL_DONE : PPOOL_FAILED;
}

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "needy", "1", 0, 0, run, 0};
