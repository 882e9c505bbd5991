/* upstream_fixture.h - a worker's upstreams, their environment, and servers of policy 111 that are
 * sockets of the test.  Of three workers it is the first, and the last one is the master. */
#ifndef POLICYPOOL_TESTS_UPSTREAM_FIXTURE_H
#define POLICYPOOL_TESTS_UPSTREAM_FIXTURE_H

#include "server_fixture.h"
#include "upstream.h"
#include "upstream_internal.h"

enum { SERVERS = 4, WORKERS = 3, OTHER = 1, MASTER = 2, UNBOUNDED = 1000 /* slots */ };

static char own_id[] = "proxy", no_name[] = "";
static struct proxy_conf conf;
static struct registry *registry;
static struct verdicts *verdicts;
static struct upstream_env env;
static struct upstreams *all;
static int listener;		     /* of server 0 */
static struct addr at;		     /* where that is */
static char reply_text[512];	     /* the last one */
static struct upstream_server named; /* with the last reply or loss */
static struct request *next_up; /* sent to server 0 from within the next callback that has one */
static struct request *waits;	/* the same, from within on_room() */
static bool rooms_told;		/* on_room() as well */

static inline void
send_next_up(void)
{
	struct request *r = next_up;
	const char *why = NULL;

	next_up = NULL;
	if (r != NULL)
		tell("send=%d ", upstream_send(all, 0, r, &why));
	if (r != NULL && r->state != REQUEST_IN_FLIGHT)
		request_free(r);
}

static void
on_reply(struct request *r, const struct upstream_server *server, struct span reply, void *ctx)
{
	unsigned index = server->index;

	named = *server;

	cr_assert(ctx == &told);
	(void)snprintf(reply_text, sizeof reply_text, "%.*s", SPAN_ARG(reply));
	tell("%s(%.*s",
	     r->client == NULL ? "nobodys"
	     : r->refused      ? "refused"
			       : "reply",
	     SPAN_ARG(r->srcid));
	tell(index == 0 ? ") " : "@%u) ", index);
	request_free(r);
	send_next_up();
}

static void
on_lost(struct request *r, const struct upstream_server *server, enum upstream_loss loss,
	const char *why, void *ctx)
{
	static const char *const words[] = {
		[UPSTREAM_UNREACHED] = "unreached", [UPSTREAM_LATE] = "late",
		[UPSTREAM_ENDED] = "ended",	    [UPSTREAM_BROKEN] = "broken",
		[UPSTREAM_TIMEOUT] = "timeout",	    [UPSTREAM_STOPPING] = "stopping",
		[UPSTREAM_DECLINED] = "declined"};

	cr_assert(ctx == &told && why != NULL);
	named = *server;
	tell("lost(%.*s, %s) ", SPAN_ARG(r->srcid), words[loss]);
	request_free(r);
	send_next_up();
}

static void
on_unreached(const struct upstream_server *server, const char *why, void *ctx)
{
	cr_assert(ctx == &told);
	tell("unreached(%u, %s) ", server->index, why);
}

static void
on_incident(unsigned index, uint64_t incarnation, enum failure_cause cause, void *ctx)
{
	cr_assert(ctx == &told);
	cr_assert_eq(incarnation, registry_snapshot_server(env.roster, index)->incarnation);
	tell("incident(%s) ", failure_text(cause));
}

static void
on_room(unsigned policy, void *ctx)
{
	cr_assert(ctx == &told && policy == 0);
	if (rooms_told)
		tell("room ");
	if (waits != NULL) {
		next_up = waits;
		waits = NULL;
		send_next_up();
	}
}

static const struct upstream_ops ops = {on_reply, on_lost, on_unreached, on_incident, on_room};

/* ---- how servers stand ---- */

static enum upstream_standing standing[SERVERS]; /* as last asked for */
static uint64_t health_changes;			 /* at that time */

static inline void
ask_standing(unsigned index)
{
	if (registry_snapshot_server(env.roster, index)->used)
		standing[index] = upstream_standing(all, index, now_ms());
}

static inline void
ask_standings(void)
{
	health_changes = server_health_changes(verdicts);
	for (unsigned i = 0; i < registry_snapshot_server_end(env.roster); i++)
		ask_standing(i);
}

/* What was said to hold until something is told holds. */
static inline void
check_standings(void)
{
	int changed;

	while ((changed = upstreams_changed(all)) >= 0)
		ask_standing((unsigned)changed);
	if (server_health_changes(verdicts) != health_changes)
		ask_standings();
	for (unsigned i = 0; i < registry_snapshot_server_end(env.roster); i++)
		if (registry_snapshot_server(env.roster, i)->used && standing[i] != UPSTREAM_VARIES)
			cr_assert_eq(upstream_standing(all, i, now_ms()), standing[i],
				     "of server %u nothing was told", i);
}

static inline void
expect_standing(enum upstream_standing want)
{
	check_standings();
	cr_assert_eq(standing[0], want, "%d", standing[0]);
}

/* ---- servers ---- */

