/* call.c - see call.h. */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"
#include "net.h"

enum { ANSWER_MAX = 64 << 20 };

static const char *
reason(int error)
{
	switch (error) {
	case ENOENT: return "there is no such socket";
	case ECONNREFUSED: return "nobody listens there";
	case EAGAIN: return "no answer in time";
	default: return strerror(error);
	}
}

static int
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* One line, without its newline.  0, or -1 with errno. */
static int
read_line(int fd, struct buf *in)
{
	while (buf_len(in) < ANSWER_MAX) {
		char *room = buf_reserve(in, 65536);
		ssize_t n = room == NULL ? -1 : recv(fd, room, 65536, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_commit(in, (size_t)n);
		if (room[n - 1] == '\n')
			return 0;
	}
	errno = ECONNRESET;
	return -1;
}

static int
ask(int fd, const char *verb, char *const args[])
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	const char *text;
	size_t n;
	int rc = -1;

	(void)json_object_object_add(o, "cmd", json_object_new_string(verb));
	for (; *args != NULL; args++)
		(void)json_object_array_add(list, json_object_new_string(*args));
	(void)json_object_object_add(o, "args", list);
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);
	if (text != NULL && send_all(fd, text, n) == 0)
		rc = send_all(fd, "\n", 1);
	(void)json_object_put(o);
	return rc;
}

static enum call_result
understand(struct buf *in, struct json_object **data, char why[CALL_WHY])
{
	struct json_object *o, *ok = NULL, *said = NULL;
	struct span line = buf_span(in);
	struct json_tokener *t = json_tokener_new();

	o = t == NULL ? NULL : json_tokener_parse_ex(t, line.p, (int)line.n);
	json_tokener_free(t);
	if (o == NULL || !json_object_object_get_ex(o, "ok", &ok)) {
		(void)snprintf(why, CALL_WHY, "the answer cannot be understood");
		(void)json_object_put(o);
		return CALL_UNREACHED;
	}
	if (!json_object_get_boolean(ok)) {
		(void)json_object_object_get_ex(o, "error", &said);
		(void)snprintf(why, CALL_WHY, "%s",
			       said != NULL ? json_object_get_string(said) : "refused");
		(void)json_object_put(o);
		return CALL_REFUSED;
	}
	(void)json_object_object_get_ex(o, "data", data);
	*data = json_object_get(*data);
	(void)json_object_put(o);
	return CALL_ANSWERED;
}

enum call_result
call_daemon(const char *path, const char *verb, char *const args[], unsigned seconds,
	    struct json_object **data, char why[CALL_WHY])
{
	struct timeval limit = {.tv_sec = seconds};
	struct buf in = BUF_INIT;
	enum call_result result = CALL_UNREACHED;
	int fd = net_connect_unix(path);

	*data = NULL;
	if (fd < 0) {
		(void)snprintf(why, CALL_WHY, "%.180s: %s", path, reason(errno));
		return CALL_UNREACHED;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
	    ask(fd, verb, args) < 0 || read_line(fd, &in) < 0)
		(void)snprintf(why, CALL_WHY, "%.180s: %s", path, reason(errno));
	else
		result = understand(&in, data, why);
	(void)close(fd);
	buf_release(&in);
	return result;
}
