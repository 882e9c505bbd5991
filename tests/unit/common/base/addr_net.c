/* addr_net.c - an address is of a network or not, by its prefix; users of Unix sockets are named
 * beside networks. */
#include "addr_net.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

static struct addr
numeric(const char *host, uint16_t port)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, port), 0, "%s", host);
	return a;
}

static bool
in_net(const char *host, const char *net)
{
	struct addr a = numeric(host, 1);
	struct addr_net n;
	const char *why = NULL;

	cr_assert_eq(addr_net_parse(&n, net, &why), 0, "%s: %s", net, why);
	return addr_in_net(&a, &n);
}

Test(addr_net, a_network_holds_the_addresses_of_its_prefix)
{
	cr_assert(in_net("10.255.1.2", "10.0.0.0/8"));
	cr_assert_not(in_net("11.0.0.0", "10.0.0.0/8"));
	cr_assert(in_net("192.168.127.255", "192.168.0.0/17"));
	cr_assert_not(in_net("192.168.128.0", "192.168.0.0/17"));
	cr_assert(in_net("10.0.0.3", "10.0.0.2/31"));
	cr_assert_not(in_net("10.0.0.4", "10.0.0.2/31"));
	cr_assert(in_net("2001:db8::ffff", "2001:db8::/32"));
	cr_assert_not(in_net("2001:db9::", "2001:db8::/32"));
	cr_assert(in_net("::1", "::1/128"));
	cr_assert_not(in_net("::2", "::1/128"));
}

Test(addr_net, a_single_address_is_a_network_of_one)
{
	cr_assert(in_net("192.168.1.7", "192.168.1.7"));
	cr_assert_not(in_net("192.168.1.6", "192.168.1.7"));
	cr_assert(in_net("::1", "::1"));
	cr_assert_not(in_net("::", "::1"));
}

Test(addr_net, a_prefix_of_no_bits_holds_all_of_its_family)
{
	cr_assert(in_net("1.2.3.4", "0.0.0.0/0"));
	cr_assert(in_net("2001::1", "::/0"));
	cr_assert_not(in_net("2001::1", "0.0.0.0/0"));
	cr_assert_not(in_net("1.2.3.4", "::/0"));
}

Test(addr_net, a_mapped_address_counts_as_the_ipv4_one)
{
	cr_assert(in_net("::ffff:10.1.2.3", "10.0.0.0/8"));
	cr_assert_not(in_net("::ffff:11.1.2.3", "10.0.0.0/8"));
	cr_assert_not(in_net("::ffff:10.1.2.3", "::/0"));
	cr_assert(in_net("10.1.2.3", "::ffff:10.0.0.0/104"));
	cr_assert_not(in_net("11.1.2.3", "::ffff:10.0.0.0/104"));
	cr_assert(in_net("11.1.2.3", "::ffff:0.0.0.0/96"));
	cr_assert(in_net("10.1.2.3", "::ffff:10.1.2.3"));
}

static void
expect_no_net(const char *text, const char *part)
{
	struct addr_net n;
	const char *why = NULL;

	cr_assert_eq(addr_net_parse(&n, text, &why), -1, "%s", text);
	cr_assert_not_null(why);
	cr_assert_not_null(strstr(why, part), "%s: %s", text, why);
}

Test(addr_net, set_host_bits_are_an_error)
{
	expect_no_net("10.0.0.1/8", "bits beyond");
	expect_no_net("10.128.0.0/8", "bits beyond");
	expect_no_net("192.168.1.1/31", "bits beyond");
	expect_no_net("::1/127", "bits beyond");
	expect_no_net("1.0.0.0/0", "bits beyond");
	expect_no_net("::ffff:10.0.0.1/104", "bits beyond");
}

Test(addr_net, a_prefix_length_is_a_number_up_to_the_address)
{
	expect_no_net("10.0.0.0/33", "larger than");
	expect_no_net("::/129", "larger than");
	expect_no_net("::/4294967296", "larger than");
	expect_no_net("10.0.0.0/", "not a number");
	expect_no_net("10.0.0.0/x", "not a number");
	expect_no_net("10.0.0.0/8/8", "not a number");
	expect_no_net("10.0.0.0/-8", "not a number");
	expect_no_net("::ffff:0.0.0.0/95", "at least 96");
}

Test(addr_net, a_network_begins_with_a_numeric_address)
{
	expect_no_net("", "not a numeric");
	expect_no_net("/8", "not a numeric");
	expect_no_net("localhost", "not a numeric");
	expect_no_net("10.0.0/8", "not a numeric");
	expect_no_net("1111:2222:3333:4444:5555:6666:255.255.255.2555/8", "not a numeric");
	expect_no_net("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/8", "not a numeric");
}

Test(addr_net, users_are_named_as_networks_are)
{
	struct addr_net net;
	const char *why;

	cr_assert_eq(addr_net_parse(&net, "unix:", &why), 0);
	cr_assert(net.family == AF_UNIX && net.bits == 0);
	net.bits = 5;
	cr_assert_eq(addr_net_parse(&net, "unix", &why), 0);
	cr_assert(net.family == AF_UNIX && net.bits == 0);
	cr_assert_eq(addr_net_parse(&net, "unix:gid=0", &why), 0);
	cr_assert(net.bits == 32 && net.group);
	cr_assert_eq(addr_net_parse(&net, "unix:uid=4294967294", &why), 0);
	cr_assert(net.bits == 32 && !net.group);
	expect_no_net("unix:gid=4294967295", "no user");
	expect_no_net("unix:gid=", "gid=NUMBER");
	expect_no_net("unix:gid=1x", "gid=NUMBER");
	expect_no_net("unix:pid=1", "gid=NUMBER");
	expect_no_net("unixes", "numeric");
	expect_no_net("unix:uid=4294967295", "no user");
	expect_no_net("unix:uid=99999999999999999999999", "no user");
	expect_no_net("unix:uid=", "uid=NUMBER");
	expect_no_net("unix:uid=root", "uid=NUMBER");
	expect_no_net("unix:/run/x", "uid=NUMBER");
}

Test(addr_net, a_unix_sockets_address_is_in_none)
{
	struct addr a;
	struct addr_net net;
	const char *why;

	cr_assert_eq(addr_unix(&a, "unix:/abcdefghijklmnop", &why), 0);
	cr_assert_eq(addr_net_parse(&net, "127.0.0.0/8", &why), 0);
	cr_assert_not(addr_in_net(&a, &net));
	cr_assert_eq(addr_net_parse(&net, "0.0.0.0/0", &why), 0);
	cr_assert_not(addr_in_net(&a, &net));
	cr_assert_eq(addr_net_parse(&net, "unix:", &why), 0);
	cr_assert_not(addr_in_net(&a, &net));
}
