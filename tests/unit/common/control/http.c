/* http: the head of a request. */
#include "http.h"

#include <criterion/criterion.h>

static struct http_request r;

static int
parse(const char *text)
{
	return http_parse(span_str(text), &r);
}

Test(http, a_request_is_taken_apart)
{
	cr_assert_eq(
		parse("GET /metrics?x=1/2 HTTP/1.1\r\nAccept: */*\r\nhOsT:  [::1]:2180 \r\n\r\n"),
		HTTP_FINE);
	cr_assert(span_eq_str(r.method, "GET") && span_eq_str(r.path, "/metrics"));
	cr_assert(span_eq_str(r.host, "::1"));
	cr_assert_eq(parse("HEAD / HTTP/1.0\n\n"), HTTP_FINE, "without CR, and without a host");
	cr_assert(span_eq_str(r.method, "HEAD") && span_eq_str(r.path, "/") && r.host.n == 0);
	cr_assert_eq(parse("GET http://a.example:80/x HTTP/1.1\r\nHost: b.example\r\n\r\n"),
		     HTTP_FINE);
	cr_assert(span_eq_str(r.host, "a.example") && span_eq_str(r.path, "/x"));
	cr_assert_eq(parse("GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n"), HTTP_FINE);
	cr_assert(span_eq_str(r.path, "/"));
}

Test(http, what_is_not_whole_is_waited_for)
{
	static const char whole[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

	for (size_t n = 0; n < sizeof whole - 1; n++)
		cr_assert_eq(http_parse(span_of(whole, n), &r), HTTP_MORE, "%zu", n);
	cr_assert_eq(parse(whole), HTTP_FINE);
}

Test(http, what_could_be_read_in_two_ways_is_refused)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n\r\n", /* no Host */
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\r\n\r\n",
		"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\x16\x03\x01\n\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_eq(parse(bad[i]), 400, "%s", bad[i]);
	cr_assert_eq(parse("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
	cr_assert_eq(parse("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 413);
	cr_assert_eq(parse("GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: x\r\n\r\n"), 413);
	cr_assert_eq(parse("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 413);
	cr_assert_eq(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), HTTP_FINE,
		     "its method is what is wrong");
	cr_assert_eq(parse("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), HTTP_FINE);
}

Test(http, only_addresses_and_localhost_are_plain)
{
	static const char *const plain[] = {"127.0.0.1", "192.0.2.7", "::1",
					    "fe80::1",	 "localhost", "LocalHost."};
	static const char *const others[] = {
		"",	      ".",	    "localhost.example", "1.2.3",
		"127.1",      "0x7f.0.0.1", "127.0.0.1.example", "a",
		"localhost.."};

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		cr_assert(http_host_is_plain(span_str(plain[i])), "%s", plain[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		cr_assert(!http_host_is_plain(span_str(others[i])), "%s", others[i]);
	cr_assert(http_host_is(span_str("Pool.Example."), "pool.example"));
	cr_assert(!http_host_is(span_str("pool.example.org"), "pool.example"));
	cr_assert(!http_host_is(span_of("a\0b", 3), "a"));
}
