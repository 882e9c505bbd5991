/* Whatever is read can be written and read again as the same; whatever is not can be answered with
 * an error that is a packet; what the fast look takes, the slow one takes with the same members. */
#include "packet.h"
#include "fuzz.h"
#include "json_fast.h"

static void
compare_looks(struct span text)
{
	static struct json_text_object fast, slow;
	size_t at;

	if (!glance(text, &fast))
		return;
	HOLDS(json_text_scan(text, PACKET_DEPTH, &slow, &at) == JSON_TEXT_OK);
	HOLDS(fast.n == slow.n);
	for (size_t i = 0; i < fast.n; i++) {
		HOLDS(span_eq(fast.member[i].key, slow.member[i].key));
		HOLDS(span_eq(fast.member[i].value, slow.member[i].value));
		HOLDS(fast.member[i].kind == slow.member[i].kind);
		HOLDS(fast.member[i].value_escaped == slow.member[i].value_escaped);
	}
}

static void
is_packet(const struct buf *b)
{
	static struct packet p;
	struct packet_fault fault;

	HOLDS(packet_parse(&p, buf_span(b), &fault) == 0);
}

static void
announce(const struct packet *p)
{
	struct packet_announcement a, again;
	struct packet_fault fault;
	static struct packet q;
	struct buf out = BUF_INIT;

	if (packet_announced(p, &a, &fault) < 0)
		return;
	if (p->type == PACKET_REGISTER) {
		HOLDS(packet_register(&out, &a) == 0);
		is_packet(&out);
		HOLDS(packet_parse(&q, buf_span(&out), &fault) == 0);
		HOLDS(packet_announced(&q, &again, &fault) == 0);
		HOLDS(a.port == again.port && a.lease == again.lease && a.slots == again.slots);
		HOLDS(strcmp(a.id, again.id) == 0 && strcmp(a.policy, again.policy) == 0);
		HOLDS(strcmp(a.host, again.host) == 0 && strcmp(a.job, again.job) == 0);
		HOLDS(a.once == again.once && a.jobtimeout == again.jobtimeout);
		HOLDS(a.backup == again.backup);
		HOLDS(strcmp(a.jobkeys, again.jobkeys) == 0);
		HOLDS(memcmp(&a.sign, &again.sign, sizeof a.sign) == 0);
	}
	buf_clear(&out);
	HOLDS(packet_ack(&out, p, "proxy", "registered", NULL,
			 &(struct packet_news){.rival = "[::1]:5"}) == 0);
	is_packet(&out);
	buf_release(&out);
}

static void
read_payload(const struct packet *p)
{
	struct buf scratch = BUF_INIT, out = BUF_INIT;
	struct packet_fault fault;
	struct span payload;

	HOLDS(packet_payload(p, &scratch, &payload) == 0);
	(void)packet_check_size(p, payload, &fault);
	if (p->type == PACKET_REQUEST) {
		HOLDS(packet_reply(&out, p, "100", payload) == 0);
		is_packet(&out);
	}
	buf_release(&scratch);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet p;
	struct packet_fault fault = {.code = PACKET_OK};
	struct packet_proof proof;
	struct buf out = BUF_INIT;
	struct span verb;

	compare_looks(fuzz_span(data, size));
	if (packet_parse(&p, fuzz_span(data, size), &fault) < 0) {
		HOLDS(fault.code != PACKET_OK && fault.why[0] != '\0');
		HOLDS(packet_error(&out, &p, "proxy", fault.code, fault.why, 5) == 0);
		is_packet(&out);
	} else if (p.type == PACKET_REGISTER || p.type == PACKET_DEREGISTER) {
		announce(&p);
	} else if (p.type == PACKET_ACK) {
		packet_acknowledged(&p, &verb, &proof);
	} else {
		read_payload(&p);
	}
	buf_release(&out);
	return 0;
}
