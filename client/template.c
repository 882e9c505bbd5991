/* template.c - see template.h. */
#include "template.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum part { PART_SRCID, PART_POLICY, PART_PAYLOAD, PART_SIZE, PART_ENCODING, PARTS };

static int refuse(char why[TEMPLATE_WHY], const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
refuse(char why[TEMPLATE_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, TEMPLATE_WHY, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- the payload of a request ---- */

/* splitmix64. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int
put_random(struct buf *out, size_t n, uint64_t *state)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .";
	char *to = n > 0 ? buf_reserve(out, n) : NULL;
	uint64_t bits = 0;

	if (n == 0)
		return 0;
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < n; i++, bits >>= 6) {
		if (i % 10 == 0)
			bits = next_random(state);
		to[i] = letters[bits & 63];
	}
	buf_commit(out, n);
	return 0;
}

static int
make_payload(struct template *t)
{
	buf_clear(&t->payload);
	if (t->conf.kind == TEMPLATE_RANDOM)
		return put_random(&t->payload, t->conf.size, &t->random);
	if (buf_append_span(&t->payload, buf_span(&t->base)) < 0)
		return -1;
	return t->conf.vary ? buf_printf(&t->payload, " %" PRIu64, t->made + 1) : 0;
}

/* ---- the request around it ---- */

static bool
is_number(struct span s)
{
	size_t digits = s.n > 0 && s.p[0] == '-' ? 1 : 0;

	if (s.n == digits || (s.p[digits] == '0' && s.n > 1))
		return false;
	for (size_t i = digits; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* In the form of the value that it replaces. */
static int
put_form(struct buf *out, const struct json_text_member *old, struct span value)
{
	if (old->kind == JSON_TEXT_NUMBER && is_number(value))
		return buf_append_span(out, value);
	return json_text_quote(out, value);
}

static int
put_size(struct buf *out, const struct json_text_member *old, size_t n)
{
	char digits[24];

	(void)snprintf(digits, sizeof digits, "%zu", n);
	return put_form(out, old, span_str(digits));
}

static bool
says_base64(const struct template *t)
{
	const struct json_text_member *m = t->member[PART_ENCODING];

	return m != NULL && span_eq_str(json_text_inner(m), "base64");
}

static bool
replaces_payload(const struct template *t)
{
	const struct template_conf *c = &t->conf;

	return c->kind != TEMPLATE_KEEP || c->vary || (c->base64 && !says_base64(t));
}

/* The payload as it stands in the request. */
static struct span
sent_payload(const struct template *t)
{
	return buf_span(t->conf.base64 ? &t->encoded : &t->payload);
}

static int
put_value(struct template *t, const struct json_text_member *m)
{
	const struct template_conf *c = &t->conf;

	if (m == t->member[PART_SRCID] && c->id != NULL)
		return put_form(&t->text, m, span_str(c->id));
	if (m == t->member[PART_POLICY] && c->policy != NULL)
		return put_form(&t->text, m, span_str(c->policy));
	if (m == t->member[PART_PAYLOAD] && replaces_payload(t))
		return json_text_quote(&t->text, sent_payload(t));
	if (m == t->member[PART_SIZE] && replaces_payload(t))
		return put_size(&t->text, m, sent_payload(t).n);
	if (m == t->member[PART_ENCODING] && t->conf.base64)
		return buf_append_str(&t->text, "\"base64\"");
	return buf_append_span(&t->text, m->value);
}

static int
make_text(struct template *t)
{
	const struct json_text_object *o = &t->packet.object;
	const char *at = t->packet.text.p, *end = at + t->packet.text.n;
	bool added = t->conf.base64 && t->member[PART_ENCODING] == NULL;

	buf_clear(&t->text);
	for (size_t i = 0; i < o->n; i++) {
		const struct json_text_member *m = &o->member[i];

		if (buf_append(&t->text, at, (size_t)(m->value.p - at)) < 0 || put_value(t, m) < 0)
			return -1;
		at = m->value.p + m->value.n;
	}
	/* Nothing but white space stands between the last member and the brace, which ends it. */
	if (added && (buf_append_str(&t->text, ",\"encoding\":\"base64\"") < 0))
		return -1;
	if (buf_append(&t->text, at, (size_t)(end - at)) < 0)
		return -1;
	return buf_append_str(&t->text, "\n");
}

static int
make_request(struct template *t)
{
	buf_clear(&t->encoded);
	if (make_payload(t) < 0 ||
	    (t->conf.base64 && digest_base64(&t->encoded, buf_span(&t->payload)) < 0) ||
	    make_text(t) < 0)
		return -1;
	t->size = buf_len(&t->payload);
	if (t->conf.job != NULL)
		(void)job_digest(t->conf.job, buf_span(&t->payload), t->digest);
	return 0;
}

int
template_next(struct template *t, struct buf *out, char digest[DIGEST_HEX_MAX])
{
	/* The first one was made when t was. */
	if (t->conf.vary && t->made > 0 && make_request(t) < 0)
		return -1;
	if (buf_append_span(out, buf_span(&t->text)) < 0)
		return -1;
	if (t->conf.job != NULL)
		memcpy(digest, t->digest, t->conf.job->digits);
	t->made++;
	return 0;
}

/* ---- making the template ---- */

static struct span
trimmed(struct span s)
{
	static const char space[] = " \t\r\n";

	while (s.n > 0 && memchr(space, s.p[0], sizeof space - 1) != NULL)
		s = span_of(s.p + 1, s.n - 1);
	while (s.n > 0 && memchr(space, s.p[s.n - 1], sizeof space - 1) != NULL)
		s.n--;
	return s;
}

static int
take_source(struct template *t)
{
	const struct template_conf *c = &t->conf;

	if (c->packet.n > 0)
		return buf_append_span(&t->source, trimmed(c->packet));
	return packet_request(&t->source, c->id, c->policy, span_of(NULL, 0));
}

static int
judge_request(struct packet *p, struct span text, char why[TEMPLATE_WHY])
{
	struct packet_fault fault;

	if (packet_parse(p, text, &fault) < 0)
		return refuse(why, "no request packet: %s", fault.why);
	if (p->type != PACKET_REQUEST)
		return refuse(why, "no request packet: its type is %d", p->type);
	return 0;
}

static int
read_source(struct template *t, char why[TEMPLATE_WHY])
{
	static const char *const keys[PARTS] = {"srcid", "privPoliId", "payload", "payloadsize",
						"encoding"};
	struct span payload = t->conf.payload;

	if (judge_request(&t->packet, buf_span(&t->source), why) < 0)
		return -1;
	for (size_t i = 0; i < PARTS; i++)
		t->member[i] = json_text_find(&t->packet.object, keys[i]);
	if (t->member[1] == NULL) /* the other spelling */
		t->member[1] = json_text_find(&t->packet.object, "privPolyId");
	/* t->payload is but a scratch here. */
	if (t->conf.kind == TEMPLATE_KEEP && packet_payload(&t->packet, &t->payload, &payload) < 0)
		return refuse(why, "out of memory");
	if (t->conf.kind == TEMPLATE_KEEP && says_base64(t)) {
		if (digest_unbase64(&t->base, payload) < 0)
			return refuse(why, errno == EINVAL ? "the payload is no base64"
							   : "out of memory");
	} else if (buf_append_span(&t->base, payload) < 0) {
		return refuse(why, "out of memory");
	}
	t->conf.base64 = t->conf.base64 || says_base64(t);
	return 0;
}

/* What was made must be a request that says what it was told to: quoting has replaced what is not
 * UTF-8. */
static int
judge_result(struct template *t, char why[TEMPLATE_WHY])
{
	struct buf scratch = BUF_INIT;
	struct span payload = span_of(NULL, 0);
	struct packet p;
	int result;

	if (buf_len(&t->text) > t->conf.max)
		return refuse(why, "too large: the packet has %zu bytes, %zu are allowed",
			      buf_len(&t->text), t->conf.max);
	if (judge_request(&p, buf_span(&t->text), why) < 0)
		return -1;
	result = packet_payload(&p, &scratch, &payload);
	if (result < 0)
		(void)refuse(why, "out of memory");
	else if (replaces_payload(t) && !span_eq(payload, sent_payload(t)))
		result = refuse(why,
				"the payload is not UTF-8 (--encoding base64 sends any bytes)");
	buf_release(&scratch);
	(void)snprintf(t->srcid, sizeof t->srcid, "%.*s", SPAN_ARG(packet_scalar(&p, "srcid")));
	(void)snprintf(t->policy, sizeof t->policy, "%.*s", SPAN_ARG(p.policy));
	return result;
}

int
template_init(struct template *t, const struct template_conf *conf, char why[TEMPLATE_WHY])
{
	assert(conf->packet.n > 0 || (conf->id != NULL && conf->policy != NULL));
	*t = (struct template){.conf = *conf, .random = conf->seed};
	if (take_source(t) < 0)
		return refuse(why, "out of memory");
	if (read_source(t, why) < 0)
		return -1;
	if (make_request(t) < 0)
		return refuse(why, "out of memory");
	t->conf.packet = t->conf.payload = span_of(NULL, 0); /* the caller's, not needed any more */
	return judge_result(t, why);
}

void
template_free(struct template *t)
{
	buf_release(&t->source);
	buf_release(&t->base);
	buf_release(&t->payload);
	buf_release(&t->encoded);
	buf_release(&t->text);
}
