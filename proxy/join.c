/* join.c - see join.h. */
#include "join.h"

#include <stdio.h>
#include <time.h>

#include "admission.h"
#include "log.h"
#include "place.h"
#include "signature.h"

#define VERB_TEXT(name, text) text,
static const char *const verb_text[] = {JOIN_VERBS(VERB_TEXT)};
#undef VERB_TEXT

const char *
join_verb_text(enum join_verb v)
{
	return verb_text[v];
}

/* One packet on its way. */
struct handling {
	const struct join *j;
	struct join_guest *guest;
	uint64_t now;
	struct packet p;
	struct packet_announcement a;
	struct packet_fault fault; /* what it is told when it is refused */
	const char *truth;	   /* what the log is told; NULL: the same */
	unsigned retry_after;	   /* ms */
	char nonce[PACKET_NONCE + 1];
	uint8_t key[DIGEST_MAC]; /* what it is signed with */
	bool old;		 /* not with the secret to use */
	enum join_verb verb;	 /* what was done */
	enum join_result result;
};

static bool
is_signed(const struct handling *h)
{
	return h->a.sign.keyid[0] != '\0';
}

/* ---- refusing ---- */

static int
refuse(struct handling *h, enum packet_code code, const char *why)
{
	h->fault.code = code;
	h->fault.lost = false;
	(void)snprintf(h->fault.why, sizeof h->fault.why, "%s", why);
	return -1;
}

/* The same words whatever is wrong, so that nobody learns from trying. */
static int
deny(struct handling *h, const char *truth)
{
	h->truth = truth;
	return refuse(h, PACKET_DENIED, "this registration is not accepted");
}

static struct span
address_key(const struct handling *h, char space[16])
{
	return limiter_key(&h->guest->peer, space);
}

/* Whoever was refused too often is not looked at; a connection that has signed well is. */
static int
judge_rate(struct handling *h)
{
	char space[16], from[ADDR_TEXT];
	uint64_t wait;

	if (h->j->refusals == NULL || h->guest->proven)
		return 0;
	wait = limiter_ask(h->j->refusals, address_key(h, space), h->now * 1000);
	if (wait == 0)
		return 0;
	h->retry_after = (unsigned)(wait / 1000 + 1);
	log_event(LOG_VERBOSE, "registration not looked at", "peer=%s",
		  addr_text(&h->guest->peer, from));
	return refuse(h, PACKET_OVERLOADED, "too many registrations were refused to this address");
}

static void
charge(struct handling *h)
{
	char space[16], from[ADDR_TEXT];
	struct span key = address_key(h, space);

	h->guest->proven = false;
	if (h->j->refusals == NULL || limiter_take(h->j->refusals, key, h->now * 1000) > 0 ||
	    limiter_ask(h->j->refusals, key, h->now * 1000) == 0)
		return;
	log_event(LOG_WARN, "an address causes many refusals: it is not looked at for a while",
		  "peer=%s", addr_host_text(&h->guest->peer, from));
}

static void
log_refusal(const struct handling *h)
{
	char from[ADDR_TEXT];
	const char *why = h->truth != NULL ? h->truth : h->fault.why;

	log_event(LOG_WARN, "registration refused", "peer=%s code=%s%s%s why=%s",
		  addr_text(&h->guest->peer, from), packet_code_text(h->fault.code),
		  is_signed(h) ? " key=" : "", is_signed(h) ? log_quoted(h->a.sign.keyid) : "",
		  log_quoted(why));
}

/* ---- who may ---- */

static bool
trusted(const struct join *j, const struct addr *peer)
{
	for (size_t i = 0; i < j->trusted_n; i++)
		if (addr_in_net(peer, &j->trusted[i]))
			return true;
	return false;
}

static struct admission
admission_of(const struct join *j)
{
	return (struct admission){j->keyring, j->cluster, j->registry};
}

static int
judge_unsigned(struct handling *h)
{
	struct admission ad = admission_of(h->j);
	const char *why = NULL;

	if (h->j->require_signature || !trusted(h->j, &h->guest->peer)) {
		if (judge_rate(h) < 0)
			return -1;
		why = h->j->require_signature ? "it is not signed"
					      : "it is not signed, nor from a trusted network";
	}
	if (why == NULL)
		why = admission_unsigned(&ad, h->a.id);
	return why != NULL ? deny(h, why) : 0;
}

