/* listen_socket.c - see listen_socket.h. */
#include "listen_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "listen_unix.h"
#include "log.h"
#include "net.h"
#include "socket_activation.h"
#include "startup.h"
#include "takeover.h"

enum { TELL_MS = 10000 }; /* between two lines in the log of a socket that can't listen */

/* ---- what is asked for ---- */

/* NULL, or what is wrong. */
static const char *
add_place(struct listen_socket *v, const struct addr *asked, bool other)
{
	struct listen_place *p = &v->at[v->n];

	if (v->n == LISTEN_MOST)
		return "more addresses than there may be";
	for (unsigned i = 0; i < v->n; i++)
		if (addr_eq(&v->at[i].asked, asked))
			return "the same address twice";
	*p = (struct listen_place){.asked = *asked, .addr = *asked, .fd = -1, .other = other};
	v->n++;
	return NULL;
}

static const char *
ask(struct listen_socket *v, const char *listen, const char *fallback, struct host_names *names)
{
	struct addr at[HOST_NAMES_PAIR];
	char host[ADDR_HOST];
	const char *why = NULL;
	uint16_t port;
	int n;

	if (addr_is_unix_text(listen))
		return addr_unix(&at[0], listen, &why) < 0 ? why : add_place(v, &at[0], false);
	if (addr_split(listen, host, &port, &why) < 0)
		return why;
	n = host_names_ask_pair(names, host[0] != '\0' ? host : fallback, port, at, &why);
	if (n < 0)
		return why;
	why = NULL;
	for (int i = 0; i < n && why == NULL; i++)
		why = add_place(v, &at[i], i > 0);
	return why;
}

int
listen_socket_ask(struct listen_socket *v, const struct conf_list *listen, const char *fallback,
		  struct host_names *names, const char *program, FILE *err)
{
	const char *why = listen->n > LISTEN_ADDRESSES ? "more addresses than there may be, 8"
						       : NULL;

	v->n = 0;
	for (size_t i = 0; i < listen->n; i++) {
		if (why == NULL)
			why = ask(v, listen->item[i], fallback, names);
		if (why == NULL)
			continue;
		(void)fprintf(err, "%s: listen: %s: %s\n", program, listen->item[i], why);
		return -1;
	}
	if (v->n > 0)
		return 0;
	(void)fprintf(err, "%s: listen: an address is needed\n", program);
	return -1;
}

/* ---- listening ---- */

/* The other socket of a name, at the port of the one before.  fd: the one to go on with, or -1.  0,
 * or -1 with errno. */
static int
open_other(struct listen_place *p, int fd, int backlog)
{
	char text[ADDR_TEXT];

	p->fd = fd >= 0 ? fd : net_listen(&p->addr, backlog);
	if (p->fd >= 0) {
		log_event(LOG_VERBOSE, "listening at the name's other address too", "listen=%s",
			  addr_text(&p->addr, text));
		return 0;
	}
	if (!net_is_missing(errno))
		return -1;
	log_errno(LOG_INFO, "not listening at the name's other address", "listen=%s",
		  addr_text(&p->addr, text));
	return 0;
}

static int
begin_other(struct listen_place *p, const struct daemon_conf *conf)
{
	char text[ADDR_TEXT];
	int fd;

	p->addr = p->asked;
	addr_set_port(&p->addr, addr_port(&p[-1].addr));
	fd = takeover_listener(&p->addr);
	if (fd < 0)
		fd = socket_activation_listener(&p->addr, false);
	if (open_other(p, fd, (int)conf->backlog) == 0)
		return 0;
	log_errno(LOG_ERROR, "cannot listen", "address=%s", addr_text(&p->addr, text));
	return -1;
}

/* One address, with the other family's. */
static bool
is_alone(const struct listen_socket *v)
{
	return v->n == 1 || (v->n == 2 && v->at[1].other);
}

/* Also of a socket that somebody else has made.  Workers may set nothing of it. */
static int
set_undelayed(const struct listen_socket *v)
{
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < v->n; i++) {
		if (v->at[i].fd < 0 || net_accept_undelayed(v->at[i].fd) == 0)
			continue;
		log_errno(LOG_ERROR, "cannot listen", "address=%s",
			  addr_text(&v->at[i].addr, text));
		return -1;
	}
	return 0;
}

int
listen_socket_begin(struct listen_socket *v, const struct daemon_conf *conf)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct listen_place *p = &v->at[i];

		if (p->other) {
			if (begin_other(p, conf) < 0)
				return -1;
			continue;
		}
		p->addr = p->asked;
		p->rights = conf->listen_rights;
		p->fd = startup_listen(conf, &p->addr, is_alone(v), &p->owner);
		if (p->fd < 0)
			return -1;
		listen_unix_remember(p);
	}
	return set_undelayed(v);
}

/* The one in force that was asked for the same, and can go on. */
static const struct listen_place *
same_of(const struct listen_socket *in_force, const struct listen_place *p)
{
	for (unsigned i = 0; i < in_force->n; i++) {
		const struct listen_place *q = &in_force->at[i];
		if (q->other != p->other || !addr_eq(&q->asked, &p->asked) || q->fd < 0)
			continue;
		if (p->other)
			return addr_port(&q->addr) == addr_port(&p->addr) ? q : NULL;
		return addr_is_unix(&q->addr) && q->owner != LISTEN_GIVEN &&
				       !listen_unix_is_sound(q)
			       ? NULL
			       : q;
	}
	return NULL;
}

