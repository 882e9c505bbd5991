/* registration_reply: what a registration is answered, and what is logged and counted of that. */
#include "registration_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "peer_fixture.h"
#include "signature.h"

static char path[] = "/tmp/join-answer-test-XXXXXX";
static char log_text[8192];
static struct registration j;
static struct registration_stats counts;
static struct registration_peer guest;
static struct registration_handling h;
static struct buf out;
static const char asked[] =
	"{\"type\":1,\"id\":9,\"privPolyId\":1,\"listenport\":5,\"keyid\":\"alpha\"}";

static void
open_answer(void)
{
	struct log_options o = {.program = "prog", .target = path, .level = LOG_WARN};
	struct packet_fault fault;
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && close(fd) == 0 && log_open(&o) == 0);
	guest.peer = peer_at("192.0.2.7", 40000);
	j = (struct registration){.events = events_new(), .counts = &counts, .proxy_id = "proxy"};
	cr_assert_not_null(j.events);
	h = (struct registration_handling){.j = &j,
					   .guest = &guest,
					   .now = 1000,
					   .a = {.id = "9", .policy = "1", .port = 5},
					   .verb = REGISTRATION_REGISTERED};
	cr_assert_eq(packet_parse(&h.p, span_str(asked), &fault), 0, "%s", fault.why);
}

static void
close_answer(void)
{
	events_free(j.events);
	rate_limit_free(j.refusals);
	buf_release(&out);
	log_close();
	(void)unlink(path);
}

TestSuite(registration_answer, .init = open_answer, .fini = close_answer);

static const char *
logged(void)
{
	FILE *f = fopen(path, "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(log_text, 1, sizeof log_text - 1, f);
	log_text[n] = '\0';
	(void)fclose(f);
	return log_text;
}

static void
answers(bool fine, const char *wanted)
{
	buf_clear(&out);
	cr_assert_eq(registration_answer(&h, fine, &out), 0);
	cr_assert(span_eq_str(buf_span(&out), wanted), "%.*s", SPAN_ARG(buf_span(&out)));
}

static void
fault(enum packet_code code, const char *why, const char *truth)
{
	h.fault.code = code;
	(void)strcpy(h.fault.why, why);
	h.truth = truth;
}

Test(registration_answer, each_verb_has_its_word)
{
	cr_assert_str_eq(registration_verb_text(REGISTRATION_CHALLENGE), "challenge");
	cr_assert_str_eq(registration_verb_text(REGISTRATION_REGISTERED), "registered");
	cr_assert_str_eq(registration_verb_text(REGISTRATION_RENEWED), "renewed");
	cr_assert_str_eq(registration_verb_text(REGISTRATION_DEREGISTERED), "deregistered");
}

Test(registration_answer, what_was_done_is_acknowledged_in_the_form_of_the_packet)
{
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"registered\"}");
	(void)strcpy(h.rival, "127.0.0.1:6");
	h.verb = REGISTRATION_RENEWED;
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"renewed\",\"rival\":\"127.0.0.1:6\"}");
}

Test(registration_answer, of_further_proxies_who_asks_for_an_acknowledgement_is_told)
{
	j.proxies = "b:2100,unix:/x";
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"registered\"}");
	h.a.ack = true;
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"registered\",\"proxies\":\"b:2100,unix:/x\"}");
	h.verb = REGISTRATION_DEREGISTERED;
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"deregistered\"}");
}

Test(registration_answer, what_was_refused_is_answered_with_an_error_that_tells_no_truth)
{
	fault(PACKET_DENIED, "this registration is not accepted", "the key is not for this id");
	h.retry_after = 300;
	answers(false, "{\"type\":3,\"srcid\":\"proxy\",\"destid\":9,\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"denied\","
		       "\"message\":\"this registration is not accepted\",\"retryafter\":300}");
}

Test(registration_answer, a_challenge_is_a_nonce_and_no_mac)
{
	(void)strcpy(h.a.sign.keyid, "alpha");
	(void)strcpy(guest.nonce, "00112233445566778899aabbccddeeff");
	h.verb = REGISTRATION_CHALLENGE;
	answers(true, "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		      "\"verb\":\"challenge\",\"nonce\":\"00112233445566778899aabbccddeeff\"}");
}

