/* registrar.c - see registrar.h: the table, and what it has done. */
#include "registrar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "registrar_internal.h"

enum { ANSWER_MAX = 65536 };
enum { STEADY_MS = 1000 }; /* joined for so long, the end of the connection is no trouble */

/* ---- the table ---- */

/* What is done as the next state begins; it may return a further event. */
typedef enum registrar_event action(struct registrar *);

static action try_now, try_in_numbers, try_next, say, join, judge, settle, retry_later, tell, leave,
	go_on_leaving, end;

/* clang-format off */
#define TRY {RESOLVING, try_now}
#define FAILS [REFUSED] = {PAUSING, retry_later}, [FAILED] = {PAUSING, retry_later}
#define UNANSWERED [STRANGE] = {STAY, judge}, [LOST] = {STAY, judge}, [DUE] = {STAY, judge}
#define TOLD [SAME] = {STAY, tell}, [CHANGED] = {STAY, tell}, [REKEYED] = {STAY, tell}
#define ENDS [LEAVE] = {LEFT, end}, [ABANDON] = {LEFT, end}
#define LEAVES [LEAVE] = {LEAVING, leave}, [ABANDON] = {LEFT, end}

/* What is not here changes nothing and has nothing done. */
static const struct {
	enum registrar_state next;
	action *run;
} table[STATE_COUNT][EVENT_COUNT] = {
	[PAUSING] = {[DUE] = TRY, [SAME] = TRY, [CHANGED] = TRY, [REKEYED] = TRY, ENDS},
	[RESOLVING] = {[FOUND] = {CONNECTING, try_next}, FAILS, ENDS},
	[CONNECTING] = {[OPENED] = {ANNOUNCED, say}, [LOST] = {STAY, try_next}, FAILS, ENDS},
	[ANNOUNCED] = {
		[ACKED] = {JOINED, join},
		[CHALLENGED] = {STAY, say},
		[UNHEARD] = {RESOLVING, try_in_numbers},
		[PLAIN] = {UNCONFIRMED, settle},
		[CHANGED] = {OUTDATED, NULL}, /* the answer to come is not to this one */
		[REKEYED] = TRY, FAILS, UNANSWERED, LEAVES,
	},
	[OUTDATED] = {
		[ACKED] = {ANNOUNCED, say},
		[CHALLENGED] = {ANNOUNCED, say},
		[UNHEARD] = TRY, /* what is new begins anew */
		[REKEYED] = TRY, FAILS, UNANSWERED, LEAVES,
	},
	[JOINED] = {
		[DUE] = {RENEWING, say},
		[ACKED] = {STAY, join},
		[CHALLENGED] = {RENEWING, say},
		[LOST] = {PAUSING, retry_later},
		[ENDED] = TRY,
		[SAME] = {STAY, tell},
		[CHANGED] = {ANNOUNCED, say},
		[REKEYED] = TRY, FAILS, LEAVES,
	},
	[RENEWING] = {
		[ACKED] = {JOINED, join},
		[CHALLENGED] = {STAY, say},
		[ENDED] = TRY,
		[SAME] = {STAY, tell},
		[CHANGED] = {OUTDATED, NULL},
		[REKEYED] = TRY, FAILS, UNANSWERED, LEAVES,
	},
	[UNCONFIRMED] = {[DUE] = TRY, [SAME] = {STAY, tell}, [CHANGED] = TRY, [REKEYED] = TRY, ENDS},
	[LEAVING] = {
		[ACKED] = {STAY, go_on_leaving},
		[CHALLENGED] = {STAY, go_on_leaving},
		[REFUSED] = {STAY, go_on_leaving},
		[FAILED] = {LEFT, end},
		[LOST] = {LEFT, end},
		[DUE] = {LEFT, end},
		TOLD, ENDS,
	},
	[LEFT] = {TOLD, ENDS},
};
/* clang-format on */

static enum registrar_state
shown(enum registrar_state s)
{
	return s == RENEWING ? JOINED : s == OUTDATED ? ANNOUNCED : s;
}

static void
set_state(struct registrar *r, enum registrar_state s)
{
	if (shown(s) != shown(r->state) || r->since == 0)
		r->since = clock_ms();
	r->state = s;
}

/* An action that has told an owner returns NOTHING: r may be gone. */
static void
happens(struct registrar *r, enum registrar_event e)
{
	while (e != NOTHING) {
		action *run = table[r->state][e].run;

		if (table[r->state][e].next != STAY)
			set_state(r, table[r->state][e].next);
		e = run != NULL ? run(r) : NOTHING;
	}
}

/* ---- what the actions share ---- */

static void
drop_conn(struct registrar *r)
{
	conn_close(r->conn);
	r->conn = NULL;
}

