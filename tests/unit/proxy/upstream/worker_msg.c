/* worker_msg: what is encoded is decoded as it was, and what can't be true is not believed. */
#include "worker_msg.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "peer_fixture.h"

enum { NOW = 5000, SERVERS = 4 };

static int
look_failure(const struct worker_msg_failure *m, size_t n, struct worker_msg_failure *out)
{
	return worker_msg_get_failure(span_of((const char *)m, n), SERVERS, NOW, out);
}

Test(worker_msg, a_kind_is_known_or_none)
{
	const uint32_t kinds[] = {WORKER_MSG_REGISTRATION, WORKER_MSG_FAILURE, WORKER_MSG_EXPLAIN,
				  WORKER_MSG_LOOP,	   WORKER_MSG_END,     UINT32_MAX};

	for (size_t i = 0; i < 6; i++)
		cr_assert_eq(worker_msg_kind_of(span_of((const char *)&kinds[i], 4)),
			     i < 4 ? (enum worker_msg_kind)kinds[i] : WORKER_MSG_NONE);
	cr_assert_eq(worker_msg_kind_of(span_of((const char *)kinds, 3)), WORKER_MSG_NONE);
	cr_assert_eq(worker_msg_kind_of(span_of(NULL, 0)), WORKER_MSG_NONE);
}

Test(worker_msg, an_incident_is_whole_and_never_in_the_future)
{
	struct worker_msg_failure m = {.kind = WORKER_MSG_FAILURE, .at = NOW - 1}, got;

	cr_assert_eq(look_failure(&m, sizeof m, &got), 0);
	cr_assert_eq(got.at, NOW - 1);
	cr_assert_eq(look_failure(&m, sizeof m - 1, &got), -1);
	m.at = UINT64_MAX;
	cr_assert_eq(look_failure(&m, sizeof m, &got), 0);
	cr_assert_eq(got.at, NOW);
	m.server = SERVERS;
	cr_assert_eq(look_failure(&m, sizeof m, &got), -1);
	m.server = SERVERS - 1;
	m.cause = FAILURE_CAUSE_COUNT;
	cr_assert_eq(look_failure(&m, sizeof m, &got), -1);
	m.cause = FAILURE_CAUSE_COUNT - 1;
	cr_assert_eq(look_failure(&m, sizeof m, &got), 0);
	m.kind = WORKER_MSG_EXPLAIN;
	cr_assert_eq(look_failure(&m, sizeof m, &got), -1);
}

Test(worker_msg, a_loop_names_its_server_within_its_bounds)
{
	struct buf message = BUF_INIT;
	struct worker_msg_loop got, broken = {.kind = WORKER_MSG_LOOP};

	cr_assert_eq(worker_msg_put_loop(&message, span_str("0123456789abcdef")), 0);
	cr_assert_eq(worker_msg_get_loop(buf_span(&message), &got), 0);
	cr_expect_str_eq(got.server, "0123456789abcdef");
	cr_expect_eq(
		worker_msg_get_loop(span_of(buf_span(&message).p, buf_len(&message) - 1), &got),
		-1);
	memset(broken.server, 'a', sizeof broken.server);
	cr_expect_eq(worker_msg_get_loop(span_of((const char *)&broken, sizeof broken), &got), -1);
	buf_release(&message);
}

/* ---- explanations ---- */

static char message[sizeof(struct explain_answer) + EXPLAIN_ROWS * sizeof(struct explain_row)];
static struct explain_answer head;
static struct explain_row row[EXPLAIN_ROWS];

static size_t
make(uint32_t n)
{
	memset(message, 0, sizeof message);
	head = (struct explain_answer){
		.kind = WORKER_MSG_EXPLAIN, .token = 7, .n = n, .known = true, .last = true};
	memcpy(message, &head, sizeof head);
	return sizeof head + n * sizeof(struct explain_row);
}

static int
look(size_t n)
{
	return worker_msg_get_answer(span_of(message, n), SERVERS, &head, row);
}

/* Of the second row. */
static void
put(size_t offset, const void *value, size_t n)
{
	memcpy(message + sizeof head + sizeof *row + offset, value, n);
}

Test(worker_msg, an_answer_is_read_with_its_rows)
{
	const uint32_t server = SERVERS - 1;
	size_t n = make(2);

	put(offsetof(struct explain_row, server), &server, sizeof server);
	cr_assert_eq(look(n), 0);
	cr_assert(head.token == 7 && head.n == 2 && head.known && head.last);
	cr_assert_eq(row[1].server, server);
	cr_assert_eq(look(make(0)), 0);
	cr_assert_eq(look(make(EXPLAIN_ROWS)), 0);
}

Test(worker_msg, what_is_cut_or_too_long_is_none)
{
	size_t n = make(2);

	for (size_t i = 0; i < n; i++)
		cr_assert_eq(look(i), -1, "%zu bytes", i);
	cr_assert_eq(look(n + 1), -1);
	head.n = UINT32_MAX;
	memcpy(message, &head, sizeof head);
	cr_assert_eq(look(n), -1);
	head.n = EXPLAIN_ROWS + 1;
	memcpy(message, &head, sizeof head);
	cr_assert_eq(look(sizeof message), -1);
}

Test(worker_msg, a_server_that_can_not_be_is_none)
{
	for (uint64_t server = SERVERS; server <= UINT32_MAX; server = server * 2 + 1) {
		size_t n = make(2);
		const uint32_t value = (uint32_t)server;
		put(offsetof(struct explain_row, server), &value, sizeof value);
		cr_assert_eq(look(n), -1, "server %u", value);
	}
}

