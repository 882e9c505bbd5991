/* registrar: proxies that do not acknowledge, and the ways to a proxy: addresses and names. */
#include "registrar_fixture.h"

TestSuite(registrar_plain, .init = open_proxy, .fini = close_proxy, .timeout = 60);

static const char in_strings[] = "{\"type\":\"1\",", in_numbers[] = "{\"type\":1,";

static bool
is(const char *said, const char *form)
{
	return strncmp(said, form, strlen(form)) == 0;
}

/* It says it once in strings, and once in numbers on a connection of its own; the answers are these
 * (NULL: none), and then the connection is closed, or not. */
static void
tell_both(const char *answer, bool closes)
{
	for (int i = 0; i < 2; i++) {
		take_connection();
		cr_assert(is(hear(), i == 0 ? in_strings : in_numbers), "%d: %s", i, line);
		if (answer != NULL)
			say(answer);
		if (closes)
			cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	}
	until("unconfirmed");
	hears_the_end();
}

Test(registrar_plain, a_silent_proxy_is_told_in_numbers_too_and_then_left_alone)
{
	conf.ack_timeout = 20;
	begin();
	tell_both(NULL, false);
	cr_assert_str_eq(registrar_trouble(registrar), "");
	cr_assert_eq(failures, 0);
	idle(100);
	cr_assert_not(has_come());
	cr_assert_str_eq(state(), "unconfirmed");
	cr_assert_eq(times(logged(), "announced to a proxy that does not acknowledge"), 1);
	cr_assert_eq(times(log_read, "level=warn"), 0, "it is no trouble");
}

Test(registrar_plain, a_proxy_that_closes_without_a_word_is_the_same)
{
	begin();
	tell_both(NULL, true);
	cr_assert_eq(failures, 0);
}

Test(registrar_plain, so_is_one_with_words_of_its_own)
{
	begin();
	tell_both("{\"Status\":\"fine\"}\n", false);
}

Test(registrar_plain, and_one_that_speaks_no_json)
{
	begin();
	tell_both("OK\n", false);
}

Test(registrar_plain, it_is_told_again_now_and_then)
{
	conf.reannounce = 20;
	begin();
	tell_both(NULL, true);
	tell_both(NULL, true);
	tell_both(NULL, true);
	cr_assert_eq(times(logged(), "level=info"), 1, "the first time is news: %s", log_read);
}

Test(registrar_plain, never_where_reannounce_is_zero)
{
	conf.reannounce = 0;
	begin();
	tell_both(NULL, true);
	idle(100);
	cr_assert_not(has_come());
}

Test(registrar_plain, one_that_takes_numbers_alone_and_acknowledges_has_it_joined)
{
	begin();
	take_connection();
	(void)hear();
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	take_connection();
	cr_assert(is(hear(), in_numbers));
	acknowledge();
	until("joined");
}

Test(registrar_plain, one_that_is_gone_when_it_is_to_be_told_again_is_trouble)
{
	conf.reannounce = 20;
	begin();
	tell_both(NULL, true);
	close_listener();
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar), "Connection refused");
	cr_assert_eq(times(logged(), "level=warn"), 1);
}

Test(registrar_plain, after_trouble_strings_go_first_again)
{
	begin();
	take_connection();
	(void)hear();
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	take_connection();
	cr_assert(is(hear(), in_numbers));
	refuse("denied", "no");
	until_pause(1);
	take_connection();
	cr_assert(is(hear(), in_strings), "%s", line);
}

/* ---- names ---- */

static uint16_t
use_name(const char *name)
{
	static char text[ADDR_TEXT];
	struct addr at;

	cr_assert_eq(net_local(listener, &at), 0);
	(void)snprintf(text, sizeof text, "%s:%u", name, (unsigned)addr_port(&at));
	conf.proxy = text;
	return addr_port(&at);
}

Test(registrar_plain, a_name_is_resolved_before_it_connects)
{
	(void)use_name("proxy.test");
	begin();
	cr_assert_str_eq(state(), "resolving");
	cr_assert_str_eq(looked_up, "proxy.test");
	idle(20);
	cr_assert_not(has_come());
	resolved((const char *[]){"127.0.0.1", NULL}, "");
	cr_assert_str_eq(state(), "connecting");
	take_connection();
	(void)hear();
}

/* A proxy that takes strings alone is to read it too. */
Test(registrar_plain, what_is_new_on_the_way_is_said_in_strings)
{
	struct packet_announcement other = for_policy("222");

	(void)use_name("proxy.test");
	begin();
	for (int i = 0; i < 2; i++) {
		resolved((const char *[]){"127.0.0.1", NULL}, "");
		take_connection();
		cr_assert(is(hear(), in_strings), "%d: %s", i, line);
		if (i > 0)
			break;
		cr_assert_eq(shutdown(peer, SHUT_WR), 0);
		until("resolving");
		announce(&other);
	}
	cr_assert_not_null(strstr(line, "\"privPolyId\":\"222\""), "%s", line);
}

