/* A handler of an ABI to come. */
#include <policypool/handler.h>

extern const struct ppool_handler ppool_handler_2;
const struct ppool_handler ppool_handler_2 = {2, sizeof ppool_handler_2, "new", "1", 0, 0, 0, 0};
