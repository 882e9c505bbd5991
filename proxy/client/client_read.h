/* client_read.h - reads clients: each connection, packet, fault and end is taken, handed on or
 * refused. */
#ifndef POLICYPOOL_CLIENT_READ_H
#define POLICYPOOL_CLIENT_READ_H

#include "addr_peer.h"
#include "conn.h"

/* As the listener and the clocks of proxy_worker.h's worker call them; arg is its struct
 * proxy_worker. */
void client_read_accept(int fd, const struct addr_peer *from, void *arg);
void client_read_too_slow(void *client, enum conn_stall, void *arg);

#endif
