/* Whatever a worker that has been taken over says to the master: no index is taken
 * that is out of a table, and nothing but a registration that its peer may make changes the pool.
 */
#include "fuzz.h"
#include "log.h"
#include "registration.h"
#include "worker_msg.h"

enum { SERVERS = 4, NOW = 1000 };

static struct registration join;
static struct addr_net nowhere;

static void
open_once(void)
{
	static const struct log_options quiet = {.program = "fuzz", .target = "/dev/null"};
	const char *why;

	HOLDS(log_open(&quiet) == 0);
	HOLDS(addr_net_parse(&nowhere, "203.0.113.0/24", &why) == 0);
	HOLDS(addr_numeric(&join.self[0], "192.0.2.1", 2100) == 0);
	join.selves = 1;
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

	if (worker_msg_get_answer(message, SERVERS, &head, row) < 0)
		return;
	HOLDS(head.n <= EXPLAIN_ROWS);
	for (uint32_t i = 0; i < head.n; i++) {
		HOLDS(row[i].server < SERVERS);
		HOLDS(upstream_verdict_text(row[i].sight.verdict) != NULL);
	}
}

/* What is a question is the same once it is asked again. */
static void
look_at_question(struct span message)
{
	struct explain_question q, again;
	struct buf b = BUF_INIT;

	if (worker_msg_get_question(message, &q) < 0)
		return;
	HOLDS(worker_msg_put_question(&b, q.token, q.policy, q.key) == 0);
	HOLDS(worker_msg_get_question(buf_span(&b), &again) == 0);
	HOLDS(again.token == q.token && strcmp(again.policy, q.policy) == 0 &&
	      strcmp(again.key, q.key) == 0);
	buf_release(&b);
}

static void
look_at_incident(struct span message)
{
	struct worker_msg_failure incident;

	if (worker_msg_get_failure(message, SERVERS, NOW, &incident) == 0)
		HOLDS(incident.at <= NOW && incident.server < SERVERS &&
		      failure_text((enum failure_cause)incident.cause) != NULL);
}

static void
look_at_loop(struct span message)
{
	struct worker_msg_loop loop;

	if (worker_msg_get_loop(message, &loop) == 0)
		HOLDS(strlen(loop.server) <= REQUEST_SECRET);
}

static void
look_at_registration(struct span message)
{
	struct registration_msg head;
	struct buf answer = BUF_INIT;
	struct span text;
	bool trusted;

	if (worker_msg_get_registration(message, &head, &text) < 0)
		return;
	trusted = addr_peer_in_net(&head.guest.peer, &nowhere);
	join.registry = registry_new(SERVERS, SERVERS);
	join.tally = server_stats_new(1, SERVERS);
	HOLDS(join.registry != NULL && join.tally != NULL);
	HOLDS(registration_handle(&join, text, &head.guest, NOW, &answer) == REGISTRATION_NOTHING ||
	      trusted);
	HOLDS(memchr(head.guest.nonce, '\0', sizeof head.guest.nonce) != NULL);
	buf_release(&answer);
	counters_free(join.tally);
	registry_free(join.registry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = fuzz_span(data, size);

	if (join.trusted == NULL)
		open_once();
	switch (worker_msg_kind_of(message)) {
	case WORKER_MSG_EXPLAIN:
		look_at_explanation(message);
		look_at_question(message);
		break;
	case WORKER_MSG_FAILURE: look_at_incident(message); break;
	case WORKER_MSG_REGISTRATION: look_at_registration(message); break;
	case WORKER_MSG_LOOP: look_at_loop(message); break;
	case WORKER_MSG_NONE:
	case WORKER_MSG_END: break;
	}
	return 0;
}
