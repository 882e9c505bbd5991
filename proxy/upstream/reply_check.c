/* reply_check.c - see reply_check.h. */
#include "reply_check.h"

#include <errno.h>
#include <stdio.h>

#include "digest.h"
#include "json_simd.h"
#include "packet.h"

const char *const reply_check_words[] = {"shape", "digest", "packet", NULL};

struct reply_check
reply_check_of(enum reply_check_how how, const char *job)
{
	const struct job *j = job_find(span_str(job));

	return (struct reply_check){
		.sha1 = how == REPLY_CHECK_SHAPE && j == job_at(0), .how = how, .job = j};
}

/* In three blocks, of which the last two overlap. */
static bool
is_hex(struct span s)
{
	return s.n == DIGEST_HEX && json_simd_hex_16(s.p) &&
	       json_simd_hex_16(s.p + JSON_SIMD_BLOCK) &&
	       json_simd_hex_16(s.p + DIGEST_HEX - JSON_SIMD_BLOCK);
}

/* Of the bytes that the payload stands for in base64.  A server that does not know `encoding` gives
 * that of the text. */
static bool
is_digest_of_bytes(struct span digest, const struct packet *p, struct span payload,
		   const struct job *job)
{
	char hex[DIGEST_HEX_MAX + 1];
	struct buf bytes = BUF_INIT;
	bool right = false;

	if (!span_eq_str(packet_scalar(p, "encoding"), "base64"))
		return false;
	if (digest_unbase64(&bytes, payload) == 0)
		right = span_eq(digest, job_digest(job, buf_span(&bytes), hex));
	else
		right = errno == ENOMEM;
	buf_release(&bytes);
	return right;
}

static bool
is_digest_of(struct span digest, const struct request *r, const struct job *job)
{
	char hex[DIGEST_HEX_MAX + 1];
	struct buf scratch = BUF_INIT;
	struct packet_fault fault;
	struct packet p;
	struct span payload;
	/* Without memory to look it is believed. */
	bool right = packet_parse(&p, r->text, &fault) < 0 ||
		     packet_payload(&p, &scratch, &payload) < 0 ||
		     span_eq(digest, job_digest(job, payload, hex)) ||
		     is_digest_of_bytes(digest, &p, payload, job);

	buf_release(&scratch);
	return right;
}

/* Asked as the proxy's own probes do, a server runs nothing: its reply is empty, whatever its job.
 */
static bool
asks_as_probe(const struct request *r)
{
	struct packet_fault fault;
	struct packet p;

	return packet_parse(&p, r->text, &fault) == 0 &&
	       span_eq_str(packet_scalar(&p, "probe"), "1");
}

static enum reply_check_result
wrong(enum failure_cause *cause, enum failure_cause what)
{
	*cause = what;
	return REPLY_CHECK_WRONG;
}

static enum reply_check_result
judge_sha1(const struct packet *p, enum failure_cause *cause)
{
	struct buf scratch = BUF_INIT;
	struct packet_fault fault;
	struct span payload;
	enum reply_check_result result = REPLY_CHECK_FINE;

	if (packet_payload(p, &scratch, &payload) < 0)
		return REPLY_CHECK_FINE; /* no memory to look */
	if (!is_hex(payload))
		result = wrong(cause, CAUSE_NO_DIGEST);
	else if (packet_check_size(p, payload, &fault) < 0)
		result = wrong(cause, CAUSE_WRONG_SIZE);
	buf_release(&scratch);
	return result;
}

static bool
has_form(const struct request *r, const struct reply_check *c, struct span payload)
{
	return c->how == REPLY_CHECK_PACKET || job_fits(c->job, payload) ||
	       (payload.n == 0 && !job_is_digest(c->job) && asks_as_probe(r));
}

static enum reply_check_result
judge_job(const struct request *r, const struct packet *p, const struct reply_check *c,
	  enum failure_cause *cause)
{
	bool digest = c->how == REPLY_CHECK_DIGEST && job_is_digest(c->job);
	struct buf scratch = BUF_INIT;
	struct packet_fault fault;
	struct span payload;
	enum reply_check_result result = REPLY_CHECK_FINE;

	if (packet_payload(p, &scratch, &payload) < 0)
		return REPLY_CHECK_FINE; /* no memory to look */
	if (!has_form(r, c, payload))
		result = wrong(cause, c->job == job_at(0) ? CAUSE_NO_DIGEST : CAUSE_WRONG_FORM);
	else if (packet_check_size(p, payload, &fault) < 0)
		result = wrong(cause, CAUSE_WRONG_SIZE);
	else if (digest && !is_digest_of(payload, r, c->job))
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

enum reply_check_result
reply_check_reply(const struct request *r, struct span reply,
		  const struct json_text_object *members, const struct reply_check *check,
		  enum failure_cause *cause)
{
	struct packet p;
	struct packet_fault fault;

	if (packet_check(&p, reply, members, &fault) < 0)
		return wrong(cause, CAUSE_GARBAGE);
	if (p.type != PACKET_REPLY && p.type != PACKET_ERROR)
		return wrong(cause, CAUSE_WRONG_TYPE);
	if (!packet_answers(&p, r->srcid))
		return wrong(cause, CAUSE_WRONG_DESTID);
	if (p.type == PACKET_ERROR)
		return is_declined(&p) ? REPLY_CHECK_DECLINED : REPLY_CHECK_REFUSED;
	return check->sha1 ? judge_sha1(&p, cause) : judge_job(r, &p, check, cause);
}

static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

const char *
reply_check_reason(struct span error, char out[REPLY_CHECK_REASON])
{
	struct packet p;
	struct packet_fault fault;
	struct span words;

	out[0] = '\0';
	if (packet_parse(&p, error, &fault) < 0)
		return out;
	words = packet_scalar(&p, "message");
	if (is_plain(words))
		(void)snprintf(out, REPLY_CHECK_REASON, "%.*s", SPAN_ARG(words));
	return out;
}

unsigned
reply_check_retry_after(struct span error)
{
	struct packet p;
	struct packet_fault fault;
	int64_t ms = 0;

	if (packet_parse(&p, error, &fault) < 0 ||
	    !span_eq_str(packet_scalar(&p, "code"), packet_code_text(PACKET_OVERLOADED)) ||
	    packet_number(&p, "retryafter", 0, INT64_MAX, &ms) <= 0)
		return 0;
	return ms < REPLY_CHECK_RETRY_MAX ? (unsigned)ms : REPLY_CHECK_RETRY_MAX;
}
