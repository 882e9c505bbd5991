/* A relay between clients and servers that the test plays: upstream.h is implemented here, and so
 * is the clock.  What lies between (chooser, lines, queue, retry, registry) is the real one.
 *
 * The servers of policy 111 are "one", "two" and "three", with indices 0 to 2 and turns in that
 * order; "four" serves 222. */
#ifndef POLICYPOOL_TESTS_DISPATCH_FIXTURE_H
#define POLICYPOOL_TESTS_DISPATCH_FIXTURE_H

#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dispatch.h"

enum { ONE, TWO, THREE, FOUR, SERVERS };
enum { POLICIES = 2, CLIENTS = 3, IDS = 64, WORKERS = 2, QUEUE_TIMEOUT = 1000 };

/* ---- the clock ---- */

static uint64_t now_us = 1000 * 1000 * 1000;

uint64_t
clock_us(void)
{
	return now_us;
}

uint64_t
clock_ms(void)
{
	return now_us / 1000;
}

uint64_t
conn_loop_us(struct conn_loop *loop)
{
	(void)loop;
	return now_us;
}

void
clock_text(char *out, size_t size)
{
	(void)snprintf(out, size, "now");
}

/* A tick of the relay comes at once. */
struct timeval
clock_timeval(uint64_t ms)
{
	(void)ms;
	return (struct timeval){.tv_usec = 1000};
}

static inline void
pass(uint64_t ms)
{
	now_us += ms * 1000;
}

/* ---- the servers ---- */

struct upstreams {
	struct upstream_env env;
	const struct upstream_ops *ops;
	void *ctx;
	bool lacks_memory;
	struct {
		enum upstream_verdict verdict;
		unsigned room, n;  /* in flight: at most, now */
		bool refuses;	   /* usable, and yet takes nothing */
		const char *why;   /* what upstream_send() says then, or NULL */
		bool probed, busy; /* see upstream_is_probed(), upstream_snapshot() */
		bool unwilling;	   /* every connection has declined something a moment ago */
		struct request_list flight;
	} server[SERVERS];
	unsigned in_flight;
	const char *short_of;
	unsigned refreshed, yielded, stopped, ticked; /* calls */
	uint64_t ticked_at;
};

static struct upstreams servers;

struct upstreams *
upstreams_new(const struct upstream_env *env, const struct upstream_ops *ops, void *ctx)
{
	if (servers.lacks_memory)
		return NULL;
	servers.env = *env;
	servers.ops = ops;
	servers.ctx = ctx;
	for (unsigned i = 0; i < SERVERS; i++) {
		servers.server[i].room = 8;
		TAILQ_INIT(&servers.server[i].flight);
	}
	return &servers;
}

void
upstreams_free(struct upstreams *all)
{
	cr_assert(all == NULL || all->in_flight == 0, "what is in flight was not taken back");
}

void
upstreams_refresh(struct upstreams *all)
{
	all->refreshed++;
}

void
upstreams_yield(struct upstreams *all)
{
	all->yielded++;
}

void
upstreams_tick(struct upstreams *all, uint64_t now)
{
	all->ticked++;
	all->ticked_at = now;
}

void
upstreams_stop_waiting(struct upstreams *all)
{
	all->stopped++;
}

const char *
upstreams_short_of(const struct upstreams *all, uint64_t now)
{
	(void)now;
	return all->short_of;
}

unsigned
upstreams_in_flight(const struct upstreams *all)
{
	return all->in_flight;
}

enum upstream_verdict
upstream_usable(struct upstreams *all, unsigned server, size_t bytes, uint64_t now)
{
	(void)bytes;
	(void)now;
	if (all->server[server].verdict == UPSTREAM_USABLE &&
	    all->server[server].n >= all->server[server].room)
		return UPSTREAM_FULL;
	return all->server[server].verdict;
}

/* A test changes them as it likes. */
enum upstream_standing
upstream_standing(const struct upstreams *all, unsigned server, uint64_t now)
{
	(void)all;
	(void)server;
	(void)now;
	return UPSTREAM_VARIES;
}

int
upstreams_changed(struct upstreams *all)
{
	(void)all;
	return -1;
}

unsigned
upstream_in_flight(const struct upstreams *all, unsigned server)
{
	return all->server[server].n;
}

uint32_t
upstreams_draw(struct upstreams *u)
{
	static uint32_t lot;

	(void)u;
	return lot += UINT32_C(0x9e3779b9);
}

