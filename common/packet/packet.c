/* packet.c - see packet.h: packets judged.  Their values are read in packet_read.c, announcements
 * in packet_registration.c; packets are written in packet_write.c. */
#include <string.h>

#include "json_fast.h"
#include "packet_internal.h"

typedef int judge(const struct json_text_member *, const char *key, struct packet_fault *);

static int
judge_scalar(const struct json_text_member *m, const char *key, struct packet_fault *fault)
{
	if (m == NULL)
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (!packet_is_scalar(m))
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s must be a string or a number",
				     key);
	return 0;
}

static int
refuse_id(enum packet_id_fault what, struct span text, const char *key, struct packet_fault *fault)
{
	switch (what) {
	case PACKET_ID_FINE: return 0;
	case PACKET_ID_NO_SCALAR: break;
	case PACKET_ID_EMPTY: return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s is empty", key);
	case PACKET_ID_LONG:
		return packet_refuse(fault, PACKET_BAD_MESSAGE,
				     "%s is %zu bytes long: it may have %d", key, text.n,
				     PACKET_ID_MAX);
	case PACKET_ID_CONTROL:
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s has a control character", key);
	case PACKET_ID_NO_INTEGER:
		return packet_refuse(
			fault, PACKET_BAD_MESSAGE,
			"%s is %.*s: a number must be a plain integer, anything else a "
			"string",
			key, SPAN_ARG(text));
	}
	return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s must be a string or a number", key);
}

static int
judge_id(const struct json_text_member *m, const char *key, struct packet_fault *fault)
{
	char space[PACKET_ID_MAX];
	struct span text;

	if (m == NULL)
		return judge_scalar(m, key, fault);
	return refuse_id(packet_read_id(m, space, &text), text, key, fault);
}

/* What names a server or a policy in settings, logs and files. */
static int
judge_name(struct span text, const char *key, struct packet_fault *fault)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '"' || text.p[i] == '\\')
			return packet_refuse(fault, PACKET_BAD_MESSAGE,
					     "%s has a quote or a backslash", key);
	return 0;
}

int
packet_check_name(const struct json_text_member *m, const char *key, struct packet_fault *fault)
{
	char space[PACKET_ID_MAX];
	struct span text;

	if (m == NULL)
		return judge_scalar(m, key, fault);
	if (refuse_id(packet_read_id(m, space, &text), text, key, fault) < 0)
		return -1;
	return judge_name(text, key, fault);
}

int
packet_check_string(const struct json_text_member *m, const char *key, struct packet_fault *fault)
{
	if (m == NULL)
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (m->kind != JSON_TEXT_STRING)
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s must be a string", key);
	return 0;
}

static int
judge_payload(const struct json_text_member *m, const char *key, struct packet_fault *fault)
{
	if (m != NULL && m->kind != JSON_TEXT_STRING)
		return packet_refuse(fault, PACKET_BAD_PAYLOAD, "%s must be a string", key);
	return packet_check_string(m, key, fault);
}

int
packet_refuse_number(const struct json_text_member *m, const char *key, int64_t min, int64_t max,
		     struct packet_fault *fault)
{
	struct span shown = packet_excerpt(json_text_inner(m));

	if (m->kind == JSON_TEXT_OBJECT || m->kind == JSON_TEXT_ARRAY)
		shown = span_str("no scalar");
	return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s is %.*s: it must be %lld to %lld", key,
			     SPAN_ARG(shown), (long long)min, (long long)max);
}

/* A server at a Unix socket has no port, and says so. */
static int
judge_port(const struct packet *p, struct packet_fault *fault)
{
	static const char key[] = "listenport";
	const struct json_text_member *m = json_text_find(&p->object, key);
	bool path = packet_is_at_path(p);
	int64_t port;

	if (m == NULL)
		return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (packet_is_scalar(m) && packet_read_integer(json_text_inner(m), &port) &&
	    (path ? port == 0 : port >= 1 && port <= UINT16_MAX))
		return 0;
	if (path)
		return packet_refuse(fault, PACKET_BAD_MESSAGE,
				     "%s must be 0 where host is a Unix socket", key);
	return packet_refuse_number(m, key, 1, UINT16_MAX, fault);
}

/* What each type must have, but for the policy.  A destid is empty in an error that answers
 * something unreadable; the srcid of a reply may be anything. */
static const struct {
	enum packet_type type;
	const char *key;
	size_t n; /* bytes of key */
	judge *judge;
} needed[] = {
#define NEEDED(type, key, judge)                  \
	{                                         \
		type, key, sizeof(key) - 1, judge \
	}
	NEEDED(PACKET_REQUEST, "srcid", judge_id),
	NEEDED(PACKET_REQUEST, "payload", judge_payload),
	NEEDED(PACKET_REGISTER, "id", packet_check_name),
	NEEDED(PACKET_REPLY, "destid", judge_id),
	NEEDED(PACKET_REPLY, "payload", judge_payload),
	NEEDED(PACKET_ERROR, "destid", judge_scalar),
	NEEDED(PACKET_ERROR, "code", packet_check_string),
	NEEDED(PACKET_DEREGISTER, "id", packet_check_name),
#undef NEEDED
};

