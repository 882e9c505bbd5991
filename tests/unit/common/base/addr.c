/* addr.c - addresses, read and written. */
#include "addr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct addr
numeric(const char *host, uint16_t port)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, port), 0, "%s", host);
	return a;
}

static void
expect_split(const char *text, const char *host, uint16_t port)
{
	char h[ADDR_HOST];
	uint16_t p = 1;
	const char *why = NULL;

	cr_assert_eq(addr_split(text, h, &p, &why), 0, "%s: %s", text, why);
	cr_assert_str_eq(h, host);
	cr_assert_eq(p, port);
}

/* part is in the sentence that says why. */
static void
expect_no_split(const char *text, const char *part)
{
	char h[ADDR_HOST];
	uint16_t p;
	const char *why = NULL;

	cr_assert_eq(addr_split(text, h, &p, &why), -1, "%s", text);
	cr_assert_not_null(why);
	cr_assert_not_null(strstr(why, part), "%s: %s", text, why);
}

Test(addr, splits_host_and_port)
{
	expect_split("2100", "", 2100);
	expect_split(":2100", "", 2100);
	expect_split("127.0.0.1:2100", "127.0.0.1", 2100);
	expect_split("localhost:2100", "localhost", 2100);
	expect_split("[::1]:2100", "::1", 2100);
	expect_split("[::]:2100", "::", 2100);
}

Test(addr, a_port_is_0_to_65535)
{
	expect_split("0", "", 0);
	expect_split("h:65535", "h", 65535);
	expect_no_split("65536", "65535");
	expect_no_split("70000", "65535");
	expect_no_split("h:4294967297", "65535");
	expect_no_split("18446744073709551617", "65535");
}

