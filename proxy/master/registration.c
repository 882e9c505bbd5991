/* registration.c - see registration.h: registrations carried out. */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "registration_internal.h"
#include "registry_quota.h"
#include "signature.h"

/* ---- carrying out ---- */

static void
tell_joined(const struct registration_handling *h, const struct addr *at,
	    enum registry_change change)
{
	static const char *const said[] = {
		[REGISTRY_JOINED] = "server joined", [REGISTRY_REPLACED] = "server replaced"};
	const struct packet_announcement *a = &h->a;
	bool usual = strcmp(packet_job(a), PACKET_JOB) == 0;
	char text[ADDR_TEXT], why[EVENTS_WHY];

	(void)snprintf(why, sizeof why, "%s%s%s", addr_text(at, text), usual ? "" : ", job ",
		       usual ? "" : a->job);
	events_add(h->j->events, change == REGISTRY_JOINED ? EVENT_JOINED : EVENT_REPLACED, a->id,
		   a->policy, why);
	if (!log_is_narrated())
		log_limited(LOG_INFO, said[change],
			    "id=%s policy=%s addr=%s kind=%s lease=%u%s%s%s%s", log_quoted(a->id),
			    log_quoted(a->policy), text, a->keepalive ? "pooled" : "plain",
			    a->lease, usual ? "" : " job=", usual ? "" : log_quoted(a->job),
			    registration_is_signed(h) ? " key=" : "",
			    registration_is_signed(h) ? log_quoted(a->sign.keyid) : "");
	if (addr_is_unix(at))
		log_narrate("Setup message from server id %s, policy %s, at %s", a->id, a->policy,
			    text);
	else
		log_narrate("Setup message from server id %s, policy %s, port %u", a->id, a->policy,
			    a->port);
}

/* Its jobs may take longer than the proxy waits: the server's own clock never says anything. */
static void
warn_of_clock(const struct registration *j, const struct registry_server *s)
{
	const char *policy = registry_policy(j->registry, s->policy)->name;
	uint64_t reply = j->conf == NULL ? UINT64_MAX
					 : policy_conf_of(j->conf, policy)->reply_timeout;

	if (s->job_timeout > reply)
		log_limited(LOG_WARN, "a server's job_timeout is longer than reply_timeout",
			    "id=%s policy=%s job_timeout_ms=%u reply_timeout_ms=%llu",
			    log_quoted(s->id), log_quoted(policy), s->job_timeout,
			    (unsigned long long)reply);
}

void
registration_begin_tally(const struct registration_handling *h)
{
	int at = registry_find(h->j->registry, h->a.id);

	if (at >= 0 && h->j->ledger != NULL)
		policy_stats_keep(h->j->ledger, (unsigned)at);
	if (at >= 0)
		counters_forget(h->j->tally, (unsigned)at);
}

/* ---- room ---- */

static void
displace(struct registration_handling *h, unsigned at)
{
	const struct registration *j = h->j;
	const struct registry_server *s = registry_server(j->registry, at);
	struct addr_peer from = registry_origin(j->registry, at);
	char origin[ADDR_TEXT];

	log_limited(LOG_WARN, "server gives way to another", "id=%s announced_from=%s why=%s",
		    log_quoted(s->id), log_quoted(addr_peer_host_text(&from, origin)),
		    log_quoted("it never answered a request, and there is no room"));
	events_add(j->events, EVENT_REMOVED, s->id, registry_policy(j->registry, s->policy)->name,
		   "it never answered a request, and its place was needed");
	registry_remove(j->registry, at);
	h->result = REGISTRATION_CHANGED;
}

/* A server that is new needs room, and what nobody proved to be one makes it. */
static int
make_room(struct registration_handling *h)
{
	const struct registration *j = h->j;
	const struct addr_peer *from = &h->guest->peer;
	struct registry_quota c = {j->registry, j->tally, j->servers_per_address};
	bool policy = false;
	int victim;

	if (registry_find(j->registry, h->a.id) < 0 && !registration_is_signed(h) &&
	    !registry_quota_has_room(&c, from)) {
		victim = registry_quota_victim(&c, from, false);
		if (victim < 0)
			return registration_refuse(
				h, PACKET_OVERLOADED,
				"as many servers as one address may announce unsigned are "
				"registered");
		displace(h, (unsigned)victim);
	}
	policy = registry_lacks_policy(j->registry, h->a.policy);
	if (policy ||
	    (registry_find(j->registry, h->a.id) < 0 && registry_lacks_server(j->registry))) {
		victim = registry_quota_victim(&c, NULL, policy);
		if (victim >= 0)
			displace(h, (unsigned)victim);
	}
	return 0;
}

