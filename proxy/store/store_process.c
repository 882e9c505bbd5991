/* store_process.c - see store_process.h. */
#include "store_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "channel_queue.h"
#include "clock.h"
#include "etcd_client.h"
#include "log.h"
#include "store_confine.h"
#include "store_lease.h"
#include "store_msg.h"
#include "store_publish.h"
#include "store_sync.h"

enum {
	STATE_MS = 1000,
	FEW_MS = 20,	  /* after a change, before it is told: others may follow */
	REVOKE_MS = 1500, /* that the end of the lease is waited for */
	FINISH_MS = 100,
	QUIET_MS = 60000, /* that refused nothing: what it refuses then is told anew */
	MESSAGES_A_WAKE = 64
};

struct store_process {
	const struct store_process_place *place;
	struct event_base *base;
	struct channel_queue *outbox; /* to the master */
	struct event *on_channel, *on_term, *state_clock, *end_clock;
	char *prefix;
	struct etcd_client_ops client_ops;
	struct store_lease_ops lease_ops;
	struct store_sync_ops sync_ops;
	struct etcd_client *client;
	struct store_rows *rows;
	struct store_lease *lease;
	struct store_sync *sync;
	struct store_publish *publish;
	enum store_phase told; /* the phase that was logged last */
	bool told_failed;      /* since it was in sync */
	uint64_t refused_at;   /* the store refused something last; 0: never */
	bool ending;
	int status;
	struct buf message;
	char space[CHANNEL_MAX + 1];
};

static void
stop_loop(struct store_process *s, int status)
{
	s->status = status;
	(void)event_base_loopbreak(s->base);
}

static void
arm(struct event *clock, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a clock of the store", NULL);
}

/* ---- to the master ---- */

static void
on_empty(void *arg)
{
	store_sync_go_on(((struct store_process *)arg)->sync);
}

/* Without a master that hears all that there is, this process is of no use: another one begins
 * anew. */
static void
tell(struct store_process *s, const struct store_msg *m)
{
	buf_clear(&s->message);
	if (store_msg_put(&s->message, m) == 0 &&
	    channel_queue_send(s->outbox, CHANNEL_DATA, buf_span(&s->message), -1) == 0)
		return;
	log_errno(LOG_ERROR, "the store process cannot tell the master", NULL);
	stop_loop(s, 1);
}

static bool
has_room(void *arg)
{
	struct store_process *s = arg;

	if (channel_queue_kept(s->outbox) == 0)
		return true;
	channel_queue_when_empty(s->outbox, on_empty, s);
	return false;
}

/* What can be shown in a terminal of any kind. */
static void
copy_text(char out[STORE_STATE_TEXT], const char *text)
{
	size_t n = strlen(text);

	n = n < STORE_STATE_TEXT - 1 ? n : STORE_STATE_TEXT - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = '?';
	for (size_t i = 0; i < n; i++)
		if (text[i] >= ' ' && text[i] <= '~')
			out[i] = text[i];
	out[n] = '\0';
}

static void
tell_state(struct store_process *s)
{
	struct store_msg m = {.kind = STORE_MSG_STATE};
	struct store_rows_count n;
	struct etcd_client_view v;

	store_rows_count(s->rows, &n);
	etcd_client_look(s->client, &v);
	copy_text(m.state.endpoint, v.endpoint);
	copy_text(m.state.error, v.error);
	m.state.error_at = v.error_at;
	m.state.errors = v.errors;
	m.state.cluster = v.cluster;
	m.state.term = v.term;
	m.state.phase = (uint32_t)store_sync_phase(s->sync);
	m.state.revision = store_sync_revision(s->sync);
	m.state.synced_at = store_sync_synced_at(s->sync);
	m.state.audit_at = store_sync_audit_at(s->sync);
	m.state.claimed = store_publish_claimed(s->publish);
	m.state.lease_until = store_lease_until(s->lease);
	m.state.rows = n.there;
	m.state.ignored = n.ignored;
	store_publish_count(s->publish, &m.state.wanted, &m.state.unsynced);
	tell(s, &m);
}

