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

/* The listening socket of the pages, *at where it does; -1 with the reason logged. */
static int
listen_for_operators(const struct daemon_conf *d, struct addr *at)
{
	char host[ADDR_HOST], text[ADDR_TEXT];
	const char *why = "";
	uint16_t port;
	int fd;

	if (addr_split(d->admin, host, &port, &why) < 0 ||
	    addr_resolve(at, host[0] != '\0' ? host : "127.0.0.1", port, &why) < 0) {
		log_event(LOG_ERROR, "cannot listen for operators", "admin=%s why=%s",
			  log_quoted(d->admin), log_quoted(why));
		return -1;
	}
	fd = takeover_listener(at);
	if (fd < 0)
		fd = socket_activation_listener(at, true);
	if (fd < 0)
		fd = net_listen(at, OPERATORS_BACKLOG);
	if (fd >= 0 && net_local(fd, at) == 0)
		return fd;
	log_errno(LOG_ERROR, "cannot listen for operators", "admin=%s", addr_text(at, text));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

int
startup_admin(const struct daemon_conf *d, struct event_base *base,
	      const struct http_admin_page *pages, void *ctx, struct http_admin **out)
{
	char text[ADDR_TEXT];
	struct addr at;
	int fd = -1;

	*out = NULL;
	if (d->admin[0] != '\0')
		fd = listen_for_operators(d, &at);
	socket_activation_end();
	if (d->admin[0] == '\0' || fd < 0)
		return d->admin[0] == '\0' ? 0 : -1;
	*out = http_admin_new(base, fd, pages, ctx);
	if (*out == NULL || http_admin_set_names(*out, &d->admin_names) < 0) {
		log_errno(LOG_ERROR, "cannot answer operators over HTTP", NULL);
		if (*out == NULL)
			(void)close(fd);
		return -1;
	}
	log_event(LOG_INFO, "pages for operators", "admin=%s", addr_text(&at, text));
	return 0;
}