/* It is the key's from now on; true when it was not, or otherwise. */
static bool
own(const struct registration_handling *h)
{
	const struct packet_signing *sign = &h->a.sign;
	struct registry *r = h->j->registry;
	unsigned at = (unsigned)registry_find(r, h->a.id);

	if (registry_tenure_of(r, at)->epoch == sign->epoch &&
	    strcmp(registry_tenure_of(r, at)->keyid, sign->keyid) == 0 &&
	    registry_tenure_of(r, at)->old_secret == h->old)
		return false;
	registry_own(r, at, sign->keyid, sign->epoch, h->old);
	if (h->old)
		log_limited(LOG_INFO, "signed with an old secret", "id=%s key=%s",
			    log_quoted(h->a.id), log_quoted(sign->keyid));
	return true;
}

/* It might still be there: somebody should know. */
static void
tell_replaced(const struct registration_handling *h, const struct addr *former,
	      const struct addr *at)
{
	char was[ADDR_TEXT], is[ADDR_TEXT];

	log_limited(LOG_WARN, "an id has moved: the newer announcement replaces the older",
		    "id=%s former=%s addr=%s", log_quoted(h->a.id), addr_text(former, was),
		    addr_text(at, is));
}

/* A plain server serves one connection at a time, whatever it calls itself: what another id stands
 * for at its address is what it was before, as after a restart with a name made anew.  True when
 * the newer one has the older one's place now. */
static bool
take_place(struct registration_handling *h, const struct addr *at)
{
	const struct packet_announcement *a = &h->a;
	struct registry *r = h->j->registry;
	char where[ADDR_TEXT], why[EVENTS_WHY];
	bool taken = false;
	int twin;

	if (a->keepalive || registration_is_signed(h))
		return false;
	while ((twin = registry_find_twin(r, a->policy, a->id, at)) >= 0) {
		const char *former = registry_server(r, (unsigned)twin)->id;
		log_limited(LOG_WARN,
			    "a plain server has another id: the newer announcement replaces the "
			    "older",
			    "id=%s former=%s policy=%s addr=%s", log_quoted(a->id),
			    log_quoted(former), log_quoted(a->policy), addr_text(at, where));
		(void)snprintf(why, sizeof why, "server %s was announced at its address", a->id);
		events_add(h->j->events, EVENT_REMOVED, former, a->policy, why);
		h->result = REGISTRATION_CHANGED;
		if (registry_find(r, a->id) >= 0) {
			registry_remove(r, (unsigned)twin);
			continue;
		}
		registry_rename(r, (unsigned)twin, a->id);
		taken = true;
	}
	return taken;
}

/* The server that was refused for the sake of the one at index i is told to that one, once: a rival
 * that lives tries again.  A server that takes another's place knows nothing of that one's. */
static void
take_rival(struct registration_handling *h, unsigned i, bool moved)
{
	struct addr rival;

	if (registry_take_rival(h->j->registry, i, &rival) && !moved)
		(void)addr_text(&rival, h->rival);
}

/* Who has to listen at a Unix socket: who announced it over one, unless that is root. */
static uid_t
user_of(const struct registration_handling *h, const struct addr *at)
{
	const struct addr_peer *from = &h->guest->peer;

	return addr_is_unix(at) && addr_peer_is_unix(from) ? from->u.creds.uid : 0;
}

/* By its own word the server that is registered there is not what it was let in as: its answers
 * would be other ones for as long as its lease lasts. */
static void
take_out_changed(struct registration_handling *h, const struct addr *at)
{
	struct registry *r = h->j->registry;
	int i = registry_find(r, h->a.id);
	const struct registry_server *s = i < 0 ? NULL : registry_server(r, (unsigned)i);

	if (s == NULL || !addr_eq(&s->addr, at) ||
	    strcmp(registry_policy(r, s->policy)->name, h->a.policy) != 0)
		return;
	log_limited(LOG_WARN, "server taken out", "id=%s why=%s", log_quoted(s->id),
		    log_quoted(h->fault.why));
	events_add(h->j->events, EVENT_REMOVED, s->id, h->a.policy, h->fault.why);
	registry_remove(r, (unsigned)i);
	h->result = REGISTRATION_CHANGED;
}

static int
check_job(struct registration_handling *h, const struct addr *at)
{
	if (registration_check_job(h) == 0 && registration_check_job_keys(h) == 0)
		return 0;
	take_out_changed(h, at);
	return -1;
}

