/* registration_check.c - may it: by where it comes from, by its key and signature, by where the
 * server is to be, by TLS, by its job and the keys that it does it with, and by another server with
 * that id; see registration_internal.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reg_auth.h"
#include "registration_internal.h"

enum { RIVAL_AGAIN = 300 }; /* ms, until it is known whether another server with that id lives */

int
registration_refuse(struct registration_handling *h, enum packet_code code, const char *fmt, ...)
{
	va_list ap;

	h->fault.code = code;
	h->fault.lost = false;
	va_start(ap, fmt);
	(void)vsnprintf(h->fault.why, sizeof h->fault.why, fmt, ap);
	va_end(ap);
	return -1;
}

/* The same words whatever is wrong, so that nobody learns from trying. */
static int
deny(struct registration_handling *h, const char *truth)
{
	h->truth = truth;
	return registration_refuse(h, PACKET_DENIED, "this registration is not accepted");
}

static bool
trusts(const struct registration *j, const struct addr_peer *peer)
{
	for (size_t i = 0; i < j->trusted_n; i++)
		if (addr_peer_in_net(peer, &j->trusted[i]))
			return true;
	return false;
}

static bool
trusts_place(const struct registration *j, const struct addr *at)
{
	for (size_t i = 0; i < j->trusted_n; i++)
		if (addr_in_net(at, &j->trusted[i]))
			return true;
	return false;
}

static struct reg_auth
admission_of(const struct registration *j)
{
	return (struct reg_auth){j->keyring, j->cluster, j->registry};
}

static struct reg_auth_case
case_of(const struct registration_handling *h)
{
	return (struct reg_auth_case){.type = h->p.type,
				      .a = &h->a,
				      .peer = &h->guest->peer,
				      .nonce = h->nonce,
				      .now = time(NULL)};
}

int
registration_check_unsigned(struct registration_handling *h)
{
	struct reg_auth ad = admission_of(h->j);
	const char *why = NULL;

	if (h->j->require_signature)
		why = "it is not signed";
	else if (!trusts(h->j, &h->guest->peer))
		why = "it is not signed, nor from a trusted network";
	else
		why = reg_auth_unsigned(&ad, h->a.id);
	return why != NULL ? deny(h, why) : 0;
}

/* at is NULL when it leaves. */
int
registration_check_rights(struct registration_handling *h, const struct addr *at)
{
	struct reg_auth ad = admission_of(h->j);
	struct reg_auth_case c = case_of(h);
	const char *why = registration_is_signed(h) ? reg_auth_rights(&ad, &c, at) : NULL;

	return why != NULL ? deny(h, why) : 0;
}

int
registration_check_signature(struct registration_handling *h)
{
	struct reg_auth ad = admission_of(h->j);
	struct reg_auth_case c = case_of(h);
	const char *why = reg_auth_signature(&ad, &c, h->key, &h->old);

	return why != NULL ? deny(h, why) : 0;
}

int
registration_check_place(struct registration_handling *h, struct addr *at)
{
	const char *why = server_addr_of(&h->a, &h->guest->peer, at);

	if (why != NULL)
		return registration_refuse(h, PACKET_BAD_MESSAGE, "%s", why);
	for (unsigned i = 0; why == NULL && i < h->j->selves; i++)
		why = server_addr_check(at, &h->guest->peer, &h->j->self[i]);
	if (why == NULL && !registration_is_signed(h) && addr_is_unix(at) &&
	    !addr_peer_is_unix(&h->guest->peer))
		why = "a Unix socket, announced unsigned and not over one: whose it is is not known";
	if (why == NULL && !registration_is_signed(h) && server_addr_is_internal(at) &&
	    !trusts_place(h->j, at))
		why = "an address of the network's own services, and not in trusted_networks";
	return why != NULL ? deny(h, why) : 0;
}

bool
registration_is_local(const struct registration *j)
{
	for (unsigned i = 0; i < j->selves; i++)
		if (!addr_is_loopback(&j->self[i]))
			return false;
	return j->selves > 0;
}

int
registration_check_told_place(struct registration_handling *h, const struct addr *at)
{
	const struct registration *j = h->j;
	const char *why = NULL;
	struct addr_peer peer;

	addr_peer_of(&peer, at);
	for (unsigned i = 0; why == NULL && i < j->selves; i++)
		why = server_addr_check(at, &peer, &j->self[i]);
	if (why == NULL && addr_is_loopback(at) && !registration_is_local(h->j))
		why = "a loopback address, told by another proxy, and not all listen on loopback";
	if (why == NULL && !registration_is_signed(h) && server_addr_is_internal(at) &&
	    !trusts_place(h->j, at))
		why = "an address of the network's own services, and not in trusted_networks";
	return why == NULL ? 0 : registration_refuse(h, PACKET_DENIED, "%s", why);
}