bool
upstream_has_willing(struct upstreams *all, unsigned server, uint64_t now)
{
	(void)now;
	return !all->server[server].unwilling;
}

void
upstream_snapshot(struct upstreams *all, unsigned server, size_t bytes, uint64_t now,
		  struct upstream_sight *out)
{
	*out = (struct upstream_sight){.verdict = upstream_usable(all, server, bytes, now),
				       .busy = all->server[server].busy,
				       .in_flight = all->server[server].n};
}

bool
upstream_is_probed(struct upstreams *all, unsigned server, uint64_t now)
{
	(void)now;
	return all->server[server].probed;
}

static char forwarded[256]; /* "7 one, 8 two, " */

static inline unsigned
id_of(const struct request *q)
{
	char text[8];

	(void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(q->srcid));
	return (unsigned)atoi(text);
}

int
upstream_send(struct upstreams *all, unsigned server, struct request *q, const char **why)
{
	cr_assert(!q->willing_only || !all->server[server].unwilling, "over one that declines");
	if (all->server[server].refuses) {
		if (all->server[server].why != NULL)
			*why = all->server[server].why;
		return -1;
	}
	q->state = REQUEST_IN_FLIGHT;
	q->sends++;
	TAILQ_INSERT_TAIL(&all->server[server].flight, q, link);
	all->server[server].n++;
	all->in_flight++;
	(void)snprintf(forwarded + strlen(forwarded), sizeof forwarded - strlen(forwarded),
		       "%u %s, ", id_of(q), registry_snapshot_server(all->env.roster, server)->id);
	return 0;
}

static inline void
land(struct request *q, unsigned server)
{
	TAILQ_REMOVE(&servers.server[server].flight, q, link);
	servers.server[server].n--;
	servers.in_flight--;
}

void
upstreams_abandon(struct upstreams *all)
{
	struct request *q;

	for (unsigned i = 0; i < SERVERS; i++)
		while ((q = TAILQ_FIRST(&all->server[i].flight)) != NULL) {
			land(q, i);
			if (q->client == NULL)
				request_free(q);
		}
}

/* ---- the clients ---- */

struct client {
	struct request_places places;
};

static struct client client[CLIENTS];
static struct request *alive[IDS]; /* by srcid: not yet answered */
static struct {
	unsigned n;
	char server[PACKET_ID_MAX + 1]; /* that replied; empty: our own */
	enum packet_code code;
	char text[512];
} answer[IDS];
static struct {
	unsigned n, server;
	uint64_t incarnation;
	enum failure_cause cause;
} incident;

/* ---- the relay ---- */

static char id_of_proxy[] = "proxy", roundrobin[] = "roundrobin";
static struct proxy_conf conf = {.id = id_of_proxy,
				 .max_servers = SERVERS,
				 .max_policies = POLICIES,
				 .server_connections = 1,
				 .plain_message = 200,
				 .queue_length = 50,
				 .retry_budget = 20,
				 .policy = {.queue_length = 50,
					    .retries = 2,
					    .queue_timeout = QUEUE_TIMEOUT,
					    .balance = roundrobin}};
static struct event_base *base;
static struct registry *registry;
static struct verdicts *verdicts;
static struct dispatch_env env;
static struct dispatch *relay;

/* Answers wait for their turn: the test lets go of the requests. */
static bool answers_wait;

/* With the next answer the client of this one leaves; 0: none does. */
static unsigned leaves_along;

static inline void leave(unsigned id);

/* As a client does: the answer is taken, the request let go. */
static void
on_answer(struct request *q, const char *server, struct span reply, void *ctx)
{
	unsigned id = id_of(q);
	struct span text = server != NULL ? reply : buf_span(&q->answer);

	cr_assert_eq(ctx, &client);
	cr_assert_eq(q->state, REQUEST_ANSWERED);
	cr_assert_eq(q, alive[id], "another than the one that is waited for");
	cr_assert_eq(server == NULL, reply.p == NULL);
	answer[id].n++;
	answer[id].code = q->code;
	(void)snprintf(answer[id].server, sizeof answer[id].server, "%s",
		       server != NULL ? server : "");
	(void)snprintf(answer[id].text, sizeof answer[id].text, "%.*s", SPAN_ARG(text));
	alive[id] = NULL;
	if (!answers_wait)
		dispatch_forget(relay, q);
	id = leaves_along;
	leaves_along = 0;
	if (id != 0)
		leave(id);
}