/* Known from other proxies alone so far. */
static bool
is_second_hand(const struct registration_handling *h)
{
	int i = registry_find(h->j->registry, h->a.id);

	return i >= 0 && registry_tenure_of(h->j->registry, (unsigned)i)->second;
}

static int
do_register(struct registration_handling *h)
{
	struct registry *r = h->j->registry;
	const struct registry_server *rival;
	enum registry_change change;
	struct addr at, former;
	bool renamed, second;

	if (registration_check_place(h, &at) < 0 || registration_check_rights(h, &at) < 0 ||
	    registration_check_static(h, &at) < 0 || registration_check_tls(h) < 0 ||
	    check_job(h, &at) < 0 || registration_check_rival(h, &at) < 0)
		return -1;
	renamed = take_place(h, &at);
	if (make_room(h) < 0)
		return -1;
	rival = registration_rival(h, &at);
	if (rival != NULL)
		former = rival->addr;
	second = is_second_hand(h);
	change = registry_join_of(r, &h->a, &at, user_of(h, &at), h->now);
	if (change == REGISTRY_FULL)
		return registration_refuse(h, PACKET_OVERLOADED,
					   "no room for another server or policy");
	registry_set_origin(r, (unsigned)registry_find(r, h->a.id), &h->guest->peer);
	h->guest->incarnation = registry_server(r, (unsigned)registry_find(r, h->a.id))
					->incarnation;
	if (registry_set_job_keys(r, (unsigned)registry_find(r, h->a.id), h->a.jobkeys))
		h->result = REGISTRATION_CHANGED;
	if (registration_is_signed(h) && own(h))
		h->result = REGISTRATION_CHANGED;
	if (renamed && change == REGISTRY_RENEWED)
		change = REGISTRY_REPLACED;
	if (change == REGISTRY_JOINED || renamed)
		registration_begin_tally(h);
	h->verb = change == REGISTRY_RENEWED ? REGISTRATION_RENEWED : REGISTRATION_REGISTERED;
	if (change == REGISTRY_RENEWED && second) {
		tell_joined(h, &at, REGISTRY_JOINED);
		h->result = REGISTRATION_CHANGED;
	}
	take_rival(h, (unsigned)registry_find(r, h->a.id), rival != NULL);
	if (change != REGISTRY_RENEWED) {
		if (rival != NULL)
			tell_replaced(h, &former, &at);
		tell_joined(h, &at, change);
		warn_of_clock(h->j, registry_server(r, (unsigned)registry_find(r, h->a.id)));
		h->result = REGISTRATION_CHANGED;
	}
	return 0;
}

static int
do_deregister(struct registration_handling *h)
{
	const struct packet_announcement *a = &h->a;

	if (registration_check_rights(h, NULL) < 0 || registration_check_static(h, NULL) < 0)
		return -1;
	if (!registry_leave(h->j->registry, a->id, a->policy))
		return registration_refuse(h, PACKET_BAD_MESSAGE,
					   "no such server is registered under that policy");
	events_add(h->j->events, EVENT_LEFT, a->id, a->policy, NULL);
	if (!log_is_narrated())
		log_limited(LOG_INFO, "server left", "id=%s policy=%s", log_quoted(a->id),
			    log_quoted(a->policy));
	log_narrate("Server id %s left, policy %s", a->id, a->policy);
	h->verb = REGISTRATION_DEREGISTERED;
	h->result = REGISTRATION_CHANGED;
	return 0;
}

/* The nonce that the next announcement on this connection must be signed for. */
static int
give_nonce(struct registration_handling *h)
{
	if (signature_random(h->guest->nonce) == 0)
		return 0;
	log_limited_errno(LOG_ERROR, "no random bytes for a challenge", NULL);
	h->guest->nonce[0] = '\0';
	h->retry_after = 1000;
	return registration_refuse(h, PACKET_OVERLOADED, "no challenge can be made at the moment");
}

static int
carry_out(struct registration_handling *h)
{
	return h->p.type == PACKET_REGISTER ? do_register(h) : do_deregister(h);
}

/* A challenge is all that the first packet gets. */
static int
do_signed(struct registration_handling *h)
{
	if (h->a.sign.mac[0] == '\0') {
		h->verb = REGISTRATION_CHALLENGE;
		return give_nonce(h);
	}
	if (registration_check_signature(h) < 0 || carry_out(h) < 0)
		return -1;
	h->guest->proven = true;
	return give_nonce(h);
}

