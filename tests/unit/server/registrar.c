/* registrar: joins, renews, and joins again what it has lost. */
#include "registrar_fixture.h"

TestSuite(registrar, .init = open_proxy, .fini = close_proxy, .timeout = 60);

Test(registrar, its_states_are_told_by_name)
{
	static const char *const names[] = {"pausing", "resolving",   "connecting", "announced",
					    "joined",  "unconfirmed", "leaving",    "left"};

	for (size_t i = 0; i < 8; i++)
		cr_assert_str_eq(registrar_states[i], names[i]);
	cr_assert_null(registrar_states[8]);
}

Test(registrar, a_proxy_that_is_no_address_makes_none)
{
	static const char *const wrong[] = {"", "nowhere", "host:70000", "[::1:5"};

	for (size_t i = 0; i < 4; i++) {
		conf.proxy = wrong[i];
		errno = 0;
		cr_expect_null(registrar_new(base, &conf, &announcement), "%s", wrong[i]);
		cr_expect_eq(errno, EINVAL);
	}
}

Test(registrar, a_start_is_an_announcement)
{
	struct buf wanted = BUF_INIT;

	cr_assert_eq(packet_register(&wanted, &announcement), 0);
	begin();
	cr_assert_str_eq(state(), "connecting");
	take_connection();
	cr_assert(span_eq_str(buf_span(&wanted), hear()), "%s", line);
	cr_assert_str_eq(state(), "announced");
	cr_assert_str_eq(registrar_trouble(registrar), "");
	buf_release(&wanted);
}

/* A proxy that does not know a key could not verify a signature over it. */
Test(registrar, a_number_at_its_default_is_not_announced)
{
	announcement.pipeline = announcement.slots = announcement.weight = 1;
	cr_assert_null(strstr(announced(), "pipeline"), "%s", line);
	cr_assert_null(strstr(line, "slots"), "%s", line);
	cr_assert_null(strstr(line, "weight"), "%s", line);
	announcement.weight = 2;
	acknowledge();
	until("joined");
	announce(&announcement);
	cr_assert_not_null(strstr(hear(), "\"weight\":\"2\""), "%s", line);
}

Test(registrar, what_is_acknowledged_has_joined)
{
	uint64_t before = clock_ms(), since;

	joined();
	cr_assert_str_eq(registrar_state(registrar, &since), "joined");
	cr_assert(since >= before && since <= clock_ms());
	cr_assert_str_eq(registrar_trouble(registrar), "");
	cr_assert_eq(times(logged(), "level=info"), 1, "%s", log_read);
	cr_assert_eq(times(log_read, "registered with the proxy"), 1);
	cr_assert_eq(times(log_read, "id=100 policy=111 port=5"), 1, "%s", log_read);
	hears_nothing();
}

Test(registrar, a_renewal_is_said_on_the_same_connection_within_the_lease)
{
	uint64_t since, later, acked;
	char first[sizeof line];

	conf.lease = 300;
	(void)strcpy(first, announced());
	acked = clock_ms();
	acknowledge();
	until("joined");
	(void)registrar_state(registrar, &since);
	cr_assert_str_eq(hear(), first);
	cr_assert_geq(clock_ms() - acked + COARSE, conf.lease / 3);
	/* In the pool as before, while the answer is awaited. */
	cr_assert_str_eq(registrar_state(registrar, &later), "joined");
	cr_assert_eq(later, since);
	acknowledge_with("renewed", "");
	(void)hear();
	cr_assert_str_eq(registrar_state(registrar, &later), "joined");
	cr_assert_eq(later, since);
	cr_assert_eq(times(logged(), "registered with the proxy"), 1, "renewals are no news");
}

Test(registrar, a_refusal_is_told_with_its_cause_and_tried_again)
{
	(void)announced();
	refuse("denied", "not you");
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar),
			 "refused: denied: not you; the proxy's log says why");
	hears_the_end();
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_str_eq(registrar_trouble(registrar), "");
	cr_assert_eq(times(logged(), "level=warn"), 1, "%s", log_read);
	cr_assert_eq(times(log_read, "why=\"refused: denied: not you; the proxy's log says why\""),
		     1, "%s", log_read);
	cr_assert_eq(times(log_read, "msg=\"registered with the proxy\""), 1);
}

