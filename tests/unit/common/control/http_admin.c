/* http_admin: pages over HTTP, asked by a real socket. */
#include "http_admin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log_fixture.h"
#include "net.h"

static struct event_base *base;
static struct http_admin *admin;
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

static const struct http_admin_page first[] = {{"/hello", "text/plain", write_hello},
					       {NULL, NULL, NULL}};
static const struct http_admin_page second[] = {
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
	admin = http_admin_new(base, fd, first, name);
	cr_assert_not_null(admin);
	http_admin_add(admin, second, NULL);
}

static void
end(void)
{
	http_admin_free(admin);
	event_base_free(base);
}

TestSuite(admin, .init = begin, .fini = end, .timeout = 60);

/* Sends text and turns the loop until the answer has its whole head and body; borrowed. */
static const char *
ask(const char *text)
{
	static char answer[8192];
	size_t n = 0;
	ssize_t got = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	answer[0] = '\0';
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
	const char *a = ask("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");

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
	static const char *const other[] = {
		"POST /hello HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n",
		"POST /hello HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 5\r\n\r\nGET /",
		"PUT /none HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n",
		"get /hello HTTP/1.0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		const char *a = ask(other[i]);
		cr_assert_not_null(strstr(a, "HTTP/1.1 405 "), "%s: %s", other[i], a);
		cr_assert_not_null(strstr(a, "\r\nAllow: GET, HEAD\r\n"));
		cr_assert_null(strstr(a + 1, "HTTP/1.1"), "its body is no other request");
	}
}

Test(admin, a_head_is_answered_with_the_length_and_without_the_body)
{
	const char *a = ask("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n");

	cr_assert_not_null(strstr(a, "HTTP/1.1 200 "), "%s", a);
	cr_assert_not_null(strstr(a, "\r\nContent-Length: 11\r\n"));
	cr_assert_null(strstr(a, "hello"));
	cr_assert_str_eq(strstr(a, "\r\n\r\n"), "\r\n\r\n");
}

Test(admin, a_path_is_taken_as_it_is)
{
	cr_assert_not_null(strstr(ask("GET //hello HTTP/1.0\r\n\r\n"), " 404 "));
	cr_assert_not_null(strstr(ask("GET /hello/ HTTP/1.0\r\n\r\n"), " 404 "));
	cr_assert_not_null(strstr(ask("GET /%68ello HTTP/1.0\r\n\r\n"), " 404 "));
	cr_assert_not_null(strstr(ask("GET /./hello HTTP/1.0\r\n\r\n"), " 404 "));
}

Test(admin, other_names_are_refused_until_they_are_set)
{
	static char name[] = "Pool.example", *item[] = {name};
	const struct conf_list names = {item, 1}, none = {NULL, 0};
	const char good[] = "GET /hello HTTP/1.1\r\nHost: pool.example:2180\r\n\r\n";

	cr_assert_not_null(strstr(ask(good), " 421 "));
	cr_assert_eq(http_admin_set_names(admin, &names), 0);
	cr_assert_not_null(strstr(ask(good), " 200 "));
	cr_assert_not_null(
		strstr(ask("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"), " 421 "));
	cr_assert_not_null(strstr(
		ask("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 421 "));
	cr_assert_eq(http_admin_set_names(admin, &none), 0);
	cr_assert_not_null(strstr(ask(good), " 421 "));
}

Test(admin, a_body_is_refused)
{
	cr_assert_not_null(
		strstr(ask("GET /hello HTTP/1.0\r\nContent-Length: 5\r\n\r\nGET /"), " 413 "));
	cr_assert_not_null(
		strstr(ask("GET /hello HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), " 413 "));
}

static void
turn(void)
{
	struct timeval soon = {.tv_usec = 2000};

	(void)event_base_loopexit(base, &soon);
	(void)event_base_dispatch(base);
}

static bool
is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

Test(admin, for_one_connection_too_many_the_oldest_is_closed)
{
	int fd[HTTP_ADMIN_CONNECTIONS + 1];

	for (int i = 0; i <= HTTP_ADMIN_CONNECTIONS; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fd[i], &at.u.sa, at.len);
		turn();
	}
	while (!is_closed(fd[0]))
		turn();
	for (int i = 1; i <= HTTP_ADMIN_CONNECTIONS; i++)
		cr_assert_not(is_closed(fd[i]), "%d", i);
	cr_assert_not_null(strstr(ask("GET /hello HTTP/1.0\r\n\r\n"), " 200 "));
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
	cr_assert_not_null(strstr(ask(text), " 431 "));
	free(text);
}

Test(admin, without_descriptors_it_pauses_and_goes_on_later)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct rlimit all, none;

	log_to_memory();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	(void)connect(fd, &at.u.sa, at.len);
	while (lines_with("connections are not taken for a moment") == 0)
		turn();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	cr_assert_not_null(strstr(ask("GET /hello HTTP/1.0\r\n\r\n"), " 200 "));
	(void)close(fd);
}

/* Asked at a place, which is then that of the others again. */
static const char *
ask_at(const struct addr *place, const char *text)
{
	struct addr first_place = at;
	const char *answer;

	at = *place;
	answer = ask(text);
	at = first_place;
	return answer;
}

Test(admin, pages_are_served_at_another_socket_too)
{
	struct addr other = at;
	int fd;

	addr_set_port(&other, 0);
	fd = net_listen(&other, 8);
	cr_assert_eq(net_local(fd, &other), 0);
	cr_expect_eq(http_admin_fd(admin, 1), -1);
	cr_assert_eq(http_admin_listen(admin, fd), 0);
	cr_expect_eq(http_admin_fd(admin, 1), fd);
	cr_expect_eq(http_admin_fd(admin, 2), -1);
	cr_expect_not_null(strstr(ask("GET /hello HTTP/1.0\r\n\r\n"), " 200 "));
	cr_expect_not_null(strstr(ask_at(&other, "GET /hello HTTP/1.0\r\n\r\n"), " 200 "));
}
