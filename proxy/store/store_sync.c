/* store_sync.c - see store_sync.h. */
#include "store_sync_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "etcd_http.h"
#include "log.h"

enum {
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 5000,
	LONG_ENOUGH_MS = 5000, /* synced for so long: the next pause is short again */
	CREATED_MS = 3000      /* that a watch has to say that it is there */
};

void
store_sync_arm(struct event *clock, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a clock of the store", NULL);
}

/* ---- rows ---- */

/* The key below the prefix; false: it is not of those that were asked for. */
static bool
strip(const struct store_sync *s, const struct etcd_kv *kv, struct span *key)
{
	size_t n = strlen(s->prefix);

	if (kv->key.n <= n || memcmp(kv->key.p, s->prefix, n) != 0)
		return false;
	*key = span_of(kv->key.p + n, kv->key.n - n);
	return true;
}

static void
take(struct store_sync *s, const struct etcd_kv *kv, struct span key)
{
	bool changed;
	struct store_row *r = store_rows_take(s->rows, key, kv->value, kv->create_rev, kv->mod_rev,
					      kv->lease, &changed);

	if (r == NULL && !s->doomed) {
		etcd_client_note(s->client, errno == EMFILE ? "it has too many rows"
							    : "out of memory for its rows");
		s->doomed = true;
	}
	if (r != NULL && changed)
		s->ops->on_row(r, kv->value, s->ops->ctx);
}

static void
take_deletion(struct store_sync *s, struct span key, uint64_t mod_rev)
{
	if (store_rows_gone(s->rows, key))
		s->ops->on_deleted(key, mod_rev, s->ops->ctx);
}

static void
sweep(struct store_sync *s)
{
	struct store_row *r;
	struct buf key = BUF_INIT;

	while ((r = store_rows_swept(s->rows)) != NULL) {
		buf_clear(&key); /* the row may be freed */
		if (buf_append_span(&key, store_row_key(r)) < 0)
			break; /* the next reading finds it */
		take_deletion(s, buf_span(&key), s->reading);
	}
	buf_release(&key);
}

/* ---- reading ---- */

static void read_page(struct store_sync *);
static void open_watch(struct store_sync *);

static void
on_page_row(const struct etcd_kv *kv, bool deleted, void *arg)
{
	struct store_sync *s = arg;
	struct span key;

	(void)deleted;
	buf_clear(&s->from);
	if (buf_append_span(&s->from, kv->key) < 0 || buf_append(&s->from, "", 1) < 0) {
		s->doomed = true;
		return;
	}
	if (strip(s, kv, &key))
		take(s, kv, key);
}

/* The first page tells the revision that all are read at, and whether it is the store of before. */
static void
judge_store(struct store_sync *s, const struct etcd_header *h)
{
	bool other = s->cluster != 0 && h->cluster != s->cluster;

	s->reading = h->revision;
	if (other || h->revision < s->revision) {
		log_event(LOG_WARN, "the store was reset", "why=%s revision=%llu before=%llu",
			  log_quoted(other ? "it is another cluster" : "its revision is lower"),
			  (unsigned long long)h->revision, (unsigned long long)s->revision);
		store_rows_forget(s->rows);
		s->revision = 0;
		s->ops->on_reset(s->ops->ctx);
	}
	s->cluster = h->cluster;
	if (s->state == SYNC_READING && !s->was_synced)
		s->ops->on_unsynced(s->ops->ctx); /* connecting no more */
}

static void
take_page(struct store_sync *s, const struct etcd_answer *a)
{
	uint64_t count;
	bool more;

	if (s->reading == 0)
		judge_store(s, &a->header);
	if (etcd_json_range(a->o, on_page_row, s, &more, &count) < 0) {
		etcd_client_give_up(s->client, "it answers what is no range");
		return;
	}
	if (s->doomed) {
		store_sync_pause(s, false);
		return;
	}
	if (more) {
		read_page(s);
		return;
	}
	sweep(s);
	s->revision = s->reading;
	open_watch(s);
}

static void
on_page(const struct etcd_answer *a, void *arg)
{
	struct store_sync *s = arg;

	s->call = NULL;
	if (s->state != SYNC_READING) /* it failed, which is known */
		return;
	if (a->class == ETCD_OK)
		take_page(s, a);
	else if (a->class == ETCD_TOO_LARGE && s->limit > 1) {
		s->limit = s->limit > 8 ? s->limit / 8 : 1;
		read_page(s);
	} else
		store_sync_pause(s, a->class == ETCD_COMPACTED);
}

