/* tls_transport.c - see tls_transport.h. */
#include "tls_transport.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
	SCRATCH = 1 << 17,
	RECORD_MOST = 16384 + 512 /* of one, with all that goes around the data */
};

/* Of this process, which does one step of one session at a time; a handshake's reads and writes. */
static char scratch[SCRATCH], records[SCRATCH];

/* ---- reading ---- */

/* An end without an alert is no error to GnuTLS, which would take the session for broken then: what
 * is still to be said can be said. */
static int
ask_socket(struct tls_transport *t)
{
	ssize_t n;

	if (t->asked) {
		errno = EAGAIN;
		return -1;
	}
	buf_clear(&t->kept); /* it is taken */
	n = recv(t->fd, scratch, t->limit, 0);
	if (n < 0)
		return -1;
	t->asked = true;
	t->ahead = span_of(scratch, (size_t)n);
	if (n > 0)
		return 0;
	t->ended = true;
	errno = EAGAIN;
	return -1;
}

static ssize_t
pull(gnutls_transport_ptr_t arg, void *to, size_t room)
{
	struct tls_transport *t = arg;
	size_t n;

	if (room == 0)
		return 0;
	if (t->ahead.n == 0 && ask_socket(t) < 0)
		return -1;
	n = t->ahead.n < room ? t->ahead.n : room;
	memcpy(to, t->ahead.p, n);
	t->ahead = span_of(t->ahead.p + n, t->ahead.n - n);
	return (ssize_t)n;
}

/* Never asked: no clock of GnuTLS is used. */
static int
pull_timeout(gnutls_transport_ptr_t arg, unsigned ms)
{
	(void)arg;
	(void)ms;
	return 1;
}

void
tls_transport_begin_read(struct tls_transport *t, size_t limit)
{
	t->limit = limit < SCRATCH ? limit : SCRATCH;
	t->asked = t->given;
	t->given = false;
}

int
tls_transport_given(struct tls_transport *t, struct span s)
{
	if (buf_append_span(&t->kept, s) < 0)
		return -1;
	t->ahead = buf_span(&t->kept);
	t->given = true;
	return 0;
}

int
tls_transport_end_read(struct tls_transport *t)
{
	size_t held = buf_len(&t->kept);

	t->asked = true; /* nothing is read but in a step that may */
	if (t->ahead.n == 0) {
		buf_release(&t->kept);
		return 0;
	}
	if (held > 0)
		buf_consume(&t->kept, held - t->ahead.n);
	else if (buf_append_span(&t->kept, t->ahead) < 0)
		return -1;
	t->ahead = buf_span(&t->kept);
	return 0;
}

/* ---- writing ---- */

static ssize_t
gather(struct tls_transport *t, const giovec_t *iov, int n)
{
	size_t before = t->gathered;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > SCRATCH - t->gathered)
			break;
		memcpy(records + t->gathered, iov[i].iov_base, iov[i].iov_len);
		t->gathered += iov[i].iov_len;
	}
	if (t->gathered > before)
		return (ssize_t)(t->gathered - before);
	errno = EAGAIN;
	return -1;
}

/* What is unsent goes first. */
static ssize_t
push(gnutls_transport_ptr_t arg, const giovec_t *iov, int n)
{
	struct tls_transport *t = arg;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

	if (t->gathers)
		return gather(t, iov, n);
	if (buf_len(&t->unsent) == 0)
		return sendmsg(t->fd, &m, MSG_NOSIGNAL);
	errno = EAGAIN;
	return -1;
}

void
tls_transport_gather(struct tls_transport *t)
{
	t->gathers = true;
	t->gathered = 0;
}

bool
tls_transport_has_room(const struct tls_transport *t)
{
	return SCRATCH - t->gathered >= RECORD_MOST;
}

/* Bytes that the socket takes; -1 with errno when that is none. */
static ssize_t
send_some(const struct tls_transport *t, struct span s)
{
	ssize_t n;

	do
		n = send(t->fd, s.p, s.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Never a part of a record only: where there is no memory for the rest the session is over. */
static int
send_gathered(struct tls_transport *t)
{
	struct span s = span_of(records, t->gathered);
	ssize_t n = s.n > 0 ? send_some(t, s) : 0;

	t->gathers = false;
	t->gathered = 0;
	if (n < 0 && errno != EAGAIN)
		return -1;
	if (n < 0)
		n = 0;
	if ((size_t)n == s.n)
		return 0;
	if (buf_append(&t->unsent, s.p + n, s.n - (size_t)n) < 0)
		return -1;
	errno = EAGAIN;
	return -1;
}

int
tls_transport_flush(struct tls_transport *t)
{
	if (t->gathers)
		return send_gathered(t);
	while (buf_len(&t->unsent) > 0) {
		ssize_t n = send_some(t, buf_span(&t->unsent));
		if (n < 0)
			return -1;
		buf_consume(&t->unsent, (size_t)n);
	}
	buf_release(&t->unsent);
	return 0;
}

/* ---- making ---- */

void
tls_transport_set(struct tls_transport *t, gnutls_session_t session)
{
	t->asked = true;
	gnutls_transport_set_ptr2(session, t, t);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
	gnutls_transport_set_vec_push_function(session, push);
}

void
tls_transport_release(struct tls_transport *t)
{
	buf_release(&t->kept);
	buf_release(&t->unsent);
}
