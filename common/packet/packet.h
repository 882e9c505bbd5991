/* packet.h - the packets of policypool(7): checks and reads what came, writes what goes out.
 *
 * A scalar may come as a string or as a number; ids and policies are opaque text once
 * read. */
#ifndef POLICYPOOL_PACKET_H
#define POLICYPOOL_PACKET_H

#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "job_keys.h"
#include "json_text.h"
#include "span.h"

enum { PACKET_DEPTH = 16, PACKET_ID_MAX = 64 }; /* nesting; bytes of an id or a policy */
enum { PACKET_NONCE = 32, PACKET_MAC = 64 };	/* hex digits */

enum packet_type {
	PACKET_REQUEST = 0,
	PACKET_REGISTER = 1,
	PACKET_REPLY = 2,
	PACKET_ERROR = 3,
	PACKET_ACK = 4,
	PACKET_DEREGISTER = 5
};

/* The error codes: enumerator, text in a packet of type 3. */
#define PACKET_CODES(X)                              \
	X(PACKET_OK, "ok")                           \
	X(PACKET_BAD_JSON, "bad-json")               \
	X(PACKET_BAD_MESSAGE, "bad-message")         \
	X(PACKET_BAD_PAYLOAD, "bad-payload")         \
	X(PACKET_TOO_LARGE, "too-large")             \
	X(PACKET_UNKNOWN_POLICY, "unknown-policy")   \
	X(PACKET_NO_SERVER, "no-server")             \
	X(PACKET_OVERLOADED, "overloaded")           \
	X(PACKET_TIMEOUT, "timeout")                 \
	X(PACKET_UPSTREAM_FAILED, "upstream-failed") \
	X(PACKET_DENIED, "denied")                   \
	X(PACKET_SHUTTING_DOWN, "shutting-down")     \
	X(PACKET_HANDLER_FAILED, "handler-failed")   \
	X(PACKET_HANDLER_TIMEOUT, "handler-timeout")

#define PACKET_ENUM(name, text) name,
enum packet_code { PACKET_CODES(PACKET_ENUM) PACKET_CODE_COUNT };
#undef PACKET_ENUM

const char *packet_code_text(enum packet_code);

/* Why a packet was refused.  why is a sentence for the peer and the log. */
struct packet_fault {
	enum packet_code code;
	bool lost; /* the stream can't be followed: answer, then close */
	char why[160];
};

/* A judged packet.  All spans borrow from the text it was read from, which must outlive
 * it; `object` keeps every member, known or not.  Not to be copied: policy may borrow from
 * the packet itself. */
struct packet {
	int type;	  /* enum packet_type; -1 where there is none of these */
	bool type_number; /* type came as a number, not as a string */
	struct span text;
	/* Types 0, 1 and 5, once judged: privPoliId or privPolyId, whichever it has, as text,
	 * decoded; and as it stands, quotes included.  Empty in others. */
	struct span policy, policy_raw;
	char policy_space[PACKET_ID_MAX];
	struct json_text_object object;
};

/* Judges text as JSON and as a packet: an object, type present and known, and for each
 * type the keys that it needs, of the kind and range they must have.  0, or -1 with
 * *fault filled; *p then still holds the members, type and type_number where they could
 * be read (object.n is 0 where not), so that packet_error() can answer in the peer's
 * form. */
MUST_CHECK int packet_parse(struct packet *p, struct span text, struct packet_fault *fault);

/* The same for a text of which the members were read before, by json_fast.h; NULL: they were not.
 */
MUST_CHECK int packet_check(struct packet *p, struct span text,
			    const struct json_text_object *members, struct packet_fault *fault);

/* ---- reading; none allocates, all borrow from the packet's text ---- */

/* The scalar (string or number) at key as text, without quotes; n is 0 and p NULL where
 * there is none.  A text with escapes comes raw. */
static inline struct span
packet_scalar(const struct packet *p, const char *key)
{
	const struct json_text_member *m = json_text_find(&p->object, key);

	return m != NULL && (m->kind == JSON_TEXT_STRING || m->kind == JSON_TEXT_NUMBER)
		       ? json_text_inner(m)
		       : span_of(NULL, 0);
}

/* The value as it stands in the text, quotes included: for echoing a form unchanged. */
struct span packet_raw(const struct packet *, const char *key);

/* The id of its sender as it stands in the text: srcid, or id in an announcement.  An
 * empty string with its quotes where there is none that could be echoed. */
struct span packet_sender(const struct packet *);

/* Is the destid of this reply or error that srcid, as packet_scalar() gives it?  Compared decoded:
 * "a\/b" in a reply answers a request from "a/b", as many a peer writes it. */
bool packet_answers(const struct packet *reply, struct span srcid);

/* The decimal number at key, string or number, within [min, max].  1, 0 where the key is
 * absent, -1 where it is there and not such a number. */
MUST_CHECK int packet_number(const struct packet *, const char *key, int64_t min, int64_t max,
			     int64_t *out);

/* The payload decoded: borrowed from the text where it has no escape, otherwise from
 * scratch, which is cleared first.  Empty where a packet of type 3 has none.  0, or -1
 * with ENOMEM.  Only for packets of type 0, 2 and 3. */
MUST_CHECK int packet_payload(const struct packet *, struct buf *scratch, struct span *out);

/* For strict_payloadsize.  0 if payloadsize is absent or the true length in bytes, -1
 * with *fault filled. */