Test(registrar_plain, of_several_addresses_each_is_tried_in_order)
{
	(void)use_name("proxy.test");
	begin();
	resolved((const char *[]){"127.0.0.2", "127.0.0.3", "127.0.0.1", NULL}, "");
	take_connection();
	(void)hear();
	cr_assert_eq(failures, 0);
	cr_assert_eq(times(logged(), "addr=127.0.0.2:"), 1, "%s", log_read);
	cr_assert_eq(times(log_read, "addr=127.0.0.3:"), 1, "%s", log_read);
	cr_assert_eq(times(log_read, "level=warn"), 0);
}

Test(registrar_plain, the_last_address_tells_the_trouble_and_the_name_is_asked_for_anew)
{
	(void)use_name("proxy.test");
	begin();
	resolved((const char *[]){"127.0.0.2", "127.0.0.3", NULL}, "");
	while (lookups < 2)
		turn();
	cr_assert_eq(failures, 1);
	cr_assert_str_eq(registrar_trouble(registrar), "Connection refused");
	resolved((const char *[]){"127.0.0.1", NULL}, "");
	take_connection();
	(void)hear();
}

Test(registrar_plain, a_name_without_addresses_is_told_with_the_reason)
{
	(void)use_name("proxy.test");
	begin();
	resolved((const char *[]){NULL}, "Name or service not known");
	cr_assert_str_eq(state(), "pausing");
	cr_assert_str_eq(registrar_trouble(registrar), "proxy.test: Name or service not known");
	while (lookups < 2)
		turn();
}

Test(registrar_plain, a_lookup_that_cannot_begin_is_tried_again)
{
	(void)use_name("proxy.test");
	no_lookups = true;
	begin();
	cr_assert_str_eq(state(), "pausing");
	cr_assert_str_eq(registrar_trouble(registrar), strerror(EAGAIN));
	no_lookups = false;
	while (lookups == 0)
		turn();
}

Test(registrar_plain, a_lookup_ends_with_the_registrar)
{
	(void)use_name("proxy.test");
	begin();
	registrar_free(registrar);
	registrar = NULL;
	cr_assert_eq(lookups_cancelled, 1);
}

Test(registrar_plain, a_port_alone_is_one_of_this_machine)
{
	static char text[8];
	struct addr at;

	cr_assert_eq(net_local(listener, &at), 0);
	(void)snprintf(text, sizeof text, "%u", (unsigned)addr_port(&at));
	conf.proxy = text;
	begin();
	take_connection();
	(void)hear();
	cr_assert_eq(lookups, 0);
}

Test(registrar_plain, nothing_is_announced_to_where_nobody_could_reach_it)
{
	conf.proxy = "192.0.2.1:2100";
	(void)strcpy(announcement.host, "127.0.0.1");
	pause_ms = NEVER;
	begin();
	cr_assert_str_eq(state(), "pausing");
	cr_assert_str_eq(
		registrar_trouble(registrar),
		"it is at 192.0.2.1:2100, which cannot reach 127.0.0.1: see listen and host");
}

Test(registrar_plain, a_unix_socket_is_no_name_and_reaches_whatever_is_here)
{
	char name[64];
	struct addr at;
	const char *why;

	(void)snprintf(name, sizeof name, "unix:@registrar-test-%d", (int)getpid());
	cr_assert_eq(addr_unix(&at, name, &why), 0);
	(void)close(listener);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, &at.u.sa, at.len), 0);
	cr_assert_eq(listen(listener, 5), 0);
	conf.proxy = name;
	(void)strcpy(announcement.host, "unix:/run/x");
	announcement.port = 0;
	begin();
	take_connection();
	cr_assert_not_null(strstr(hear(), "\"listenport\":\"0\",\"host\":\"unix:/run/x\""), "%s",
			   line);
	cr_assert_eq(lookups, 0);
}

Test(registrar_plain, nor_is_a_unix_socket_announced_to_another_machine)
{
	conf.proxy = "192.0.2.1:2100";
	(void)strcpy(announcement.host, "unix:/run/x");
	pause_ms = NEVER;
	begin();
	cr_assert_str_eq(state(), "pausing");
	cr_assert_str_eq(
		registrar_trouble(registrar),
		"it is at 192.0.2.1:2100, which cannot reach unix:/run/x: see listen and host");
}

Test(registrar_plain, it_is_of_the_proxy_that_it_was_made_for)
{
	static const struct {
		const char *proxy;
		bool same;
	} row[] = {{"a.test:2100", true},  {"a.test:2101", false}, {"b.test:2100", false},
		   {"2100", false},	   {"a.test", false},	   {"", false},
		   {"unix:/a.test", false}};
	struct registrar_conf other = conf;

	conf.proxy = "a.test:2100";
	make();
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		other.proxy = row[i].proxy;
		cr_expect_eq(registrar_is_of(registrar, &other), row[i].same, "%s", row[i].proxy);
	}
	other.proxy = "a.test:2100";
	other.tls = (struct tls_creds *)&other; /* any: only whether there are some counts */
	cr_expect_not(registrar_is_of(registrar, &other));
}