static struct admission_case
case_of(const struct handling *h)
{
	return (struct admission_case){.type = h->p.type,
				       .a = &h->a,
				       .peer = &h->guest->peer,
				       .nonce = h->nonce,
				       .now = time(NULL)};
}

/* at is NULL when it leaves. */
static int
judge_rights(struct handling *h, const struct addr *at)
{
	struct admission ad = admission_of(h->j);
	struct admission_case c = case_of(h);
	const char *why = is_signed(h) ? admission_rights(&ad, &c, at) : NULL;

	return why != NULL ? deny(h, why) : 0;
}

static int
judge_signature(struct handling *h)
{
	struct admission ad = admission_of(h->j);
	struct admission_case c = case_of(h);
	const char *why = admission_signature(&ad, &c, h->key, &h->old);

	return why != NULL ? deny(h, why) : 0;
}

/* The nonce that the next announcement on this connection must be signed for. */
static int
give_nonce(struct handling *h)
{
	if (signature_random(h->guest->nonce) == 0)
		return 0;
	log_errno(LOG_ERROR, "no random bytes for a challenge", NULL);
	h->guest->nonce[0] = '\0';
	h->retry_after = 1000;
	return refuse(h, PACKET_OVERLOADED, "no challenge can be made at the moment");
}

/* ---- carrying out ---- */

static void
tell_joined(const struct handling *h, const struct addr *at, enum registry_change change)
{
	static const char *const said[] = {
		[REGISTRY_JOINED] = "server joined", [REGISTRY_REPLACED] = "server replaced"};
	const struct packet_announcement *a = &h->a;
	char text[ADDR_TEXT];

	events_add(h->j->events, change == REGISTRY_JOINED ? EVENT_JOINED : EVENT_REPLACED, a->id,
		   a->policy, addr_text(at, text));
	log_event(LOG_INFO, said[change], "id=%s policy=%s addr=%s kind=%s lease=%u%s%s",
		  log_quoted(a->id), log_quoted(a->policy), addr_text(at, text),
		  a->keepalive ? "pooled" : "plain", a->lease, is_signed(h) ? " key=" : "",
		  is_signed(h) ? log_quoted(a->sign.keyid) : "");
	log_narrate("Setup message from server id %s, policy %s, port %u", a->id, a->policy,
		    a->port);
}

/* The tallies of an index that passes to another server start anew. */
static void
begin_tally(const struct handling *h)
{
	int at = registry_find(h->j->registry, h->a.id);

	if (at >= 0 && h->j->ledger != NULL)
		ledger_keep(h->j->ledger, (unsigned)at);
	if (at >= 0)
		tally_forget(h->j->tally, (unsigned)at);
}

static int
judge_place(struct handling *h, struct addr *at)
{
	const char *why = place_of(&h->a, &h->guest->peer, at);

	if (why != NULL)
		return refuse(h, PACKET_BAD_MESSAGE, why);
	why = place_judge(at, &h->guest->peer, &h->j->self);
	return why != NULL ? deny(h, why) : 0;
}

/* It is the key's from now on; true when it was not, or otherwise. */
static bool
own(const struct handling *h)
{
	const struct packet_signing *sign = &h->a.sign;
	struct registry *r = h->j->registry;
	unsigned at = (unsigned)registry_find(r, h->a.id);

	if (registry_epoch(r, at) == sign->epoch &&
	    strcmp(registry_keyid(r, at), sign->keyid) == 0 && registry_old_secret(r, at) == h->old)
		return false;
	registry_own(r, at, sign->keyid, sign->epoch, h->old);
	if (h->old)
		log_event(LOG_WARN, "signed with a secret that is not the one to use",
			  "id=%s key=%s", log_quoted(h->a.id), log_quoted(sign->keyid));
	return true;
}

