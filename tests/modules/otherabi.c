/* A handler that says that it is of another ABI under the name of ours. */
#include <policypool/handler.h>

const struct ppool_handler ppool_handler_1 = {7, sizeof ppool_handler_1, "odd", "1", 0, 0, 0, 0};
