/* registrar: other announcements for the same proxy, and the end. */
#include "registrar_fixture.h"

TestSuite(registrar_change, .init = open_proxy, .fini = close_proxy, .timeout = 60);

static const char *
policy_heard(const char *policy)
{
	char wanted[32];

	(void)snprintf(wanted, sizeof wanted, "\"privPolyId\":\"%s\"", policy);
	return strstr(hear(), wanted);
}

Test(registrar_change, another_policy_is_said_on_the_connection_and_known_once_acknowledged)
{
	struct packet_announcement other = for_policy("222");

	joined();
	announce(&other);
	cr_assert_eq(done, 0);
	cr_assert_not_null(policy_heard("222"), "%s", line);
	cr_assert_eq(done, 0);
	acknowledge();
	until("joined");
	cr_assert_eq(done, 1);
	acknowledge();
	idle(20);
	cr_assert_eq(done, 1, "once");
}

Test(registrar_change, another_port_is_as_well)
{
	struct packet_announcement other = announcement;

	other.port = 6;
	joined();
	announce(&other);
	cr_assert_not_null(strstr(hear(), "\"listenport\":\"6\""), "%s", line);
}

Test(registrar_change, renewals_are_of_the_newest)
{
	struct packet_announcement other = for_policy("222");

	conf.lease = 60;
	joined();
	announce(&other);
	while (policy_heard("222") == NULL)
		acknowledge(); /* a renewal of before */
	acknowledge();
	cr_assert_not_null(policy_heard("222"), "%s", line);
}

Test(registrar_change, nothing_new_is_known_at_once)
{
	joined();
	announce(&announcement);
	cr_assert_eq(done, 1);
	idle(20);
	hears_nothing();
}

Test(registrar_change, one_that_was_never_started_starts)
{
	make();
	announce(&announcement);
	cr_assert_eq(done, 0);
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_eq(done, 1);
}

Test(registrar_change, a_pause_ends_with_what_is_new)
{
	struct packet_announcement other = for_policy("222");

	joined_and_cut_off();
	announce(&other);
	take_connection();
	cr_assert_not_null(policy_heard("222"), "%s", line);
	acknowledge();
	until("joined");
	cr_assert_eq(done, 1);
}

Test(registrar_change, nobody_waits_for_a_proxy_that_cannot_be_told)
{
	struct packet_announcement other = for_policy("222");

	joined_and_cut_off();
	close_listener();
	announce(&other);
	while (done == 0)
		turn();
	cr_assert_str_eq(state(), "pausing");
}

Test(registrar_change, pauses_are_of_the_newest_settings)
{
	joined_and_cut_off();
	conf.retry_min = 9;
	conf.retry_max = 90;
	announce(&announcement);
	take_connection();
	refuse("denied", "no");
	until_pause(2);
	cr_assert(pause_seen.min == 9 && pause_seen.max == 90);
}

Test(registrar_change, what_is_new_while_it_connects_is_what_it_says)
{
	struct packet_announcement other = for_policy("222");

	begin();
	cr_assert_str_eq(state(), "connecting");
	announce(&other);
	take_connection();
	cr_assert_not_null(policy_heard("222"), "%s", line);
	acknowledge();
	until("joined");
	cr_assert_eq(done, 1);
	hears_nothing();
}

/* The answer that comes first is to what was said before. */
Test(registrar_change, what_is_new_while_an_answer_is_awaited_is_known_once_that_is_acknowledged)
{
	struct packet_announcement other = for_policy("222");

	(void)announced();
	announce(&other);
	acknowledge();
	cr_assert_not_null(policy_heard("222"), "%s", line);
	cr_assert_eq(done, 0, "the proxy has not answered it yet");
	acknowledge();
	while (done == 0)
		turn();
	cr_assert_str_eq(state(), "joined");
	hears_nothing();
}

Test(registrar_change, nor_is_it_known_to_a_proxy_that_was_silent_of_what_was_before)
{
	struct packet_announcement other = for_policy("222");

	(void)announced();
	announce(&other);
	idle(20);
	hears_nothing(); /* a plain proxy reads one object of a connection */
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(done, 0, "%d", i);
		cr_assert_eq(shutdown(peer, SHUT_WR), 0);
		if (i == 2)
			break;
		take_connection();
		cr_assert_not_null(policy_heard("222"), "%s", line);
		cr_assert_not_null(strstr(line, i == 0 ? "\"type\":\"1\"" : "\"type\":1"), "%s",
				   line);
	}
	until("unconfirmed");
	cr_assert_eq(done, 1);
}

Test(registrar_change, a_plain_proxy_is_told_what_is_new_at_once)
{
	struct packet_announcement other = for_policy("222");

	(void)announced();
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	take_connection();
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	until("unconfirmed");
	announce(&announcement);
	cr_assert_eq(done, 1, "it knows that");
	announce(&other);
	cr_assert_eq(done, 1);
	take_connection();
	cr_assert_not_null(policy_heard("222"), "%s", line);
}