Test(worker_msg, values_that_no_program_writes_are_none)
{
	const int verdicts[] = {-1, UPSTREAM_VERDICT_COUNT, 1 << 30};
	const unsigned char neither = 2;
	const size_t flag[] = {offsetof(struct explain_row, chosen),
			       offsetof(struct explain_row, sight.busy)};

	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		size_t n = make(2);
		put(offsetof(struct explain_row, sight.verdict), &verdicts[i], sizeof *verdicts);
		cr_assert_eq(look(n), -1, "verdict %d", verdicts[i]);
	}
	for (size_t i = 0; i < sizeof flag / sizeof *flag; i++) {
		size_t n = make(2);
		put(flag[i], &neither, 1);
		cr_assert_eq(look(n), -1);
	}
	size_t n = make(0);
	memcpy(message + offsetof(struct explain_answer, last), &neither, 1);
	cr_assert_eq(look(n), -1);
}

/* ---- registrations ---- */

enum { PACKET_BYTES = 20 };

static char handed[sizeof(struct registration_msg) + REGISTRATION_MAX + 1];

static struct registration_msg *
hand_over(void)
{
	struct registration_msg *m = (struct registration_msg *)(void *)handed;

	memset(handed, 'x', sizeof handed);
	memset(m, 0, sizeof *m);
	m->kind = WORKER_MSG_REGISTRATION;
	m->guest.peer = peer_at("192.0.2.7", 40000);
	return m;
}

static int
read_handed(size_t n)
{
	struct registration_msg got;
	struct span text = span_of(NULL, 0);
	int rc = worker_msg_get_registration(span_of(handed, n), &got, &text);

	if (rc == 0)
		cr_assert(text.n == n - sizeof got && text.p == handed + sizeof got);
	return rc;
}

Test(worker_msg, a_packet_that_is_handed_over_is_believed_only_where_it_can_be_true)
{
	const size_t n = sizeof(struct registration_msg) + PACKET_BYTES;

	(void)hand_over();
	cr_assert_eq(read_handed(n), 0);
	cr_assert_eq(read_handed(sizeof handed - 1), 0);
	cr_assert_eq(read_handed(sizeof handed), -1);
	cr_assert_eq(read_handed(sizeof(struct registration_msg) - 1), -1);
	hand_over()->kind = WORKER_MSG_FAILURE;
	cr_assert_eq(read_handed(n), -1);
	struct registration_msg *endless = hand_over();
	memset(endless->guest.nonce, 'f', sizeof endless->guest.nonce);
	cr_assert_eq(read_handed(n), -1, "a nonce without an end");
	hand_over()->guest.peer.family = AF_MAX;
	cr_assert_eq(read_handed(n), -1, "a family of addresses that no connection has");
	memset(&hand_over()->guest.proven, 2, 1);
	cr_assert_eq(read_handed(n), -1, "neither true nor false");
}

/* ---- both ways ---- */

Test(worker_msg, what_is_encoded_is_decoded_as_it_was)
{
	struct registration_peer peer = {.nonce = "0011", .proven = true, .incarnation = 9};
	struct explain_answer a = {.token = 5, .n = 2, .known = true}, a_got;
	struct explain_row rows[] = {{.server = 1, .chosen = true}, {.server = 3}};
	struct registration_msg reg;
	struct worker_msg_failure failure;
	struct explain_question question;
	struct buf b = BUF_INIT;
	struct span text;

	peer.peer = peer_at("192.0.2.7", 40000);
	cr_assert_eq(worker_msg_put_registration(&b, 77, &peer, span_str("{}")), 0);
	cr_assert_eq(worker_msg_get_registration(buf_span(&b), &reg, &text), 0);
	cr_assert(reg.token == 77 && reg.guest.proven && reg.guest.incarnation == 9);
	cr_assert(addr_peer_is_same_host(&reg.guest.peer, &peer.peer) && span_eq_str(text, "{}"));
	cr_assert_str_eq(reg.guest.nonce, "0011");
	buf_clear(&b);
	cr_assert_eq(worker_msg_put_failure(&b, 3, 8, NOW, CAUSE_CUT), 0);
	cr_assert_eq(worker_msg_get_failure(buf_span(&b), SERVERS, NOW, &failure), 0);
	cr_assert(failure.server == 3 && failure.incarnation == 8 && failure.at == NOW &&
		  failure.cause == CAUSE_CUT);
	buf_clear(&b);
	cr_assert_eq(worker_msg_put_question(&b, 5, "111", "k"), 0);
	cr_assert_eq(worker_msg_get_question(buf_span(&b), &question), 0);
	cr_assert_eq(question.token, 5);
	cr_assert_str_eq(question.policy, "111");
	cr_assert_str_eq(question.key, "k");
	buf_clear(&b);
	cr_assert_eq(worker_msg_put_answer(&b, &a, rows), 0);
	cr_assert_eq(worker_msg_get_answer(buf_span(&b), SERVERS, &a_got, row), 0);
	cr_assert(a_got.token == 5 && a_got.n == 2 && a_got.known && !a_got.last);
	cr_assert(row[0].chosen && row[1].server == 3);
	buf_release(&b);
}

Test(worker_msg, a_question_has_an_end)
{
	struct explain_question q = {.kind = WORKER_MSG_EXPLAIN}, got;
	struct span whole = span_of((const char *)&q, sizeof q);

	cr_assert_eq(worker_msg_get_question(whole, &got), 0);
	cr_assert_eq(worker_msg_get_question(span_of(whole.p, whole.n - 1), &got), -1);
	memset(q.policy, 'x', sizeof q.policy);
	cr_assert_eq(worker_msg_get_question(whole, &got), -1);
	q.policy[0] = '\0';
	memset(q.key, 'x', sizeof q.key);
	cr_assert_eq(worker_msg_get_question(whole, &got), -1);
}
