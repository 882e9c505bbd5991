/* store_sync_audit.c - see store_sync.h: has the watch told of everything? */
#include "clock.h"
#include "log.h"
#include "store_sync_internal.h"

enum { IN_VAIN = 10, IN_VAIN_MS = 1000 };

static void
on_newest(const struct etcd_kv *kv, bool deleted, void *arg)
{
	(void)deleted;
	((struct store_sync *)arg)->newest = kv->mod_rev;
}

/* Changes that come while it is asked make it tell nothing: it is asked again soon, but not for
 * ever. */
static void
judge_audit(struct store_sync *s, bool agrees)
{
	bool quiet = s->events == s->events_then;

	if (agrees) {
		s->doubt = false;
		s->in_vain = 0;
		s->audit_at = clock_ms();
		store_sync_arm(s->audit_clock, STORE_SYNC_AUDIT_MS);
	} else if ((quiet && s->doubt) || s->in_vain == IN_VAIN) {
		etcd_client_note(s->client, "its watch has missed changes");
		log_event(LOG_WARN, "the store's watch has missed changes: all is read anew", NULL);
		store_sync_pause(s, true);
	} else {
		s->in_vain += !quiet;
		s->doubt = quiet;
		store_sync_arm(s->audit_clock, quiet ? STORE_SYNC_DOUBT_MS : IN_VAIN_MS);
	}
}

static void
on_audit(const struct etcd_answer *a, void *arg)
{
	struct store_sync *s = arg;
	struct store_rows_count known;
	uint64_t count = 0;
	bool more;

	s->audit = NULL;
	if (s->state != SYNC_WATCHING || a->class == ETCD_LOST)
		return; /* it failed, which is known */
	s->newest = 0;
	if (a->class != ETCD_OK || a->header.cluster != s->cluster ||
	    a->header.revision < s->revision_then ||
	    etcd_json_range(a->o, on_newest, s, &more, &count) < 0) {
		store_sync_pause(s, true);
		return;
	}
	store_rows_count(s->rows, &known);
	judge_audit(s, count == known.there && s->newest == store_rows_newest(s->rows));
}

void
store_sync_on_audit_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_sync *s = arg;
	struct buf body = BUF_INIT;

	(void)fd;
	(void)what;
	if (s->audit != NULL || s->state != SYNC_WATCHING)
		return;
	if (s->events != s->events_then)
		s->doubt = false;
	s->events_then = s->events;
	s->revision_then = s->revision;
	if (etcd_json_put_newest(&body, span_str(s->prefix), buf_span(&s->end)) == 0)
		s->audit = etcd_client_call(s->client, "/v3/kv/range", buf_span(&body), on_audit,
					    s);
	buf_release(&body);
	if (s->audit == NULL)
		store_sync_arm(s->audit_clock, STORE_SYNC_AUDIT_MS);
}

void
store_sync_audits_begin(struct store_sync *s)
{
	s->doubt = false;
	s->in_vain = 0;
	store_sync_arm(s->audit_clock, STORE_SYNC_AUDIT_MS);
}