static inline struct packet_announcement
plain(void)
{
	return (struct packet_announcement){.id = "0", .policy = "111", .port = 1};
}

static inline struct packet_announcement
pooled(unsigned pipeline, unsigned slots)
{
	return (struct packet_announcement){.id = "0",
					    .policy = "111",
					    .port = 1,
					    .keepalive = true,
					    .pipeline = pipeline,
					    .slots = slots};
}

static inline void
refresh(void)
{
	cr_assert(registry_snapshot_refresh(env.roster));
	upstreams_refresh(all);
	ask_standings();
}

/* A server announces itself, or does so anew, and has that index. */
static inline void
announce_as(const char *id, unsigned index, struct packet_announcement a, const struct addr *where)
{
	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_neq(registry_join(registry, &a, where, now_ms()), REGISTRY_FULL);
	cr_assert_eq(registry_find(registry, a.id), (int)index);
	refresh();
}

static inline void
announce(unsigned index, struct packet_announcement a, const struct addr *where)
{
	char id[16];

	(void)snprintf(id, sizeof id, "%u", index);
	announce_as(id, index, a, where);
}

static inline void
open_upstreams(void)
{
	open_loop();
	conf = (struct proxy_conf){
		.id = own_id,
		.max_servers = SERVERS,
		.max_policies = 1,
		.server_connections = 2,
		.plain_message = 2048,
		.policy = {.connect_timeout = 5000, .reply_timeout = 10000, .slow_start = 1000},
		.server.name = no_name};
	registry = registry_new(SERVERS, 1);
	verdicts = verdicts_new(SERVERS);
	env = (struct upstream_env){.conf = &conf,
				    .loop = loop,
				    .roster = registry_snapshot_new(registry),
				    .permits = permits_new(SERVERS, WORKERS),
				    .tally = server_stats_new(WORKERS, SERVERS),
				    .meter = worker_stats_new(WORKERS, 1),
				    .verdicts = verdicts,
				    .workers = WORKERS - 1};
	for (unsigned w = 0; w < WORKERS; w++)
		permits_admit(env.permits, w);
	all = upstreams_new(&env, &ops, told);
	cr_assert_not_null(all);
	listener = listen_at(&at, 16);
}

/* No permit is held that no connection stands for. */
static inline void
close_upstreams(void)
{
	struct upstream *up;
	struct upstream_conn *l;

	check_standings();
	LIST_FOREACH(up, &all->list, link)
		LIST_FOREACH(l, &up->lanes, link) {
			struct request *r;
			TAILQ_FOREACH(r, &l->flight, link)
				r->client = NULL; /* freed with the lane */
		}
	upstreams_abandon(all);
	cr_assert_eq(upstreams_in_flight(all), 0);
	cr_assert_eq(permits_use(env.permits, SERVERS).held, 0);
	upstreams_free(all);
	close_loop();
	(void)close(listener);
	registry_snapshot_free(env.roster);
	permits_free(env.permits);
	counters_free(env.tally);
	worker_stats_free(env.meter);
	verdicts_free(verdicts);
	registry_free(registry);
}

/* ---- sending ---- */

static const char *send_why; /* of the last that was not sent */

/* True: it is in flight. */
static inline bool
try_send_to(unsigned index, const char *srcid)
{
	struct request *r = request_of(srcid);

	check_standings();
	send_why = NULL;
	if (upstream_send(all, index, r, &send_why) == 0) {
		cr_assert_eq(r->state, REQUEST_IN_FLIGHT);
		return true;
	}
	cr_assert(r->state == REQUEST_QUEUED && r->sends == 0);
	request_free(r);
	return false;
}

static inline bool
try_send(const char *srcid)
{
	return try_send_to(0, srcid);
}

/* A request a letter. */
static inline void
send_all(const char *srcids)
{
	for (; *srcids != '\0'; srcids++)
		cr_assert(try_send((char[]){*srcids, '\0'}), "%s", srcids);
}

/* With one connection, over which server 0 has answered a request. */
static inline int
open_pooled(unsigned pipeline, unsigned slots)
{
	int peer;

	announce(0, pooled(pipeline, slots), &at);
	send_all("0");
	peer = accept_one(listener);
	expect_heard(peer, REQUEST("0") "\n");
	say(peer, REPLY("0"));
	expect_told("reply(0) ");
	return peer;
}

static inline enum upstream_verdict
judge(void)
{
	check_standings();
	return upstream_usable(all, 0, 100, now_ms());
}

static inline void
expect_verdict(enum upstream_verdict want)
{
	cr_assert_str_eq(upstream_verdict_text(judge()), upstream_verdict_text(want));
}

static inline const struct server_stats_cell *
cell(void)
{
	return server_stats_cell(env.tally, 0, 0);
}

static inline uint64_t
served(void)
{
	return counter_get(&cell()->served);
}

static inline uint64_t
failed(void)
{
	return counter_get(&cell()->failed);
}

static inline uint64_t
connections(void)
{
	return counter_get(&cell()->connections);
}

#endif
