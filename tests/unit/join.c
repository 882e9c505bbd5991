/* join: announcements and what they are answered. */
#include "join.h"

#include <criterion/criterion.h>

static struct join j;
static struct addr_net nets[1];
static struct join_guest guest;
static struct buf out;

static void
open_join(void)
{
	const char *why;

	cr_assert_eq(addr_net_parse(&nets[0], "127.0.0.0/8", &why), 0);
	cr_assert_eq(addr_numeric(&guest.peer, "127.0.0.1", 40000), 0);
	j = (struct join){.registry = registry_new(2, 2),
			  .tally = tally_new(1, 2),
			  .proxy_id = "proxy",
			  .trusted = nets,
			  .trusted_n = 1};
	cr_assert_eq(addr_numeric(&j.self, "127.0.0.1", 2100), 0);
}

static void
close_join(void)
{
	registry_free(j.registry);
	tally_free(j.tally);
	buf_release(&out);
}

TestSuite(join, .init = open_join, .fini = close_join);

static void
check(const char *text, enum join_result result, const char *wanted)
{
	buf_clear(&out);
	cr_assert_eq(buf_append_str(&out, "HEAD"), 0);
	cr_assert_eq(join_handle(&j, span_str(text), &guest, 1000, &out), result, "%s", text);
	cr_assert_eq(buf_append(&out, "", 1), 0);
	const char *got = out.base + out.head + 4;
	if (wanted[0] == '\0')
		cr_assert_str_empty(got, "%s", text);
	else
		cr_assert_not_null(strstr(got, wanted), "%s: %s lacks %s", text, got, wanted);
	if (wanted[0] != '\0')
		cr_assert_eq(got[strlen(got) - 1], '\n');
}

Test(join, a_server_joins_renews_moves_and_leaves)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}",
	      JOIN_CHANGED, "\"verb\":\"registered\"");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}",
	      JOIN_NOTHING, "\"verb\":\"renewed\"");
	check("{\"type\":1,\"id\":9,\"privPolyId\":1,\"listenport\":6,\"ack\":1}", JOIN_CHANGED,
	      "{\"type\":4,");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", JOIN_CHANGED,
	      "\"verb\":\"deregistered\"");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", JOIN_NOTHING, "bad-message");
}

Test(join, who_does_not_ask_is_not_answered)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}",
	      JOIN_CHANGED, "");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"0\"}",
	      JOIN_NOTHING, "");
}

Test(join, what_cannot_be_is_refused)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"70000\"}",
	      JOIN_NOTHING, "listenport");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"host\":\"no.address\"}",
	      JOIN_NOTHING, "numeric");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"2100\"}",
	      JOIN_NOTHING, "denied");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"2100\",\"host\":\"127.0.0.1\"}",
	      JOIN_NOTHING, "denied");
	cr_assert_eq(addr_numeric(&guest.peer, "10.0.0.1", 40000), 0);
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}",
	      JOIN_NOTHING, "denied");
	cr_assert_eq(registry_server_end(j.registry), 0);
}

Test(join, a_server_is_taken_as_the_proxy_can_speak_to_it)
{
	static const char plain[] = "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				    "\"listenport\":\"5\"}",
			  tls[] = "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				  "\"listenport\":\"5\",\"tls\":\"1\"}";

	check(tls, JOIN_NOTHING, "no server_ca to verify it by");
	j.tls_known = true;
	check(plain, JOIN_CHANGED, "");
	cr_assert(!registry_server(j.registry, 0)->tls);
	check(tls, JOIN_CHANGED, ""); /* speaking otherwise, it is another server */
	cr_assert(registry_server(j.registry, 0)->tls);
	check(tls, JOIN_NOTHING, "");
	j.tls_required = true;
	check(plain, JOIN_NOTHING, "does not announce TLS");
	cr_assert(registry_server(j.registry, 0)->tls);
}

Test(join, what_is_no_registration_is_refused_whoever_hands_it_over)
{
	check("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\"}", JOIN_NOTHING,
	      "bad-message");
	check("{\"type\":4}", JOIN_NOTHING, "bad-message");
	check("rubbish", JOIN_NOTHING, "bad-json");
}

Test(join, a_full_registry_says_so)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", JOIN_CHANGED, "");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", JOIN_CHANGED, "");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":5}", JOIN_NOTHING,
	      "overloaded");
}

