/* client.h - a client of a worker: its requests, answered in order, and how far it may run ahead.
 *
 * Whatever comes from it is admitted and then answered once, by anybody, at any time; the answers
 * leave in the order of the requests. */
#ifndef POLICYPOOL_CLIENT_H
#define POLICYPOOL_CLIENT_H

#include "acl.h"
#include "log.h"
#include "packet.h"
#include "request.h"
#include "span.h"

struct client;
struct proxy_worker;

/* A request of it with that text, last on its list.  srcid may be empty.  NULL on ENOMEM: the
 * client is gone then, connection and all. */
struct request *client_admit(struct client *, struct span text, struct span srcid);

/* As struct dispatch_ops calls them; arg is the struct proxy_worker. */
void client_answer(struct request *, const char *server, struct span reply, void *arg);
void client_replace(struct request *, struct request *clone, void *arg);

/* The request's answer is there, in it or on the connection already. */
void client_answered(struct client *, const struct request *);

/* There is no memory for an answer.  What was answered before still leaves, then the connection
 * ends: the answers after it would be taken for those to other requests. */
void client_lose(struct client *);

/* Puts an error of ours into the request, and counts it; client_answered() is to follow. */
void client_fail_request(struct client *, struct request *, const struct acl_refusal *);

/* A packet that becomes no request is answered with an error; refuse logs it as no fault of ours.
 * What could be read of it gives the answer its form and the access log srcid and policy; NULL:
 * nothing could. */
void client_fail(struct client *, const struct packet *, const struct acl_refusal *);
void client_refuse(struct client *, const struct packet *, enum packet_code, const char *why);

/* Another one is refused: at which level it is logged. */
enum log_level client_refusal_level(struct client *);

/* Reading goes on as long as the client takes its answers and does not run too far ahead. */
void client_pace(struct client *);

/* The same, or the end where nothing more can come. */
void client_settle(struct client *);

/* Its connection has gone: what it asked is nobody's any more. */
void client_free(struct client *);

/* A worker that accepts no more is done when the last client has gone. */
void clients_check_end(struct proxy_worker *);

#endif