/* Whether the proxy would speak to it as it asks to be spoken to. */
static int
judge_tls(struct handling *h)
{
	if (h->a.tls && !h->j->tls_known)
		return refuse(h, PACKET_DENIED,
			      "it announces TLS, and this proxy has no server_ca to verify it by");
	if (!h->a.tls && h->j->tls_required)
		return refuse(h, PACKET_DENIED, "it does not announce TLS, which is required here");
	return 0;
}

static int
do_register(struct handling *h)
{
	struct registry *r = h->j->registry;
	enum registry_change change;
	struct addr at;

	if (judge_place(h, &at) < 0 || judge_rights(h, &at) < 0 || judge_tls(h) < 0)
		return -1;
	change = registry_join(r, &h->a, &at, h->now);
	if (change == REGISTRY_FULL)
		return refuse(h, PACKET_OVERLOADED, "no room for another server or policy");
	if (is_signed(h) && own(h))
		h->result = JOIN_CHANGED;
	if (change == REGISTRY_JOINED)
		begin_tally(h);
	h->verb = change == REGISTRY_RENEWED ? JOIN_RENEWED : JOIN_REGISTERED;
	if (change != REGISTRY_RENEWED) {
		tell_joined(h, &at, change);
		h->result = JOIN_CHANGED;
	}
	return 0;
}

static int
do_deregister(struct handling *h)
{
	const struct packet_announcement *a = &h->a;

	if (judge_rights(h, NULL) < 0)
		return -1;
	if (!registry_leave(h->j->registry, a->id, a->policy))
		return refuse(h, PACKET_BAD_MESSAGE,
			      "no such server is registered under that policy");
	events_add(h->j->events, EVENT_LEFT, a->id, a->policy, NULL);
	log_event(LOG_INFO, "server left", "id=%s policy=%s", log_quoted(a->id),
		  log_quoted(a->policy));
	log_narrate("Server id %s left, policy %s", a->id, a->policy);
	h->verb = JOIN_DEREGISTERED;
	h->result = JOIN_CHANGED;
	return 0;
}

static int
carry_out(struct handling *h)
{
	return h->p.type == PACKET_REGISTER ? do_register(h) : do_deregister(h);
}

/* A challenge is all that the first packet gets. */
static int
do_signed(struct handling *h)
{
	if (judge_rate(h) < 0)
		return -1;
	if (h->a.sign.mac[0] == '\0') {
		h->verb = JOIN_CHALLENGE;
		return give_nonce(h);
	}
	if (judge_signature(h) < 0 || carry_out(h) < 0)
		return -1;
	h->guest->proven = true;
	return give_nonce(h);
}

static int
handle(struct handling *h, struct span text)
{
	if (packet_parse(&h->p, text, &h->fault) < 0)
		return -1;
	/* Workers hand over nothing else; one that has been taken over might. */
	if (h->p.type != PACKET_REGISTER && h->p.type != PACKET_DEREGISTER)
		return refuse(h, PACKET_BAD_MESSAGE, "this is no registration");
	if (packet_announced(&h->p, &h->a, &h->fault) < 0)
		return -1;
	if (is_signed(h))
		return do_signed(h);
	return judge_unsigned(h) < 0 ? -1 : carry_out(h);
}

/* ---- answering ---- */

static int
answer_signed(const struct handling *h, struct buf *answer)
{
	struct packet_proof proof = {.mac = ""};

	memcpy(proof.nonce, h->guest->nonce, sizeof proof.nonce);
	if (h->a.sign.mac[0] != '\0' &&
	    signature_of_ack(h->key, h->a.sign.mac, join_verb_text(h->verb), proof.nonce,
			     proof.mac) < 0)
		return -1;
	return packet_ack(answer, &h->p, h->j->proxy_id, join_verb_text(h->verb), &proof);
}

static int
answer_with(const struct handling *h, bool fine, struct buf *answer)
{
	if (!fine)
		return packet_error(answer, &h->p, h->j->proxy_id, h->fault.code, h->fault.why,
				    h->retry_after);
	if (is_signed(h))
		return answer_signed(h, answer);
	if (h->a.ack || h->p.type == PACKET_DEREGISTER)
		return packet_ack(answer, &h->p, h->j->proxy_id, join_verb_text(h->verb), NULL);
	return 0;
}