static void
on_state_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_process *s = arg;

	(void)fd;
	(void)what;
	arm(s->state_clock, STATE_MS);
	log_report_suppressed();
	if (channel_queue_kept(s->outbox) == 0) /* it is told anew in a second */
		tell_state(s);
}

static void
state_changed(struct store_process *s)
{
	struct timeval left;

	if (event_pending(s->state_clock, EV_TIMEOUT, &left) != 0)
		arm(s->state_clock, FEW_MS);
}

/* ---- what is heard of the store ---- */

static void
on_row(const struct store_row *r, struct span value, void *arg)
{
	struct store_process *s = arg;
	const struct store_msg m = {
		.kind = STORE_MSG_ROW,
		.key = store_row_key(r),
		.value = span_of(value.p, value.n < STORE_VALUE_MAX ? value.n : STORE_VALUE_MAX),
		.create_rev = r->create_rev,
		.mod_rev = r->mod_rev};

	if (!r->ignored)
		tell(s, &m);
	else
		log_limited(LOG_WARN, "a row of the store is ignored: its key is too long",
			    "key=%s bytes=%zu", log_quoted_n(r->key, r->key_n), r->key_n);
	store_publish_heard(s->publish, store_row_key(r), value);
}

static void
on_deleted(struct span key, uint64_t mod_rev, void *arg)
{
	struct store_process *s = arg;
	const struct store_msg m = {.kind = STORE_MSG_DELETED, .key = key, .mod_rev = mod_rev};

	if (key.n <= STORE_KEY_MAX)
		tell(s, &m);
	store_publish_heard(s->publish, key, span_of("", 0));
}

static void
on_synced(uint64_t revision, void *arg)
{
	struct store_process *s = arg;
	const struct store_msg m = {.kind = STORE_MSG_SYNCED, .mod_rev = revision};
	struct etcd_client_view v;

	etcd_client_look(s->client, &v);
	if (s->told != STORE_SYNCED)
		log_event(LOG_INFO, "the store is in sync", "store=%s revision=%llu",
			  log_quoted(v.endpoint), (unsigned long long)revision);
	s->told = STORE_SYNCED;
	s->told_failed = false;
	tell(s, &m);
	store_lease_begin(s->lease);
	store_publish_may(s->publish, true);
	state_changed(s);
}

static void
on_unsynced(void *arg)
{
	struct store_process *s = arg;

	store_publish_may(s->publish, false);
	state_changed(s);
}

static void
on_reset(void *arg)
{
	struct store_process *s = arg;
	const struct store_msg m = {.kind = STORE_MSG_RESET};

	tell(s, &m);
	store_lease_forget(s->lease);
	store_publish_reset(s->publish);
}

/* A line when that changes what is known, and for the first one: STATE tells of all others. */
static void
on_failed(const char *why, void *arg)
{
	struct store_process *s = arg;
	enum store_phase before = s->told;

	store_sync_failed(s->sync);
	s->told = store_sync_phase(s->sync);
	if (before == STORE_SYNCED && s->told != STORE_SYNCED)
		log_event(LOG_WARN, "the store is out of sync: what is known stays", "why=%s",
			  log_quoted(why));
	else if (!s->told_failed)
		log_event(LOG_WARN, "the store does not answer", "why=%s", log_quoted(why));
	s->told_failed = true;
	state_changed(s);
}

/* It is tried again every few seconds: a line for the first of these. */
static void
on_refused(const char *why, void *arg)
{
	struct store_process *s = arg;
	uint64_t now = clock_ms();

	if (s->refused_at == 0 || now - s->refused_at > QUIET_MS)
		log_event(LOG_WARN, "the store refuses what it is asked", "why=%s",
			  log_quoted(why));
	s->refused_at = now;
	state_changed(s);
}

static void
on_granted(uint64_t lease, void *arg)
{
	struct store_process *s = arg;

	log_event(LOG_VERBOSE, "the store has given a lease", "lease=%llx",
		  (unsigned long long)lease);
	store_publish_look(s->publish);
	state_changed(s);
}

