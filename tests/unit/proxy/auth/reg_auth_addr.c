/* reg_auth_addr: where a server can be. */
#include "reg_auth.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include "net.h"
#include "peer_fixture.h"

static struct addr
at(const char *host, uint16_t port)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, port), 0, "%s", host);
	return a;
}

static const char *
judge(const char *host, uint16_t port, const char *peer, const char *self)
{
	struct addr where = at(host, port), own = at(self, 2100);
	struct addr_peer from = peer_at(peer, 40000);

	return server_addr_check(&where, &from, &own);
}

Test(place, is_the_host_named_or_where_it_came_from)
{
	struct packet_announcement a = {.port = 5};
	struct addr_peer peer = peer_at("192.0.2.7", 40000);
	struct addr out, wanted = at("192.0.2.7", 5);

	cr_assert_null(server_addr_of(&a, &peer, &out));
	cr_assert(addr_eq(&out, &wanted));
	(void)strcpy(a.host, "2001:db8::1");
	wanted = at("2001:db8::1", 5);
	cr_assert_null(server_addr_of(&a, &peer, &out));
	cr_assert(addr_eq(&out, &wanted));
	(void)strcpy(a.host, "::ffff:192.0.2.9");
	wanted = at("192.0.2.9", 5);
	cr_assert_null(server_addr_of(&a, &peer, &out));
	cr_assert(addr_eq(&out, &wanted));
	(void)strcpy(a.host, "name.example");
	cr_assert_not_null(server_addr_of(&a, &peer, &out));
}

Test(place, one_host_must_be_there)
{
	static const char *const nowhere[] = {"0.0.0.0",   "0.1.2.3",	      "::",	"224.0.0.1",
					      "240.0.0.1", "255.255.255.255", "ff02::1"};

	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
		cr_expect_not_null(judge(nowhere[i], 5, "127.0.0.1", "127.0.0.1"), "%s",
				   nowhere[i]);
	cr_expect_null(judge("192.0.2.7", 5, "192.0.2.7", "192.0.2.1"));
	cr_expect_null(judge("2001:db8::1", 5, "192.0.2.7", "192.0.2.1"));
}

Test(place, loopback_is_for_those_who_are_here)
{
	cr_expect_null(judge("127.0.0.1", 5, "127.0.0.1", "127.0.0.1"));
	cr_expect_null(judge("::1", 5, "127.0.0.1", "127.0.0.1"));
	cr_expect_not_null(judge("127.0.0.1", 5, "192.0.2.7", "192.0.2.1"));
	cr_expect_not_null(judge("127.9.9.9", 5, "192.0.2.7", "192.0.2.1"));
	cr_expect_not_null(judge("::1", 5, "192.0.2.7", "192.0.2.1"));
}

Test(place, the_proxys_own_is_none)
{
	cr_expect_not_null(judge("127.0.0.1", 2100, "127.0.0.1", "127.0.0.1"));
	cr_expect_null(judge("127.0.0.1", 2101, "127.0.0.1", "127.0.0.1"));
	cr_expect_null(judge("127.0.0.2", 2100, "127.0.0.1", "127.0.0.1"));
	/* it listens everywhere */
	cr_expect_not_null(judge("127.0.0.2", 2100, "127.0.0.1", "0.0.0.0"));
	cr_expect_not_null(judge("127.0.0.1", 2100, "127.0.0.1", "::"));
	cr_expect_null(judge("192.0.2.99", 2100, "127.0.0.1", "0.0.0.0"));
}

Test(place, this_machines_addresses_are_known)
{
	struct addr own = at("127.0.0.1", 77), other = at("192.0.2.99", 77);

	cr_expect(net_is_own(&own));
	cr_expect_not(net_is_own(&other));
}

/* ---- Unix sockets ---- */

static struct addr
socket_at(const char *text)
{
	struct addr a;
	const char *why;

	cr_assert_eq(addr_unix(&a, text, &why), 0, "%s: %s", text, why);
	return a;
}

Test(place, may_be_a_unix_socket_of_this_machine)
{
	struct packet_announcement a = {.host = "unix:/run/x"};
	struct addr_peer user = peer_user(1000, 1000), near = peer_at("127.0.0.1", 4),
			 far = peer_at("192.0.2.7", 4);
	struct addr out, wanted = socket_at("unix:/run/x"), own = at("127.0.0.1", 2100);

	cr_assert_null(server_addr_of(&a, &user, &out));
	cr_assert(addr_eq(&out, &wanted));
	cr_assert_null(server_addr_check(&out, &user, &own));
	cr_assert_null(server_addr_check(&out, &near, &own));
	cr_assert_not_null(server_addr_check(&out, &far, &own));
	cr_assert_not(server_addr_is_internal(&out));
	(void)strcpy(a.host, "unix:/run/a b");
	cr_assert_not_null(server_addr_of(&a, &user, &out));
}

Test(place, of_whoever_comes_over_a_unix_socket_is_loopback)
{
	struct packet_announcement a = {.port = 2105};
	struct addr_peer user = peer_user(1000, 1000);
	struct addr out, wanted = at("127.0.0.1", 2105);

	cr_assert_null(server_addr_of(&a, &user, &out));
	cr_assert(addr_eq(&out, &wanted));
}

Test(place, is_not_the_proxys_own_socket_by_whatever_path)
{
	char dir[] = "/tmp/place-test-XXXXXX", text[96], path[48], link_path[48];
	struct addr_peer user = peer_user(1000, 1000);
	struct addr own, other, name = socket_at("unix:@own");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/own", dir);
	(void)snprintf(text, sizeof text, "unix:%s", path);
	own = socket_at(text);
	cr_assert_eq(bind(fd, &own.u.sa, own.len), 0);
	cr_assert_not_null(server_addr_check(&own, &user, &own));
	(void)snprintf(text, sizeof text, "unix:%s/./own", dir);
	other = socket_at(text);
	cr_assert_not_null(server_addr_check(&other, &user, &own));
	(void)snprintf(link_path, sizeof link_path, "%s/link", dir);
	cr_assert_eq(symlink(path, link_path), 0);
	(void)snprintf(text, sizeof text, "unix:%s", link_path);
	other = socket_at(text);
	cr_assert_not_null(server_addr_check(&other, &user, &own));
	(void)snprintf(text, sizeof text, "unix:%s/other", dir);
	other = socket_at(text);
	cr_assert_null(server_addr_check(&other, &user, &own));
	cr_assert_not_null(server_addr_check(&name, &user, &name));
	cr_assert_null(server_addr_check(&name, &user, &own));
	(void)unlink(link_path);
	(void)unlink(path);
	(void)rmdir(dir);
	(void)close(fd);
}