static void
read_page(struct store_sync *s)
{
	struct buf body = BUF_INIT;

	s->stalled = !s->ops->has_room(s->ops->ctx);
	if (s->stalled)
		return;
	if (etcd_json_put_range(&body, buf_span(&s->from), buf_span(&s->end), s->limit,
				s->reading) == 0)
		s->call = etcd_client_call(s->client, "/v3/kv/range", buf_span(&body), on_page, s);
	buf_release(&body);
	if (s->call == NULL)
		store_sync_pause(s, false);
}

static void
begin_reading(struct store_sync *s)
{
	s->state = SYNC_READING;
	s->reading = 0;
	s->doomed = false;
	store_rows_read(s->rows);
	buf_clear(&s->from);
	if (buf_append_str(&s->from, s->prefix) < 0)
		store_sync_pause(s, false);
	else
		read_page(s);
}

/* ---- the watch ---- */

static void
on_event(const struct etcd_kv *kv, bool deleted, void *arg)
{
	struct store_sync *s = arg;
	struct span key;

	if (!strip(s, kv, &key))
		return;
	s->events++;
	if (kv->mod_rev > s->revision)
		s->revision = kv->mod_rev;
	if (deleted)
		take_deletion(s, key, kv->mod_rev);
	else
		take(s, kv, key);
}

static void
on_created(struct store_sync *s)
{
	if (s->state != SYNC_OPENING)
		return;
	s->state = SYNC_WATCHING;
	(void)event_del(s->clock);
	s->was_synced = true;
	s->synced_at = s->audit_at = clock_ms();
	store_sync_audits_begin(s);
	s->ops->on_synced(s->revision, s->ops->ctx);
}

/* Within what curl tells nothing can be cancelled: a clock that runs out at once does it. */
static void
doom(struct store_sync *s)
{
	s->doomed = true;
	store_sync_arm(s->clock, 0);
}

static void
take_message(struct store_sync *s, struct span text)
{
	struct json_object *o = etcd_json_parse(text), *result = etcd_json_result(o);
	struct etcd_watch w = {.canceled = true};
	struct etcd_header h = {0};
	char why[ETCD_WHY] = "it answers what is no watch";

	if (result == NULL)
		(void)etcd_json_judge(200, o, text, why);
	else
		etcd_json_header(result, &h);
	if (result != NULL && etcd_client_judge_header(s->client, &h, why) == ETCD_OK &&
	    etcd_json_watch(result, &w, on_event, s) == 0 && w.created && !w.canceled)
		on_created(s);
	if (w.compacted > 0)
		(void)snprintf(why, sizeof why, "what is asked for is compacted");
	else if (w.why[0] != '\0')
		(void)snprintf(why, sizeof why, "the watch was refused: %.150s", w.why);
	if (w.canceled) {
		etcd_client_note(s->client, why);
		doom(s);
	}
	json_object_put(o);
}

static void
on_bytes(struct span bytes, void *arg)
{
	struct store_sync *s = arg;
	enum frame_result r = FRAME_MORE;
	struct span text;

	if (s->doomed)
		return;
	if (buf_append_span(&s->heard, bytes) < 0) {
		doom(s);
		return;
	}
	while (!s->doomed && (r = frame_next(&s->frame, &s->heard, &text)) == FRAME_READY)
		take_message(s, text);
	if (r == FRAME_ERROR) {
		etcd_client_note(s->client, errno == EMSGSIZE ? "its watch tells too much at once"
							      : "its watch is no JSON");
		doom(s);
	}
	if (s->doomed)
		store_sync_arm(s->clock, 0);
	else if (!s->ops->has_room(s->ops->ctx))
		etcd_client_pause(s->call, true);
}

static void
on_watch_end(const struct etcd_answer *a, void *arg)
{
	struct store_sync *s = arg;

	s->call = NULL;
	if (a->class != ETCD_LOST) /* else it is known */
		store_sync_pause(s, false);
}