/* 0, or -1 with errno. */
static int
open_place(struct listen_place *p, const struct listen_socket *in_force,
	   const struct daemon_conf *conf)
{
	const struct listen_place *same;

	p->addr = p->asked;
	if (p->other)
		addr_set_port(&p->addr, addr_port(&p[-1].addr));
	same = same_of(in_force, p);
	if (p->other)
		return open_other(p, same != NULL ? same->fd : -1, (int)conf->backlog);
	p->rights = conf->listen_rights;
	if (same != NULL) {
		p->addr = same->addr;
		p->owner = same->owner;
		p->name = same->name;
		p->fd = same->fd;
		return listen(p->fd, (int)conf->backlog); /* the backlog may be another */
	}
	p->owner = LISTEN_OURS;
	p->fd = startup_listen_anew(conf, &p->addr);
	listen_unix_remember(p);
	return p->fd < 0 ? -1 : 0;
}

int
listen_socket_open(struct listen_socket *fresh, const struct listen_socket *in_force,
		   const struct daemon_conf *conf, FILE *err)
{
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < fresh->n; i++)
		fresh->at[i].fd = -1;
	for (unsigned i = 0; i < fresh->n; i++) {
		if (open_place(&fresh->at[i], in_force, conf) == 0)
			continue;
		(void)fprintf(err, "cannot listen on %s: %s\n", addr_text(&fresh->at[i].addr, text),
			      strerror(errno));
		return -1;
	}
	return 0;
}

/* ---- while it does ---- */

static void
mend(struct listen_place *p, const struct daemon_conf *conf)
{
	char text[ADDR_TEXT];
	uint64_t now = clock_ms();

	if (p->fd < 0 || net_is_listening(p->fd))
		return;
	if (net_listen_again(p->fd, &p->addr, (int)conf->backlog) == 0) {
		log_event(LOG_WARN, "the listening socket was shut down: it listens again",
			  "listen=%s", addr_text(&p->addr, text));
	} else if (p->told == 0 || now >= p->told + TELL_MS) {
		p->told = now;
		log_errno(LOG_ERROR, "the listening socket was shut down and cannot listen again",
			  "listen=%s", addr_text(&p->addr, text));
	}
}

void
listen_socket_tick(struct listen_socket *v, const struct daemon_conf *conf)
{
	for (unsigned i = 0; i < v->n; i++)
		if (!addr_is_unix(&v->at[i].addr))
			mend(&v->at[i], conf);
		else if (v->at[i].fd >= 0 && v->at[i].owner == LISTEN_OURS)
			listen_unix_tick(&v->at[i]);
}

static const struct listen_place *
find_fd(const struct listen_socket *v, int fd)
{
	for (unsigned i = 0; v != NULL && i < v->n; i++)
		if (v->at[i].fd == fd)
			return &v->at[i];
	return NULL;
}

bool
listen_socket_is_within(const struct listen_socket *v, const struct listen_socket *other)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->at[i].fd >= 0 && !v->at[i].other && find_fd(other, v->at[i].fd) == NULL)
			return false;
	return true;
}

static bool
have_same_rights(const struct listen_place *p, const struct listen_place *q)
{
	return p->rights.mode == q->rights.mode && p->rights.owner == q->rights.owner &&
	       p->rights.group == q->rights.group;
}

void
listen_socket_close(struct listen_socket *aside, const struct listen_socket *in_force)
{
	for (unsigned i = 0; i < aside->n; i++) {
		struct listen_place *p = &aside->at[i];
		const struct listen_place *q = p->fd >= 0 ? find_fd(in_force, p->fd) : NULL;
		if (q != NULL && !have_same_rights(p, q))
			listen_unix_set_rights(q);
		else if (q == NULL && p->fd >= 0)
			listen_unix_remove(p);
	}
	listen_socket_forget(aside, in_force);
}

void
listen_socket_forget(struct listen_socket *aside, const struct listen_socket *in_force)
{
	for (unsigned i = 0; i < aside->n; i++) {
		if (aside->at[i].fd >= 0 && find_fd(in_force, aside->at[i].fd) == NULL)
			(void)close(aside->at[i].fd);
		aside->at[i].fd = -1;
	}
}

/* ---- whose it is ---- */

void
listen_socket_given(struct listen_socket *v)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->at[i].owner == LISTEN_OURS)
			v->at[i].owner = LISTEN_SUCCESSORS;
}

void
listen_socket_in_charge(struct listen_socket *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (v->at[i].owner != LISTEN_PREDECESSORS)
			continue;
		v->at[i].owner = LISTEN_OURS;
		listen_unix_set_rights(&v->at[i]);
	}
}

void
listen_socket_end(struct listen_socket *v)
{
	listen_socket_close(v, NULL);
	for (unsigned i = 0; i < v->n; i++)
		listen_unix_remove_left(&v->at[i]);
}
