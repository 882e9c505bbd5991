/* server_worker: requests are answered in their order, refused in words, and bounded; at its end a
 * worker leaves nobody without an answer. */
#include "server_worker_fixture.h"

static struct addr other_place;

Test(serve, a_started_worker_answers_and_counts)
{
	start();
	cr_assert(ready);
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, "\"payload\":\"" ABC "\"");
	cr_assert(COUNT(accepted) == 1 && COUNT(connections) == 1);
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 0);
	cr_assert_eq(COUNT(bytes_in), strlen(REQUEST("111", "abc")));
	cr_assert_gt(COUNT(bytes_out), 40);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (COUNT(connections) > 0)
		turn();
	cr_assert_eq(done, 0);
}

Test(serve, a_message_of_the_master_is_passed_over)
{
	start();
	server_worker_ops.on_message(state, span_str("anything"));
	come(0);
	say(0, REQUEST("111", ""));
	hear(0, NIL);
}

Test(serve, requests_are_answered_in_their_order_however_they_are_cut)
{
	static const char both[] = REQUEST("111", "abc") REQUEST("111", "");

	start();
	come(0);
	say(0, both);
	hear(0, ABC);
	hear(0, NIL);
	for (size_t i = 0; i < sizeof both - 1; i++)
		send_bytes(0, both + i, 1);
	hear(0, ABC);
	hear(0, NIL);
}

Test(serve, both_of_its_sockets_are_served)
{
	conf.listen_fd[conf.listeners++] = listen_at("127.0.0.2", &other_place);
	start();
	come(0);
	connect_to(1, &other_place);
	say(1, REQUEST("111", "abc"));
	hear(1, ABC);
	say(0, REQUEST("111", ""));
	hear(0, NIL);
	cr_assert_eq(COUNT(accepted), 2);
}

Test(serve, the_former_policy_is_answered_too)
{
	conf.former_policy = "222";
	start();
	come(0);
	say(0, REQUEST("222", "abc") REQUEST("333", "abc"));
	hear(0, ABC);
	hear(0, "\"code\":\"unknown-policy\"");
}

Test(serve, payloadsize_is_checked_where_the_settings_say_so)
{
	settings.strict_payloadsize = true;
	start();
	come(0);
	say(0, "{\"type\":0,\"srcid\":7,\"privPoliId\":111,\"payloadsize\":9,\"payload\":\"abc\"}");
	hear(0, "\"code\":\"bad-message\"");
}

/* ---- what is refused ---- */

Test(serve, a_refusal_leaves_the_connection_and_is_logged_once_a_connection)
{
	start();
	come(0);
	for (int i = 0; i < 3; i++) {
		say(0, REQUEST("222", ""));
		hear(0, "\"code\":\"unknown-policy\"");
	}
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	cr_assert(COUNT(requests) == 1 && COUNT(errors) == 3);
	cr_assert_not_null(strstr(logged(), "msg=\"packet refused\" peer=127.0.0.1:"), "%s",
			   log_read);
	cr_assert_null(strstr(strstr(log_read, "packet refused") + 1, "packet refused"));
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (COUNT(connections) > 0)
		turn();
	cr_assert_not_null(strstr(logged(), "packets of a connection refused"), "%s", log_read);
	cr_assert_not_null(strstr(log_read, "packets=3\n"), "%s", log_read);
}

Test(serve, a_stream_that_is_none_gets_a_last_answer)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc") "GET / HTTP/1.1\r\n\r\n");
	hear(0, ABC);
	hear(0, "\"code\":\"bad-json\"");
	hear_the_end(0);
}

Test(serve, so_does_an_object_that_is_too_large)
{
	static char large[4096];

	settings.max_message = 1024;
	memset(large, 'x', sizeof large);
	memcpy(large, "{\"a\":\"", 6);
	start();
	come(0);
	send_bytes(0, large, 1200);
	hear(0, "\"code\":\"too-large\"");
	hear_the_end(0);
}

Test(serve, so_does_an_object_that_is_cut_by_the_end)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc") "{\"type\":");
	cr_assert_eq(shutdown(peer[0], SHUT_WR), 0);
	hear(0, ABC);
	hear(0, "\"code\":\"bad-json\",\"message\":\"the object was cut");
	hear_the_end(0);
}

Test(serve, a_half_closed_peer_gets_its_answers)
{
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	cr_assert_eq(shutdown(peer[0], SHUT_WR), 0);
	hear(0, ABC);
	hear_the_end(0);
}

Test(serve, tls_is_refused_in_its_own_words_where_it_is_off)
{
	static const char hello[] = {TLS_FIRST_BYTE, 3, 1, 0, 1, 1, 0};

	start();
	for (int i = 0; i < 2; i++) {
		come(i);
		send_bytes(i, hello, sizeof hello);
		while (listen_to(i))
			turn();
		cr_assert_arr_eq(heard[i], tls_refusal, 3);
	}
	cr_assert_not_null(strstr(logged(), "level=warn"), "%s", log_read);
	cr_assert_null(strchr(strchr(log_read, '\n') + 1, '\n'), "it is said once: %s", log_read);
}

Test(serve, plain_packets_are_refused_where_tls_is_required)
{
	struct tls_files files = {.verify = TLS_VERIFY_NO};

	tls_make_all();
	files.certificate = made.server.certificate;
	files.key = made.server.key;
	settings.tls.mode = CONN_TLS_REQUIRED;
	conf.tls = tls_creds_load(TLS_SERVER, &files, "test", stderr);
	cr_assert_not_null(conf.tls);
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, "\"code\":\"denied\",\"message\":\"TLS is required here\"");
	hear_the_end(0);
	server_worker_ops.end(state);
	state = NULL;
	tls_creds_unref(conf.tls);
	tls_remove_all();
}

