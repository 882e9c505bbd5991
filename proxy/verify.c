/* verify.c - see verify.h. */
#include "verify.h"

#include "bytes.h"
#include "digest.h"
#include "packet.h"

const char *const verify_words[] = {"shape", "digest", NULL};

/* In three blocks, of which the last two overlap. */
static bool
is_hex(struct span s)
{
	return s.n == DIGEST_HEX && bytes_hex_16(s.p) && bytes_hex_16(s.p + BYTES_BLOCK) &&
	       bytes_hex_16(s.p + DIGEST_HEX - BYTES_BLOCK);
}

static bool
is_digest_of(struct span digest, const struct request *r)
{
	char hex[DIGEST_HEX + 1];
	struct buf scratch = BUF_INIT;
	struct packet_fault fault;
	struct packet p;
	struct span payload;
	/* Without memory to look it is believed. */
	bool right = packet_parse(&p, r->text, &fault) < 0 ||
		     packet_payload(&p, &scratch, &payload) < 0;

	if (!right) {
		digest_sha1_hex(payload, hex);
		right = span_eq_str(digest, hex);
	}
	buf_release(&scratch);
	return right;
}

static enum verify_result
wrong(enum incident_cause *cause, enum incident_cause what)
{
	*cause = what;
	return VERIFY_WRONG;
}

static enum verify_result
judge_digest(const struct request *r, const struct packet *p, enum verify_how how,
	     enum incident_cause *cause)
{
	struct buf scratch = BUF_INIT;
	struct packet_fault fault;
	struct span payload;
	enum verify_result result = VERIFY_FINE;

	if (packet_payload(p, &scratch, &payload) < 0)
		return VERIFY_FINE; /* no memory to look */
	if (!is_hex(payload))
		result = wrong(cause, CAUSE_NO_DIGEST);
	else if (packet_check_size(p, payload, &fault) < 0)
		result = wrong(cause, CAUSE_WRONG_SIZE);
	else if (how == VERIFY_DIGEST && !is_digest_of(payload, r))
		result = wrong(cause, CAUSE_WRONG_DIGEST);
	buf_release(&scratch);
	return result;
}

/* Errors that another server would not answer with. */
static bool
is_declined(const struct packet *p)
{
	static const enum packet_code codes[] = {PACKET_SHUTTING_DOWN, PACKET_OVERLOADED,
						 PACKET_UNKNOWN_POLICY};
	struct span code = packet_scalar(p, "code");

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (span_eq_str(code, packet_code_text(codes[i])))
			return true;
	return false;
}

enum verify_result
verify_reply(const struct request *r, struct span reply, const struct jsontext_object *members,
	     enum verify_how how, enum incident_cause *cause)
{
	struct packet p;
	struct packet_fault fault;

	if (packet_judge(&p, reply, members, &fault) < 0)
		return wrong(cause, CAUSE_GARBAGE);
	if (p.type != PACKET_REPLY && p.type != PACKET_ERROR)
		return wrong(cause, CAUSE_WRONG_TYPE);
	if (!span_eq(packet_scalar(&p, "destid"), r->srcid))
		return wrong(cause, CAUSE_WRONG_DESTID);
	if (p.type == PACKET_ERROR)
		return is_declined(&p) ? VERIFY_DECLINED : VERIFY_REFUSED;
	return judge_digest(r, &p, how, cause);
}