Test(registrar, a_trouble_is_told_once_and_another_one_again)
{
	static const char *const cause[] = {"one", "one", "one", "two", "two", "one"};

	begin();
	for (size_t i = 0; i < 6; i++) {
		take_connection();
		(void)hear();
		refuse("denied", cause[i]);
	}
	take_connection();
	cr_assert_eq(times(logged(), "level=warn"), 3, "%s", log_read);
	cr_assert_eq(times(log_read, "level=debug"), 3, "each try is told to who asks for it");
}

Test(registrar, failures_are_counted_until_one_is_none)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		take_connection();
		(void)hear();
		refuse("denied", "not yet");
		until_pause(i + 1);
		cr_assert_eq(failures, i + 1);
		cr_assert(pause_seen.min == 7 && pause_seen.max == 70);
	}
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_eq(failures, 0);
}

Test(registrar, nothing_is_tried_before_the_pause_is_over)
{
	uint64_t begun = clock_ms();

	pause_ms = 50;
	(void)announced();
	refuse("denied", "not yet");
	until_pause(1);
	take_connection();
	cr_assert_geq(clock_ms() - begun + COARSE, 50);
}

static void
refuse_for(const char *retryafter)
{
	char text[256];

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"100\",\"code\":"
		       "\"overloaded\",\"message\":\"later\",\"retryafter\":%s}\n",
		       retryafter);
	say(text);
}

Test(registrar, nor_before_the_proxy_wants_it_back)
{
	(void)announced();
	uint64_t begun = clock_ms();
	refuse_for("80");
	take_connection();
	cr_assert_geq(clock_ms() - begun + COARSE, 80);
}

/* The longest that an event of the loop is still waited for, in seconds. */
static int
look_at(const struct event_base *b, const struct event *e, void *arg)
{
	time_t *longest = arg;
	struct timeval end, now;

	(void)b;
	cr_assert_eq(evutil_gettimeofday(&now, NULL), 0);
	if (event_pending(e, EV_TIMEOUT, &end) && end.tv_sec - now.tv_sec > *longest)
		*longest = end.tv_sec - now.tv_sec;
	return 0;
}

Test(registrar, but_no_proxy_puts_it_off_for_more_than_a_minute)
{
	static const char *const far[] = {"3600000", "\"9223372036854775807\""};
	static const char *const none[] = {"-1", "\"soon\"", "1.5", "9223372036854775808"};

	begin();
	for (unsigned i = 0; i < 4; i++) {
		take_connection();
		(void)hear();
		refuse_for(none[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		time_t longest = 0;

		take_connection();
		(void)hear();
		refuse_for(far[i]);
		until_pause(5 + i);
		cr_assert_eq(event_base_foreach_event(base, look_at, &longest), 0);
		cr_assert(longest >= 50 && longest <= 61, "%ld s", (long)longest);
		announce(&announcement); /* and the operator's word counts more */
	}
}

Test(registrar, a_refusal_of_a_renewal_joins_anew)
{
	joined();
	refuse("denied", "no more");
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar),
			 "refused: denied: no more; the proxy's log says why");
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_eq(times(logged(), "msg=\"registered with the proxy\""), 2);
}

/* ---- the proxy is lost ---- */

Test(registrar, a_proxy_that_is_gone_is_joined_again)
{
	joined();
	cr_assert_eq(close(peer), 0);
	peer = -1;
	until_pause(1);
	cr_assert_eq(failures, 1);
	cr_assert_str_eq(registrar_trouble(registrar), "the proxy closed the connection");
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_str_eq(registrar_trouble(registrar), "");
}

