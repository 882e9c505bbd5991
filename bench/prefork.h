/* prefork.h - so many processes that do the same, each replaced once it has ended: what the workers
 * of gearmand and NATS lack, and those of policypool and nginx have. */
#ifndef POLICYPOOL_PREFORK_H
#define POLICYPOOL_PREFORK_H

/* Runs work(ctx) in so many children until TERM comes; they end with their parent.  Returns the
 * status to exit with. */
int prefork(unsigned children, int (*work)(void *ctx), void *ctx);

#endif