int
join_read(struct span message, struct join_handoff *head, struct span *text)
{
	unsigned char proven;

	if (handoff_kind_of(message) != HANDOFF_REGISTRATION || message.n < sizeof *head ||
	    message.n - sizeof *head > JOIN_MAX)
		return -1;
	memcpy(head, message.p, sizeof *head);
	memcpy(&proven, &head->guest.proven, sizeof proven); /* maybe no bool */
	if (proven > 1 || !addr_is_whole(&head->guest.peer) ||
	    memchr(head->guest.nonce, '\0', sizeof head->guest.nonce) == NULL)
		return -1;
	*text = span_of(message.p + sizeof *head, message.n - sizeof *head);
	return 0;
}

static void
count(const struct handling *h, bool fine)
{
	struct join_counts *c = h->j->counts;

	if (c == NULL)
		return;
	if (!fine)
		c->refused[h->fault.code]++;
	else
		c->done[h->verb]++;
}

enum join_result
join_handle(const struct join *j, struct span text, struct join_guest *guest, uint64_t now,
	    struct buf *answer)
{
	struct handling h = {.j = j, .guest = guest, .now = now};
	size_t before = buf_len(answer);
	bool fine;

	memcpy(h.nonce, guest->nonce, sizeof h.nonce);
	guest->nonce[0] = '\0'; /* good once */
	fine = handle(&h, text) == 0;
	if (!fine && h.fault.code == PACKET_DENIED)
		charge(&h);
	if (!fine && (h.fault.code != PACKET_OVERLOADED || h.retry_after == 0))
		log_refusal(&h);
	count(&h, fine);
	if (answer_with(&h, fine, answer) < 0 ||
	    (buf_len(answer) > before && buf_append(answer, "\n", 1) < 0))
		log_event(LOG_ERROR, "out of memory for an answer to a registration", NULL);
	explicit_bzero(h.key, sizeof h.key);
	return h.result;
}

struct gone_ctx {
	const struct join *join;
	enum join_result result;
};

static void
on_gone(const struct registry_server *s, unsigned index, void *ctx)
{
	struct gone_ctx *gone = ctx;
	const struct join *j = gone->join;

	(void)index;
	events_add(j->events, EVENT_LEASE_ENDED, s->id,
		   registry_policy(j->registry, s->policy)->name, "it did not renew");
	log_event(LOG_WARN, "server's lease ended", "id=%s", log_quoted(s->id));
	log_narrate("Server id %s is gone: it did not renew its lease", s->id);
	gone->result = JOIN_CHANGED;
}

enum join_result
join_expire(const struct join *j, uint64_t now)
{
	struct gone_ctx gone = {j, JOIN_NOTHING};

	registry_expire(j->registry, now, on_gone, &gone);
	return gone.result;
}

/* What speaks against a server that was let in under other settings; NULL: nothing. */
static const char *
why_out(const struct join *j, const char *keyid)
{
	if (keyid[0] == '\0')
		return j->require_signature ? "it is not signed, and require_signature is set"
					    : NULL;
	return keyring_find(j->keyring, keyid) == NULL ? "its key is known no more" : NULL;
}

enum join_result
join_review(const struct join *j)
{
	enum join_result result = JOIN_NOTHING;

	for (unsigned i = 0; i < registry_server_end(j->registry); i++) {
		const struct registry_server *s = registry_server(j->registry, i);
		const char *keyid = registry_keyid(j->registry, i);
		const char *why = s->used ? why_out(j, keyid) : NULL;
		if (why == NULL)
			continue;
		log_event(LOG_WARN, "server taken out", "id=%s%s%s why=%s", log_quoted(s->id),
			  keyid[0] != '\0' ? " key=" : "",
			  keyid[0] != '\0' ? log_quoted(keyid) : "", log_quoted(why));
		events_add(j->events, EVENT_REMOVED, s->id,
			   registry_policy(j->registry, s->policy)->name, why);
		registry_remove(j->registry, i);
		result = JOIN_CHANGED;
	}
	return result;
}