Test(addr, a_port_is_decimal_digits)
{
	const char *const bad[] = {"abc", "h:abc", "h:-1", "h:+1", "h: 1", "h:1 ", "h:0x1", "1.5"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_no_split(bad[i], "not a number");
}

Test(addr, a_missing_port_is_said)
{
	expect_no_split("unix:run/x.sock", "path is absolute");
	expect_no_split("unix:", "path is absolute");
	expect_split("unix:2100", "unix", 2100);
	expect_no_split("host:", "port is missing");
	expect_no_split(":", "port is missing");
	expect_no_split("[::1]:", "port is missing");
	expect_no_split("[::1]", "port are missing");
	expect_no_split("[::1]2100", "port are missing");
	expect_no_split("", "no address");
}

Test(addr, an_ipv6_address_without_brackets_is_ambiguous)
{
	expect_no_split("::1:2100", "needs brackets");
	expect_no_split("::1", "needs brackets");
}

Test(addr, brackets_must_close_and_hold_an_ipv6_address)
{
	expect_no_split("[::1:2100", "closing bracket");
	expect_no_split("[localhost]:2100", "brackets are for IPv6");
	expect_no_split("[]:2100", "brackets are for IPv6");
}

Test(addr, a_host_is_shorter_than_its_room)
{
	char text[ADDR_HOST + 3], host[ADDR_HOST];

	memset(host, 'h', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	(void)snprintf(text, sizeof text, "%s:1", host);
	expect_split(text, host, 1);
	(void)snprintf(text, sizeof text, "%sh:1", host);
	expect_no_split(text, "too long");
}

Test(addr, a_failed_split_leaves_host_and_port)
{
	char h[ADDR_HOST] = "before";
	uint16_t p = 7;
	const char *why;

	cr_assert_eq(addr_split("after:70000", h, &p, &why), -1);
	cr_assert_str_eq(h, "before");
	cr_assert_eq(p, 7);
}

static void
expect_text(const char *host, uint16_t port, const char *text)
{
	struct addr a = numeric(host, port);
	char out[ADDR_TEXT];

	cr_assert_eq(addr_text(&a, out), out);
	cr_assert_str_eq(out, text);
	cr_assert_eq(addr_host_text(&a, out), out);
	cr_assert_str_eq(out, host);
	cr_assert_eq(addr_port(&a), port);
}

Test(addr, numeric_addresses_come_back_as_text)
{
	expect_text("127.0.0.1", 2100, "127.0.0.1:2100");
	expect_text("255.255.255.255", 65535, "255.255.255.255:65535");
	expect_text("::1", 2100, "[::1]:2100");
	expect_text("::", 0, "[::]:0");
	expect_text("2001:db8:1111:2222:3333:4444:5555:6666", 65535,
		    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
	expect_text("::ffff:10.1.2.3", 80, "[::ffff:10.1.2.3]:80");
}

Test(addr, numeric_addresses_are_as_the_kernel_wants_them)
{
	struct addr v4 = numeric("10.0.0.1", 0x1234), v6 = numeric("::1", 0x1234);

	cr_assert_eq(v4.len, sizeof(struct sockaddr_in));
	cr_assert_eq(v4.u.in4.sin_family, AF_INET);
	cr_assert_eq(v4.u.in4.sin_addr.s_addr, htonl(0x0a000001));
	cr_assert_eq(v4.u.in4.sin_port, htons(0x1234));
	cr_assert_eq(v6.len, sizeof(struct sockaddr_in6));
	cr_assert_eq(v6.u.in6.sin6_family, AF_INET6);
	cr_assert_eq(v6.u.in6.sin6_port, htons(0x1234));
}

Test(addr, names_and_odd_notations_are_not_numeric)
{
	const char *const bad[] = {"",		"localhost", "127.1", "0x7f.0.0.1",
				   "256.0.0.1", "1.2.3.4 ",  "[::1]", "::g"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct addr a;

		errno = 0;
		cr_assert_eq(addr_numeric(&a, bad[i], 1), -1, "%s", bad[i]);
		cr_assert_eq(errno, EINVAL);
	}
}

Test(addr, an_unknown_family_has_a_text_too)
{
	struct addr a = {.u.sa.sa_family = AF_MAX};
	char out[ADDR_TEXT];

	cr_assert_str_eq(addr_host_text(&a, out), "?");
	cr_assert_str_eq(addr_text(&a, out), "?:0");
}

Test(addr, localhost_resolves_to_loopback)
{
	struct addr a;
	const char *why = NULL;

	cr_assert_eq(addr_resolve(&a, "localhost", 2100, &why), 0, "%s", why);
	cr_assert(addr_is_loopback(&a));
	cr_assert_eq(addr_port(&a), 2100);
}

Test(addr, numeric_hosts_resolve_to_themselves)
{
	struct addr a, want = numeric("::1", 5);
	const char *why = NULL;

	cr_assert_eq(addr_resolve(&a, "::1", 5, &why), 0, "%s", why);
	cr_assert(addr_eq(&a, &want));
}

Test(addr, what_does_not_resolve_says_why)
{
	struct addr a;
	const char *why = NULL;

	cr_assert_eq(addr_resolve(&a, "", 1, &why), -1);
	cr_assert_not_null(why);
}

Test(addr, setting_the_port_changes_nothing_else)
{
	struct addr v4 = numeric("10.0.0.1", 1), v4b = numeric("10.0.0.1", 2);
	struct addr v6 = numeric("::1", 1), v6b = numeric("::1", 2);

	addr_set_port(&v4, 2);
	addr_set_port(&v6, 2);
	cr_assert(addr_eq(&v4, &v4b));
	cr_assert(addr_eq(&v6, &v6b));
}

Test(addr, equal_means_family_address_and_port)
{
	struct addr a = numeric("10.0.0.1", 1), b = numeric("10.0.0.1", 1);
	struct addr host = numeric("10.0.0.2", 1), port = numeric("10.0.0.1", 2);
	struct addr v6 = numeric("::1", 1), v6host = numeric("::2", 1);
	struct addr family = numeric("::ffff:10.0.0.1", 1);
	struct addr any4 = numeric("0.0.0.0", 1), any6 = numeric("::", 1);

	cr_assert(addr_eq(&a, &b));
	cr_assert_not(addr_eq(&a, &host));
	cr_assert_not(addr_eq(&a, &port));
	cr_assert_not(addr_eq(&a, &family));
	cr_assert_not(addr_eq(&any4, &any6));
	cr_assert_not(addr_eq(&any6, &any4));
	cr_assert(addr_eq(&v6, &v6));
	cr_assert_not(addr_eq(&v6, &v6host));
}

Test(addr, padding_and_flow_labels_are_no_part_of_an_address)
{
	struct addr a = numeric("10.0.0.1", 1), b = a, v6 = numeric("fe80::1", 1), c = v6;

	memset(b.u.in4.sin_zero, 1, sizeof b.u.in4.sin_zero);
	cr_assert(addr_eq(&a, &b));
	c.u.in6.sin6_flowinfo = 1;
	cr_assert(addr_eq(&v6, &c));
	c.u.in6.sin6_scope_id = 1;
	cr_assert_not(addr_eq(&v6, &c));
}

Test(addr, loopback_is_known_in_all_its_forms)
{
	const char *const yes[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
	const char *const no[] = {"126.0.0.1", "128.0.0.1", "0.0.0.0",
				  "::",	       "::2",	    "::ffff:10.0.0.1"};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		struct addr a = numeric(yes[i], 1);

		cr_assert(addr_is_loopback(&a), "%s", yes[i]);
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		struct addr a = numeric(no[i], 1);

		cr_assert_not(addr_is_loopback(&a), "%s", no[i]);
	}
}

Test(addr, an_address_is_whole_or_none)
{
	struct addr a = {.len = 0};

	cr_assert_not(addr_is_whole(&a));
	cr_assert_eq(addr_numeric(&a, "192.0.2.1", 1), 0);
	cr_assert(addr_is_whole(&a));
	a.len = sizeof a.u.in6;
	cr_assert_not(addr_is_whole(&a), "as long as another kind");
	cr_assert_eq(addr_numeric(&a, "2001:db8::1", 1), 0);
	cr_assert(addr_is_whole(&a));
	a.u.sa.sa_family = AF_MAX;
	cr_assert_not(addr_is_whole(&a));
}

/* ---- Unix sockets ---- */

static struct addr
named(const char *text)
{
	struct addr a;
	const char *why = NULL;

	cr_assert_eq(addr_unix(&a, text, &why), 0, "%s: %s", text, why);
	cr_assert(addr_is_unix(&a) && addr_is_whole(&a));
	return a;
}

Test(addr, a_unix_socket_is_a_path_or_a_name)
{
	struct addr path = named("unix:/run/x.sock"), name = named("unix:@x");
	char out[ADDR_TEXT];

	cr_assert_str_eq(path.u.un.sun_path, "/run/x.sock");
	cr_assert_eq(path.len, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/x.sock");
	cr_assert_str_eq(addr_text(&path, out), "unix:/run/x.sock");
	cr_assert_str_eq(addr_host_text(&path, out), "unix:/run/x.sock");
	cr_assert_str_eq(addr_path(&path), "/run/x.sock");
	cr_assert_eq(name.u.un.sun_path[0], '\0');
	cr_assert_eq(name.u.un.sun_path[1], 'x');
	cr_assert_eq(name.len, offsetof(struct sockaddr_un, sun_path) + 2);
	cr_assert_str_eq(addr_text(&name, out), "unix:@x");
	cr_assert_null(addr_path(&name));
}

Test(addr, a_unix_sockets_address_is_judged)
{
	static const char *const bad[] = {"unix:",	    "unix:x",	      "unix:/",
					  "unix:@",	    "unix:/a b",      "unix:/a,b",
					  "unix:/a\"b",	    "unix:/a\nb",     "unix:/a\\b",
					  "unix:/\xc3\xa4", "127.0.0.1:2100", "/run/x.sock"};
	char text[ADDR_TEXT], out[ADDR_TEXT];
	struct addr a = {.len = 0};
	const char *why;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		cr_expect_eq(addr_unix(&a, bad[i], &why), -1, "%s", bad[i]);
		cr_expect_not_null(why);
	}
	(void)snprintf(text, sizeof text, "unix:/%0106d", 0); /* 107 characters */
	a = named(text);
	cr_assert_str_eq(addr_text(&a, out), text);
	(void)snprintf(text, sizeof text, "unix:/%0107d", 0);
	cr_assert_eq(addr_unix(&a, text, &why), -1);
	cr_assert_not_null(strstr(why, "longer"));
	(void)snprintf(text, sizeof text, "unix:@%0106d", 0);
	a = named(text);
	cr_assert_str_eq(addr_text(&a, out), text);
}

Test(addr, a_host_may_be_called_unix)
{
	char host[ADDR_HOST];
	const char *why;
	uint16_t port;

	cr_assert_not(addr_is_unix_text("unix:2100"));
	cr_assert_not(addr_is_unix_text("unix"));
	cr_assert(addr_is_unix_text("unix:/x") && addr_is_unix_text("unix:@x"));
	cr_assert_eq(addr_split("unix:2100", host, &port, &why), 0);
	cr_assert_eq(addr_split("unix:/x", host, &port, &why), -1, "no key takes it unasked");
}

Test(addr, any_path_is_taken_as_it_is_and_shown_without_harm)
{
	struct addr a;
	char out[ADDR_TEXT];

	cr_assert_eq(addr_unix_path(&a, "run/a \"b\"\n"), 0);
	cr_assert_str_eq(a.u.un.sun_path, "run/a \"b\"\n");
	cr_assert_str_eq(addr_text(&a, out), "unix:run/a??b??");
	errno = 0;
	cr_assert_eq(addr_unix_path(&a, ""), -1);
	cr_assert_eq(errno, EINVAL);
	a = (struct addr){.u.sa.sa_family = AF_UNIX, .len = 2};
	cr_assert_str_eq(addr_text(&a, out), "unix:", "one without a name");
	cr_assert_null(addr_path(&a));
	a = (struct addr){.u.sa.sa_family = AF_UNIX, .len = sizeof a.u};
	memset(a.u.un.sun_path, 'p', sizeof a.u.un.sun_path);
	cr_assert_eq(strlen(addr_text(&a, out)), 5 + sizeof a.u.un.sun_path, "no byte ends it");
}

Test(addr, unix_sockets_are_the_same_by_name)
{
	struct addr one = named("unix:/a"), same = named("unix:/a"), longer = named("unix:/ab");
	struct addr name = named("unix:@a"), tcp = numeric("127.0.0.1", 1);

	cr_assert(addr_eq(&one, &same));
	cr_assert_not(addr_eq(&one, &longer));
	cr_assert_not(addr_eq(&one, &name));
	cr_assert_not(addr_eq(&one, &tcp));
	cr_assert_not(addr_eq(&tcp, &one));
}

Test(addr, a_unix_socket_has_no_port_and_is_near)
{
	struct addr a = named("unix:/abcdefghijklmnop"), before = a;

	addr_set_port(&a, 2100);
	addr_unmap(&a);
	cr_assert(addr_eq(&a, &before));
	cr_assert_eq(addr_port(&a), 0);
	cr_assert(addr_is_loopback(&a) && addr_is_unicast(&a));
	cr_assert_not(addr_is_wildcard(&a));
}

Test(addr, a_unix_sockets_address_is_whole_or_none)
{
	struct addr a = named("unix:/abc");

	a.len--;
	cr_assert_not(addr_is_whole(&a), "no byte ends it");
	a.len += 2;
	cr_assert_not(addr_is_whole(&a), "something follows the end");
	a.len = 2;
	cr_assert_not(addr_is_whole(&a), "no name");
	a.len = 1 << 20;
	cr_assert_not(addr_is_whole(&a));
}

Test(addr, what_was_written_is_read_again)
{
	static const char *const fine[] = {"127.0.0.1:2100", "[::1]:2100", "unix:/run/x",
					   "unix:@x"};
	struct addr a;
	char out[ADDR_TEXT];
	const char *why;

	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		cr_expect_eq(addr_parse(&a, fine[i], &why), 0, "%s", fine[i]);
		cr_expect_str_eq(addr_text(&a, out), fine[i]);
	}
	cr_expect_eq(addr_parse(&a, "localhost:1", &why), -1);
	cr_expect_eq(addr_parse(&a, "127.0.0.1:x", &why), -1);
	cr_expect_eq(addr_parse(&a, "unix:/a b", &why), -1);
}
