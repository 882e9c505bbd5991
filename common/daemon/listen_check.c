/* listen_check.c - see listen_check.h. */
#include "listen_check.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *
hint(int error)
{
	switch (error) {
	case EACCES: return "; a port below 1024 needs root, CAP_NET_BIND_SERVICE or a socket unit";
	case EADDRNOTAVAIL: return "; no interface of this machine has the address";
	default: return "";
	}
}

/* Bound as net_listen() binds, and not listening.  0, or -1 with errno. */
static int
try_to_bind(const struct addr *at)
{
	int fd = socket(at->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0, rc;

	if (fd < 0)
		return -1;
	rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (rc == 0 && at->u.sa.sa_family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (rc == 0)
		rc = bind(fd, &at->u.sa, at->len);
	on = errno;
	(void)close(fd);
	errno = on;
	return rc;
}

/* 0, or -1 with the reason told. */
static int
try_at(const struct addr *at, const char *key, const char *program, FILE *err)
{
	char text[ADDR_TEXT];

	if (try_to_bind(at) == 0)
		return 0;
	if (errno == EADDRINUSE) {
		(void)fprintf(err, "%s: %s: %s is in use now, by this daemon or another one\n",
			      program, key, addr_text(at, text));
		return 0;
	}
	(void)fprintf(err, "%s: %s: %s: %s%s\n", program, key, addr_text(at, text), strerror(errno),
		      hint(errno));
	return -1;
}

static int
try_admin(const struct daemon_conf *d, const char *program, FILE *err)
{
	char host[ADDR_HOST];
	const char *why;
	struct addr at;
	uint16_t port;

	if (d->admin[0] == '\0' || addr_split(d->admin, host, &port, &why) < 0 ||
	    addr_resolve(&at, host[0] != '\0' ? host : "127.0.0.1", port, &why) < 0)
		return 0; /* daemon_check_admin() has told */
	return try_at(&at, "admin", program, err);
}

int
listen_check(const struct daemon_conf *d, const struct listen_socket *asked, const char *program,
	     FILE *err)
{
	int rc = 0;

	for (unsigned i = 0; i < asked->n; i++)
		if (!addr_is_unix(&asked->at[i].asked) && !asked->at[i].other &&
		    try_at(&asked->at[i].asked, "listen", program, err) < 0)
			rc = -1;
	return try_admin(d, program, err) < 0 ? -1 : rc;
}