static void
arm(struct registrar *r, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(r->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the registration clock", NULL);
}

/* One line for a trouble, not one for each try; another reason is another trouble. */
static void
complain(struct registrar *r)
{
	bool said = r->complained && strcmp(r->trouble, r->why) == 0;

	memcpy(r->trouble, r->why, sizeof r->trouble);
	log_limited(said ? LOG_VERBOSE : LOG_WARN, "not registered with the proxy",
		    "proxy=%s why=%s", r->conf.proxy, log_quoted(r->why));
	if (!said)
		log_narrate("Server %s: proxy %s: %s; trying again", r->announcement.id,
			    r->conf.proxy, r->why);
	r->complained = true;
	r->told_plain = false;
}

/* ---- the way to the proxy ---- */

static const struct conn_ops conn_ops;

static enum registrar_event
try_next(struct registrar *r)
{
	return registrar_connect_next(r, &conn_ops) == 0 ? NOTHING : FAILED;
}

static void
on_resolved(const struct addr *found, size_t n, const char *why, void *ctx)
{
	struct registrar *r = ctx;

	r->lookup = NULL;
	(void)snprintf(r->why, sizeof r->why, "%s: %s", r->host, why);
	for (size_t i = 0; i < n; i++) {
		r->place[i] = found[i];
		addr_set_port(&r->place[i], r->port);
	}
	r->places = n;
	happens(r, FOUND);
}

/* A name is asked for anew at each try, since names go stale. */
static enum registrar_event
try_now(struct registrar *r)
{
	(void)event_del(r->clock);
	drop_conn(r);
	r->places = r->tried = 0;
	if (registrar_known_place(r, &r->place[0]) == 0) {
		r->places = 1;
		return FOUND;
	}
	r->lookup = resolver_start(r->base, r->host, on_resolved, r);
	if (r->lookup != NULL)
		return NOTHING;
	registrar_note(r, strerror(errno));
	return FAILED;
}

static enum registrar_event
try_in_numbers(struct registrar *r)
{
	r->numbers = true;
	return try_now(r);
}

/* ---- on the connection ---- */

static enum registrar_event
say(struct registrar *r)
{
	arm(r, r->conf.ack_timeout);
	if (registrar_say_join(r) == 0)
		return NOTHING;
	registrar_note(r, "out of memory");
	return FAILED;
}

static enum registrar_event
tell(struct registrar *r)
{
	void (*told)(void *) = r->told;

	r->told = NULL;
	if (told != NULL)
		told(r->told_ctx);
	return NOTHING;
}

static enum registrar_event
join(struct registrar *r)
{
	/* Twice in a lease, and jittered: one lost renewal does no harm, and servers spread. */
	arm(r, r->conf.lease / 3 + backoff_random() % (r->conf.lease / 6 + 1));
	return tell(r);
}

/* A proxy that closes, stays silent or says something else instead of acknowledging. */
static enum registrar_event
judge(struct registrar *r)
{
	if (r->ever_acked || r->conf.signer != NULL || r->conf.tls != NULL)
		return FAILED;
	return r->numbers ? PLAIN : UNHEARD;
}

/* It has been announced as well as can be. */
static enum registrar_event
settle(struct registrar *r)
{
	drop_conn(r);
	registrar_calm(r);
	log_event(r->told_plain ? LOG_VERBOSE : LOG_INFO,
		  "announced to a proxy that does not acknowledge", "proxy=%s", r->conf.proxy);
	r->told_plain = true;
	(void)event_del(r->clock);
	if (r->conf.reannounce > 0)
		arm(r, r->conf.reannounce);
	return tell(r);
}

static enum registrar_event
retry_later(struct registrar *r)
{
	drop_conn(r);
	r->numbers = false;
	complain(r);
	/* Added, so that servers that were told the same come back apart. */
	arm(r, r->retry_after + (uint64_t)backoff_next(&r->pause, backoff_random()));
	r->retry_after = 0;
	return tell(r);
}

static enum registrar_event
leave(struct registrar *r)
{
	arm(r, r->conf.ack_timeout);
	return registrar_can_sign(r) && registrar_say_leave(r) < 0 ? FAILED : NOTHING;
}

/* What was said before the leave is answered first. */
static enum registrar_event
go_on_leaving(struct registrar *r)
{
	if (r->unanswered > 0)
		return NOTHING;
	return r->said_leave || !registrar_can_sign(r) || registrar_say_leave(r) < 0 ? FAILED
										     : NOTHING;
}

static enum registrar_event
end(struct registrar *r)
{
	resolver_cancel(r->lookup);
	r->lookup = NULL;
	drop_conn(r);
	(void)event_del(r->clock);
	(void)tell(r);
	r->done(r->done_ctx);
	return NOTHING;
}

/* ---- where events come from ---- */

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct registrar *r = arg;

	(void)fd;
	(void)what;
	registrar_note(r, "no acknowledgement in time"); /* where one is awaited */
	happens(r, DUE);
}

static void
on_open(struct conn *c, void *arg)
{
	(void)c;
	registrar_begin(arg);
	happens(arg, OPENED);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	(void)c;
	happens(arg, registrar_hear(arg, text));
}