static void
on_lost(void *arg)
{
	store_publish_look(((struct store_process *)arg)->publish);
}

static void
on_clash(struct span boot, struct span address, void *arg)
{
	const struct store_msg m = {.kind = STORE_MSG_CLASH, .key = boot, .value = address};

	tell(arg, &m);
}

static void
on_claimed(bool claimed, void *arg)
{
	(void)claimed;
	state_changed(arg);
}

/* ---- the end ---- */

static void
on_end_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_event(LOG_WARN, "the store does not answer: what was published ends with its lease",
		  NULL);
	stop_loop(arg, 0);
}

static void
on_revoked(const struct etcd_answer *a, void *arg)
{
	if (a->class != ETCD_OK)
		log_event(LOG_WARN, "what was published ends with its lease", "why=%s",
			  log_quoted(a->why));
	stop_loop(arg, 0);
}

static void
end(struct store_process *s, bool revoke)
{
	uint64_t lease = store_lease_id(s->lease);
	struct buf body = BUF_INIT;
	struct etcd_call *call = NULL;

	if (s->ending)
		return;
	s->ending = true;
	store_publish_may(s->publish, false);
	if (revoke && lease != 0 && etcd_json_put_lease(&body, lease) == 0)
		call = etcd_client_call(s->client, "/v3/lease/revoke", buf_span(&body), on_revoked,
					s);
	buf_release(&body);
	if (call == NULL)
		stop_loop(s, 0);
	else
		arm(s->end_clock, REVOKE_MS);
}

static void
on_term(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	end(arg, false);
}

/* ---- from the master ---- */

static void
take(struct store_process *s, struct span body)
{
	enum store_want want = STORE_WANT_KEPT;
	struct store_msg m;

	if (store_msg_get(body, &m) < 0)
		return; /* it is of the same binary: this can't be */
	if (m.kind == STORE_MSG_END) {
		end(s, m.revoke);
		return;
	}
	if (m.kind != STORE_MSG_KEEP && m.kind != STORE_MSG_DROP)
		return;
	if (m.kind == STORE_MSG_DROP)
		want = m.value.n > 0 ? STORE_WANT_GONE : STORE_WANT_REMOVED;
	if (store_rows_want(s->rows, m.key, want, m.value, m.mod_rev) == NULL) {
		log_event(LOG_ERROR, "out of memory for a row of the store", NULL);
		stop_loop(s, 1);
	}
	store_publish_look(s->publish);
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct store_process *s = arg;
	enum channel_tag tag;
	struct span body;
	int passed;

	(void)what;
	for (int i = 0; i < MESSAGES_A_WAKE; i++) {
		switch (channel_receive_with(fd, s->space, &tag, &body, &passed)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_FAILED:
			log_errno(LOG_ERROR, "cannot read what the master says", NULL);
			stop_loop(s, 1);
			return;
		case CHANNEL_ENDED: stop_loop(s, 1); return; /* the master is gone */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_LOG && passed >= 0)
			log_take_file(passed);
		else if (passed >= 0)
			(void)close(passed);
		else if (tag == CHANNEL_DATA)
			take(s, body);
	}
}

/* ---- the whole ---- */

