/* startup_listen.c - see startup.h: listening sockets, for peers and for operators. */
#include "startup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "net.h"
#include "net_unix.h"
#include "socket_activation.h"
#include "takeover.h"

enum { OPERATORS_BACKLOG = 64 };
enum { LISTEN_TRIES = 5, LISTEN_PAUSE_MS = 200 };

/* A descriptor, or -1 with errno. */
static int
listen_at(const struct daemon_conf *d, const struct addr *addr)
{
	if (!addr_is_unix(addr))
		return net_listen(addr, (int)d->backlog);
	if (addr_path(addr) != NULL && daemon_prepare_for(d, addr_path(addr)) < 0)
		return -1;
	return net_unix_listen(addr, &d->listen_rights, (int)d->backlog);
}

/* A predecessor that was killed may have the port for a moment more: its workers are about to end.
 */
static int
listen_patiently(const struct daemon_conf *d, const struct addr *addr)
{
	const struct timespec pause = {.tv_nsec = LISTEN_PAUSE_MS * 1000000};
	char text[ADDR_TEXT];
	int fd = listen_at(d, addr);

	for (int i = 1; fd < 0 && errno == EADDRINUSE && i < LISTEN_TRIES; i++) {
		if (i == 1)
			log_errno(LOG_WARN, "waiting for the address", "address=%s",
				  addr_text(addr, text));
		(void)nanosleep(&pause, NULL);
		fd = listen_at(d, addr);
	}
	return fd;
}

/* -1: there is none. */
static int
take_over(const struct daemon_conf *d, const struct addr *addr, enum listen_owner *owner)
{
	bool given = false;
	int fd = addr_is_unix(addr) ? takeover_unix_listener(addr, &given)
				    : takeover_listener(addr);

	if (fd >= 0 && listen(fd, (int)d->backlog) < 0) /* the backlog may be another */
		log_errno(LOG_WARN, "the backlog stays", NULL);
	*owner = given ? LISTEN_GIVEN : LISTEN_PREDECESSORS;
	return fd;
}

int
startup_listen(const struct daemon_conf *d, struct addr *addr, bool alone, enum listen_owner *owner)
{
	char text[ADDR_TEXT];
	int fd = take_over(d, addr, owner);
	bool told = !addr_is_unix(addr);

	if (fd < 0) {
		fd = socket_activation_listener(addr, alone);
		*owner = LISTEN_GIVEN;
		told = told || fd >= 0;
	}
	if (fd < 0) {
		fd = listen_patiently(d, addr);
		*owner = LISTEN_OURS;
	}
	if (fd >= 0 && (!told || net_local(fd, addr) == 0))
		return fd;
	log_errno(LOG_ERROR, "cannot listen", "address=%s", addr_text(addr, text));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

int
startup_listen_anew(const struct daemon_conf *d, struct addr *addr)
{
	int fd = listen_at(d, addr);

	if (fd < 0 || addr_is_unix(addr) || net_local(fd, addr) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* A listening socket of the pages, *at where it does; -1 with errno.  alone: the first. */
static int
listen_for_operators(struct addr *at, bool alone)
{
	int fd = takeover_listener(at);

	if (fd < 0)
		fd = socket_activation_listener(at, alone);
	if (fd < 0)
		fd = net_listen(at, OPERATORS_BACKLOG);
	if (fd < 0 || net_local(fd, at) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* At the address, then at the other family's at the same port, which this machine may lack.  How
 * many sockets there are, or -1 with the reason logged. */
static int
listen_for_operators_at(const struct daemon_conf *d, int fd[HOST_NAMES_PAIR])
{
	char text[ADDR_TEXT];
	struct addr at;
	uint16_t port = 0;
	int n = 0;

	for (unsigned i = 0; i < d->admin_n; i++) {
		at = d->admin_at[i];
		if (i > 0)
			addr_set_port(&at, port);
		fd[n] = listen_for_operators(&at, i == 0);
		if (fd[n] >= 0) {
			port = addr_port(&at);
			n++;
			log_event(LOG_INFO, "pages for operators", "admin=%s",
				  addr_text(&at, text));
			continue;
		}
		if (i > 0 && net_is_missing(errno))
			continue;
		log_errno(LOG_ERROR, "cannot listen for operators", "admin=%s",
			  addr_text(&at, text));
		while (n > 0)
			(void)close(fd[--n]);
		return -1;
	}
	return n;
}

/* 0, or -1 with errno; all descriptors are taken care of. */
static int
serve_operators(struct http_admin *a, const int fd[], int n, const struct conf_list *names)
{
	int rc = http_admin_set_names(a, names);

	for (int i = 1; i < n; i++) {
		if (rc == 0)
			rc = http_admin_listen(a, fd[i]);
		if (rc < 0)
			(void)close(fd[i]);
	}
	return rc;
}

int
startup_admin(const struct daemon_conf *d, struct event_base *base,
	      const struct http_admin_page *pages, void *ctx, struct http_admin **out)
{
	int fd[HOST_NAMES_PAIR] = {-1, -1};
	int n = listen_for_operators_at(d, fd);

	*out = NULL;
	socket_activation_end();
	if (n <= 0)
		return n;
	*out = http_admin_new(base, fd[0], pages, ctx);
	if (*out == NULL) {
		for (int i = 0; i < n; i++)
			(void)close(fd[i]);
	} else if (serve_operators(*out, fd, n, &d->admin_names) == 0) {
		return 0;
	}
	log_errno(LOG_ERROR, "cannot answer operators over HTTP", NULL);
	return -1;
}
