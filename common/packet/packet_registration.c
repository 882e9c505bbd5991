/* packet_registration.c - reads announcements and their acknowledgements, types 1, 5 and 4; see
 * packet.h and packet_internal.h. */
#include <assert.h>
#include <string.h>

#include "addr.h"
#include "packet_internal.h"

/* A judged id. */
static void
copy_id(char to[PACKET_ID_MAX + 1], const struct packet *p, const char *key)
{
	char space[PACKET_ID_MAX];
	struct span id;

	(void)packet_read_id(json_text_find(&p->object, key), space, &id);
	assert(id.n <= PACKET_ID_MAX);
	memcpy(to, id.p, id.n);
	to[id.n] = '\0';
}

static void
copy_policy(char to[PACKET_ID_MAX + 1], struct span id)
{
	assert(id.n <= PACKET_ID_MAX);
	memcpy(to, id.p, id.n);
	to[id.n] = '\0';
}

/* A number that may be absent: 0 then. */
static int
read_number(const struct packet *p, const char *key, unsigned max, unsigned *out,
	    struct packet_fault *fault)
{
	int64_t value = 0;

	if (packet_number(p, key, 1, max, &value) < 0)
		return packet_refuse_number(json_text_find(&p->object, key), key, 1, max, fault);
	*out = (unsigned)value;
	return 0;
}

/* It has been judged in an announcement, not where a server leaves. */
static int
read_port(const struct packet *p, unsigned *port, struct packet_fault *fault)
{
	return packet_is_at_path(p) ? 0 : read_number(p, "listenport", UINT16_MAX, port, fault);
}

/* 1, 0, true or false; as it was where it is absent. */
static int
read_flag(const struct packet *p, const char *key, bool *out, struct packet_fault *fault)
{
	const struct json_text_member *m = json_text_find(&p->object, key);
	struct span text;

	if (m == NULL)
		return 0;
	text = json_text_inner(m);
	*out = span_eq_str(text, "1") || span_eq_str(text, "true");
	if (*out || span_eq_str(text, "0") || span_eq_str(text, "false"))
		return 0;
	return packet_refuse_number(m, key, 0, 1, fault);
}

bool
packet_is_at_path(const struct packet *p)
{
	const struct json_text_member *m = json_text_find(&p->object, "host");
	static const char unix_socket[] = "unix:";
	struct span host = m != NULL && m->kind == JSON_TEXT_STRING ? json_text_inner(m)
								    : span_of(NULL, 0);

	return host.n >= sizeof unix_socket - 1 &&
	       memcmp(host.p, unix_socket, sizeof unix_socket - 1) == 0;
}

/* 0, or -1 with the fault filled. */
static int
read_path(struct span text, struct packet_announcement *a, struct packet_fault *fault)
{
	size_t n = packet_decode(text, a->host, sizeof a->host - 1);
	const char *why = "a NUL byte is in it, or it is too long";
	struct addr at;

	a->host[n < sizeof a->host ? n : 0] = '\0';
	if (n == strlen(a->host) && addr_unix(&at, a->host, &why) == 0)
		return 0;
	text = packet_excerpt(text);
	return packet_refuse(fault, PACKET_BAD_MESSAGE, "host: %s: %.*s", why, SPAN_ARG(text));
}

/* What occurs in a name, in an IPv4 or an IPv6 address with its zone. */
static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);

		if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') &&
		    (c == '\0' || strchr(".-_:%", c) == NULL))
			return false;
	}
	return true;
}

static int
read_host(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	const struct json_text_member *m = json_text_find(&p->object, "host");
	struct span host, shown;

	if (m == NULL)
		return 0;
	if (packet_check_string(m, "host", fault) < 0)
		return -1;
	host = json_text_inner(m);
	if (packet_is_at_path(p))
		return read_path(host, a, fault);
	if (host.n < sizeof a->host && is_host(host)) {
		memcpy(a->host, host.p, host.n);
		a->host[host.n] = '\0';
		return 0;
	}
	shown = packet_excerpt(host);
	return packet_refuse(fault, PACKET_BAD_MESSAGE,
			     "host is %.*s: it must be an address or a name of at most %zu bytes",
			     SPAN_ARG(shown), sizeof a->host - 1);
}

