/* worker_msg.c - see worker_msg.h.  The structs are sent as they lie in memory: both sides are one
 * program.  Gaps are zeroed, so that no byte is left to chance. */
#include "worker_msg.h"

#include <stdio.h>
#include <string.h>

enum worker_msg_kind
worker_msg_kind_of(struct span message)
{
	uint32_t kind;

	if (message.n < sizeof kind)
		return WORKER_MSG_NONE;
	memcpy(&kind, message.p, sizeof kind);
	return kind < WORKER_MSG_END ? (enum worker_msg_kind)kind : WORKER_MSG_NONE;
}

/* Its first n bytes, which are all of it unless a tail may follow, are taken. */
static int
get(struct span message, enum worker_msg_kind kind, void *head, size_t n, size_t tail)
{
	if (worker_msg_kind_of(message) != kind || message.n < n || message.n - n > tail)
		return -1;
	memcpy(head, message.p, n);
	return 0;
}

/* Looked at as the byte that it is: a bool that is neither must not be read as one. */
static bool
is_bool(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, sizeof byte);
	return byte <= 1;
}

/* All or nothing. */
static int
put(struct buf *out, const void *head, size_t n, struct span tail)
{
	if (buf_reserve(out, n + tail.n) == NULL || buf_append(out, head, n) < 0)
		return -1;
	return buf_append_span(out, tail);
}

/* ---- registrations ---- */

int
worker_msg_put_registration(struct buf *out, uint64_t token, const struct registration_peer *peer,
			    struct span text)
{
	struct registration_msg m;

	memset(&m, 0, sizeof m);
	m.kind = WORKER_MSG_REGISTRATION;
	m.token = token;
	m.guest = *peer;
	return put(out, &m, sizeof m, text);
}

int
worker_msg_get_registration(struct span message, struct registration_msg *m, struct span *text)
{
	if (get(message, WORKER_MSG_REGISTRATION, m, sizeof *m, REGISTRATION_MAX) < 0 ||
	    !is_bool(&m->guest.proven) || !addr_peer_is_whole(&m->guest.peer) ||
	    memchr(m->guest.nonce, '\0', sizeof m->guest.nonce) == NULL)
		return -1;
	*text = span_of(message.p + sizeof *m, message.n - sizeof *m);
	return 0;
}

/* ---- failures ---- */

int
worker_msg_put_failure(struct buf *out, unsigned server, uint64_t incarnation, uint64_t at,
		       enum failure_cause cause)
{
	struct worker_msg_failure m;

	memset(&m, 0, sizeof m);
	m.kind = WORKER_MSG_FAILURE;
	m.server = server;
	m.incarnation = incarnation;
	m.at = at;
	m.cause = cause;
	return put(out, &m, sizeof m, span_of(NULL, 0));
}

int
worker_msg_get_failure(struct span message, unsigned servers, uint64_t now,
		       struct worker_msg_failure *m)
{
	if (get(message, WORKER_MSG_FAILURE, m, sizeof *m, 0) < 0 || m->server >= servers ||
	    m->cause >= FAILURE_CAUSE_COUNT)
		return -1;
	m->at = m->at < now ? m->at : now;
	return 0;
}

/* ---- loops ---- */

int
worker_msg_put_loop(struct buf *out, struct span server)
{
	struct worker_msg_loop m;

	memset(&m, 0, sizeof m);
	m.kind = WORKER_MSG_LOOP;
	(void)snprintf(m.server, sizeof m.server, "%.*s", SPAN_ARG(server));
	return put(out, &m, sizeof m, span_of(NULL, 0));
}

int
worker_msg_get_loop(struct span message, struct worker_msg_loop *m)
{
	return get(message, WORKER_MSG_LOOP, m, sizeof *m, 0) < 0 ||
			       memchr(m->server, '\0', sizeof m->server) == NULL
		       ? -1
		       : 0;
}

/* ---- explanations ---- */

int
worker_msg_put_question(struct buf *out, uint64_t token, const char *policy, const char *key)
{
	struct explain_question m;

	memset(&m, 0, sizeof m);
	m.kind = WORKER_MSG_EXPLAIN;
	m.token = token;
	(void)snprintf(m.policy, sizeof m.policy, "%s", policy);
	(void)snprintf(m.key, sizeof m.key, "%s", key);
	return put(out, &m, sizeof m, span_of(NULL, 0));
}

int
worker_msg_get_question(struct span message, struct explain_question *m)
{
	if (get(message, WORKER_MSG_EXPLAIN, m, sizeof *m, 0) < 0 ||
	    memchr(m->policy, '\0', sizeof m->policy) == NULL ||
	    memchr(m->key, '\0', sizeof m->key) == NULL)
		return -1;
	return 0;
}

int
worker_msg_put_answer(struct buf *out, const struct explain_answer *answer,
		      const struct explain_row *row)
{
	struct explain_answer m;

	memset(&m, 0, sizeof m);
	m.kind = WORKER_MSG_EXPLAIN;
	m.token = answer->token;
	m.n = answer->n;
	m.known = answer->known;
	m.last = answer->last;
	return put(out, &m, sizeof m, span_of((const char *)row, m.n * sizeof *row));
}

static bool
row_is_sound(const struct explain_row *r, unsigned servers)
{
	return r->server < servers && is_bool(&r->chosen) && is_bool(&r->sight.busy) &&
	       (unsigned)r->sight.verdict < UPSTREAM_VERDICT_COUNT;
}

int
worker_msg_get_answer(struct span message, unsigned servers, struct explain_answer *m,
		      struct explain_row row[EXPLAIN_ROWS])
{
	if (get(message, WORKER_MSG_EXPLAIN, m, sizeof *m, EXPLAIN_ROWS * sizeof *row) < 0 ||
	    m->n > EXPLAIN_ROWS || message.n != sizeof *m + m->n * sizeof *row ||
	    !is_bool(&m->known) || !is_bool(&m->last))
		return -1;
	if (m->n > 0)
		memcpy(row, message.p + sizeof *m, m->n * sizeof *row);
	for (uint32_t i = 0; i < m->n; i++)
		if (!row_is_sound(&row[i], servers))
			return -1;
	return 0;
}
