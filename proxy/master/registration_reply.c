/* registration_reply.c - what a registration is answered, and what is logged and counted of that;
 * see registration_internal.h. */
#include <string.h>

#include "log.h"
#include "registration_internal.h"
#include "signature.h"

static struct span
address_key(const struct registration_handling *h, char space[16])
{
	return addr_peer_key(&h->guest->peer, space);
}

/* It was denied.  An address that causes many refusals is told to come back later, and not logged.
 * What is right is never held up by that: others may share the address, or its tunnel. */
void
registration_charge(struct registration_handling *h)
{
	char space[16], from[ADDR_TEXT];
	struct span key = address_key(h, space);
	struct rate_limit *refusals = h->j->refusals;
	uint64_t wait;

	h->guest->proven = false;
	if (refusals == NULL)
		return;
	wait = rate_limit_take(refusals, key, h->now * 1000);
	if (wait > 0) {
		h->retry_after = (unsigned)(wait / 1000 + 1);
		(void)registration_refuse(h, PACKET_OVERLOADED,
					  "too many registrations were refused to this address");
	} else if (rate_limit_ask(refusals, key, h->now * 1000) > 0) {
		log_limited(LOG_WARN,
			    "an address causes many refusals: they are not told for a while",
			    "peer=%s", log_quoted(addr_peer_host_text(&h->guest->peer, from)));
	}
}

static const char *
why_refused(const struct registration_handling *h)
{
	return h->truth != NULL ? h->truth : h->fault.why;
}

void
registration_remember_refusal(const struct registration_handling *h)
{
	char from[ADDR_TEXT];

	events_refused(h->j->events, h->a.id, h->a.policy,
		       addr_peer_host_text(&h->guest->peer, from), why_refused(h));
}

void
registration_log_refusal(const struct registration_handling *h)
{
	char from[ADDR_TEXT];
	const char *why = why_refused(h);

	log_limited(LOG_WARN, "registration refused", "peer=%s code=%s%s%s why=%s",
		    log_quoted(addr_peer_text(&h->guest->peer, from)),
		    packet_code_text(h->fault.code), registration_is_signed(h) ? " key=" : "",
		    registration_is_signed(h) ? log_quoted(h->a.sign.keyid) : "", log_quoted(why));
}

/* Of the proxy, where the server's jobs may take longer: its own clock would never say anything. */
static uint64_t
clock_of(const struct registration_handling *h)
{
	uint64_t reply = h->j->conf == NULL
				 ? UINT64_MAX
				 : policy_conf_of(h->j->conf, h->a.policy)->reply_timeout;

	return h->a.ack && h->a.jobtimeout > reply ? reply : 0;
}

/* NULL: none, or it is nothing for this server: it leaves, or does not read what it is answered. */
static const char *
further_proxies(const struct registration_handling *h)
{
	bool stays = h->verb == REGISTRATION_REGISTERED || h->verb == REGISTRATION_RENEWED;

	return stays && h->a.ack ? h->j->proxies : NULL;
}

/* Without a rival, which the mac does not cover; and where lives are numbered, the later one takes
 * the place, so that none is refused for the earlier one's sake. */
static int
answer_signed(const struct registration_handling *h, struct buf *answer)
{
	struct packet_proof proof = {.mac = ""};
	const char *proxies = further_proxies(h);

	memcpy(proof.nonce, h->guest->nonce, sizeof proof.nonce);
	if (h->a.sign.mac[0] != '\0' &&
	    signature_of_ack(h->key, h->a.sign.mac, registration_verb_text(h->verb), proof.nonce,
			     proof.mac) < 0)
		return -1;
	if (proxies != NULL &&
	    (h->a.sign.mac[0] == '\0' ||
	     signature_of_proxies(h->key, h->a.sign.mac, span_str(proxies), proof.proxiesmac) < 0))
		proxies = NULL; /* nobody would believe it */
	return packet_ack(answer, &h->p, h->j->proxy_id, registration_verb_text(h->verb), &proof,
			  &(struct packet_news){.proxies = proxies, .replytimeout = clock_of(h)});
}

int
registration_answer(const struct registration_handling *h, bool fine, struct buf *answer)
{
	if (!fine)
		return packet_error(answer, &h->p, h->j->proxy_id, h->fault.code, h->fault.why,
				    h->retry_after);
	if (registration_is_signed(h))
		return answer_signed(h, answer);
	/* Asked for or not: there are servers that listen only once they have read an answer. */
	return packet_ack(answer, &h->p, h->j->proxy_id, registration_verb_text(h->verb), NULL,
			  &(struct packet_news){h->rival, further_proxies(h), clock_of(h)});
}

void
registration_count(const struct registration_handling *h, bool fine)
{
	struct registration_stats *c = h->j->counts;

	if (c == NULL)
		return;
	if (!fine)
		c->refused[h->fault.code]++;
	else
		c->done[h->verb]++;
}
