/* join.c - see join.h. */
#include "join.h"

#include <stdio.h>

#include "log.h"

static bool
trusted(const struct join *j, const struct addr *peer)
{
	for (size_t i = 0; i < j->trusted_n; i++)
		if (addr_in_net(peer, &j->trusted[i]))
			return true;
	return false;
}

static void
refuse(struct packet_fault *f, enum packet_code code, const char *why)
{
	f->code = code;
	f->lost = false;
	(void)snprintf(f->why, sizeof f->why, "%s", why);
}

/* Where the server is to be reached: its host where it named one, or the address it came from. */
static int
where(const struct join *j, const struct packet_announcement *a, const struct addr *peer,
      struct addr *out, struct packet_fault *fault)
{
	*out = *peer;
	addr_set_port(out, a->port);
	if (a->host[0] != '\0' && addr_numeric(out, a->host, a->port) < 0) {
		refuse(fault, PACKET_BAD_MESSAGE, "host must be a numeric address");
		return -1;
	}
	if (addr_eq(out, &j->self)) {
		refuse(fault, PACKET_DENIED, "the announced address is the proxy's own");
		return -1;
	}
	return 0;
}

static enum join_result
joined(const struct join *j, const struct packet_announcement *a, const struct addr *at,
       enum registry_change change)
{
	static const char *const said[] = {
		[REGISTRY_JOINED] = "server joined", [REGISTRY_REPLACED] = "server replaced"};
	char text[ADDR_TEXT];

	if (change == REGISTRY_RENEWED)
		return JOIN_NOTHING;
	events_add(j->events, change == REGISTRY_JOINED ? EVENT_JOINED : EVENT_REPLACED, a->id,
		   a->policy, addr_text(at, text));
	log_event(LOG_INFO, said[change], "id=%s policy=%s addr=%s kind=%s lease=%u",
		  log_quoted(a->id), log_quoted(a->policy), addr_text(at, text),
		  a->keepalive ? "pooled" : "plain", a->lease);
	log_narrate("Setup message from server id %s, policy %s, port %u", a->id, a->policy,
		    a->port);
	return JOIN_CHANGED;
}

/* The tallies of an index that passes to another server start anew. */
static void
forget_tally(const struct join *j, const char *id)
{
	for (unsigned i = 0; i < registry_server_end(j->registry); i++) {
		const struct registry_server *s = registry_server(j->registry, i);
		if (s->used && span_eq_str(span_str(s->id), id))
			tally_forget(j->tally, i);
	}
}

static int
do_register(const struct join *j, const struct packet_announcement *a, const struct addr *peer,
	    uint64_t now, const char **verb, enum join_result *result, struct packet_fault *fault)
{
	struct addr at;
	enum registry_change change;

	if (where(j, a, peer, &at, fault) < 0)
		return -1;
	change = registry_join(j->registry, a, &at, now);
	if (change == REGISTRY_FULL) {
		refuse(fault, PACKET_OVERLOADED, "no room for another server or policy");
		return -1;
	}
	if (change == REGISTRY_JOINED)
		forget_tally(j, a->id);
	*verb = change == REGISTRY_RENEWED ? "renewed" : "registered";
	*result = joined(j, a, &at, change);
	return 0;
}

static int
do_deregister(const struct join *j, const struct packet_announcement *a, const char **verb,
	      enum join_result *result, struct packet_fault *fault)
{
	if (!registry_leave(j->registry, a->id, a->policy)) {
		refuse(fault, PACKET_BAD_MESSAGE, "no such server is registered under that policy");
		return -1;
	}
	events_add(j->events, EVENT_LEFT, a->id, a->policy, NULL);
	log_event(LOG_INFO, "server left", "id=%s policy=%s", log_quoted(a->id),
		  log_quoted(a->policy));
	log_narrate("Server id %s left, policy %s", a->id, a->policy);
	*verb = "deregistered";
	*result = JOIN_CHANGED;
	return 0;
}

static int
carry_out(const struct join *j, const struct packet *p, const struct packet_announcement *a,
	  const struct addr *peer, uint64_t now, const char **verb, enum join_result *result,
	  struct packet_fault *fault)
{
	if (p->type == PACKET_REGISTER)
		return do_register(j, a, peer, now, verb, result, fault);
	return do_deregister(j, a, verb, result, fault);
}

enum join_result
join_handle(const struct join *j, struct span text, const struct addr *peer, uint64_t now,
	    struct buf *answer)
{
	enum join_result result = JOIN_NOTHING;
	struct packet_announcement a;
	struct packet_fault fault;
	struct packet p;
	const char *verb = "";
	char from[ADDR_TEXT];
	size_t before = buf_len(answer);
	int rc = 0;
	bool fine = packet_parse(&p, text, &fault) == 0 && packet_announced(&p, &a, &fault) == 0;

	if (fine && !trusted(j, peer)) {
		refuse(&fault, PACKET_DENIED, "registrations are not taken from this address");
		fine = false;
	}
	if (fine)
		fine = carry_out(j, &p, &a, peer, now, &verb, &result, &fault) == 0;
	if (!fine) {
		log_event(LOG_WARN, "registration refused", "peer=%s code=%s why=%s",
			  addr_text(peer, from), packet_code_text(fault.code),
			  log_quoted(fault.why));
		rc = packet_error(answer, &p, j->proxy_id, fault.code, fault.why, 0);
	} else if (a.ack || p.type == PACKET_DEREGISTER) {
		rc = packet_ack(answer, &p, j->proxy_id, verb, NULL);
	}
	if (rc < 0 || (buf_len(answer) > before && buf_append(answer, "\n", 1) < 0))
		log_event(LOG_ERROR, "out of memory for an answer to a registration", NULL);
	return result;
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