static void
on_replace(struct request *q, struct request *clone, void *ctx)
{
	cr_assert_eq(ctx, &client);
	cr_assert_eq(alive[id_of(q)], q);
	cr_assert(clone != q && clone->client == q->client && id_of(clone) == id_of(q));
	alive[id_of(q)] = clone;
}

static void
on_incident(unsigned server, uint64_t incarnation, enum failure_cause cause, void *ctx)
{
	cr_assert_eq(ctx, &client);
	incident.n++;
	incident.server = server;
	incident.incarnation = incarnation;
	incident.cause = cause;
}

static const struct dispatch_ops ops = {
	.on_answer = on_answer, .on_replace = on_replace, .on_incident = on_incident};

static inline void
join(const char *id, const char *policy, bool pooled)
{
	struct packet_announcement a = {.port = 1, .keepalive = pooled, .pipeline = 8};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, clock_ms()), REGISTRY_JOINED);
}

static inline void
open_relay(void)
{
	base = event_base_new();
	registry = registry_new(SERVERS, POLICIES);
	verdicts = verdicts_new(SERVERS);
	env = (struct dispatch_env){.base = base,
				    .registry = registry,
				    .upstream = {.conf = &conf,
						 .roster = registry_snapshot_new(registry),
						 .tally = server_stats_new(WORKERS, SERVERS),
						 .meter = worker_stats_new(WORKERS, POLICIES),
						 .verdicts = verdicts,
						 .workers = WORKERS}};
	join("one", "111", false);
	join("two", "111", false);
	join("three", "111", false);
	join("four", "222", false);
	relay = dispatch_new(&env, &ops, &client);
	cr_assert_not_null(relay);
}

/* All servers of 111 leave, and "new" has its first one's index, 333 the policy's. */
static inline void
replace_policy(void)
{
	cr_assert(registry_leave(registry, "one", "111"));
	cr_assert(registry_leave(registry, "two", "111"));
	cr_assert(registry_leave(registry, "three", "111"));
	join("new", "333", false);
	cr_assert(registry_find(registry, "new") == ONE);
	cr_assert(registry_find_policy(registry, "333") == 0);
}

static inline void
leave(unsigned id)
{
	struct request *q = alive[id];

	alive[id] = NULL;
	dispatch_forget(relay, q);
}

/* At the end all clients leave: nothing waits then, and nothing was answered twice. */
static inline void
close_relay(void)
{
	for (unsigned id = 0; id < IDS; id++) {
		cr_assert_leq(answer[id].n, 1, "%u has %u answers", id, answer[id].n);
		if (alive[id] != NULL)
			leave(id);
	}
	cr_assert_eq(dispatch_pending(relay), dispatch_in_flight(relay));
	dispatch_free(relay);
	registry_snapshot_free(env.upstream.roster);
	counters_free(env.upstream.tally);
	worker_stats_free(env.upstream.meter);
	verdicts_free(verdicts);
	registry_free(registry);
	event_base_free(base);
}

/* ---- what happens ---- */

static inline void
ask_with(unsigned c, unsigned id, const char *policy, const char *payload)
{
	char text[512];
	struct packet packet;
	struct packet_fault fault;

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"0\",\"srcid\":\"%u\",\"privPoliId\":\"%s\",\"payload\":\"%s\"}",
		       id, policy, payload);
	cr_assert_eq(packet_parse(&packet, span_str(text), &fault), 0);
	alive[id] = request_new(NULL, &client[c], packet.text, packet_scalar(&packet, "srcid"));
	cr_assert_not_null(alive[id]);
	alive[id]->places = &client[c].places;
	dispatch_submit(relay, alive[id], &packet);
}

/* The first client asks. */
static inline void
ask(unsigned id, const char *policy)
{
	ask_with(0, id, policy, "x");
}

static bool once; /* what servers have run must not be run again */

/* The server of that index, as it is now. */
static inline struct upstream_server
named(unsigned index)
{
	const struct registry_server *s = registry_snapshot_server(env.upstream.roster, index);
	struct upstream_server u = {.index = index, .incarnation = s->incarnation, .once = once};

	memcpy(u.id, s->id, sizeof u.id);
	return u;
}

/* The server replies to the first that it has. */
static inline void
reply(unsigned server)
{
	struct request *q = TAILQ_FIRST(&servers.server[server].flight);
	struct upstream_server u = named(server);
	char text[64];

	cr_assert_not_null(q, "server %u has no request", server);
	(void)snprintf(text, sizeof text, "reply to %u", id_of(q));
	land(q, server);
	servers.ops->on_reply(q, &u, span_str(text), servers.ctx);
	servers.ops->on_room(registry_snapshot_server(env.upstream.roster, server)->policy,
			     servers.ctx);
}