static int
read_job_keys(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	const struct json_text_member *m = json_text_find(&p->object, "jobkeys");
	struct span keys, shown;

	if (m == NULL)
		return 0;
	if (packet_check_string(m, "jobkeys", fault) < 0)
		return -1;
	keys = json_text_inner(m);
	if (job_keys_is(keys)) {
		memcpy(a->jobkeys, keys.p, keys.n);
		a->jobkeys[keys.n] = '\0';
		return 0;
	}
	shown = packet_excerpt(keys);
	return packet_refuse(
		fault, PACKET_BAD_MESSAGE,
		"jobkeys is %.*s: it must be NAME=%d-HEX-DIGITS,... of at most %d bytes",
		SPAN_ARG(shown), JOB_KEYS_CHECK, JOB_KEYS_MAX);
}

/* What it does, and whether that may be done twice. */
static int
read_job(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	const struct json_text_member *job = json_text_find(&p->object, "job");
	bool repeat = true;

	if (read_flag(p, "repeat", &repeat, fault) < 0)
		return -1;
	a->once = !repeat;
	if (read_job_keys(p, a, fault) < 0)
		return -1;
	if (job == NULL)
		return 0;
	if (packet_check_name(job, "job", fault) < 0)
		return -1;
	copy_id(a->job, p, "job");
	return 0;
}

/* Lower-case hex digits, so many or none. */
static bool
copy_hex(const struct packet *p, const char *key, char *to, size_t n)
{
	struct span s = packet_scalar(p, key);

	to[0] = '\0';
	if (s.n == 0)
		return packet_raw(p, key).n == 0;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	if (s.n != n)
		return false;
	memcpy(to, s.p, n);
	to[n] = '\0';
	return true;
}

static int
read_hex(const struct packet *p, const char *key, char *to, size_t n, struct packet_fault *fault)
{
	if (copy_hex(p, key, to, n))
		return 0;
	return packet_refuse(fault, PACKET_BAD_MESSAGE, "%s must be %zu lower-case hex digits", key,
			     n);
}

static int
read_signing(const struct packet *p, struct packet_signing *s, struct packet_fault *fault)
{
	const struct json_text_member *keyid = json_text_find(&p->object, "keyid"), *epoch;
	int64_t value = 0;

	if (keyid == NULL)
		return 0;
	if (packet_check_name(keyid, "keyid", fault) < 0)
		return -1;
	copy_id(s->keyid, p, "keyid");
	epoch = json_text_find(&p->object, "epoch");
	if (packet_number(p, "epoch", 1, INT64_MAX, &value) < 0)
		return packet_refuse_number(epoch, "epoch", 1, INT64_MAX, fault);
	s->epoch = (uint64_t)value;
	if (read_hex(p, "salt", s->salt, PACKET_NONCE, fault) < 0)
		return -1;
	return read_hex(p, "mac", s->mac, PACKET_MAC, fault);
}

void
packet_acknowledged(const struct packet *p, struct span *verb, struct packet_proof *proof)
{
	*verb = packet_scalar(p, "verb");
	(void)copy_hex(p, "nonce", proof->nonce, PACKET_NONCE);
	(void)copy_hex(p, "mac", proof->mac, PACKET_MAC);
	(void)copy_hex(p, "proxiesmac", proof->proxiesmac, PACKET_MAC);
}

int
packet_announced(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	unsigned port = 0;

	assert(p->type == PACKET_REGISTER || p->type == PACKET_DEREGISTER);
	*a = (struct packet_announcement){.port = 0};
	copy_id(a->id, p, "id");
	copy_policy(a->policy, p->policy);
	if (read_port(p, &port, fault) < 0 || read_host(p, a, fault) < 0 ||
	    read_flag(p, "ack", &a->ack, fault) < 0 ||
	    read_flag(p, "keepalive", &a->keepalive, fault) < 0 ||
	    read_flag(p, "tls", &a->tls, fault) < 0 ||
	    read_flag(p, "backup", &a->backup, fault) < 0)
		return -1;
	a->port = (uint16_t)port;
#define READ_NUMBER(name, max, usual)                        \
	if (read_number(p, #name, max, &a->name, fault) < 0) \
		return -1;
	PACKET_ANNOUNCED(READ_NUMBER)
#undef READ_NUMBER
	if (read_job(p, a, fault) < 0)
		return -1;
	return read_signing(p, &a->sign, fault);
}
