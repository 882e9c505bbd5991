/* Whatever is sent to the pages for operators, they go on: the next request is answered. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "http_admin.h"

static struct event_base *base;
static struct http_admin *admin;
static struct sockaddr_un where = {.sun_family = AF_UNIX};
static socklen_t where_len;

static int
write_page(struct evbuffer *out, void *ctx)
{
	(void)ctx;
	HOLDS(evbuffer_add_printf(out, "fine\n") == 5);
	return 200;
}

static const struct http_admin_page pages[] = {
	{"/metrics", "text/plain; charset=utf-8", write_page}, {NULL, NULL, NULL}};

static void
open_once(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* No name in the file system; and no port that would be used up. */
	(void)snprintf(where.sun_path + 1, sizeof where.sun_path - 1, "policypool-fuzz-%d",
		       (int)getpid());
	where_len = (socklen_t)(sizeof where.sun_family + 1 + strlen(where.sun_path + 1));
	HOLDS(fd >= 0 && bind(fd, (struct sockaddr *)&where, where_len) == 0 &&
	      listen(fd, 64) == 0);
	base = event_base_new();
	admin = http_admin_new(base, fd, pages, NULL);
	HOLDS(base != NULL && admin != NULL);
}

/* Sends it all, ends, and reads until nothing more comes; the beginning of what came. */
static size_t
ask(struct span text, char *answer, size_t room)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got;

	HOLDS(fd >= 0 && connect(fd, (struct sockaddr *)&where, where_len) == 0);
	if (text.n > 0)
		HOLDS(send(fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n);
	(void)shutdown(fd, SHUT_WR);
	for (unsigned turns = 0; turns < 8; turns++) {
		HOLDS(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
		while (n < room && (got = recv(fd, answer + n, room - n, 0)) > 0)
			n += (size_t)got;
	}
	(void)close(fd);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[4096];
	static const char good[] = "GET /metrics HTTP/1.0\r\n\r\n";
	size_t n;

	if (size > 16384)
		return 0;
	if (base == NULL)
		open_once();
	(void)ask(fuzz_span(data, size), answer, sizeof answer);
	n = ask(span_str(good), answer, sizeof answer);
	HOLDS(n > 0 && memmem(answer, n, " 200 OK\r\n", 9) != NULL);
	return 0;
}