static int
set_signals(struct store_process *s)
{
	static const int ignored[] = {SIGINT,  SIGHUP,	SIGQUIT, SIGUSR1, SIGUSR2,
				      SIGTTIN, SIGTTOU, SIGPIPE, SIGCHLD};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		if (sigaction(ignored[i], &ignore, NULL) < 0)
			return -1;
	s->on_term = evsignal_new(s->base, SIGTERM, on_term, s);
	if (s->on_term == NULL || event_add(s->on_term, NULL) < 0)
		return -1;
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static char *
prefix_of(const char *cluster)
{
	struct buf b = BUF_INIT;
	char *prefix = NULL;

	if (buf_append_str(&b, "/policypool/") == 0 && store_percent(&b, cluster) == 0 &&
	    buf_append_str(&b, "/v1/") == 0)
		prefix = strndup(buf_span(&b).p, buf_len(&b));
	buf_release(&b);
	return prefix;
}

static bool
open_client(struct store_process *s)
{
	const struct store_process_place *p = s->place;
	const char *why;

	s->client_ops = (struct etcd_client_ops){
		.on_failed = on_failed, .on_refused = on_refused, .ctx = s};
	s->client = etcd_client_new(s->base, p->conf, &s->client_ops, &why);
	if (s->client == NULL)
		log_event(LOG_ERROR, "the store cannot be asked", "why=%s", log_quoted(why));
	return s->client != NULL;
}

static bool
open_parts(struct store_process *s)
{
	const struct store_process_place *p = s->place;

	s->lease_ops = (struct store_lease_ops){
		.on_granted = on_granted, .on_lost = on_lost, .ctx = s};
	s->sync_ops = (struct store_sync_ops){.on_row = on_row,
					      .on_deleted = on_deleted,
					      .on_synced = on_synced,
					      .on_unsynced = on_unsynced,
					      .on_reset = on_reset,
					      .has_room = has_room,
					      .ctx = s};
	s->rows = store_rows_new();
	s->lease = store_lease_new(s->base, s->client, p->conf->ttl, &s->lease_ops);
	s->sync = s->rows == NULL
			  ? NULL
			  : store_sync_new(s->base, s->client, s->rows, s->prefix, &s->sync_ops);
	if (s->lease == NULL || s->sync == NULL)
		return false;
	s->publish = store_publish_new(&(struct store_publish_env){.base = s->base,
								   .client = s->client,
								   .rows = s->rows,
								   .lease = s->lease,
								   .prefix = s->prefix,
								   .id = p->id,
								   .boot = p->boot,
								   .address = p->address,
								   .ttl = p->conf->ttl,
								   .on_clash = on_clash,
								   .on_claimed = on_claimed,
								   .ctx = s});
	return s->publish != NULL;
}

static bool
open_events(struct store_process *s)
{
	int fd = s->place->channel;

	s->outbox = channel_queue_new(s->base, fd, "master");
	s->on_channel = event_new(s->base, fd, EV_READ | EV_PERSIST, on_channel, s);
	s->state_clock = evtimer_new(s->base, on_state_clock, s);
	s->end_clock = evtimer_new(s->base, on_end_clock, s);
	return s->outbox != NULL && s->on_channel != NULL && s->state_clock != NULL &&
	       s->end_clock != NULL && event_add(s->on_channel, NULL) == 0;
}

static void
free_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

static void
release(struct store_process *s)
{
	store_publish_free(s->publish);
	store_sync_free(s->sync);
	store_lease_free(s->lease);
	store_rows_free(s->rows);
	etcd_client_free(s->client);
	free_event(s->on_channel);
	free_event(s->on_term);
	free_event(s->state_clock);
	free_event(s->end_clock);
	channel_queue_free(s->outbox);
	if (s->base != NULL)
		event_base_free(s->base);
	buf_release(&s->message);
	free(s->prefix);
	free(s);
}

static int
serve(struct store_process *s)
{
	const struct store_process_place *p = s->place;

	if (store_confine_close(p->channel) < 0)
		return 1;
	s->base = event_base_new();
	s->prefix = prefix_of(p->cluster);
	if (s->base == NULL || s->prefix == NULL || !open_events(s) || !open_client(s) ||
	    !open_parts(s) || set_signals(s) < 0 || store_confine(p->isolation, p->master) < 0)
		return 1;
	tell_state(s);
	arm(s->state_clock, STATE_MS);
	store_sync_begin(s->sync);
	if (event_base_dispatch(s->base) < 0) {
		log_errno(LOG_ERROR, "event loop failed", NULL);
		return 1;
	}
	channel_queue_finish(s->outbox, FINISH_MS);
	return s->status;
}

int
store_process_run(const struct store_process_place *place)
{
	struct store_process *s = calloc(1, sizeof *s);
	int status;

	if (s == NULL)
		return 1;
	s->place = place;
	status = serve(s);
	release(s);
	return status;
}