Test(registrar, a_worker_that_leaves_after_a_while_is_no_trouble)
{
	joined();
	idle(1100);
	pause_ms = NEVER;
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	take_connection();
	(void)hear();
	cr_assert_eq(failures, 0);
	cr_assert_str_eq(registrar_trouble(registrar), "");
	cr_assert_eq(times(logged(), "level=warn"), 0, "%s", log_read);
}

Test(registrar, an_end_in_the_middle_of_an_object_is_trouble_after_any_while)
{
	joined();
	idle(1100);
	say("{\"type\":");
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	until_pause(1);
	cr_assert_eq(failures, 1);
}

Test(registrar, a_connection_that_is_reset_is_told_as_that)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	joined();
	cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	cr_assert_eq(close(peer), 0);
	peer = -1;
	until_pause(1);
	cr_assert_not_null(strstr(registrar_trouble(registrar), "reset"), "%s",
			   registrar_trouble(registrar));
}

Test(registrar, a_proxy_that_is_known_to_acknowledge_and_does_not_is_left)
{
	conf.lease = 60;
	conf.ack_timeout = 30;
	joined();
	(void)hear(); /* the renewal */
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar), "no acknowledgement in time");
	hears_the_end();
	take_connection();
	cr_assert_not_null(strstr(hear(), "\"type\":\"1\""), "in strings, for it is one of ours");
	until_pause(2);
	cr_assert_eq(failures, 2);
}

Test(registrar, a_proxy_that_is_not_there_is_waited_for)
{
	struct addr at;

	cr_assert_eq(net_local(listener, &at), 0);
	close_listener();
	begin();
	while (failures < 3)
		turn();
	cr_assert_str_eq(registrar_trouble(registrar), "Connection refused");
	open_listener("127.0.0.1", addr_port(&at));
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert_eq(times(logged(), "level=warn"), 1, "%s", log_read);
}

/* ---- what is no acknowledgement ---- */

Test(registrar, once_joined_what_is_no_packet_of_ours_is_passed_over)
{
	static const char *const said[] = {
		"{\"Status\":\"fine\"}\n", "{\"type\":\"7\"}\n",
		"{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"2\",\"payload\":\"\"}\n"};

	joined();
	for (unsigned i = 0; i < 3; i++) {
		say(said[i]);
		while (times(logged(), "proxy answered what is no packet") < i + 1)
			turn();
	}
	cr_assert_str_eq(state(), "joined");
	hears_nothing();
}

Test(registrar, a_stream_that_cannot_be_followed_is_left)
{
	joined();
	say("HTTP/1.1 400 Bad Request\r\n\r\n");
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar), "the proxy answered what is no packet");
	hears_the_end();
}

/* ---- rivals ---- */

/* The log, once each acknowledgement has been read: each says nothing more or what is given; the
 * renewal after the last one is the proof. */
static const char *
logged_after(const char *const said[])
{
	conf.lease = 60;
	(void)announced();
	for (size_t i = 0; said[i] != NULL; i++) {
		acknowledge_with("renewed", said[i]);
		(void)hear();
	}
	return logged();
}

static const char warning[] = "another server announces itself with this id";

Test(registrar, a_rival_is_warned_of_once_and_another_again)
{
	static const char one[] = ",\"rival\":\"127.0.0.1:6\"", other[] = ",\"rival\":\"[::1]:7\"",
			  local[] = ",\"rival\":\"unix:/run/x\"";
	const char *log = logged_after(
		(const char *[]){"", one, one, "", one, other, other, local, local, NULL});

	cr_assert_eq(times(log, warning), 3, "%s", log);
	cr_assert_eq(times(log, "id=100 addr=127.0.0.1:5 rival=unix:/run/x\n"), 1, "%s", log);
	cr_assert_eq(times(log, "id=100 addr=127.0.0.1:5 rival=127.0.0.1:6\n"), 1, "%s", log);
	cr_assert_eq(times(log, "id=100 addr=127.0.0.1:5 rival=[::1]:7\n"), 1, "%s", log);
}

