/* Whatever a worker that has been taken over says to the master: nothing that is believed points
 * out of a table, and the pool is changed by nothing but a registration that whoever it names may
 * make. */
#include "handoff.h"
#include "explain.h"
#include "fuzz.h"
#include "join.h"
#include "log.h"

enum { SERVERS = 4, NOW = 1000 };

static struct join join;
static struct addr_net nowhere;

static void
open_once(void)
{
	static const struct log_options quiet = {.program = "fuzz", .target = "/dev/null"};
	const char *why;

	HOLDS(log_open(&quiet) == 0);
	HOLDS(addr_net_parse(&nowhere, "203.0.113.0/24", &why) == 0);
	HOLDS(addr_numeric(&join.self, "192.0.2.1", 2100) == 0);
	join.proxy_id = "proxy";
	join.cluster = "pool";
	join.trusted = &nowhere;
	join.trusted_n = 1;
}

static void
look_at_explanation(struct span message)
{
	struct explain_answer head;
	static struct explain_row row[EXPLAIN_ROWS];

	if (explain_read(message, SERVERS, &head, row) < 0)
		return;
	HOLDS(head.n <= EXPLAIN_ROWS);
	for (uint32_t i = 0; i < head.n; i++) {
		HOLDS(row[i].server < SERVERS);
		HOLDS(upstream_verdict_text(row[i].sight.verdict) != NULL);
	}
}

static void
look_at_incident(struct span message)
{
	struct handoff_incident incident;

	if (handoff_read_incident(message, NOW, &incident) == 0)
		HOLDS(incident.at <= NOW);
}

static void
look_at_registration(struct span message)
{
	struct join_handoff head;
	struct buf answer = BUF_INIT;
	struct span text;
	bool trusted;

	if (join_read(message, &head, &text) < 0)
		return;
	trusted = addr_in_net(&head.guest.peer, &nowhere);
	join.registry = registry_new(SERVERS, SERVERS);
	join.tally = tally_new(1, SERVERS);
	HOLDS(join.registry != NULL && join.tally != NULL);
	HOLDS(join_handle(&join, text, &head.guest, NOW, &answer) == JOIN_NOTHING || trusted);
	HOLDS(memchr(head.guest.nonce, '\0', sizeof head.guest.nonce) != NULL);
	buf_release(&answer);
	tally_free(join.tally);
	registry_free(join.registry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = fuzz_span(data, size);

	if (join.trusted == NULL)
		open_once();
	switch (handoff_kind_of(message)) {
	case HANDOFF_EXPLAIN: look_at_explanation(message); break;
	case HANDOFF_INCIDENT: look_at_incident(message); break;
	case HANDOFF_REGISTRATION: look_at_registration(message); break;
	case HANDOFF_NONE:
	case HANDOFF_END: break;
	}
	return 0;
}