static void
lost(struct registrar *r, enum registrar_event e, const char *why)
{
	r->conn = NULL;
	registrar_note(r, why);
	happens(r, e);
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	const struct registrar *r = arg;
	bool steady = shown(r->state) == JOINED && clock_ms() - r->since >= STEADY_MS;

	conn_close(c);
	/* A proxy worker that leaves closes what it holds; its successor is there already. */
	lost(arg, steady && !cut ? ENDED : LOST, "the proxy closed the connection");
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	(void)error;
	conn_close(c);
	lost(arg, LOST, "the proxy answered what is no packet");
}

static void
on_close(struct conn *c, int error, void *arg)
{
	lost(arg, LOST, error != 0 ? conn_why(c, error) : "the proxy closed the connection");
}

static const struct conn_ops conn_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
};

/* ---- the registrar itself ---- */

/* A copy of all of it: what conf borrows is freed by the next reload. */
static void
take_conf(struct registrar *r, const struct registrar_conf *conf)
{
	struct signer *signer = r->conf.signer;
	struct tls_creds *tls = r->conf.tls;

	r->conf = *conf;
	r->conf.signer = signer_ref(conf->signer);
	r->conf.tls = tls_creds_ref(conf->tls);
	if (conf->signer != signer)
		memset(&r->signing, 0, sizeof r->signing);
	signer_free(signer);
	tls_creds_unref(tls);
	(void)snprintf(r->proxy, sizeof r->proxy, "%s", conf->proxy);
	(void)snprintf(r->tls_name, sizeof r->tls_name, "%s",
		       conf->tls_name != NULL ? conf->tls_name : "");
	r->conf.proxy = r->proxy;
	r->conf.tls_name = r->tls_name;
	r->pause.min = (uint32_t)conf->retry_min;
	r->pause.max = (uint32_t)conf->retry_max;
}

static void
take_announcement(struct registrar *r, const struct packet_announcement *a)
{
	r->announcement = *a;
	packet_leave_out_defaults(&r->announcement);
}

struct registrar *
registrar_new(struct event_base *base, const struct registrar_conf *conf,
	      const struct packet_announcement *announcement)
{
	struct registrar *r = calloc(1, sizeof *r);
	int error;

	if (r == NULL)
		return NULL;
	r->base = base;
	r->state = PAUSING;
	take_conf(r, conf);
	take_announcement(r, announcement);
	r->clock = event_new(base, -1, 0, on_clock, r);
	r->loop = conn_loop_new(base, ANSWER_MAX);
	if (registrar_split(conf->proxy, r->host, &r->port) == 0 && r->clock != NULL &&
	    r->loop != NULL)
		return r;
	error = r->clock != NULL && r->loop != NULL ? EINVAL : ENOMEM;
	registrar_free(r);
	errno = error;
	return NULL;
}

void
registrar_free(struct registrar *r)
{
	if (r == NULL)
		return;
	resolver_cancel(r->lookup);
	drop_conn(r);
	conn_loop_free(r->loop);
	if (r->clock != NULL)
		event_free(r->clock);
	signer_free(r->conf.signer);
	tls_creds_unref(r->conf.tls);
	free(r);
}

void
registrar_start(struct registrar *r)
{
	happens(r, DUE);
}

/* Would the proxy read the same? */
static bool
same_announcement(const struct packet_announcement *a, const struct packet_announcement *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool same = packet_register(&x, a) == 0 && packet_register(&y, b) == 0 &&
		    span_eq(buf_span(&x), buf_span(&y));

	buf_release(&x);
	buf_release(&y);
	return same;
}

void
registrar_announce(struct registrar *r, const struct registrar_conf *conf,
		   const struct packet_announcement *a, void (*done)(void *ctx), void *ctx)
{
	struct packet_announcement before = r->announcement;
	enum registrar_event e = conf->signer != r->conf.signer ? REKEYED : CHANGED;

	take_conf(r, conf);
	take_announcement(r, a);
	r->told = done;
	r->told_ctx = ctx;
	if (e == CHANGED && same_announcement(&before, &r->announcement))
		e = SAME;
	else
		r->numbers = false; /* what is new is said from the beginning */
	happens(r, e);
}

void
registrar_leave(struct registrar *r, void (*done)(void *ctx), void *ctx)
{
	r->done = done;
	r->done_ctx = ctx;
	happens(r, r->ever_acked ? LEAVE : ABANDON);
}

const char *
registrar_trouble(const struct registrar *r)
{
	return r->trouble;
}

#define STATE_TEXT(name, text) text,
const char *const registrar_states[] = {REGISTRAR_STATES(STATE_TEXT) NULL};

const char *
registrar_state(const struct registrar *r, uint64_t *since)
{
	*since = r->since;
	return registrar_states[shown(r->state) - 1];
}