Test(registrar, the_announced_host_is_its_own_address)
{
	(void)snprintf(announcement.host, sizeof announcement.host, "%s", "127.0.0.9");
	const char *log = logged_after((const char *[]){",\"rival\":\"127.0.0.1:6\"", NULL});

	cr_assert_eq(times(log, "addr=127.0.0.9:5 rival=127.0.0.1:6\n"), 1, "%s", log);
}

Test(registrar, what_is_no_address_is_passed_over)
{
	const char *log = logged_after((const char *[]){
		",\"rival\":\"\"", ",\"rival\":\"nobody:6\"", ",\"rival\":{\"a\":[1]}",
		",\"rival\":\"127.0.0.1:70000\"", ",\"rival\":null", ",\"other\":true",
		",\"rival\":\"1111111111111111111111111111111111111111111111111111111111111111111\"",
		NULL});

	cr_assert_eq(times(log, "level=warn"), 0, "%s", log);
}

Test(registrar, a_proxy_that_waits_less_long_than_jobs_may_take_is_warned_of_once)
{
	static const char ten[] = ",\"replytimeout\":10000";

	announcement.jobtimeout = 60000;
	const char *log = logged_after(
		(const char *[]){"", ten, ten, ",\"replytimeout\":\"10000\"", ",\"replytimeout\":0",
				 ",\"replytimeout\":\"x\"", ",\"replytimeout\":-1", NULL});

	cr_assert_eq(times(log, "level=warn"), 1, "%s", log);
	cr_assert_eq(times(log, "job_timeout is longer than the proxy waits for a reply"), 1, "%s",
		     log);
	cr_assert_eq(times(log, "id=100 job_timeout_ms=60000 reply_timeout_ms=10000\n"), 1, "%s",
		     log);
}

/* ---- one of several ---- */

static const struct addr *taken;
static char told[PACKET_PROXIES_MAX + 64];

static bool
is_taken(const struct addr *at, void *ctx)
{
	cr_assert_eq(ctx, &taken);
	return taken != NULL && addr_eq(at, taken);
}

static void
on_proxies(struct span text, void *ctx)
{
	cr_assert_eq(ctx, &taken);
	(void)snprintf(told, sizeof told, "%.*s", SPAN_ARG(text));
}

Test(registrar, a_place_where_another_is_is_left_to_it)
{
	struct addr at;

	cr_assert_eq(net_local(listener, &at), 0);
	conf.is_taken = is_taken;
	conf.ctx = &taken;
	taken = &at;
	begin();
	until_pause(1);
	cr_assert_not_null(strstr(registrar_trouble(registrar), "as another proxy of revproc is"));
	cr_assert_not(has_come());
	cr_assert_not(registrar_is_at(registrar, &at));
	taken = NULL;
	announce(&announcement);
	take_connection();
	(void)hear();
	acknowledge();
	until("joined");
	cr_assert(registrar_is_at(registrar, &at) && registrar_is_near(registrar));
}

Test(registrar, one_that_a_proxy_elsewhere_told_of_is_not_looked_for_on_this_machine)
{
	conf.afar = true;
	begin();
	until_pause(1);
	cr_assert_not_null(strstr(registrar_trouble(registrar), "a proxy elsewhere told of it"));
	cr_assert_not(has_come());
}

Test(registrar, further_proxies_are_heard_of_with_each_acknowledgement)
{
	char more[PACKET_PROXIES_MAX + 32];

	conf.lease = 60;
	conf.on_proxies = on_proxies;
	conf.ctx = &taken;
	(void)announced();
	acknowledge_with("registered", ",\"proxies\":\"b:1\"");
	(void)hear();
	cr_expect_str_eq(told, "b:1");
	(void)snprintf(more, sizeof more, ",\"proxies\":\"%0*d\"", PACKET_PROXIES_MAX + 1, 0);
	acknowledge_with("renewed", more);
	(void)hear();
	cr_expect_str_eq(told, "", "no proxy says so much");
	acknowledge_with("renewed", ",\"proxies\":\"c:1\"");
	(void)hear();
	acknowledge_with("renewed", ",\"proxies\":[\"d:1\"]");
	(void)hear();
	cr_expect_str_eq(told, "");
}
