/* server_once.h - ppool-server --once: answers the packet on standard input and ends.
 *
 * The server is a whole one, with a master, one worker and the handler's processes, but for what
 * makes it known: it listens on a port of 127.0.0.1 that nobody is told, joins no proxy, and has
 * neither control socket nor pidfile nor pages. */
#ifndef POLICYPOOL_SERVER_ONCE_H
#define POLICYPOOL_SERVER_ONCE_H

#include <stdbool.h>

/* Is --once among the arguments? */
bool server_once_is_asked(int argc, char *const argv[]);

/* The exit status: 0 only when the packet was answered with a reply, 2 for wrong settings. */
int server_once(int argc, char *argv[]);

#endif
