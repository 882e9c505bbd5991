/* inbox.h - what workers hand to the proxy's master, which alone changes the pool: registrations,
 * incidents, answers to questions; and leases that end. */
#ifndef POLICYPOOL_INBOX_H
#define POLICYPOOL_INBOX_H

#include "addr.h"
#include "attr.h"
#include "buf.h"
#include "span.h"

struct master;

/* What registrations and requests are judged by, from the settings now in force; self: where the
 * proxy listens.  0, or -1 on ENOMEM with nothing changed. */
MUST_CHECK int inbox_settings(struct master *, const struct addr *self);

/* From now on leases end.  0, or -1 on ENOMEM. */
MUST_CHECK int inbox_begin(struct master *);

/* A message from the worker in a slot; arg is a struct master. */
void inbox_message(unsigned slot, struct span message, void *arg);

/* A worker's registration, judged and carried out; what it is to be told is appended. */
void inbox_register(struct master *, struct span message, struct buf *answer);

/* The keyring may be another one: whose key is gone leaves. */
void inbox_review(struct master *);

/* The registry has changed: watched, kept, and waiting workers told. */
void inbox_changed(struct master *);

#endif