/* Whether the proxy would speak to it as it asks to be spoken to. */
int
registration_check_tls(struct registration_handling *h)
{
	if (h->a.tls && !h->j->tls_known)
		return registration_refuse(
			h, PACKET_DENIED,
			"it announces TLS, and this proxy has no server_ca to verify it by");
	if (!h->a.tls && h->j->tls_required)
		return registration_refuse(h, PACKET_DENIED,
					   "it does not announce TLS, which is required here");
	return 0;
}

const char *
registration_job_set(const struct registration *j, const char *policy)
{
	return j->conf == NULL ? "" : static_conf_job_of(j->conf, policy);
}

int
registration_check_static(struct registration_handling *h, const struct addr *at)
{
	const struct registry *r = h->j->registry;
	int twin;

	if (h->j->conf != NULL && static_conf_find(h->j->conf, h->a.id) != NULL)
		return registration_refuse(h, PACKET_DENIED,
					   "id %s is configured in the proxy's file", h->a.id);
	if (at == NULL || h->a.keepalive)
		return 0;
	twin = registry_find_twin(r, h->a.policy, h->a.id, at);
	if (twin < 0 || !registry_server(r, (unsigned)twin)->configured)
		return 0;
	return registration_refuse(
		h, PACKET_DENIED,
		"this address is that of server %s, which is configured in the proxy's file",
		registry_server(r, (unsigned)twin)->id);
}

/* All replies of a policy are of one kind: whoever asks must know what to expect. */
int
registration_check_job(struct registration_handling *h)
{
	const struct registry *r = h->j->registry;
	const char *job = packet_job(&h->a), *set = registration_job_set(h->j, h->a.policy);
	int other = registry_find_other_job(r, h->a.policy, h->a.id, job);

	if (set[0] != '\0' && strcmp(set, job) != 0)
		return registration_refuse(h, PACKET_DENIED,
					   "its job is %s: job is set to %s for policy %s", job,
					   set, h->a.policy);
	if (other < 0)
		return 0;
	return registration_refuse(h, PACKET_DENIED,
				   "its job is %s: the job of policy %s is %s, as of server %s",
				   job, h->a.policy, registry_server(r, (unsigned)other)->job,
				   registry_server(r, (unsigned)other)->id);
}

/* So that a payload has one pseudonym, whichever server it comes to. */
int
registration_check_job_keys(struct registration_handling *h)
{
	const struct registry *r = h->j->registry;
	int other = registry_find_other_keys(r, h->a.policy, h->a.id, h->a.jobkeys);
	const char *id, *theirs;
	struct span name;

	if (other < 0)
		return 0;
	id = registry_server(r, (unsigned)other)->id;
	theirs = registry_tenure_of(r, (unsigned)other)->job_keys;
	if (job_keys_compare(h->a.jobkeys, theirs, &name) == JOB_KEYS_DIFFER)
		return registration_refuse(h, PACKET_DENIED,
					   "server %s's key %.*s is not that of server %s: their "
					   "secret or pseudonym_domain differs",
					   h->a.id, SPAN_ARG(name), id);
	return registration_refuse(h, PACKET_DENIED,
				   "server %s has no key in common with server %s: a new key is to "
				   "be installed on all before one uses it",
				   h->a.id, id);
}

/* The server with that id, where it is registered from another place; NULL: there is none. */
const struct registry_server *
registration_rival(const struct registration_handling *h, const struct addr *at)
{
	int i = registry_find(h->j->registry, h->a.id);
	const struct registry_server *s = i < 0 ? NULL
						: registry_server(h->j->registry, (unsigned)i);

	return s == NULL || addr_eq(&s->addr, at) ? NULL : s;
}

/* An id is announced from another place.  After a restart, or by a server that has moved, that is
 * right, and replaces the older one; where that one still answers there are two of them, and if
 * both renew they would take each other's place for ever.  One that announces itself only once
 * can't be told, and replaces the older in any case. */
int
registration_check_rival(struct registration_handling *h, const struct addr *at)
{
	const struct registry_server *rival = registration_rival(h, at);
	unsigned i = (unsigned)registry_find(h->j->registry, h->a.id);
	char where[ADDR_TEXT], here[ADDR_TEXT];

	if (rival == NULL || h->j->life == NULL || h->a.lease == 0 ||
	    registry_tenure_of(h->j->registry, i)->lease == 0 ||
	    h->guest->incarnation == rival->incarnation || rival->admin == REGISTRY_DISABLED ||
	    (registration_is_signed(h) &&
	     h->a.sign.epoch > registry_tenure_of(h->j->registry, i)->epoch))
		return 0;
	switch (h->j->life(i, h->j->ctx)) {
	case SERVER_GONE: return 0;
	case SERVER_LIVES:
		registry_set_rival(h->j->registry, i, at);
		return registration_refuse(h, PACKET_DENIED,
					   "id in use: %s answers at %s, and this is %s", h->a.id,
					   addr_text(&rival->addr, where), addr_text(at, here));
	case SERVER_ASKED: break;
	}
	h->retry_after = RIVAL_AGAIN;
	return registration_refuse(h, PACKET_OVERLOADED,
				   "id in use: whether it still answers is being looked at");
}