MUST_CHECK int packet_check_size(const struct packet *, struct span payload,
				 struct packet_fault *fault);

/* ---- writing; each appends one object without a newline ----
 * 0, or -1 with ENOMEM and out as it was. */

/* Type 2.  type and srcid in the form that the request used for type (a srcid that is no
 * integer stays a string), destid the request's srcid unchanged. */
MUST_CHECK int packet_reply(struct buf *out, const struct packet *request, const char *srcid,
			    struct span payload);

/* Type 3.  request may be NULL or unreadable: strings then, and an empty destid.  An
 * announcement's destid is its id.  retry_after in milliseconds, left out when 0. */
MUST_CHECK int packet_error(struct buf *out, const struct packet *request, const char *srcid,
			    enum packet_code, const char *message, unsigned retry_after_ms);

/* Type 0, all strings but payloadsize. */
MUST_CHECK int packet_request(struct buf *out, const char *srcid, const char *policy,
			      struct span payload);

/* The optional numbers of an announcement: key and member, the highest value (the lowest is 1), and
 * what a proxy takes where it is not announced. */
#define PACKET_ANNOUNCED(X)                                              \
	X(pipeline, 65535, 1) /* requests in flight on one connection */ \
	X(slots, 65535, 1)    /* connections served at once */           \
	X(weight, 1000, 1)                                               \
	X(lease, 86400, 0)	   /* seconds */                         \
	X(jobtimeout, 86400000, 0) /* ms that a job may take there */

#define PACKET_JOB "sha1" /* of a server that announces no job */

/* What a signed announcement bears beside; the words are those of signature.h. */
struct packet_signing {
	char keyid[PACKET_ID_MAX + 1]; /* empty: it is not signed, and all else is empty too */
	uint64_t epoch;		       /* of this life of the server; 0: none */
	char salt[PACKET_NONCE + 1];   /* the server's own random digits, or empty */
	char mac[PACKET_MAC + 1];      /* empty: it asks for a challenge */
};

/* What a server announces.  0 stands for "not announced" in every number but port. */
struct packet_announcement {
	char id[PACKET_ID_MAX + 1];
	char policy[PACKET_ID_MAX + 1];
	char host[256];			/* empty: the address it comes from; "unix:/path" */
	uint16_t port;			/* 0 for that one */
	char job[PACKET_ID_MAX + 1];	/* what it does with a payload; empty: sha1 */
	char jobkeys[JOB_KEYS_MAX + 1]; /* with which keys, see job_keys.h; empty: not told */
	bool ack, keepalive, tls;
	bool once;    /* what it was sent may have effects: not to be sent a second time */
	bool backup;  /* to be used while no other server of the policy can be */
	bool numbers; /* when written: type and listenport are numbers; not announced itself */
#define PACKET_MEMBER(name, max, usual) unsigned name;
	PACKET_ANNOUNCED(PACKET_MEMBER)
#undef PACKET_MEMBER
	struct packet_signing sign;
};

static inline const char *
packet_job(const struct packet_announcement *a)
{
	return a->job[0] != '\0' ? a->job : PACKET_JOB;
}

/* Types 1 and 5, strings only, as nearly every proxy can read them; with a->numbers as those
 * proxies read them that take numbers for type and listenport alone.  5 is the id, the policy, ack
 * and the signature. */
MUST_CHECK int packet_register(struct buf *out, const struct packet_announcement *);
MUST_CHECK int packet_deregister(struct buf *out, const struct packet_announcement *);

/* Before it is signed and said: a proxy that does not know a key can't verify what is signed of it,
 * so only what is not at its default is announced. */
void packet_leave_out_defaults(struct packet_announcement *);

/* Reads a judged packet of type 1 or 5 (which needs no port).  0, or -1 with *fault
 * filled.
 */
MUST_CHECK int packet_announced(const struct packet *, struct packet_announcement *,
				struct packet_fault *fault);

/* What an acknowledgement of a signed announcement bears beside. */
struct packet_proof {
	char nonce[PACKET_NONCE + 1];	 /* for the next announcement on this connection */
	char mac[PACKET_MAC + 1];	 /* empty in a challenge */
	char proxiesmac[PACKET_MAC + 1]; /* of what it tells of further proxies, or empty */
};

enum { PACKET_PROXIES_MAX = 1024 }; /* bytes of what it tells of further proxies */

/* What an acknowledgement tells beside; NULL or 0: nothing.  No mac covers it, but proxiesmac the
 * proxies. */
struct packet_news {
	const char *rival;   /* the address of another server that announced itself with that id */
	const char *proxies; /* addresses of further ones, parted by commas */
	uint64_t replytimeout; /* ms: the proxy waits no longer for a reply, and its jobs may take
				  it */
};

/* Type 4, in the form of the packet it answers, with its id as destid and its privPolyId;
 * verb is "registered", "renewed", "deregistered" or "challenge".  proof and news may be NULL. */
MUST_CHECK int packet_ack(struct buf *out, const struct packet *announcement, const char *srcid,
			  const char *verb, const struct packet_proof *proof,
			  const struct packet_news *news);

/* Reads verb and proof of a judged packet of type 4; what is not there, or not of its length, is
 * empty.  verb borrows. */
void packet_acknowledged(const struct packet *, struct span *verb, struct packet_proof *);

#endif