Test(join, the_announced_host_is_where_it_is_reached)
{
	char text[ADDR_TEXT];

	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5,\"host\":\"192.0.2.7\"}",
	      JOIN_CHANGED, "");
	cr_assert_str_eq(addr_text(&registry_server(j.registry, 0)->addr, text), "192.0.2.7:5");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6}", JOIN_CHANGED, "");
	cr_assert_str_eq(addr_text(&registry_server(j.registry, 1)->addr, text), "127.0.0.1:6");
}

Test(join, a_newcomer_begins_with_clean_counts)
{
	struct tally_cell sum;

	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", JOIN_CHANGED, "");
	tally_add(&tally_cell(j.tally, 0, 0)->served, 5);
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":6}", JOIN_CHANGED, "");
	tally_sum(j.tally, 0, &sum);
	cr_assert_eq(tally_get(&sum.served), 5, "the same server on another port keeps its counts");
	check("{\"type\":5,\"id\":1,\"privPolyId\":1}", JOIN_CHANGED, "deregistered");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", JOIN_CHANGED, "");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":5}", JOIN_CHANGED, "");
	tally_sum(j.tally, 0, &sum);
	cr_assert_eq(tally_get(&sum.served), 0);
}

Test(join, leases_that_end_change_the_registry)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5,\"lease\":2}", JOIN_CHANGED,
	      "");
	cr_assert_eq(join_expire(&j, 2999), JOIN_NOTHING);
	cr_assert_eq(join_expire(&j, 3000), JOIN_CHANGED);
	cr_assert_eq(join_expire(&j, 3000), JOIN_NOTHING);
}

Test(join, each_answer_is_counted)
{
	struct join_counts counts = {.refused = {0}};
	const char *nine =
		"{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}";

	j.counts = &counts;
	check(nine, JOIN_CHANGED, "registered");
	check(nine, JOIN_NOTHING, "renewed");
	check(nine, JOIN_NOTHING, "renewed");
	check("{\"type\":\"5\",\"id\":\"8\",\"privPolyId\":\"1\"}", JOIN_NOTHING, "bad-message");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", JOIN_CHANGED, "deregistered");
	cr_assert_eq(addr_numeric(&guest.peer, "192.0.2.1", 4000), 0);
	check(nine, JOIN_NOTHING, "denied");
	cr_assert(counts.done[JOIN_REGISTERED] == 1 && counts.done[JOIN_RENEWED] == 2 &&
		  counts.done[JOIN_DEREGISTERED] == 1 && counts.done[JOIN_CHALLENGE] == 0);
	cr_assert(counts.refused[PACKET_DENIED] == 1 && counts.refused[PACKET_BAD_MESSAGE] == 1);
}

/* ---- what a worker hands over ---- */

enum { PACKET_BYTES = 20 };

static char handed[sizeof(struct join_handoff) + JOIN_MAX + 1];

static struct join_handoff *
hand_over(void)
{
	struct join_handoff *head = (struct join_handoff *)(void *)handed;

	memset(handed, 'x', sizeof handed);
	memset(head, 0, sizeof *head);
	head->kind = HANDOFF_REGISTRATION;
	head->guest.peer = guest.peer;
	return head;
}

static int
read_handed(size_t n)
{
	struct join_handoff got;
	struct span text = span_of(NULL, 0);
	int rc = join_read(span_of(handed, n), &got, &text);

	if (rc == 0)
		cr_assert(text.n == n - sizeof got && text.p == handed + sizeof got);
	return rc;
}

Test(join, a_packet_that_is_handed_over_is_believed_only_where_it_can_be_true)
{
	const size_t n = sizeof(struct join_handoff) + PACKET_BYTES;

	(void)hand_over();
	cr_assert_eq(read_handed(n), 0);
	cr_assert_eq(read_handed(sizeof handed - 1), 0);
	cr_assert_eq(read_handed(sizeof handed), -1);
	cr_assert_eq(read_handed(sizeof(struct join_handoff) - 1), -1);
	hand_over()->kind = HANDOFF_INCIDENT;
	cr_assert_eq(read_handed(n), -1);
	struct join_handoff *endless = hand_over();
	memset(endless->guest.nonce, 'f', sizeof endless->guest.nonce);
	cr_assert_eq(read_handed(n), -1, "a nonce without an end");
	hand_over()->guest.peer.u.sa.sa_family = AF_UNIX;
	cr_assert_eq(read_handed(n), -1, "a family of addresses that no connection has");
	hand_over()->guest.peer.len = 1 << 20;
	cr_assert_eq(read_handed(n), -1, "an address that is longer than it can be");
	memset(&hand_over()->guest.proven, 2, 1);
	cr_assert_eq(read_handed(n), -1, "neither true nor false");
}
