/* shared_publish.h - which servers this proxy tells the others of, through the store of the
 * cluster: those that announced themselves here, are pooled, have more than one slot, and an
 * address that other machines reach (registration_is_local()).
 *
 * It is looked at after each change of the registry; what has not changed costs a comparison, and
 * renewals change nothing. */
#ifndef POLICYPOOL_SHARED_PUBLISH_H
#define POLICYPOOL_SHARED_PUBLISH_H

#include "compiler.h"
#include "registration.h"
#include "registry.h"
#include "span.h"
#include "store_record.h"

struct shared_publish_ops {
	/* That server is to be told of so. */
	void (*keep)(const struct store_record *, struct span value, void *ctx);
	/* It is not any more; gone empty: another proxy still tells of it. */
	void (*drop)(const char *id, const char *gone, struct span value, void *ctx);
};

struct shared_publish;

/* ops and ctx are borrowed.  NULL on ENOMEM. */
struct shared_publish *shared_publish_new(const struct registry *,
					  const struct shared_publish_ops *, void *ctx);
void shared_publish_free(struct shared_publish *);

/* Tells what has changed. */
void shared_publish_look(struct shared_publish *, const struct registration *);
/* Tells all anew: another store process hears it. */
void shared_publish_anew(struct shared_publish *, const struct registration *);
/* Settings have changed: what would be told otherwise now, as by another secret, is. */
void shared_publish_review(struct shared_publish *, const struct registration *);
/* Tells that server anew.  False where it is none that is told of. */
bool shared_publish_again(struct shared_publish *, const struct registration *, const char *id);

/* The lease of the server at an index is about to end: it did not take its leave. */
void shared_publish_ended(struct shared_publish *, unsigned index);

/* Is the server with that id told of? */
bool shared_publish_has(const struct shared_publish *, const char *id);
/* Is that what is told of it? */
bool shared_publish_is(const struct shared_publish *, const char *id, struct span value);

unsigned shared_publish_count(const struct shared_publish *);
/* Signed servers that are not told of, since the keyring has no secret to use of their key. */
unsigned shared_publish_unsigned(const struct shared_publish *);

#endif
