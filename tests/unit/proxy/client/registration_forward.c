/* registration_forward: a registration goes to the master and its answer comes back; the client and
 * the line to the master are the test's. */
#include "registration_forward.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "peer_fixture.h"
#include "proxy_worker_internal.h"

static struct proxy_settings settings;
static struct proxy_worker_conf conf = {.settings = &settings};
static struct proxy_worker front;
static struct client client;
static char id[] = "proxy";

static bool no_memory, no_line;
static struct buf told; /* to the master, the last message */
static unsigned tells;
static unsigned answered, lost;
static struct request *last; /* that was answered */
static struct packet_fault refused;

/* ---- the client ---- */

struct request *
client_admit(struct client *c, struct span text, struct span srcid)
{
	struct request *q = no_memory ? NULL : request_new(NULL, c, text, srcid);

	if (q != NULL) {
		TAILQ_INSERT_TAIL(&c->requests, q, order);
		c->n++;
	}
	return q;
}

void
client_answered(struct client *c, const struct request *q)
{
	cr_assert_eq(q->client, c);
	answered++;
	last = TAILQ_FIRST(&c->requests);
	while (last != q && last != NULL)
		last = TAILQ_NEXT(last, order);
	cr_assert_not_null(last, "it is one of the client's");
}

void
client_refuse(struct client *c, const struct packet *p, enum packet_code code, const char *why)
{
	cr_assert(c == &client && p != NULL);
	refused.code = code;
	(void)snprintf(refused.why, sizeof refused.why, "%s", why);
}

void
client_fail_request(struct client *c, struct request *q, const struct acl_refusal *r)
{
	cr_assert_eq(q->client, c);
	cr_assert_eq(request_fail(q, id, r->code, r->why, r->retry_after), 0);
}

void
client_lose(struct client *c)
{
	cr_assert_eq(c, &client);
	lost++;
}

/* ---- the line ---- */

int
worker_send(struct worker *w, struct span message)
{
	(void)w;
	if (no_line) {
		errno = EAGAIN;
		return -1;
	}
	tells++;
	buf_clear(&told);
	return buf_append_span(&told, message);
}

static void
open_referral(void)
{
	settings.proxy.id = id;
	front = (struct proxy_worker){.conf = &conf};
	client = (struct client){.front = &front};
	registration_forward_init(&front);
	TAILQ_INIT(&client.requests);
	client.guest.peer = peer_at("192.0.2.7", 40000);
}

static void
forget(struct request *q)
{
	TAILQ_REMOVE(&client.requests, q, order);
	request_free(q);
}

static void
close_referral(void)
{
	while (!TAILQ_EMPTY(&client.requests))
		forget(TAILQ_FIRST(&client.requests));
	buf_release(&told);
}

TestSuite(referral, .init = open_referral, .fini = close_referral);

static const char registration[] = "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				   "\"listenport\":\"5\"}";

static void
make(const char *text)
{
	struct packet_fault fault;
	struct packet p;

	cr_assert_eq(packet_parse(&p, span_str(text), &fault), 0, "%s", fault.why);
	registration_forward_make(&client, &p);
}

static struct registration_msg
head_told(void)
{
	struct registration_msg head;
	struct span text;

	cr_assert_eq(worker_msg_get_registration(buf_span(&told), &head, &text), 0);
	return head;
}

/* The master's answer to what has that token. */
static void
answer(uint64_t token, const char *text)
{
	struct registration_peer peer = client.guest;
	struct buf message = BUF_INIT;

	(void)strcpy(peer.nonce, "00112233445566778899aabbccddeeff");
	peer.proven = true;
	peer.incarnation = 42;
	cr_assert_eq(worker_msg_put_registration(&message, token, &peer, span_str(text)), 0);
	registration_forward_end(&front, buf_span(&message));
	buf_release(&message);
}

Test(referral, a_registration_goes_to_the_master_with_who_it_is_from)
{
	struct registration_msg head;

	client.guest.proven = true;
	client.guest.incarnation = 7;
	(void)strcpy(client.guest.nonce, "ffeeddccbbaa99887766554433221100");
	make(registration);
	cr_assert_eq(tells, 1);
	head = head_told();
	cr_assert_eq(head.kind, WORKER_MSG_REGISTRATION);
	cr_assert(addr_peer_is_same_host(&head.guest.peer, &client.guest.peer));
	cr_assert(head.guest.proven && head.guest.incarnation == 7);
	cr_assert_str_eq(head.guest.nonce, "ffeeddccbbaa99887766554433221100");
	cr_assert(span_eq_str(
		span_of(told.base + told.head + sizeof head, buf_len(&told) - sizeof head),
		registration));
	cr_assert_eq(answered, 0);
}

Test(referral, what_is_told_can_be_read_by_the_master)
{
	struct registration_msg head;
	struct span text;

	make(registration);
	cr_assert_eq(worker_msg_get_registration(buf_span(&told), &head, &text), 0);
	cr_assert(span_eq_str(text, registration));
}

