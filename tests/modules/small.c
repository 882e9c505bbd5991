/* A handler whose structure is not whole. */
#include <policypool/handler.h>

const struct ppool_handler ppool_handler_1 = {PPOOL_ABI, 24, "small", "1", 0, 0, 0, 0};