static int
judge_members(const struct packet *p, struct packet_fault *fault)
{
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		struct span key = span_of(needed[i].key, needed[i].n);

		if ((int)needed[i].type == p->type &&
		    needed[i].judge(json_text_find_span(&p->object, key), key.p, fault) < 0)
			return -1;
	}
	return 0;
}

/* The policy has two spellings, and peers that use either in either packet. */
static int
judge_policy(struct packet *p, struct packet_fault *fault)
{
	static const char request_key[] = "privPoliId", other_key[] = "privPolyId";
	const struct json_text_member *m = json_text_find(&p->object, request_key);
	const struct json_text_member *other = json_text_find(&p->object, other_key);
	const char *key = m != NULL ? request_key : other_key;
	char space[PACKET_ID_MAX];
	struct span text;

	if (m == NULL && other == NULL)
		return judge_scalar(NULL, p->type == PACKET_REQUEST ? request_key : other_key,
				    fault);
	if (m == NULL)
		m = other;
	if (refuse_id(packet_read_id(m, p->policy_space, &p->policy), p->policy, key, fault) < 0 ||
	    judge_name(p->policy, key, fault) < 0) {
		p->policy = span_of(NULL, 0);
		return -1;
	}
	p->policy_raw = m->value;
	if (other == NULL || other == m ||
	    (packet_read_id(other, space, &text) == PACKET_ID_FINE && span_eq(text, p->policy)))
		return 0;
	return packet_refuse(fault, PACKET_BAD_MESSAGE,
			     "privPoliId and privPolyId are both there, and not the same");
}

static bool
has_policy(const struct packet *p)
{
	return p->type == PACKET_REQUEST || p->type == PACKET_REGISTER ||
	       p->type == PACKET_DEREGISTER;
}

static void
read_type(struct packet *p)
{
	const struct json_text_member *m = json_text_find(&p->object, "type");
	struct span text = m != NULL && packet_is_scalar(m) ? json_text_inner(m) : span_of(NULL, 0);
	char space[PACKET_ID_MAX];

	if (text.n > 1 && m->value_escaped && packet_read_id(m, space, &text) != PACKET_ID_FINE)
		text = span_of(NULL, 0);
	p->policy = p->policy_raw = span_of(NULL, 0);
	p->type_number = m != NULL && m->kind == JSON_TEXT_NUMBER;
	p->type = -1;
	if (text.n == 1 && text.p[0] >= '0' && text.p[0] <= '0' + PACKET_DEREGISTER)
		p->type = text.p[0] - '0';
}

static int
judge_type(const struct packet *p, struct packet_fault *fault)
{
	struct span shown;

	if (p->type >= 0)
		return 0;
	if (judge_scalar(json_text_find(&p->object, "type"), "type", fault) < 0)
		return -1;
	shown = packet_excerpt(packet_raw(p, "type"));
	return packet_refuse(fault, PACKET_BAD_MESSAGE, "type is %.*s: it must be 0 to %d",
			     SPAN_ARG(shown), PACKET_DEREGISTER);
}

static int
refuse_text(enum json_text_status status, size_t at, struct packet_fault *fault)
{
	enum packet_code code = status == JSON_TEXT_UTF8 ? PACKET_BAD_PAYLOAD : PACKET_BAD_JSON;

	(void)packet_refuse(fault, code, "%s at byte %zu", json_text_describe(status), at);
	fault->lost = status == JSON_TEXT_SYNTAX;
	return -1;
}

static int
judge_packet(struct packet *p, struct packet_fault *fault)
{
	if (judge_type(p, fault) < 0 || judge_members(p, fault) < 0 ||
	    (p->type == PACKET_REGISTER && judge_port(p, fault) < 0))
		return -1;
	return has_policy(p) ? judge_policy(p, fault) : 0;
}

int
packet_parse(struct packet *p, struct span text, struct packet_fault *fault)
{
	enum json_text_status status = JSON_TEXT_OK;
	size_t at = 0;

	p->text = text;
	if (!glance(text, &p->object))
		status = json_text_scan(text, PACKET_DEPTH, &p->object, &at);
	read_type(p);
	return status != JSON_TEXT_OK ? refuse_text(status, at, fault) : judge_packet(p, fault);
}

int
packet_check(struct packet *p, struct span text, const struct json_text_object *members,
	     struct packet_fault *fault)
{
	if (members == NULL)
		return packet_parse(p, text, fault);
	p->text = text;
	p->object.n = members->n;
	p->object.key_escaped = members->key_escaped;
	memcpy(p->object.member, members->member, members->n * sizeof members->member[0]);
	read_type(p);
	return judge_packet(p, fault);
}
