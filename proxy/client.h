/* client.h - a client of a worker: its requests in the order in which they are answered, and how
 * far it may run ahead.
 *
 * Whatever comes from it is admitted and then answered once, by anybody, at any time; the answers
 * leave in the order of the requests. */
#ifndef POLICYPOOL_CLIENT_H
#define POLICYPOOL_CLIENT_H

#include "gate.h"
#include "packet.h"
#include "request.h"
#include "span.h"

struct client;
struct front;

/* A request of it with that text, last on its list.  srcid may be empty.  NULL on ENOMEM: the
 * client is gone then, connection and all. */
struct request *client_admit(struct client *, struct span text, struct span srcid);

/* The request's answer is there, in it or on the connection already. */
void client_answered(struct client *, const struct request *);

/* A packet that becomes no request is answered with an error; refuse logs it as no fault of ours.
 */
void client_fail(struct client *, struct span text, const struct gate_refusal *);
void client_refuse(struct client *, struct span text, enum packet_code, const char *why);

/* Reading goes on as long as the client takes its answers and does not run too far ahead. */
void client_pace(struct client *);

/* The same, or the end where nothing more can come. */
void client_settle(struct client *);

/* Its connection has gone: what it asked is nobody's any more. */
void client_free(struct client *);

/* A worker that accepts no more is done when the last client has gone. */
void clients_check_end(struct front *);

#endif