/* ---- limits ---- */

Test(serve, who_sends_an_object_too_slowly_is_told_so)
{
	conf.client_send_timeout = 50;
	start();
	come(0);
	say(0, "{\"type\":");
	hear(0, "\"code\":\"timeout\"");
	hear_the_end(0);
}

Test(serve, who_does_not_stall_has_all_the_time)
{
	conf.client_send_timeout = 50;
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	idle(150);
	hear_nothing(0);
}

Test(serve, who_does_not_read_its_answers_is_closed)
{
	static const char request[] = REQUEST("111", "abc");
	int small = 4096;
	ssize_t sent = 0;

	conf.client_read_timeout = 300;
	start();
	come(0);
	cr_assert_eq(setsockopt(peer[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	while (COUNT(accepted) == 0 || COUNT(connections) > 0) {
		size_t done_of = (size_t)sent % (sizeof request - 1);
		ssize_t n = send(peer[0], request + done_of, sizeof request - 1 - done_of,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += n;
		else
			turn();
	}
	cr_assert_not_null(strstr(logged(), "msg=\"peer does not read\""), "%s", log_read);
	cr_assert_not_null(strstr(log_read, "why=client_read_timeout"), "%s", log_read);
}

Test(serve, an_idle_connection_is_closed)
{
	settings.idle_timeout = 50;
	start();
	come(0);
	hear_the_end(0);
	while (COUNT(connections) > 0)
		turn();
}

Test(serve, no_more_connections_are_taken_than_it_may_have)
{
	settings.worker_connections = 1;
	start();
	come(0);
	come(1);
	say(0, REQUEST("111", "abc"));
	say(1, REQUEST("111", "abc"));
	hear(0, ABC);
	idle(50);
	hear_nothing(1);
	cr_assert_eq(COUNT(accepted), 1);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	hear(1, ABC);
}

Test(serve, what_is_unfinished_gives_way_where_all_hold_too_much_the_largest_first)
{
	static char text[60000];

	settings.max_buffered = 150000;
	memset(text, 'x', sizeof text);
	memcpy(text, "{\"a\":\"", 6);
	start();
	for (int i = 0; i < 3; i++) {
		come(i);
		send_bytes(i, text, i == 1 ? sizeof text : sizeof text / 4);
	}
	while (COUNT(buffered) < 60000)
		turn();
	hear_nothing(1);
	for (int i = 0; strchr(heard[1], '\n') == NULL; i = i == 0 ? 2 : 0) {
		cr_assert(listen_to(1));
		send_bytes(i, text + 6, 1000);
	}
	hear(1, "\"code\":\"overloaded\"");
	hear_the_end(1);
	hear_nothing(0);
	hear_nothing(2);
	cr_assert_leq(COUNT(buffered), settings.max_buffered);
}

/* ---- the end ---- */

Test(serve, without_peers_it_is_done_at_once_where_others_accept)
{
	yields = true;
	start();
	server_worker_ops.drain(state);
	cr_assert_eq(done, 1);
	come(0);
	idle(30);
	cr_assert_eq(COUNT(accepted), 0, "nothing new is taken");
}

Test(serve, where_nobody_else_accepts_who_is_coming_is_still_served)
{
	start();
	come(0);
	server_worker_ops.drain(state);
	cr_assert_eq(done, 0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	while (done == 0)
		turn();
	hear_the_end(0);
}

Test(serve, connections_that_have_nothing_to_ask_are_ended_and_then_it_is_done)
{
	yields = true;
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	server_worker_ops.drain(state);
	hear_the_end(0);
	cr_assert_eq(done, 0, "until the peer has closed too");
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (done == 0)
		turn();
	cr_assert_eq(done, 1);
}

Test(serve, an_object_that_has_begun_is_answered_before)
{
	yields = true;
	start();
	come(0);
	say(0, "{\"type\":\"0\",\"srcid\":\"1\",");
	server_worker_ops.drain(state);
	idle(200);
	hear_nothing(0);
	say(0, "\"privPoliId\":\"111\",\"payload\":\"abc\"}");
	hear(0, ABC);
	hear_the_end(0);
}

Test(serve, who_never_finishes_is_ended_when_the_time_is_nearly_over)
{
	yields = true;
	settings.stop_timeout = 400;
	start();
	come(0);
	say(0, "{\"type\":\"0\",\"srcid\":\"1\",");
	server_worker_ops.drain(state);
	hear_the_end(0);
	cr_assert_eq(close(peer[0]), 0);
	peer[0] = -1;
	while (done == 0)
		turn();
}

Test(serve, whoever_keeps_asking_is_told_to_go_and_all_that_it_asked_is_answered)
{
	yields = true;
	settings.stop_timeout = 1200;
	start();
	come(0);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	server_worker_ops.drain(state);
	while (COUNT(errors) == 0) {
		say(0, REQUEST("111", "abc"));
		hear(0, "\"destid\":\"1\"");
	}
	say(0, REQUEST("111", "abc") REQUEST("111", "abc"));
	hear(0, "\"code\":\"shutting-down\"");
	hear(0, "\"code\":\"shutting-down\"");
	hear_the_end(0);
	cr_assert_null(strstr(logged(), "level=warn"), "%s", log_read);
}

Test(serve, its_end_closes_all)
{
	start();
	come(0);
	come(1);
	say(0, REQUEST("111", "abc"));
	hear(0, ABC);
	say(1, "{\"type\":");
	server_worker_ops.end(state);
	state = NULL;
	hear_the_end(0);
	hear_the_end(1);
}
