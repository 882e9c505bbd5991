/* listen_socket: where a daemon listens, and listens next. */
#include "listen_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log_fixture.h"
#include "net.h"

static struct listen_socket v = LISTEN_SOCKET_NONE, fresh = LISTEN_SOCKET_NONE;
static struct daemon_conf conf = {.backlog = 5};
static char told[512];

static void
open_venue(void)
{
	log_to_memory();
}

static void
close_venue(void)
{
	listen_socket_close(&fresh, &v);
	listen_socket_close(&v, NULL);
}

TestSuite(venue, .init = open_venue, .fini = close_venue, .timeout = 30);

static void
ask(struct listen_socket *at, const char *listen)
{
	const char *why = "";

	cr_assert_eq(listen_socket_ask(at, listen, "127.0.0.1", &why), 0, "%s", why);
}

/* 0, or -1 with the line in `told`. */
static int
open_fresh(void)
{
	FILE *err = fmemopen(told, sizeof told, "w");
	int rc = listen_socket_open(&fresh, &v, &conf, err);

	(void)fclose(err);
	return rc;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The loopback of the other family, where this machine has it. */
static bool
ask_other(struct listen_socket *at)
{
	int fd;

	cr_assert_eq(addr_numeric(&at->other_asked, "::1", 0), 0);
	fd = net_listen(&at->other_asked, 1);
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* ---- what is asked for ---- */

Test(venue, a_port_alone_is_one_of_the_fallback)
{
	char text[ADDR_TEXT];

	ask(&v, "2100");
	cr_expect_str_eq(addr_text(&v.asked, text), "127.0.0.1:2100");
	cr_expect_eq(v.other_asked.len, 0);
	ask(&v, "127.0.0.2:7");
	cr_expect_str_eq(addr_text(&v.asked, text), "127.0.0.2:7");
	ask(&v, "[::1]:7");
	cr_expect_str_eq(addr_text(&v.asked, text), "[::1]:7");
	cr_expect_eq(v.other_asked.len, 0, "one family was named");
}

Test(venue, what_is_no_place_is_refused_with_the_reason)
{
	const char *why = NULL;

	cr_expect_eq(listen_socket_ask(&v, "127.0.0.1:x", "127.0.0.1", &why), -1);
	cr_expect(why != NULL && why[0] != '\0');
	why = NULL;
	cr_expect_eq(listen_socket_ask(&v, "127.0.0.1:70000", "127.0.0.1", &why), -1);
	cr_expect(why != NULL && why[0] != '\0');
	why = NULL;
	cr_expect_eq(listen_socket_ask(&v, "no-such-name.invalid:1", "127.0.0.1", &why), -1);
	cr_expect(why != NULL && why[0] != '\0');
}

/* ---- at the start ---- */

Test(venue, a_port_zero_is_replaced_by_the_one_taken)
{
	ask(&v, "0");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect(net_is_listening(v.fd));
	cr_expect_neq(addr_port(&v.addr), 0);
	cr_expect_eq(addr_port(&v.asked), 0, "what was asked for stays");
	cr_expect_eq(v.other_fd, -1);
}

Test(venue, a_name_with_both_families_has_a_socket_for_each_at_one_port)
{
	struct addr at;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect(net_is_listening(v.other_fd));
	cr_assert_eq(net_local(v.other_fd, &at), 0);
	cr_expect_eq(addr_port(&at), addr_port(&v.addr));
	cr_expect(addr_eq(&at, &v.other_addr));
}

Test(venue, an_other_address_that_this_machine_has_not_is_done_without)
{
	ask(&v, "0");
	cr_assert_eq(addr_numeric(&v.other_asked, "2001:db8::1", 0), 0);
	cr_expect_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect_eq(v.other_fd, -1);
	expect_logged("not listening at the name's other address");
}

Test(venue, an_other_address_that_is_in_use_is_not)
{
	struct addr taken;
	int fd;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	fd = net_listen(&v.other_asked, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	addr_set_port(&v.asked, addr_port(&taken));
	cr_expect_eq(listen_socket_begin(&v, &conf), -1);
	expect_logged("cannot listen");
	(void)close(fd);
}

Test(venue, an_address_in_use_is_told)
{
	struct addr taken;
	int fd;

	ask(&v, "0");
	fd = net_listen(&v.asked, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	v.asked = taken;
	cr_expect_eq(listen_socket_begin(&v, &conf), -1);
	expect_logged("cannot listen");
	(void)close(fd);
}

/* ---- fresh settings ---- */

static void
begin(void)
{
	ask(&v, "0");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
}

Test(venue, the_place_that_was_asked_for_before_keeps_its_socket)
{
	begin();
	ask(&fresh, "0");
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.fd, v.fd);
	cr_expect(addr_eq(&fresh.addr, &v.addr), "port 0 is not drawn anew");
	cr_expect(listen_socket_is_same(&fresh, &v));
	listen_socket_close(&fresh, &v);
	cr_expect(is_open(v.fd), "it is in force");
	cr_expect_eq(fresh.fd, -1);
}

Test(venue, another_place_has_another_socket_and_the_former_is_closed)
{
	int former;

	begin();
	former = v.fd;
	ask(&fresh, "127.0.0.2:0");
	cr_assert_eq(open_fresh(), 0);
	cr_expect_neq(fresh.fd, v.fd);
	cr_expect_not(listen_socket_is_same(&fresh, &v));
	listen_socket_close(&v, &fresh);
	cr_expect(!is_open(former) && net_is_listening(fresh.fd));
}

Test(venue, a_place_that_is_in_use_is_refused_and_the_one_in_force_stays)
{
	struct addr taken;
	int fd;

	begin();
	cr_assert_eq(addr_numeric(&taken, "127.0.0.2", 0), 0);
	fd = net_listen(&taken, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	fresh.asked = taken;
	cr_expect_eq(open_fresh(), -1);
	cr_expect(strncmp(told, "cannot listen on 127.0.0.2:", 27) == 0, "%s", told);
	cr_expect_not_null(strstr(told, strerror(EADDRINUSE)));
	listen_socket_close(&fresh, &v);
	cr_expect(net_is_listening(v.fd));
	(void)close(fd);
}

Test(venue, the_other_socket_is_kept_added_and_given_up)
{
	int other;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	other = v.other_fd;
	ask(&fresh, "0");
	cr_assert(ask_other(&fresh));
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.other_fd, other);
	listen_socket_close(&fresh, &v);
	cr_expect(is_open(other));
	fresh.other_asked.len = 0;
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.other_fd, -1);
	listen_socket_close(&v, &fresh);
	cr_expect_not(is_open(other));
	v = fresh;
	cr_assert(ask_other(&fresh));
	ask(&fresh, "0");
	cr_assert(ask_other(&fresh));
	cr_assert_eq(open_fresh(), 0);
	cr_expect(net_is_listening(fresh.other_fd));
}

Test(venue, an_other_address_in_use_refuses_the_fresh_settings)
{
	struct addr taken;
	int fd;

	begin();
	if (!ask_other(&fresh))
		cr_skip_test("no IPv6 here");
	taken = fresh.other_asked;
	addr_set_port(&taken, addr_port(&v.addr));
	fd = net_listen(&taken, 1);
	if (fd < 0)
		cr_skip_test("the port is in use there");
	fresh.asked = v.asked;
	cr_expect_eq(open_fresh(), -1);
	cr_expect(strncmp(told, "cannot listen on [::1]:", 23) == 0, "%s", told);
	listen_socket_close(&fresh, &v);
	cr_expect(net_is_listening(v.fd));
	(void)close(fd);
}

/* ---- now and then ---- */

Test(venue, a_socket_that_was_shut_down_listens_again_at_its_place)
{
	struct addr before, after;

	begin();
	before = v.addr;
	listen_socket_tick(&v, &conf);
	expect_not_logged("shut down");
	cr_assert_eq(shutdown(v.fd, SHUT_RDWR), 0);
	cr_assert_not(net_is_listening(v.fd));
	listen_socket_tick(&v, &conf);
	cr_expect(net_is_listening(v.fd));
	cr_assert_eq(net_local(v.fd, &after), 0);
	cr_expect(addr_eq(&before, &after));
	cr_expect_eq(lines_with("it listens again"), 1);
}

Test(venue, one_that_cannot_listen_again_is_told_of_once_in_a_while)
{
	int other;

	begin();
	cr_assert_eq(shutdown(v.fd, SHUT_RDWR), 0);
	other = net_listen(&v.addr, 1);
	cr_assert_geq(other, 0);
	for (int i = 0; i < 5; i++)
		listen_socket_tick(&v, &conf);
	cr_expect_not(net_is_listening(v.fd));
	cr_expect_eq(lines_with("cannot listen again"), 1);
	(void)close(other);
	listen_socket_tick(&v, &conf);
	cr_expect(net_is_listening(v.fd));
}

Test(venue, nowhere_there_is_nothing_to_look_at)
{
	listen_socket_tick(&v, &conf);
	listen_socket_close(&v, NULL);
	expect_not_logged("listen");
}
