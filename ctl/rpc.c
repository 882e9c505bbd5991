/* rpc.c - see rpc.h.
 *
 * A daemon that ends, as the former master does after an upgrade, closes the callers that it has
 * accepted and not read yet.  That is seen as EPIPE or ECONNRESET, and asking anew reaches the
 * successor.  It is done only where the daemon can have carried out nothing, for an order must not
 * be carried out twice:
 *  - sending failed before a byte was taken, or
 *  - receiving failed with ECONNRESET before a byte of the answer came: a Unix socket says so only
 *    where its peer has closed it with input unread.  The line is sent at once, and a daemon takes
 *    all that is there, so it had no whole object.
 * The plain end of the connection without an answer is an error: all was read, and perhaps done. */
#include "rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "net_unix.h"
#include "printable.h"

enum { ANSWER_MAX = 64 << 20, TRIES = 5 };

enum asked {
	ASKED_ANSWERED,
	ASKED_UNREAD, /* errno; the daemon closed the connection and cannot have done anything */
	ASKED_FAILED  /* errno */
};

static const char *
reason(int error)
{
	switch (error) {
	case ENOENT: return "there is no such socket";
	case ECONNREFUSED: return "no daemon listens there";
	case EAGAIN: return "no answer in time";
	default: return strerror(error);
	}
}

static enum asked
closed_unread(bool untouched)
{
	return untouched && (errno == EPIPE || errno == ECONNRESET) ? ASKED_UNREAD : ASKED_FAILED;
}

static enum asked
send_all(int fd, struct span request)
{
	size_t sent = 0;

	while (sent < request.n) {
		ssize_t n = send(fd, request.p + sent, request.n - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return closed_unread(sent == 0);
		sent += (size_t)n;
	}
	return ASKED_ANSWERED;
}

/* What is left of the time, for the next wait.  0, or -1 with errno. */
static int
limit_wait(int fd, uint64_t end_ms)
{
	uint64_t now = clock_ms();
	struct timeval left = clock_timeval(end_ms > now ? end_ms - now : 0);

	if (end_ms > now)
		return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof left);
	errno = EAGAIN;
	return -1;
}

/* One line, with its newline. */
static enum asked
read_line(int fd, uint64_t end_ms, struct buf *in)
{
	while (buf_len(in) < ANSWER_MAX) {
		char *room = buf_reserve(in, 65536);
		ssize_t n;

		if (room == NULL || limit_wait(fd, end_ms) < 0)
			return ASKED_FAILED;
		n = recv(fd, room, 65536, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return closed_unread(buf_len(in) == 0);
		if (n == 0)
			break;
		buf_commit(in, (size_t)n);
		if (room[n - 1] == '\n')
			return ASKED_ANSWERED;
	}
	errno = ECONNRESET;
	return ASKED_FAILED;
}

/* A line, appended.  0, or -1 without memory. */
static int
write_request(const char *verb, char *const args[], struct buf *out)
{
	const char *text;
	size_t n;
	int rc = -1;
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	(void)json_object_object_add(o, "cmd", json_object_new_string(verb));
	for (; *args != NULL; args++)
		(void)json_object_array_add(list, json_object_new_string(*args));
	(void)json_object_object_add(o, "args", list);
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);
	if (text != NULL && buf_append(out, text, n) == 0)
		rc = buf_append(out, "\n", 1);
	(void)json_object_put(o);
	return rc;
}

/* On a connection of its own. */
static enum asked
ask(const char *path, struct span request, uint64_t end_ms, struct buf *in)
{
	int fd = net_connect_unix(path), saved;
	enum asked result;

	if (fd < 0)
		return ASKED_FAILED;
	result = send_all(fd, request);
	if (result == ASKED_ANSWERED)
		result = read_line(fd, end_ms, in);
	else if (result == ASKED_UNREAD && read_line(fd, end_ms, in) == ASKED_ANSWERED)
		result = ASKED_ANSWERED; /* one without room says so, reads nothing and closes */
	saved = errno;
	(void)close(fd);
	errno = saved;
	return result;
}

static enum rpc_result
understand(struct buf *in, struct json_object **data, char why[RPC_WHY])
{
	struct json_object *o, *ok = NULL, *said = NULL;
	struct span line = buf_span(in);
	struct json_tokener *t = json_tokener_new();

	o = t == NULL ? NULL : json_tokener_parse_ex(t, line.p, (int)line.n);
	if (t != NULL)
		json_tokener_free(t);
	if (o == NULL || !json_object_object_get_ex(o, "ok", &ok)) {
		(void)snprintf(why, RPC_WHY, "the answer cannot be understood");
		(void)json_object_put(o);
		return RPC_UNREACHED;
	}
	if (!json_object_get_boolean(ok)) {
		(void)json_object_object_get_ex(o, "error", &said);
		(void)printable(said != NULL ? json_object_get_string(said) : "refused", why,
				RPC_WHY);
		(void)json_object_put(o);
		return RPC_REFUSED;
	}
	(void)json_object_object_get_ex(o, "data", data);
	*data = json_object_get(*data);
	(void)json_object_put(o);
	return RPC_ANSWERED;
}

enum rpc_result
rpc_daemon(const char *path, const char *verb, char *const args[], unsigned seconds,
	   struct json_object **data, char why[RPC_WHY])
{
	uint64_t end_ms = clock_ms() + seconds * 1000ULL;
	struct buf request = BUF_INIT, in = BUF_INIT;
	enum rpc_result result = RPC_UNREACHED;
	enum asked asked = ASKED_UNREAD;

	*data = NULL;
	if (write_request(verb, args, &request) < 0) {
		errno = ENOMEM;
		asked = ASKED_FAILED;
	}
	for (int i = 0; i < TRIES && asked == ASKED_UNREAD; i++)
		asked = ask(path, buf_span(&request), end_ms, &in);
	if (asked == ASKED_ANSWERED)
		result = understand(&in, data, why);
	else
		(void)snprintf(why, RPC_WHY, "%.180s: %s", path, reason(errno));
	buf_release(&request);
	buf_release(&in);
	return result;
}