static void
open_watch(struct store_sync *s)
{
	struct buf body = BUF_INIT;

	s->state = SYNC_OPENING;
	buf_clear(&s->heard);
	frame_init(&s->frame, ETCD_WATCH_MAX);
	if (etcd_json_put_watch(&body, span_str(s->prefix), buf_span(&s->end), s->revision + 1) ==
	    0)
		s->call = etcd_client_stream(s->client, "/v3/watch", buf_span(&body), on_bytes,
					     on_watch_end, s);
	buf_release(&body);
	if (s->call == NULL)
		store_sync_pause(s, false);
	else
		store_sync_arm(s->clock, CREATED_MS);
}

/* ---- beginning anew ---- */

static void
give_up_calls(struct store_sync *s)
{
	etcd_client_cancel(s->call);
	etcd_client_cancel(s->audit);
	s->call = s->audit = NULL;
	(void)event_del(s->audit_clock);
}

/* Not from within what the client tells of a call that is given up: a clock does that. */
void
store_sync_pause(struct store_sync *s, bool at_once)
{
	bool was = s->state == SYNC_WATCHING;

	if (s->state == SYNC_PAUSED)
		return;
	if (was && clock_ms() - s->synced_at > LONG_ENOUGH_MS)
		backoff_reset(&s->pause);
	s->state = SYNC_PAUSED;
	s->stalled = false;
	store_sync_arm(s->clock, at_once && s->pause.tries == 0
					 ? 0
					 : backoff_next(&s->pause, backoff_random()));
	if (at_once)
		s->pause.tries++;
	if (was)
		s->ops->on_unsynced(s->ops->ctx);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_sync *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SYNC_OPENING && !s->doomed) {
		etcd_client_give_up(s->client, "it opens no watch");
		return;
	}
	if (s->state != SYNC_PAUSED) {
		store_sync_pause(s, true);
		return;
	}
	give_up_calls(s);
	begin_reading(s);
}

void
store_sync_failed(struct store_sync *s)
{
	store_sync_pause(s, false);
}

void
store_sync_go_on(struct store_sync *s)
{
	if (s->state == SYNC_READING && s->stalled)
		read_page(s);
	else if (s->call != NULL)
		etcd_client_pause(s->call, false);
}

void
store_sync_begin(struct store_sync *s)
{
	begin_reading(s);
}

/* ---- the whole ---- */

struct store_sync *
store_sync_new(struct event_base *base, struct etcd_client *client, struct store_rows *rows,
	       const char *prefix, const struct store_sync_ops *ops)
{
	struct store_sync *s = calloc(1, sizeof *s);
	size_t n = strlen(prefix);

	if (s == NULL)
		return NULL;
	*s = (struct store_sync){.base = base,
				 .client = client,
				 .rows = rows,
				 .ops = ops,
				 .prefix = prefix,
				 .limit = STORE_SYNC_PAGE,
				 .pause = {.min = PAUSE_MIN_MS, .max = PAUSE_MAX_MS}};
	s->clock = evtimer_new(base, on_clock, s);
	s->audit_clock = evtimer_new(base, store_sync_on_audit_clock, s);
	/* "/" is followed by "0". */
	if (s->clock != NULL && s->audit_clock != NULL && buf_append(&s->end, prefix, n - 1) == 0 &&
	    buf_append_str(&s->end, "0") == 0)
		return s;
	store_sync_free(s);
	return NULL;
}

void
store_sync_free(struct store_sync *s)
{
	if (s == NULL)
		return;
	etcd_client_cancel(s->call);
	etcd_client_cancel(s->audit);
	if (s->clock != NULL)
		event_free(s->clock);
	if (s->audit_clock != NULL)
		event_free(s->audit_clock);
	buf_release(&s->end);
	buf_release(&s->from);
	buf_release(&s->heard);
	free(s);
}

enum store_phase
store_sync_phase(const struct store_sync *s)
{
	if (s->state == SYNC_WATCHING)
		return STORE_SYNCED;
	if (s->was_synced)
		return STORE_UNSYNCED;
	return s->cluster != 0 ? STORE_READING : STORE_CONNECTING;
}

uint64_t
store_sync_revision(const struct store_sync *s)
{
	return s->revision;
}

uint64_t
store_sync_synced_at(const struct store_sync *s)
{
	return s->synced_at;
}

uint64_t
store_sync_audit_at(const struct store_sync *s)
{
	return s->audit_at;
}