/* The server declines the first that it has; when to come again, 0: it does not say. */
static inline void
decline(unsigned server, unsigned retry_after, const char *why)
{
	struct request *q = TAILQ_FIRST(&servers.server[server].flight);
	struct upstream_server u = named(server);

	cr_assert_not_null(q, "server %u has no request", server);
	land(q, server);
	q->retry_after = retry_after;
	servers.ops->on_lost(q, &u, UPSTREAM_DECLINED, why, servers.ctx);
}

/* A connection with all that the server has ends, told as upstream.h does: the last one first. */
static inline void
lose(unsigned server, enum upstream_loss loss, const char *why)
{
	struct upstream_server u = named(server);
	struct request *q;

	while ((q = TAILQ_LAST(&servers.server[server].flight, request_list)) != NULL) {
		land(q, server);
		servers.ops->on_lost(q, &u, loss, why, servers.ctx);
		if (loss == UPSTREAM_DECLINED || loss == UPSTREAM_STOPPING)
			break;
	}
}

static inline void
room(unsigned server)
{
	servers.ops->on_room(registry_snapshot_server(env.upstream.roster, server)->policy,
			     servers.ctx);
}

/* None of 111 takes anything: as the verdict says. */
static inline void
all_are(enum upstream_verdict verdict)
{
	for (unsigned i = ONE; i <= THREE; i++)
		servers.server[i].verdict = verdict;
}

/* The relay's clock runs, and does so once. */
static inline void
tick(void)
{
	cr_assert_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* ---- what is seen ---- */

static inline void
assert_idle(void)
{
	cr_assert(dispatch_pending(relay) == 0 && dispatch_in_flight(relay) == 0);
	if (event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 0)
		tick(); /* which sees that */
	cr_assert_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

/* By index, -1: no server has it. */
static inline int
server_of(unsigned id)
{
	struct request *q;

	for (int i = 0; i < SERVERS; i++)
		TAILQ_FOREACH(q, &servers.server[i].flight, link)
			if (q == alive[id])
				return i;
	return -1;
}

static inline void
assert_waits(unsigned id)
{
	cr_assert_not_null(alive[id], "%u is answered: %s", id, answer[id].text);
	cr_assert(alive[id]->state == REQUEST_QUEUED && server_of(id) == -1);
}

static inline void
assert_parked(unsigned id)
{
	cr_assert_not_null(alive[id], "%u is answered: %s", id, answer[id].text);
	cr_assert(alive[id]->state == REQUEST_PARKED && server_of(id) == -1);
}

static inline void
assert_held(unsigned id)
{
	cr_assert_not_null(alive[id], "%u is answered: %s", id, answer[id].text);
	cr_assert(alive[id]->state == REQUEST_HELD && server_of(id) == -1);
}

static inline void
assert_replied(unsigned id, const char *server)
{
	char wanted[64];

	(void)snprintf(wanted, sizeof wanted, "reply to %u", id);
	cr_assert(answer[id].n == 1 && alive[id] == NULL, "%u has %u answers", id, answer[id].n);
	cr_assert_str_eq(answer[id].server, server);
	cr_assert_str_eq(answer[id].text, wanted);
}

/* It has an error of ours, in which that stands. */
static inline void
assert_refused(unsigned id, enum packet_code code, const char *part)
{
	char form[64];

	(void)snprintf(form, sizeof form, "{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"%u\"",
		       id);
	cr_assert(answer[id].n == 1 && alive[id] == NULL, "%u has %u answers", id, answer[id].n);
	cr_assert_str_empty(answer[id].server);
	cr_assert_eq(answer[id].code, code, "%s", answer[id].text);
	cr_assert_eq(strncmp(answer[id].text, form, strlen(form)), 0, "%s", answer[id].text);
	cr_assert_not_null(strstr(answer[id].text, part), "%s", answer[id].text);
}

static inline struct worker_stats_row *
counts(void)
{
	return worker_stats_row(env.upstream.meter, 0);
}

static inline struct worker_stats_queue *
queue_counts(void)
{
	return worker_stats_queue(env.upstream.meter, 0, 0);
}

static inline uint64_t
retried(unsigned server)
{
	return counter_get(&server_stats_cell(env.upstream.tally, 0, server)->retried);
}

#endif
