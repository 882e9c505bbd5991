/* listen_socket: where a daemon listens, and listens next. */
#include "listen_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_fixture.h"
#include "net.h"

static struct listen_socket v, fresh;
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
	listen_socket_end(&v);
}

static struct host_names known;

TestSuite(venue, .init = open_venue, .fini = close_venue, .timeout = 30);

/* Words with blanks between them.  0, or -1 with the line in `told`. */
static int
ask_for(struct listen_socket *at, const char *listen)
{
	char text[1024], *save, *item[16];
	struct conf_list list = {.item = item};
	FILE *err = fmemopen(told, sizeof told, "w");
	int rc;

	(void)snprintf(text, sizeof text, "%s", listen);
	for (char *p = strtok_r(text, " ", &save); p != NULL; p = strtok_r(NULL, " ", &save))
		item[list.n++] = p;
	rc = listen_socket_ask(at, &list, "127.0.0.1", &known, "toy", err);
	(void)fclose(err);
	return rc;
}

static void
ask(struct listen_socket *at, const char *listen)
{
	cr_assert_eq(ask_for(at, listen), 0, "%s", told);
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

static void
add_other(struct listen_socket *at, const char *host)
{
	at->at[1] = (struct listen_place){.fd = -1, .other = true};
	cr_assert_eq(addr_numeric(&at->at[1].asked, host, 0), 0);
	at->n = 2;
}

/* The loopback of the other family, where this machine has it. */
static bool
ask_other(struct listen_socket *at)
{
	int fd;

	add_other(at, "::1");
	fd = net_listen(&at->at[1].asked, 1);
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* ---- what is asked for ---- */

Test(venue, a_port_alone_is_one_of_the_fallback)
{
	char text[ADDR_TEXT];

	ask(&v, "2100");
	cr_expect_str_eq(addr_text(&v.at[0].asked, text), "127.0.0.1:2100");
	cr_expect_eq(v.n, 1);
	ask(&v, "127.0.0.2:7");
	cr_expect_str_eq(addr_text(&v.at[0].asked, text), "127.0.0.2:7");
	ask(&v, "[::1]:7");
	cr_expect_str_eq(addr_text(&v.at[0].asked, text), "[::1]:7");
	cr_expect_eq(v.n, 1, "one family was named");
}

static void
expect_no_place(const char *listen, const char *why)
{
	cr_expect_eq(ask_for(&v, listen), -1, "%s", listen);
	cr_expect_not_null(strstr(told, why), "%s", told);
}

Test(venue, what_is_no_place_is_refused_with_the_reason)
{
	expect_no_place("127.0.0.1:x", "toy: listen: 127.0.0.1:x: the port is not a number");
	expect_no_place("127.0.0.1:70000", "70000");
	expect_no_place("no-such-name.invalid:1", "toy: listen: no-such-name.invalid:1: ");
	expect_no_place("unix:/a,b", "commas");
	expect_no_place("", "toy: listen: an address is needed");
	expect_no_place("7 7", "toy: listen: 7: the same address twice");
	expect_no_place("unix:/x unix:@x unix:/x", "the same address twice");
	expect_no_place("1 2 3 4 5 6 7 8 9", "more addresses than there may be");
}

Test(venue, several_addresses_are_named_in_their_order)
{
	char text[LISTEN_TEXT], label[ADDR_TEXT];

	ask(&v, "unix:/run/p.sock 2100 unix:@x 127.0.0.2:7");
	cr_assert_eq(v.n, 4);
	cr_expect_str_eq(listen_socket_text(&v, text),
			 "unix:/run/p.sock, 127.0.0.1:2100, unix:@x, 127.0.0.2:7");
	cr_expect_str_eq(listen_socket_label(&v, label), "2100");
	cr_expect_eq(addr_port(listen_socket_main(&v)), 2100);
	ask(&v, "2100");
	cr_expect_str_eq(listen_socket_text(&v, text), "127.0.0.1:2100");
	ask(&v, "unix:/run/p.sock");
	cr_expect_str_eq(listen_socket_label(&v, label), "p");
	cr_expect_str_eq(addr_path(listen_socket_main(&v)), "/run/p.sock");
	ask(&v, "unix:/a/.sock");
	cr_expect_str_eq(listen_socket_label(&v, label), ".sock");
	ask(&v, "unix:@name");
	cr_expect_str_eq(listen_socket_label(&v, label), "name");
}

/* ---- at the start ---- */

Test(venue, a_port_zero_is_replaced_by_the_one_taken)
{
	ask(&v, "0");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect(net_is_listening(v.at[0].fd));
	cr_expect_neq(addr_port(&v.at[0].addr), 0);
	cr_expect_eq(addr_port(&v.at[0].asked), 0, "what was asked for stays");
	cr_expect_eq(v.n, 1);
}

Test(venue, a_name_with_both_families_has_a_socket_for_each_at_one_port)
{
	struct addr at;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect(net_is_listening(v.at[1].fd));
	cr_assert_eq(net_local(v.at[1].fd, &at), 0);
	cr_expect_eq(addr_port(&at), addr_port(&v.at[0].addr));
	cr_expect(addr_eq(&at, &v.at[1].addr));
}

Test(venue, an_other_address_that_this_machine_has_not_is_done_without)
{
	ask(&v, "0");
	add_other(&v, "2001:db8::1");
	cr_expect_eq(listen_socket_begin(&v, &conf), 0);
	cr_expect_eq(v.at[1].fd, -1);
	expect_logged("not listening at the name's other address");
}

Test(venue, an_other_address_that_is_in_use_is_not)
{
	struct addr taken;
	int fd;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	fd = net_listen(&v.at[1].asked, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	addr_set_port(&v.at[0].asked, addr_port(&taken));
	cr_expect_eq(listen_socket_begin(&v, &conf), -1);
	expect_logged("cannot listen");
	(void)close(fd);
}

Test(venue, an_address_in_use_is_told)
{
	struct addr taken;
	int fd;

	ask(&v, "0");
	fd = net_listen(&v.at[0].asked, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	v.at[0].asked = taken;
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
	cr_expect_eq(fresh.at[0].fd, v.at[0].fd);
	cr_expect(addr_eq(&fresh.at[0].addr, &v.at[0].addr), "port 0 is not drawn anew");
	cr_expect(listen_socket_is_within(&fresh, &v));
	listen_socket_close(&fresh, &v);
	cr_expect(is_open(v.at[0].fd), "it is in force");
	cr_expect_eq(fresh.at[0].fd, -1);
}

Test(venue, another_place_has_another_socket_and_the_former_is_closed)
{
	int former;

	begin();
	former = v.at[0].fd;
	ask(&fresh, "127.0.0.2:0");
	cr_assert_eq(open_fresh(), 0);
	cr_expect_neq(fresh.at[0].fd, v.at[0].fd);
	cr_expect_not(listen_socket_is_within(&fresh, &v));
	listen_socket_close(&v, &fresh);
	cr_expect(!is_open(former) && net_is_listening(fresh.at[0].fd));
}

Test(venue, a_place_that_is_in_use_is_refused_and_the_one_in_force_stays)
{
	struct addr taken;
	int fd;

	begin();
	cr_assert_eq(addr_numeric(&taken, "127.0.0.2", 0), 0);
	fd = net_listen(&taken, 1);
	cr_assert(fd >= 0 && net_local(fd, &taken) == 0);
	fresh.n = 1;
	fresh.at[0] = (struct listen_place){.asked = taken, .fd = -1};
	cr_expect_eq(open_fresh(), -1);
	cr_expect(strncmp(told, "cannot listen on 127.0.0.2:", 27) == 0, "%s", told);
	cr_expect_not_null(strstr(told, strerror(EADDRINUSE)));
	listen_socket_close(&fresh, &v);
	cr_expect(net_is_listening(v.at[0].fd));
	(void)close(fd);
}

Test(venue, the_other_socket_is_kept_added_and_given_up)
{
	int other;

	ask(&v, "0");
	if (!ask_other(&v))
		cr_skip_test("no IPv6 here");
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
	other = v.at[1].fd;
	ask(&fresh, "0");
	cr_assert(ask_other(&fresh));
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.at[1].fd, other);
	listen_socket_close(&fresh, &v);
	cr_expect(is_open(other));
	fresh.n = 1;
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.at[1].fd, -1);
	listen_socket_close(&v, &fresh);
	cr_expect_not(is_open(other));
	v = fresh;
	ask(&fresh, "0");
	cr_assert(ask_other(&fresh));
	cr_assert_eq(open_fresh(), 0);
	cr_expect(net_is_listening(fresh.at[1].fd));
}

Test(venue, an_other_address_in_use_refuses_the_fresh_settings)
{
	struct addr taken;
	int fd;

	begin();
	if (!ask_other(&fresh))
		cr_skip_test("no IPv6 here");
	taken = fresh.at[1].asked;
	addr_set_port(&taken, addr_port(&v.at[0].addr));
	fd = net_listen(&taken, 1);
	if (fd < 0)
		cr_skip_test("the port is in use there");
	fresh.at[0].asked = v.at[0].asked;
	cr_expect_eq(open_fresh(), -1);
	cr_expect(strncmp(told, "cannot listen on [::1]:", 23) == 0, "%s", told);
	listen_socket_close(&fresh, &v);
	cr_expect(net_is_listening(v.at[0].fd));
	(void)close(fd);
}

/* ---- now and then ---- */

Test(venue, a_socket_that_was_shut_down_listens_again_at_its_place)
{
	struct addr before, after;

	begin();
	before = v.at[0].addr;
	listen_socket_tick(&v, &conf);
	expect_not_logged("shut down");
	cr_assert_eq(shutdown(v.at[0].fd, SHUT_RDWR), 0);
	cr_assert_not(net_is_listening(v.at[0].fd));
	listen_socket_tick(&v, &conf);
	cr_expect(net_is_listening(v.at[0].fd));
	cr_assert_eq(net_local(v.at[0].fd, &after), 0);
	cr_expect(addr_eq(&before, &after));
	cr_expect_eq(lines_with("it listens again"), 1);
}

Test(venue, one_that_cannot_listen_again_is_told_of_once_in_a_while)
{
	int other;

	begin();
	cr_assert_eq(shutdown(v.at[0].fd, SHUT_RDWR), 0);
	other = net_listen(&v.at[0].addr, 1);
	cr_assert_geq(other, 0);
	for (int i = 0; i < 5; i++)
		listen_socket_tick(&v, &conf);
	cr_expect_not(net_is_listening(v.at[0].fd));
	cr_expect_eq(lines_with("cannot listen again"), 1);
	(void)close(other);
	listen_socket_tick(&v, &conf);
	cr_expect(net_is_listening(v.at[0].fd));
}

Test(venue, nowhere_there_is_nothing_to_look_at)
{
	listen_socket_tick(&v, &conf);
	listen_socket_close(&v, NULL);
	expect_not_logged("listen");
}

/* ---- Unix sockets ---- */

static char dir[] = "/tmp/listen-test-XXXXXX", path[sizeof dir + 8], at_path[sizeof path + 8];

static void
open_folder(void)
{
	log_to_memory();
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/p.sock", dir);
	(void)snprintf(at_path, sizeof at_path, "unix:%s", path);
	conf.listen_rights = (struct net_unix_rights){0600, (uid_t)-1, (gid_t)-1};
}

static void
close_folder(void)
{
	close_venue();
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(paths, .init = open_folder, .fini = close_folder, .timeout = 30);

static void
begin_at(const char *listen)
{
	ask(&v, listen);
	cr_assert_eq(listen_socket_begin(&v, &conf), 0);
}

static bool
is_answered(void)
{
	int fd = net_connect(&v.at[0].addr);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool
exists(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static mode_t
mode_of(void)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

Test(paths, a_socket_is_there_with_its_rights_until_the_end)
{
	int fd[LISTEN_MOST];

	begin_at(at_path);
	cr_expect(is_answered());
	cr_expect_eq(mode_of(), 0600);
	cr_expect_eq(v.at[0].owner, LISTEN_OURS);
	cr_expect_eq(listen_socket_fds(&v, fd), 1);
	cr_expect_eq(fd[0], v.at[0].fd);
	listen_socket_end(&v);
	cr_expect_not(exists());
}

Test(paths, another_process_that_has_it_leaves_the_path)
{
	begin_at(at_path);
	listen_socket_forget(&v, NULL);
	cr_expect(exists());
}

Test(paths, one_in_use_is_told_and_not_taken_away)
{
	struct net_unix_name name;
	int other = net_listen_unix(path, 0600);

	net_unix_remember(&name, path);
	ask(&v, at_path);
	cr_expect_eq(listen_socket_begin(&v, &conf), -1);
	expect_logged("cannot listen");
	listen_socket_end(&v);
	cr_expect(net_unix_is_there(&name, path));
	(void)close(other);
}

Test(paths, fresh_settings_keep_the_socket_and_change_its_rights)
{
	begin_at(at_path);
	ask(&fresh, at_path);
	cr_assert_eq(open_fresh(), 0);
	listen_socket_close(&fresh, &v);
	cr_expect(is_answered(), "it is in force");
	conf.listen_rights.mode = 0666;
	ask(&fresh, at_path);
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.at[0].fd, v.at[0].fd);
	cr_expect(listen_socket_is_within(&v, &fresh));
	cr_expect_eq(mode_of(), 0600, "not before they are in force");
	listen_socket_close(&v, &fresh);
	cr_expect_eq(mode_of(), 0666);
	v = fresh;
	fresh.n = 0;
}

Test(paths, an_address_that_goes_takes_its_path_along_and_the_others_stay)
{
	char both[sizeof at_path + 8];
	int tcp;

	begin_at("0");
	tcp = v.at[0].fd;
	(void)snprintf(both, sizeof both, "%s 0", at_path);
	ask(&fresh, both);
	cr_assert_eq(open_fresh(), 0);
	cr_expect(fresh.n == 2 && fresh.at[1].fd == tcp && exists());
	cr_expect(listen_socket_is_within(&v, &fresh));
	listen_socket_close(&fresh, &v);
	cr_expect(!exists() && is_open(tcp), "the fresh one was given up");
}

Test(paths, one_that_was_removed_is_told_once_and_made_anew_by_fresh_settings)
{
	int former;

	begin_at(at_path);
	former = v.at[0].fd;
	listen_socket_tick(&v, &conf);
	expect_not_logged("removed");
	cr_assert_eq(unlink(path), 0);
	for (int i = 0; i < 3; i++)
		listen_socket_tick(&v, &conf);
	cr_expect_eq(lines_with("the path of the listening socket was removed"), 1);
	ask(&fresh, at_path);
	cr_assert_eq(open_fresh(), 0);
	cr_expect_neq(fresh.at[0].fd, former);
	cr_expect_not(listen_socket_is_within(&v, &fresh));
	listen_socket_close(&v, &fresh);
	v = fresh;
	fresh.n = 0;
	cr_expect(is_answered(), "the former one's end does not remove it");
}

Test(paths, one_that_was_shut_down_is_told_and_made_anew_by_fresh_settings)
{
	begin_at(at_path);
	cr_assert_eq(shutdown(v.at[0].fd, SHUT_RDWR), 0);
	listen_socket_tick(&v, &conf);
	cr_expect_eq(lines_with("the listening socket was shut down: reload"), 1);
	ask(&fresh, at_path);
	cr_assert_eq(open_fresh(), 0);
	cr_expect_neq(fresh.at[0].fd, v.at[0].fd);
	listen_socket_close(&v, &fresh);
	v = fresh;
	fresh.n = 0;
	cr_expect(is_answered());
}

Test(paths, another_ones_is_not_removed_at_the_end)
{
	int other;

	begin_at(at_path);
	cr_assert_eq(unlink(path), 0);
	other = net_listen_unix(path, 0600);
	listen_socket_end(&v);
	cr_expect(other >= 0 && exists());
	(void)close(other);
}

Test(paths, a_successors_stays_and_what_it_has_not_taken_goes)
{
	int successors;

	begin_at(at_path);
	successors = dup(v.at[0].fd);
	listen_socket_given(&v);
	listen_socket_end(&v);
	cr_expect(exists());
	(void)close(successors);
	cr_assert_eq(unlink(path), 0);
	begin_at(at_path);
	listen_socket_given(&v);
	listen_socket_end(&v);
	cr_expect_not(exists());
}

Test(paths, a_predecessors_stays_until_it_lets_go)
{
	begin_at(at_path);
	v.at[0].owner = LISTEN_PREDECESSORS;
	v.at[0].rights.mode = 0640;
	listen_socket_tick(&v, &conf);
	listen_socket_in_charge(&v);
	cr_expect_eq(mode_of(), 0640);
	cr_expect_eq(v.at[0].owner, LISTEN_OURS);
	v.at[0].owner = LISTEN_PREDECESSORS;
	listen_socket_end(&v);
	cr_expect(exists());
}

Test(paths, a_service_managers_stays)
{
	begin_at(at_path);
	v.at[0].owner = LISTEN_GIVEN;
	listen_socket_given(&v);
	cr_expect_eq(v.at[0].owner, LISTEN_GIVEN);
	listen_socket_end(&v);
	cr_expect(exists());
}

Test(paths, an_abstract_name_has_none)
{
	char name[64];

	(void)snprintf(name, sizeof name, "unix:@listen-test-%d", (int)getpid());
	begin_at(name);
	cr_expect(is_answered());
	listen_socket_tick(&v, &conf);
	ask(&fresh, name);
	cr_assert_eq(open_fresh(), 0);
	cr_expect_eq(fresh.at[0].fd, v.at[0].fd);
	listen_socket_close(&fresh, &v);
	listen_socket_end(&v);
	begin_at(name);
}