static int
handle(struct registration_handling *h, struct span text)
{
	if (packet_parse(&h->p, text, &h->fault) < 0)
		return -1;
	/* Workers hand over nothing else; one that has been taken over might. */
	if (h->p.type != PACKET_REGISTER && h->p.type != PACKET_DEREGISTER)
		return registration_refuse(h, PACKET_BAD_MESSAGE, "this is no registration");
	if (packet_announced(&h->p, &h->a, &h->fault) < 0)
		return -1;
	if (registration_is_signed(h))
		return do_signed(h);
	return registration_check_unsigned(h) < 0 ? -1 : carry_out(h);
}

enum registration_result
registration_handle(const struct registration *j, struct span text, struct registration_peer *guest,
		    uint64_t now, struct buf *answer)
{
	struct registration_handling h = {.j = j, .guest = guest, .now = now};
	size_t before = buf_len(answer);
	bool fine;

	memcpy(h.nonce, guest->nonce, sizeof h.nonce);
	guest->nonce[0] = '\0'; /* good once */
	fine = handle(&h, text) == 0;
	/* A server that may try again in a moment is not refused yet. */
	if (!fine && (h.fault.code != PACKET_OVERLOADED || h.retry_after == 0))
		registration_remember_refusal(&h);
	if (!fine && h.fault.code == PACKET_DENIED)
		registration_charge(&h);
	if (!fine && (h.fault.code != PACKET_OVERLOADED || h.retry_after == 0))
		registration_log_refusal(&h);
	registration_count(&h, fine);
	if (registration_answer(&h, fine, answer) < 0 ||
	    (buf_len(answer) > before && buf_append(answer, "\n", 1) < 0)) {
		log_limited(LOG_ERROR, "out of memory for an answer to a registration", NULL);
		buf_truncate(answer, before);
	}
	explicit_bzero(h.key, sizeof h.key);
	return h.result;
}

struct gone_ctx {
	const struct registration *join;
	enum registration_result result;
};

static void
on_gone(const struct registry_server *s, unsigned index, void *ctx)
{
	struct gone_ctx *gone = ctx;
	const struct registration *j = gone->join;
	bool both = registry_known(j->registry, index) == REGISTRY_BOTH;

	if (j->lease_ended != NULL)
		j->lease_ended(index, j->ctx);
	events_add(j->events, EVENT_LEASE_ENDED, s->id,
		   registry_policy(j->registry, s->policy)->name,
		   both ? "it did not renew; another proxy tells of it" : "it did not renew");
	log_limited(LOG_WARN, "server's lease ended", "id=%s", log_quoted(s->id));
	if (!both)
		log_narrate("Server id %s is gone: it did not renew its lease", s->id);
	gone->result = REGISTRATION_CHANGED;
}

enum registration_result
registration_expire(const struct registration *j, uint64_t now)
{
	struct gone_ctx gone = {j, REGISTRATION_NOTHING};

	registry_expire(j->registry, now, on_gone, &gone);
	return gone.result;
}

/* What speaks against a server that was let in under other settings; NULL: nothing. */
static const char *
why_out(const struct registration *j, const struct registry_server *s, const char *keyid)
{
	const char *set = registration_job_set(j, registry_policy(j->registry, s->policy)->name);

	if (set[0] != '\0' && strcmp(set, s->job) != 0)
		return "its job is not the one that is set for its policy";
	if (s->tls && !j->tls_known)
		return "it speaks TLS, and there is no server_ca any more to verify it by";
	if (!s->tls && j->tls_required)
		return "it does not speak TLS, which server_tls requires";
	if (keyid[0] == '\0')
		return j->require_signature ? "it is not signed, and require_signature is set"
					    : NULL;
	return keyring_find(j->keyring, keyid) == NULL ? "its key is known no more" : NULL;
}

enum registration_result
registration_review(const struct registration *j)
{
	enum registration_result result = REGISTRATION_NOTHING;

	for (unsigned i = 0; i < registry_server_end(j->registry); i++) {
		const struct registry_server *s = registry_server(j->registry, i);
		const char *keyid = registry_tenure_of(j->registry, i)->keyid;
		const char *why = s->used && !s->configured ? why_out(j, s, keyid) : NULL;
		if (why == NULL) {
			if (s->used)
				warn_of_clock(j, s);
			continue;
		}
		log_event(LOG_WARN, "server taken out", "id=%s%s%s why=%s", log_quoted(s->id),
			  keyid[0] != '\0' ? " key=" : "",
			  keyid[0] != '\0' ? log_quoted(keyid) : "", log_quoted(why));
		events_add(j->events, EVENT_REMOVED, s->id,
			   registry_policy(j->registry, s->policy)->name, why);
		registry_remove(j->registry, i);
		result = REGISTRATION_CHANGED;
	}
	return result;
}