Test(registration_answer, a_signed_one_is_proven_by_the_servers_key_and_names_no_rival)
{
	char mac[PACKET_MAC + 1], more[PACKET_MAC + 1], wanted[512];

	(void)strcpy(h.a.sign.keyid, "alpha");
	memset(h.a.sign.mac, 'a', PACKET_MAC);
	memset(h.key, 7, sizeof h.key);
	(void)strcpy(guest.nonce, "00112233445566778899aabbccddeeff");
	(void)strcpy(h.rival, "127.0.0.1:6");
	cr_assert_eq(signature_of_ack(h.key, h.a.sign.mac, "registered", guest.nonce, mac), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,"
		       "\"verb\":\"registered\",\"nonce\":\"%s\",\"mac\":\"%s\"}",
		       guest.nonce, mac);
	answers(true, wanted);
	j.proxies = "b:2100";
	h.a.ack = true;
	cr_assert_eq(signature_of_proxies(h.key, h.a.sign.mac, span_str("b:2100"), more), 0);
	wanted[strlen(wanted) - 1] = '\0';
	(void)snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted),
		       ",\"proxies\":\"b:2100\",\"proxiesmac\":\"%s\"}", more);
	answers(true, wanted);
}

Test(registration_answer, each_answer_is_counted_once)
{
	fault(PACKET_DENIED, "no", NULL);
	registration_count(&h, true);
	registration_count(&h, true);
	registration_count(&h, false);
	cr_assert_eq(counts.done[REGISTRATION_REGISTERED], 2);
	cr_assert_eq(counts.refused[PACKET_DENIED], 1);
	j.counts = NULL;
	registration_count(&h, true);
	cr_assert_eq(counts.done[REGISTRATION_REGISTERED], 2);
}

Test(registration_answer, the_log_knows_who_with_which_key_and_why)
{
	fault(PACKET_DENIED, "this registration is not accepted", "the truth");
	(void)strcpy(h.a.sign.keyid, "alpha");
	registration_log_refusal(&h);
	cr_assert_not_null(strstr(logged(), "msg=\"registration refused\" peer=192.0.2.7:40000 "
					    "code=denied key=alpha why=\"the truth\"\n"),
			   "%s", log_text);
	h.a.sign.keyid[0] = '\0';
	fault(PACKET_OVERLOADED, "later", NULL);
	registration_log_refusal(&h);
	cr_assert_not_null(strstr(logged(), "code=overloaded why=later\n"), "%s", log_text);
}

Test(registration_answer, the_events_know_it_by_its_address)
{
	const struct event_entry *e;

	fault(PACKET_DENIED, "this registration is not accepted", "the truth");
	registration_remember_refusal(&h);
	e = events_next(j.events, 0);
	cr_assert_not_null(e);
	cr_assert_eq(e->kind, EVENT_REFUSED);
	cr_assert_str_eq(e->id, "9");
	cr_assert_str_eq(e->policy, "1");
	cr_assert_not_null(strstr(e->why, "192.0.2.7"), "%s", e->why);
	cr_assert_not_null(strstr(e->why, "the truth"), "%s", e->why);
}

Test(registration_answer, a_denial_ends_what_was_proven)
{
	guest.proven = true;
	fault(PACKET_DENIED, "no", NULL);
	registration_charge(&h);
	cr_assert_not(guest.proven);
	cr_assert_eq(h.fault.code, PACKET_DENIED, "without a limit nobody is charged");
}

Test(registration_answer, too_many_denials_of_an_address_are_told_to_come_back)
{
	j.refusals = rate_limit_new(1, 2, RATE_LIMIT_OWN);
	cr_assert_not_null(j.refusals);
	for (int i = 0; i < 2; i++) {
		fault(PACKET_DENIED, "no", NULL);
		registration_charge(&h);
		cr_assert_eq(h.fault.code, PACKET_DENIED, "%d", i);
	}
	cr_assert_not_null(strstr(logged(), "an address causes many refusals"), "%s", log_text);
	fault(PACKET_DENIED, "no", NULL);
	registration_charge(&h);
	cr_assert_eq(h.fault.code, PACKET_OVERLOADED);
	cr_assert_str_eq(h.fault.why, "too many registrations were refused to this address");
	cr_assert(h.retry_after > 0 && h.retry_after <= 1001, "%u", h.retry_after);
	guest.peer = peer_at("192.0.2.8", 40000);
	fault(PACKET_DENIED, "no", NULL);
	registration_charge(&h);
	cr_assert_eq(h.fault.code, PACKET_DENIED, "another address has its own");
}
