/* addr_peer: who is at the other end of a connection. */
#include "addr_peer.h"

#include <criterion/criterion.h>

#include "peer_fixture.h"

static struct addr_peer
user(uid_t uid)
{
	const struct addr_peer_creds creds = {.uid = uid, .gid = 7, .pid = 77};
	struct addr_peer p;

	addr_peer_of_user(&p, &creds);
	return p;
}

static void
expect_texts(const struct addr_peer *p, const char *text, const char *host)
{
	char out[ADDR_TEXT];

	cr_expect_str_eq(addr_peer_text(p, out), text);
	cr_expect_str_eq(addr_peer_host_text(p, out), host);
	cr_expect(addr_peer_is_whole(p));
}

Test(addr_peer, is_an_address_or_a_user)
{
	struct addr_peer v4 = peer_at("127.0.0.1", 40000), v6 = peer_at("::1", 5);
	struct addr_peer mapped = peer_at("::ffff:10.0.0.1", 5), local = user(1000);

	expect_texts(&v4, "127.0.0.1:40000", "127.0.0.1");
	expect_texts(&v6, "[::1]:5", "::1");
	expect_texts(&mapped, "[::ffff:10.0.0.1]:5", "::ffff:10.0.0.1");
	expect_texts(&local, "unix:uid=1000,pid=77", "unix:uid=1000");
	cr_assert(addr_peer_is_unix(&local) && !addr_peer_is_unix(&v4));
	v4.family = AF_MAX;
	cr_assert_not(addr_peer_is_whole(&v4));
}

Test(addr_peer, tells_where_it_comes_from)
{
	struct addr_peer v6 = peer_at("fe80::1", 5), local = user(0);
	struct addr a, link_local;
	char out[ADDR_TEXT];

	v6.scope = 3;
	addr_peer_addr(&v6, &link_local);
	cr_assert_eq(link_local.u.in6.sin6_scope_id, 3);
	cr_assert_str_eq(addr_text(&link_local, out), "[fe80::1]:5");
	addr_peer_of(&v6, &link_local);
	cr_assert_eq(v6.scope, 3);
	addr_peer_addr(&local, &a);
	cr_assert_str_eq(addr_text(&a, out), "127.0.0.1:0");
	cr_assert(addr_is_whole(&a));
}

Test(addr_peer, of_a_path_is_nobody_in_particular)
{
	struct addr_peer p;
	struct addr a;
	const char *why;

	cr_assert_eq(addr_unix(&a, "unix:/run/x", &why), 0);
	addr_peer_of(&p, &a);
	expect_texts(&p, "unix:uid=4294967295,pid=0", "unix:uid=4294967295");
}

Test(addr_peer, is_the_same_host_whatever_the_port_and_the_same_user_whatever_the_process)
{
	struct addr_peer a = peer_at("10.0.0.1", 1), b = peer_at("10.0.0.1", 2);
	struct addr_peer c = peer_at("10.0.0.2", 1), d = peer_at("2001:db8::1", 1);
	struct addr_peer e = peer_at("2001:db8::2", 1), one = user(1), same = user(1),
			 other = user(2);

	cr_assert(addr_peer_is_same_host(&a, &b));
	cr_assert_not(addr_peer_is_same_host(&a, &c));
	cr_assert_not(addr_peer_is_same_host(&a, &d));
	cr_assert_not(addr_peer_is_same_host(&d, &e));
	same.u.creds.pid = 78;
	cr_assert(addr_peer_is_same_host(&one, &same));
	cr_assert_not(addr_peer_is_same_host(&one, &other));
	cr_assert_not(addr_peer_is_same_host(&one, &a));
}

Test(addr_peer, of_a_unix_socket_is_near)
{
	struct addr_peer near = peer_at("127.9.9.9", 1), far = peer_at("10.0.0.1", 1);
	struct addr_peer mapped = peer_at("::ffff:127.0.0.1", 1), local = user(5);

	cr_assert(addr_peer_is_loopback(&near) && addr_peer_is_loopback(&local));
	cr_assert(addr_peer_is_loopback(&mapped));
	cr_assert_not(addr_peer_is_loopback(&far));
}

static bool
in(const struct addr_peer *p, const char *text)
{
	struct addr_net net;
	const char *why;

	cr_assert_eq(addr_net_parse(&net, text, &why), 0, "%s", why);
	return addr_peer_in_net(p, &net);
}

Test(addr_peer, is_in_a_network_or_a_user)
{
	struct addr_peer a = peer_at("10.1.2.3", 1), mapped = peer_at("::ffff:10.1.2.3", 1);
	struct addr_peer local = user(1000), root = user(0);

	cr_assert(in(&a, "10.0.0.0/8") && in(&mapped, "10.0.0.0/8"));
	cr_assert_not(in(&a, "11.0.0.0/8") || in(&a, "::/0") || in(&a, "unix:"));
	cr_assert(in(&local, "unix:") && in(&local, "unix:uid=1000") && in(&root, "unix:uid=0"));
	cr_assert_not(in(&local, "unix:uid=0") || in(&local, "unix:uid=1001"));
	cr_assert_not(in(&local, "0.0.0.0/0") || in(&local, "::/0") || in(&root, "0.0.0.0"));
}

Test(addr_peer, is_of_a_group)
{
	struct addr_peer p = peer_user(1000, 50), tcp = peer_at("0.0.0.50", 1);

	cr_assert(in(&p, "unix") && in(&p, "unix:gid=50"));
	cr_assert_not(in(&p, "unix:gid=1000") || in(&p, "unix:uid=50") || in(&p, "unix:gid=51"));
	cr_assert_not(in(&tcp, "unix:gid=50") || in(&tcp, "unix"));
}

static bool
count_as_one(struct addr_peer a, struct addr_peer b)
{
	char one[16], other[16];

	return span_eq(addr_peer_key(&a, one), addr_peer_key(&b, other));
}

Test(addr_peer, an_ipv6_address_counts_as_its_network_and_a_user_as_itself)
{
	cr_assert(count_as_one(peer_at("2001:db8::1", 1), peer_at("2001:db8::ffff:2", 2)));
	cr_assert_not(count_as_one(peer_at("2001:db8::1", 1), peer_at("2001:db8:0:1::1", 1)));
	cr_assert(count_as_one(peer_at("::ffff:192.0.2.1", 1), peer_at("192.0.2.1", 1)));
	cr_assert_not(count_as_one(peer_at("192.0.2.1", 1), peer_at("192.0.2.2", 1)));
	cr_assert(count_as_one(user(5), user(5)));
	cr_assert_not(count_as_one(user(5), user(6)));
	cr_assert_not(count_as_one(user(0), peer_at("0.0.0.0", 1)));
}
