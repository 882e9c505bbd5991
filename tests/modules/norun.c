/* A handler that can do nothing. */
#include <policypool/handler.h>

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "idle", "1", 0, 0, 0, 0};
