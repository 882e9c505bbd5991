/* channel_queue.h - messages for a channel (channel.h) that its socket does not take now: kept in
 * order, and sent as soon as it does.
 *
 * What is kept is bounded: a side that never reads costs no more than CHANNEL_QUEUE_MAX bytes. */
#ifndef POLICYPOOL_CHANNEL_QUEUE_H
#define POLICYPOOL_CHANNEL_QUEUE_H

#include <event2/event.h>
#include <stddef.h>

#include "channel.h"
#include "compiler.h"

enum { CHANNEL_QUEUE_MAX = 8 << 20 }; /* bytes kept, with what keeping a message takes */

struct channel_queue;

/* peer names the other side in the log, where it is told when messages begin to be kept and when
 * one is lost; NULL: nothing is told.  fd stays the caller's and outlives the outbox.  NULL on
 * ENOMEM. */
struct channel_queue *channel_queue_new(struct event_base *, int fd, const char *peer);

/* What is kept is lost.  NULL is fine. */
void channel_queue_free(struct channel_queue *);

/* Called once, when nothing is kept any more: at once where that is so already. */
void channel_queue_when_empty(struct channel_queue *, void (*empty)(void *ctx), void *ctx);

/* Sends the message or keeps it; passed as in channel_send_with(), -1 for none: a kept one has a
 * descriptor of its own.  0, or -1 with errno: EMSGSIZE over CHANNEL_MAX, EAGAIN when
 * CHANNEL_QUEUE_MAX is reached, ENOMEM, EPIPE and what else the system says. */
MUST_CHECK int channel_queue_send(struct channel_queue *, enum channel_tag, struct span body,
				  int passed);

/* At the end of a process: sends what is kept, waiting for the other side so long at most. */
void channel_queue_finish(struct channel_queue *, int limit_ms);

unsigned channel_queue_kept(const struct channel_queue *);

#endif
