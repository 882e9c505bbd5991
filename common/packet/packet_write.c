/* packet_write.c - the writing half of packet.h. */
#include <string.h>

#include "packet.h"

/* An integer as JSON would write it, so that it may lose its quotes and mean the same. */
static bool
is_integer(struct span s)
{
	size_t digits = s.n > 0 && s.p[0] == '-' ? 1 : 0;

	if (s.n == digits || (s.p[digits] == '0' && s.n > 1))
		return false;
	for (size_t i = digits; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* A packet is appended whole or not at all: whatever failed, out is as long as it was. */
static int
end_packet(struct buf *out, size_t before, int result)
{
	if (result < 0)
		out->tail -= buf_len(out) - before;
	if (buf_len(out) == 0)
		buf_clear(out);
	return result;
}

static int
put_decimal(struct buf *out, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return buf_append(out, digits + i, sizeof digits - i);
}

/* As a number where that is asked for and means the same, as a string otherwise. */
static int
put_form(struct buf *out, struct span text, bool number)
{
	if (number && is_integer(text))
		return buf_append_span(out, text);
	return json_text_quote(out, text);
}

/* lead is the key with what stands around it. */
static int
put_string(struct buf *out, const char *lead, struct span value)
{
	return buf_append_str(out, lead) < 0 ? -1 : json_text_quote(out, value);
}

static int
put_number(struct buf *out, const char *lead, uint64_t value)
{
	return buf_append_str(out, lead) < 0 ? -1 : put_decimal(out, value);
}

/* {"type":..,"srcid":..,"destid":.. of an answer to p. */
static int
put_head(struct buf *out, const char *type, const struct packet *p, const char *srcid)
{
	bool number = p != NULL && p->type_number;

	if (buf_append_str(out, "{\"type\":") < 0 || put_form(out, span_str(type), number) < 0 ||
	    buf_append_str(out, ",\"srcid\":") < 0 || put_form(out, span_str(srcid), number) < 0 ||
	    buf_append_str(out, ",\"destid\":") < 0)
		return -1;
	return buf_append_span(out, p != NULL ? packet_sender(p) : span_str("\"\""));
}

static int
put_payload(struct buf *out, struct span payload)
{
	if (put_number(out, ",\"payloadsize\":", payload.n) < 0)
		return -1;
	return put_string(out, ",\"payload\":", payload);
}

static int
put_reply(struct buf *out, const struct packet *request, const char *srcid, struct span payload)
{
	if (put_head(out, "2", request, srcid) < 0 || put_payload(out, payload) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
packet_reply(struct buf *out, const struct packet *request, const char *srcid, struct span payload)
{
	size_t before = buf_len(out);

	return end_packet(out, before, put_reply(out, request, srcid, payload));
}

static int
put_error(struct buf *out, const struct packet *request, const char *srcid, enum packet_code code,
	  const char *message, unsigned retry_after_ms)
{
	if (put_head(out, "3", request, srcid) < 0 || put_payload(out, span_of(NULL, 0)) < 0 ||
	    put_string(out, ",\"code\":", span_str(packet_code_text(code))) < 0 ||
	    put_string(out, ",\"message\":", span_str(message)) < 0)
		return -1;
	if (retry_after_ms > 0 && put_number(out, ",\"retryafter\":", retry_after_ms) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
packet_error(struct buf *out, const struct packet *request, const char *srcid,
	     enum packet_code code, const char *message, unsigned retry_after_ms)
{
	size_t before = buf_len(out);

	return end_packet(out, before,
			  put_error(out, request, srcid, code, message, retry_after_ms));
}

static int
put_request(struct buf *out, const char *srcid, const char *policy, struct span payload)
{
	if (put_string(out, "{\"type\":\"0\",\"srcid\":", span_str(srcid)) < 0 ||
	    put_string(out, ",\"privPoliId\":", span_str(policy)) < 0 ||
	    put_payload(out, payload) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
packet_request(struct buf *out, const char *srcid, const char *policy, struct span payload)
{
	size_t before = buf_len(out);

	return end_packet(out, before, put_request(out, srcid, policy, payload));
}

/* A number as a string; nothing at all for 0. */
static int
put_announced(struct buf *out, const char *lead, uint64_t value)
{
	if (value == 0)
		return 0;
	return put_number(out, lead, value) < 0 ? -1 : buf_append_str(out, "\"");
}

/* As a string; nothing at all for an empty one. */
static int
put_text(struct buf *out, const char *lead, const char *value)
{
	return value[0] == '\0' ? 0 : put_string(out, lead, span_str(value));
}

static int
put_signing(struct buf *out, const struct packet_signing *s)
{
	if (put_text(out, ",\"keyid\":", s->keyid) < 0 ||
	    put_announced(out, ",\"epoch\":\"", s->epoch) < 0 ||
	    put_text(out, ",\"salt\":", s->salt) < 0)
		return -1;
	return put_text(out, ",\"mac\":", s->mac);
}

static int
put_port(struct buf *out, const struct packet_announcement *a)
{
	if (put_number(out, a->numbers ? ",\"listenport\":" : ",\"listenport\":\"", a->port) < 0)
		return -1;
	return a->numbers ? 0 : buf_append_str(out, "\"");
}

static int
put_register(struct buf *out, const struct packet_announcement *a)
{
	if (buf_append_str(out, a->numbers ? "{\"type\":1" : "{\"type\":\"1\"") < 0 ||
	    put_string(out, ",\"id\":", span_str(a->id)) < 0 ||
	    put_string(out, ",\"privPolyId\":", span_str(a->policy)) < 0 || put_port(out, a) < 0)
		return -1;
	if (put_text(out, ",\"host\":", a->host) < 0 ||
	    put_announced(out, ",\"ack\":\"", a->ack) < 0 ||
	    put_announced(out, ",\"keepalive\":\"", a->keepalive) < 0 ||
	    put_announced(out, ",\"tls\":\"", a->tls) < 0)
		return -1;
#define PUT_NUMBER(name, max, usual)                              \
	if (put_announced(out, ",\"" #name "\":\"", a->name) < 0) \
		return -1;
	PACKET_ANNOUNCED(PUT_NUMBER)
#undef PUT_NUMBER
	if (put_text(out, ",\"job\":", a->job) < 0 ||
	    put_text(out, ",\"repeat\":", a->once ? "0" : "") < 0 ||
	    put_announced(out, ",\"backup\":\"", a->backup) < 0 ||
	    put_text(out, ",\"jobkeys\":", a->jobkeys) < 0)
		return -1;
	return put_signing(out, &a->sign) < 0 ? -1 : buf_append_str(out, "}");
}

void
packet_leave_out_defaults(struct packet_announcement *a)
{
#define LEAVE_OUT(name, max, usual) \
	if (a->name == (usual))     \
		a->name = 0;
	PACKET_ANNOUNCED(LEAVE_OUT)
#undef LEAVE_OUT
	if (strcmp(a->job, PACKET_JOB) == 0)
		a->job[0] = '\0';
}

int
packet_register(struct buf *out, const struct packet_announcement *a)
{
	size_t before = buf_len(out);

	return end_packet(out, before, put_register(out, a));
}

static int
put_deregister(struct buf *out, const struct packet_announcement *a)
{
	if (put_string(out, "{\"type\":\"5\",\"id\":", span_str(a->id)) < 0 ||
	    put_string(out, ",\"privPolyId\":", span_str(a->policy)) < 0 ||
	    put_announced(out, ",\"ack\":\"", a->ack) < 0 || put_signing(out, &a->sign) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
packet_deregister(struct buf *out, const struct packet_announcement *a)
{
	size_t before = buf_len(out);

	return end_packet(out, before, put_deregister(out, a));
}

static int
put_ack(struct buf *out, const struct packet *announcement, const char *srcid, const char *verb,
	const struct packet_proof *proof, const struct packet_news *news)
{
	static const struct packet_news none;

	if (news == NULL)
		news = &none;
	if (put_head(out, "4", announcement, srcid) < 0 ||
	    buf_append_str(out, ",\"privPolyId\":") < 0 ||
	    buf_append_span(out, announcement->policy_raw) < 0 ||
	    put_string(out, ",\"verb\":", span_str(verb)) < 0)
		return -1;
	if (proof != NULL && (put_text(out, ",\"nonce\":", proof->nonce) < 0 ||
			      put_text(out, ",\"mac\":", proof->mac) < 0))
		return -1;
	if ((news->rival != NULL && put_text(out, ",\"rival\":", news->rival) < 0) ||
	    (news->proxies != NULL && put_text(out, ",\"proxies\":", news->proxies) < 0) ||
	    (news->replytimeout > 0 &&
	     put_number(out, ",\"replytimeout\":", news->replytimeout) < 0) ||
	    (proof != NULL && put_text(out, ",\"proxiesmac\":", proof->proxiesmac) < 0))
		return -1;
	return buf_append_str(out, "}");
}

int
packet_ack(struct buf *out, const struct packet *announcement, const char *srcid, const char *verb,
	   const struct packet_proof *proof, const struct packet_news *news)
{
	size_t before = buf_len(out);

	return end_packet(out, before, put_ack(out, announcement, srcid, verb, proof, news));
}