/* What the settings lend is gone after the call. */
Test(registrar_change, it_keeps_nothing_of_the_settings)
{
	char *mine = strdup(proxy);

	cr_assert_not_null(mine);
	conf.proxy = mine;
	begin();
	memset(mine, 'x', strlen(mine));
	free(mine);
	conf.proxy = mine = strdup(proxy);
	take_connection();
	announce(&announcement);
	memset(mine, 'x', strlen(mine));
	free(mine);
	(void)hear();
	refuse("denied", "no");
	until_pause(1);
	take_connection();
	cr_assert_not_null(strstr(logged(), proxy), "%s", log_read);
}

/* ---- the end ---- */

Test(registrar_change, it_takes_leave_of_a_proxy_that_it_has_joined)
{
	joined();
	leave();
	cr_assert_str_eq(state(), "leaving");
	cr_assert_eq(done, 0);
	cr_assert_str_eq(hear(), "{\"type\":\"5\",\"id\":\"100\",\"privPolyId\":\"111\","
				 "\"ack\":\"1\"}");
	cr_assert_eq(done, 0);
	acknowledge_with("deregistered", "");
	until("left");
	cr_assert_eq(done, 1);
	hears_the_end();
}

Test(registrar_change, what_is_announced_is_taken_leave_of_too)
{
	joined_and_cut_off();
	announce(&announcement);
	take_connection();
	(void)hear();
	leave();
	cr_assert_not_null(strstr(hear(), "\"type\":\"5\""), "%s", line);
}

/* A renewal is on its way when it takes leave: the answer to that comes first. */
static void
leave_while_renewing(void)
{
	conf.lease = 60;
	joined();
	(void)hear();
	leave();
	cr_assert_not_null(strstr(hear(), "\"type\":\"5\""), "%s", line);
}

Test(registrar_change, the_answer_to_a_renewal_is_none_to_its_leave)
{
	leave_while_renewing();
	acknowledge_with("renewed", "");
	idle(50);
	cr_assert_str_eq(state(), "leaving");
	cr_assert_eq(done, 0);
	acknowledge_with("deregistered", "");
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_change, nor_is_its_refusal)
{
	leave_while_renewing();
	refuse("denied", "no more");
	idle(50);
	cr_assert_str_eq(state(), "leaving");
	acknowledge_with("deregistered", "");
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_change, a_refusal_of_its_leave_is_an_end_as_well)
{
	joined();
	leave();
	(void)hear();
	refuse("bad-message", "no such server");
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_change, so_is_the_end_of_the_connection)
{
	joined();
	leave();
	(void)hear();
	cr_assert_eq(close(peer), 0);
	peer = -1;
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_change, no_answer_is_waited_for_for_longer_than_ack_timeout)
{
	conf.ack_timeout = 50;
	joined();
	uint64_t begun = clock_ms();
	leave();
	(void)hear();
	until("left");
	cr_assert_geq(clock_ms() - begun + COARSE, 50);
	cr_assert_eq(done, 1);
}

Test(registrar_change, words_that_nobody_understands_are_no_answer)
{
	joined();
	leave();
	(void)hear();
	say("{\"Status\":\"fine\"}\n");
	idle(20);
	cr_assert_str_eq(state(), "leaving");
	acknowledge_with("deregistered", "");
	until("left");
}

Test(registrar_change, who_would_not_understand_it_is_left_without_a_word)
{
	(void)announced(); /* and never acknowledged */
	leave();
	cr_assert_str_eq(state(), "left");
	cr_assert_eq(done, 1);
	hears_the_end();
}

Test(registrar_change, a_pause_ends_at_once)
{
	joined_and_cut_off();
	leave();
	cr_assert_str_eq(state(), "left");
	cr_assert_eq(done, 1);
	idle(20);
	cr_assert_not(has_come());
}

Test(registrar_change, a_connect_ends_at_once)
{
	begin();
	leave();
	cr_assert_str_eq(state(), "left");
	cr_assert_eq(done, 1);
	if (has_come())
		hears_the_end();
}

Test(registrar_change, a_lookup_ends_at_once)
{
	conf.proxy = "proxy.test:2100";
	begin();
	leave();
	cr_assert_str_eq(state(), "left");
	cr_assert(done == 1 && lookups_cancelled == 1);
}

Test(registrar_change, who_waits_for_an_announcement_waits_no_more_at_the_end)
{
	struct packet_announcement other = for_policy("222");

	joined();
	announce(&other);
	(void)hear();
	leave();
	cr_assert_eq(done, 0);
	cr_assert_eq(close(peer), 0);
	peer = -1;
	until("left");
	cr_assert_eq(done, 2, "the announcement's and the leave's");
}

Test(registrar_change, once_left_nothing_is_announced)
{
	struct packet_announcement other = for_policy("222");

	begin();
	leave();
	done = 0;
	announce(&other);
	cr_assert_eq(done, 1);
	cr_assert_str_eq(state(), "left");
}

Test(registrar_change, freed_it_says_nothing)
{
	registrar_free(NULL);
	joined();
	registrar_free(registrar);
	registrar = NULL;
	hears_the_end();
}
