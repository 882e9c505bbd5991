/* access_log.c - see access_log.h. */
#include "access_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "clock.h"
#include "json_text.h"
#include "log.h"
#include "log_sink.h"

enum {
	TEXT_MAX = 250,	   /* bytes of a peer's text in a line */
	ESCAPED_MAX = 760, /* the same as it stands there; a line has four of them */
	LINE_ROOM = LOG_LINE + 6 * TEXT_MAX,
	GATHERED_MAX = 65536, /* then it is written before the turn's end */
	TELL_MS = 1000	      /* how often lost lines are told of, at most */
};

struct access_log {
	struct access_log_conf conf;
	struct buf lines;
	struct log_sink sink; /* of the file, where there is one */
	struct event *turn_end;
	unsigned passed; /* requests without error since the last one sampled */
	unsigned long lost;
	uint64_t told;	 /* clock_ms(): of lost lines */
	uint64_t second; /* of the time that is written in when */
	char when[CLOCK_TEXT];
};

/* ---- a line ---- */

struct access_log_writer {
	struct buf *out; /* with room for any line */
	bool json, first;
};

static void
room_was_made(int rc)
{
	if (rc < 0)
		abort();
}

static void
put(struct access_log_writer *w, const char *text)
{
	room_was_made(buf_append_str(w->out, text));
}

static void
put_key(struct access_log_writer *w, const char *key)
{
	if (w->json) {
		put(w, w->first ? "{\"" : ",\"");
		put(w, key);
		put(w, "\":");
	} else {
		put(w, w->first ? "" : " ");
		put(w, key);
		put(w, "=");
	}
	w->first = false;
}

static void
put_value(struct access_log_writer *w, struct span s)
{
	if (!w->json)
		put(w, log_quoted_n(s.p, s.n));
	else
		room_was_made(json_text_quote(w->out, s));
}

/* What grows much when it is escaped is cut further: a line is never longer than LOG_LINE. */
static void
put_text(struct access_log_writer *w, const char *key, struct span s)
{
	size_t before;

	s.n = s.n < TEXT_MAX ? s.n : TEXT_MAX;
	put_key(w, key);
	if (s.n == 0) {
		put(w, w->json ? "null" : "-");
		return;
	}
	before = buf_len(w->out);
	for (put_value(w, s); buf_len(w->out) - before > ESCAPED_MAX; put_value(w, s)) {
		buf_truncate(w->out, before);
		s.n /= 2;
	}
}

static void
put_number(struct access_log_writer *w, const char *key, uint64_t n)
{
	put_key(w, key);
	room_was_made(buf_printf(w->out, "%" PRIu64, n));
}

/* ---- where lines go ---- */

static void
tell_lost(struct access_log *a, unsigned lines)
{
	uint64_t now = clock_ms();

	a->lost += lines;
	if (a->lost == 0 || now - a->told < TELL_MS)
		return;
	log_event(LOG_WARN, "lines of the access log are lost", "lines=%lu", a->lost);
	a->lost = 0;
	a->told = now;
}

static void
flush(struct access_log *a)
{
	struct span s = buf_span(&a->lines);
	unsigned lost = 0;

	if (s.n == 0)
		return;
	if (a->sink.fd < 0) {
		lost = log_raw(s.p, s.n);
	} else {
		lost = log_sink_write(&a->sink, s.p, s.n);
		log_count_lost(lost);
	}
	tell_lost(a, lost);
	buf_clear(&a->lines);
}

static void
on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

/* ---- requests ---- */

static const char *
time_text(struct access_log *a)
{
	uint64_t now = clock_ms();

	if (now != a->second) {
		clock_text(a->when, sizeof a->when);
		a->second = now;
	}
	return a->when;
}

static bool
wanted(struct access_log *a, bool fine)
{
	if (!fine || a->conf.mode == ACCESS_LOG_ALL)
		return true;
	if (a->conf.mode == ACCESS_LOG_ERRORS || ++a->passed < a->conf.sample)
		return false;
	a->passed = 0;
	return true;
}

static uint64_t
since(uint64_t from, uint64_t to)
{
	return from > 0 && to > from ? to - from : 0;
}

static void
put_times(struct access_log_writer *w, const struct request *q, bool replied)
{
	uint64_t now = clock_us(), connected = q->connected_us > q->sent_us ? q->connected_us : 0;
	uint64_t sent = q->sends > 0 ? q->sent_us : now;

	put_number(w, "queue_us", since(q->arrived_us, sent));
	put_number(w, "connect_us", since(q->sent_us, connected));
	put_number(w, "reply_us", replied ? since(connected > 0 ? connected : sent, now) : 0);
	put_number(w, "total_us", since(q->arrived_us, now));
}

static void
note(struct access_log *a, const struct request *q, const struct addr_peer *client,
     const char *server, const char *outcome, size_t out)
{
	struct access_log_writer w = {.out = &a->lines, .json = a->conf.json, .first = true};
	char from[ADDR_TEXT];

	if (buf_reserve(&a->lines, LINE_ROOM) == NULL) {
		log_count_lost(1);
		tell_lost(a, 1);
		return;
	}
	put_text(&w, "time", span_str(time_text(a)));
	put_text(&w, "client", span_str(addr_peer_text(client, from)));
	put_text(&w, "srcid", q->srcid);
	put_text(&w, "policy", q->policy_name);
	put_text(&w, "server", server != NULL ? span_str(server) : span_of(NULL, 0));
	put_text(&w, "outcome", span_str(outcome));
	put_number(&w, "tries", q->sends);
	put_times(&w, q, server != NULL && out > 0);
	put_number(&w, "bytes_in", q->text.n);
	put_number(&w, "bytes_out", out);
	if (q->why != NULL)
		put_text(&w, "why", span_str(q->why));
	put(&w, w.json ? "}\n" : "\n");
	if (buf_len(&a->lines) >= GATHERED_MAX)
		flush(a);
	else
		event_active(a->turn_end, EV_TIMEOUT, 0);
}

void
access_log_answered(struct access_log *a, const struct request *q, const struct addr_peer *client,
		    const char *server, size_t out)
{
	bool fine = server != NULL && !q->refused;

	if (!wanted(a, fine))
		return;
	if (server != NULL)
		note(a, q, client, server, fine ? "ok" : "server-error", out);
	else
		note(a, q, client, NULL, packet_code_text(q->code), out);
}

void
access_log_abandoned(struct access_log *a, const struct request *q, const struct addr_peer *client)
{
	note(a, q, client, NULL, "client-gone", 0);
}

/* ---- making and freeing ---- */

struct access_log *
access_log_new(struct event_base *base, const struct access_log_conf *conf)
{
	struct access_log *a;

	if (conf->mode == ACCESS_LOG_OFF) {
		errno = 0;
		return NULL;
	}
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	a->conf = *conf;
	log_sink_take(&a->sink, conf->fd);
	a->turn_end = event_new(base, -1, 0, on_turn_end, a);
	if (a->turn_end == NULL) {
		free(a);
		errno = ENOMEM;
		return NULL;
	}
	return a;
}

void
access_log_free(struct access_log *a)
{
	if (a == NULL)
		return;
	flush(a);
	event_free(a->turn_end);
	log_sink_close(&a->sink);
	buf_release(&a->lines);
	free(a);
}

void
access_log_take_file(struct access_log *a, int fd)
{
	flush(a);
	log_sink_close(&a->sink);
	log_sink_take(&a->sink, fd);
}

int
access_log_open(const char *path)
{
	return log_sink_open(path);
}
