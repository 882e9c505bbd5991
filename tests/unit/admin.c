/* admin: pages over HTTP, asked by a real socket. */
#include "admin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static struct event_base *base;
static struct admin *admin;
static struct addr at;

static int
write_hello(struct evbuffer *out, void *ctx)
{
	(void)evbuffer_add_printf(out, "hello %s", (const char *)ctx);
	return 200;
}

static int
write_ill(struct evbuffer *out, void *ctx)
{
	(void)ctx;
	(void)evbuffer_add_printf(out, "ill");
	return 503;
}

static const struct admin_page first[] = {{"/hello", "text/plain", write_hello},
					  {NULL, NULL, NULL}};
static const struct admin_page second[] = {
	{"/ill", "text/plain", write_ill}, {"/hello", "text/plain", write_ill}, {NULL, NULL, NULL}};

static void
begin(void)
{
	const char *why;
	static char name[] = "world";
	int fd;

	base = event_base_new();
	cr_assert_eq(addr_resolve(&at, "127.0.0.1", 0, &why), 0);
	fd = net_listen(&at, 8);
	cr_assert_eq(net_local(fd, &at), 0);
	admin = admin_new(base, fd, first, name);
	cr_assert_not_null(admin);
	admin_add(admin, second, NULL);
}

static void
end(void)
{
	admin_free(admin);
	event_base_free(base);
}

TestSuite(admin, .init = begin, .fini = end);

/* Sends text and turns the loop until the answer has its whole head and body; borrowed. */
static const char *
ask(const char *text)
{
	static char answer[8192];
	size_t n = 0;
	ssize_t got = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, &at.u.sa, at.len);
	for (int turn = 0; turn < 200 && strstr(answer, "\r\n\r\n") == NULL; turn++) {
		if (turn == 1)
			cr_assert_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
		struct timeval soon = {.tv_usec = 10000};
		(void)event_base_loopexit(base, &soon);
		(void)event_base_dispatch(base);
		got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
		n += got > 0 ? (size_t)got : 0;
		answer[n] = '\0';
		if (got == 0)
			break;
	}
	(void)close(fd);
	return answer;
}

Test(admin, a_page_is_written_for_the_request)
{
	const char *a = ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	cr_assert_not_null(strstr(a, "HTTP/1.1 200 "), "%s", a);
	cr_assert_not_null(strstr(a, "Content-Type: text/plain"));
	cr_assert_not_null(strstr(a, "Cache-Control: no-store"));
	cr_assert_not_null(strstr(a, "Content-Length: 11\r\n"));
}

Test(admin, what_follows_a_question_mark_does_not_matter)
{
	cr_assert_not_null(strstr(ask("GET /hello?x=1 HTTP/1.0\r\n\r\n"), " 200 "));
}

Test(admin, the_status_is_the_pages_and_the_first_table_that_has_it_counts)
{
	cr_assert_not_null(strstr(ask("GET /ill HTTP/1.0\r\n\r\n"), " 503 "));
}

Test(admin, a_page_that_is_not_there_is_told_with_those_that_are)
{
	const char *a = ask("GET /nothing HTTP/1.0\r\n\r\n");

	cr_assert_not_null(strstr(a, " 404 "), "%s", a);
}

Test(admin, nothing_but_get_and_head_is_taken)
{
	const char *a = ask("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");

	cr_assert_not_null(strstr(a, " 501 "), "%s", a);
}

Test(admin, what_is_no_http_is_refused)
{
	cr_assert_not_null(strstr(ask("{\"type\":\"0\"}\r\n\r\n"), " 400 "));
}

Test(admin, headers_without_end_are_cut_off)
{
	char *text = malloc(40000);

	memset(text, 'a', 40000);
	memcpy(text, "GET /hello HTTP/1.1\r\nX: ", 24);
	text[39999] = '\0';
	cr_assert_null(strstr(ask(text), " 200 "));
	free(text);
}