Test(referral, a_nonce_is_good_once)
{
	(void)strcpy(client.guest.nonce, "ffeeddccbbaa99887766554433221100");
	make(registration);
	cr_assert_str_eq(client.guest.nonce, "");
	make(registration);
	cr_assert_str_eq(head_told().guest.nonce, "");
}

Test(referral, the_answer_is_the_clients_and_so_is_what_the_master_knows_of_it)
{
	make(registration);
	answer(head_told().token, "{\"type\":\"4\"}\n");
	cr_assert_eq(answered, 1);
	cr_assert_eq(last->state, REQUEST_ANSWERED);
	cr_assert(span_eq_str(buf_span(&last->answer), "{\"type\":\"4\"}\n"));
	cr_assert(timeout_list_empty(&front.with_master));
	cr_assert_str_eq(client.guest.nonce, "00112233445566778899aabbccddeeff");
	cr_assert(client.guest.proven && client.guest.incarnation == 42);
}

Test(referral, a_master_without_memory_for_an_answer_ends_the_connection)
{
	make(registration);
	answer(head_told().token, "");
	cr_assert(answered == 1 && lost == 1);
	cr_assert_eq(buf_len(&last->answer), 0);
}

Test(referral, answers_in_any_order_find_their_registration)
{
	uint64_t token[3];

	for (int i = 0; i < 3; i++) {
		make(registration);
		token[i] = head_told().token;
	}
	cr_assert(token[0] != token[1] && token[1] != token[2] && token[0] != token[2]);
	answer(token[1], "second");
	cr_assert(span_eq_str(buf_span(&last->answer), "second"));
	cr_assert_eq(last, TAILQ_NEXT(TAILQ_FIRST(&client.requests), order));
	answer(token[2], "third");
	answer(token[0], "first");
	cr_assert_eq(last, TAILQ_FIRST(&client.requests));
	cr_assert(span_eq_str(buf_span(&last->answer), "first"));
	cr_assert_eq(answered, 3);
}

Test(referral, an_answer_that_nobody_waits_for_is_passed_over)
{
	struct registration_msg head;

	make(registration);
	answer(head_told().token + 1, "somebody's");
	cr_assert_eq(answered, 0);
	head = head_told();
	registration_forward_end(&front, span_of((const char *)&head, sizeof head - 1));
	registration_forward_end(&front, span_of(NULL, 0));
	cr_assert_eq(answered, 0);
	answer(head.token, "mine");
	answer(head.token, "mine again");
	cr_assert_eq(answered, 1);
	cr_assert(span_eq_str(buf_span(&last->answer), "mine"));
}

Test(referral, one_that_is_too_long_is_refused_here)
{
	static char text[REGISTRATION_MAX + 256];
	int n = snprintf(text, sizeof text,
			 "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
			 "\"listenport\":\"5\",\"x\":\"");

	memset(text + n, 'x', (size_t)(REGISTRATION_MAX - n - 2));
	(void)strcpy(text + REGISTRATION_MAX - 2, "\"}");
	make(text);
	cr_assert(tells == 1 && refused.code == PACKET_OK, "8192 bytes are taken");
	(void)strcpy(text + REGISTRATION_MAX - 2, "x\"}");
	make(text);
	cr_assert_eq(tells, 1);
	cr_assert_eq(refused.code, PACKET_TOO_LARGE);
	cr_assert_str_eq(refused.why, "a registration of more than 8192 bytes");
	cr_assert_eq(client.n, 1);
}

Test(referral, where_the_master_takes_no_more_the_client_is_told_to_come_back)
{
	no_line = true;
	make(registration);
	cr_assert_eq(answered, 1);
	cr_assert_eq(last->state, REQUEST_ANSWERED);
	cr_assert_eq(buf_append(&last->answer, "", 1), 0);
	cr_assert_str_eq(last->answer.base + last->answer.head,
			 "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"9\",\"payloadsize\":0,"
			 "\"payload\":\"\",\"code\":\"overloaded\","
			 "\"message\":\"registrations pile up\",\"retryafter\":1000}\n");
	cr_assert(timeout_list_empty(&front.with_master), "no answer is to come");
	no_line = false;
	make(registration);
	cr_assert_eq(tells, 1);
}

Test(referral, without_memory_the_client_is_gone_and_nobody_is_told)
{
	no_memory = true;
	make(registration);
	cr_assert(tells == 0 && answered == 0 && timeout_list_empty(&front.with_master));
}

Test(referral, one_that_the_master_does_not_answer_is_told_to_come_back)
{
	uint64_t token;

	make(registration);
	token = head_told().token;
	registration_forward_tick(&front, clock_ms() + 5000);
	cr_assert_eq(answered, 0);
	registration_forward_tick(&front, clock_ms() + 20000);
	cr_assert_eq(answered, 1);
	cr_assert(timeout_list_empty(&front.with_master));
	cr_assert_eq(last->state, REQUEST_ANSWERED);
	cr_assert_eq(buf_append(&last->answer, "", 1), 0);
	cr_assert_not_null(
		strstr(last->answer.base + last->answer.head, "\"code\":\"overloaded\""));
	answer(token, "late");
	registration_forward_tick(&front, clock_ms() + 40000);
	cr_assert_eq(answered, 1, "once");
}
