/* wire.c - see wire.h. */
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { SOURCES = 250 };

/* 127.0.1.1 and those after it. */
static int
bind_source(int fd, unsigned nth)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(0x7f000101 + nth % SOURCES)};
	int on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&from, sizeof from);
}

int
wire_connect_anew(const struct addr *to, unsigned nth)
{
	bool bound = to->u.sa.sa_family == AF_INET && addr_is_loopback(to);
	int fd, on = 1, error;

	if (addr_is_unix(to))
		return net_connect(to);
	fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
	    (!bound || bind_source(fd, nth) == 0) &&
	    (connect(fd, &to->u.sa, to->len) == 0 || errno == EINPROGRESS))
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

int
wire_open(struct wire *w, int fd, struct tls_creds *creds, const struct addr *resume)
{
	*w = (struct wire){.fd = fd};
	if (creds == NULL)
		return 0;
	w->tls = tls_new(creds, fd, NULL);
	w->shaking = true;
	if (w->tls == NULL)
		return -1;
	if (resume != NULL)
		tls_resume(w->tls, resume);
	return 0;
}

bool
wire_is_resumed(const struct wire *w)
{
	return w->tls != NULL && !w->shaking && tls_is_resumed(w->tls);
}

void
wire_close(struct wire *w)
{
	tls_free(w->tls);
	buf_release(&w->out);
	if (w->fd >= 0)
		(void)close(w->fd);
	*w = (struct wire){.fd = -1};
}

static ssize_t
not_now(struct wire *w, enum tls_result r)
{
	w->wants_write = r == TLS_WANT_WRITE;
	errno = r == TLS_FAILED ? EPROTO : EAGAIN;
	return -1;
}

int
wire_flush(struct wire *w)
{
	enum tls_result r = TLS_DONE;
	size_t n;

	while (r == TLS_DONE && buf_len(&w->out) > 0) {
		struct span s = buf_span(&w->out);
		r = tls_write(w->tls, s, span_of(NULL, 0), &n);
		buf_consume(&w->out, n);
	}
	w->wants_write = r == TLS_WANT_WRITE;
	if (r != TLS_FAILED)
		return 0;
	errno = EPROTO;
	return -1;
}

/* Of one large request what can be encrypted where it stands; 0 also where it can't. */
static size_t
send_in_place(struct wire *w, const struct iovec *iov, int n)
{
	struct span s = span_of(iov->iov_base, iov->iov_len);
	size_t sent = 0;

	if (n != 1 || s.n < TLS_RECORD || buf_len(&w->out) > 0 ||
	    tls_write(w->tls, s, span_of(NULL, 0), &sent) != TLS_DONE)
		return 0;
	return sent;
}

/* All of it is taken at once: many requests, one record. */
static ssize_t
send_secure(struct wire *w, const struct iovec *iov, int n)
{
	ssize_t taken = 0;

	if (w->shaking) {
		enum tls_result r = tls_handshake(w->tls);
		if (r != TLS_DONE)
			return not_now(w, r);
		w->shaking = false;
	}
	taken = (ssize_t)send_in_place(w, iov, n);
	if (taken > 0)
		return taken;
	for (int i = 0; i < n; i++) {
		if (buf_append(&w->out, iov[i].iov_base, iov[i].iov_len) < 0)
			return -1;
		taken += (ssize_t)iov[i].iov_len;
	}
	return wire_flush(w) < 0 ? -1 : taken;
}

ssize_t
wire_send(struct wire *w, struct iovec *iov, int n)
{
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n};

	w->wants_write = true;
	return w->tls != NULL ? send_secure(w, iov, n) : sendmsg(w->fd, &m, MSG_NOSIGNAL);
}

ssize_t
wire_receive(struct wire *w, char *to, size_t room)
{
	enum tls_result r;
	size_t n;

	if (w->tls == NULL)
		return recv(w->fd, to, room, 0);
	r = tls_read(w->tls, to, room, &n);
	return r == TLS_DONE ? (ssize_t)n : not_now(w, r);
}

bool
wire_pending(const struct wire *w)
{
	return w->tls != NULL && tls_pending(w->tls);
}
