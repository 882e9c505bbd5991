/* listen_socket.c - see listen_socket.h. */
#include "listen_socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "socket_activation.h"
#include "startup.h"
#include "takeover.h"

enum { TELL_MS = 10000 }; /* between two lines in the log of a socket that can't listen */

/* ---- what is asked for ---- */

/* The first of that family, or NULL. */
static const struct addr *
first_of(const struct addr_list *list, sa_family_t family)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].u.sa.sa_family == family)
			return &list->at[i];
	return NULL;
}

int
listen_socket_ask(struct listen_socket *v, const char *listen, const char *fallback,
		  const char **why)
{
	struct addr_list list;
	const struct addr *v4, *v6;
	char host[ADDR_HOST];
	uint16_t port;
	int n;

	if (addr_split(listen, host, &port, why) < 0)
		return -1;
	n = addr_resolve_all(list.at, ADDR_FOUND, host[0] != '\0' ? host : fallback, port, why);
	if (n < 0)
		return -1;
	list.n = (size_t)n;
	v4 = first_of(&list, AF_INET);
	v6 = first_of(&list, AF_INET6);
	v->asked = v4 != NULL ? *v4 : *v6;
	v->other_asked = v4 != NULL && v6 != NULL ? *v6 : (struct addr){.len = 0};
	return 0;
}

/* ---- listening ---- */

/* This machine has no such address, or none of the family: a name may have it all the same. */
static bool
is_missing(int error)
{
	return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

/* The other socket, at the port of the first.  fd: the one to go on with, or -1.  0, or -1 with
 * errno. */
static int
open_other(struct listen_socket *v, int fd, int backlog)
{
	char text[ADDR_TEXT];

	v->other_addr = v->other_asked;
	addr_set_port(&v->other_addr, addr_port(&v->addr));
	v->other_fd = fd >= 0 ? fd : net_listen(&v->other_addr, backlog);
	if (v->other_fd >= 0) {
		log_event(LOG_VERBOSE, "listening at the name's other address too", "listen=%s",
			  addr_text(&v->other_addr, text));
		return 0;
	}
	if (!is_missing(errno))
		return -1;
	log_errno(LOG_INFO, "not listening at the name's other address", "listen=%s",
		  addr_text(&v->other_addr, text));
	return 0;
}

int
listen_socket_begin(struct listen_socket *v, const struct daemon_conf *conf)
{
	char text[ADDR_TEXT];
	struct addr at;
	int fd;

	v->addr = v->asked;
	v->fd = startup_listen(conf, &v->addr);
	if (v->fd < 0 || v->other_asked.len == 0)
		return v->fd < 0 ? -1 : 0;
	at = v->other_asked;
	addr_set_port(&at, addr_port(&v->addr));
	fd = takeover_listener(&at);
	if (fd < 0)
		fd = socket_activation_listener(&at);
	if (open_other(v, fd, (int)conf->backlog) == 0)
		return 0;
	log_errno(LOG_ERROR, "cannot listen", "address=%s", addr_text(&v->other_addr, text));
	return -1;
}

int
listen_socket_open(struct listen_socket *fresh, const struct listen_socket *in_force,
		   const struct daemon_conf *conf, FILE *err)
{
	bool same_other = fresh->other_asked.len > 0 && in_force->other_asked.len > 0 &&
			  addr_eq(&fresh->other_asked, &in_force->other_asked);
	char text[ADDR_TEXT];

	fresh->addr = fresh->asked;
	fresh->fd = startup_listen_anew(conf, &in_force->asked, in_force->fd, &fresh->addr, err);
	if (fresh->fd < 0)
		return -1;
	same_other = same_other && addr_port(&fresh->addr) == addr_port(&in_force->addr);
	if (fresh->other_asked.len == 0 ||
	    open_other(fresh, same_other ? in_force->other_fd : -1, (int)conf->backlog) == 0)
		return 0;
	(void)fprintf(err, "cannot listen on %s: %s\n", addr_text(&fresh->other_addr, text),
		      strerror(errno));
	return -1;
}

static void
mend(struct listen_socket *v, int fd, const struct addr *at, const struct daemon_conf *conf)
{
	char text[ADDR_TEXT];
	uint64_t now = clock_ms();

	if (fd < 0 || net_is_listening(fd))
		return;
	if (net_listen_again(fd, at, (int)conf->backlog) == 0) {
		log_event(LOG_WARN, "the listening socket was shut down: it listens again",
			  "listen=%s", addr_text(at, text));
	} else if (v->told == 0 || now >= v->told + TELL_MS) {
		v->told = now;
		log_errno(LOG_ERROR, "the listening socket was shut down and cannot listen again",
			  "listen=%s", addr_text(at, text));
	}
}

void
listen_socket_tick(struct listen_socket *v, const struct daemon_conf *conf)
{
	mend(v, v->fd, &v->addr, conf);
	mend(v, v->other_fd, &v->other_addr, conf);
}

bool
listen_socket_is_same(const struct listen_socket *a, const struct listen_socket *b)
{
	return a->fd == b->fd;
}

void
listen_socket_close(struct listen_socket *aside, const struct listen_socket *in_force)
{
	if (aside->fd >= 0 && (in_force == NULL || aside->fd != in_force->fd))
		(void)close(aside->fd);
	if (aside->other_fd >= 0 && (in_force == NULL || aside->other_fd != in_force->other_fd))
		(void)close(aside->other_fd);
	aside->fd = aside->other_fd = -1;
}
