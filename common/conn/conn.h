/* conn.h - one connected stream: socket, buffers and framing, turned into on_packet / on_close.
 *
 *   socket -> input buffer -> frame -> on_packet
 *   conn_write -> output buffer -> socket         (flushed once at the end of the loop's turn)
 *
 * Interest in reading and writing is derived from the buffers and the state, in one place.  The
 * conns of one loop share a conn_loop: it flushes those written to in this turn and frees the
 * closed ones after it, so a conn stays valid until the turn ends.
 *
 * Under it may lie TLS.  Accepted conns of a loop that was told so (conn_loop_secure()) are known
 * for what they are by their first byte.
 *
 * States, one setter:
 *   CONNECTING  -> OPEN            the connect was decided well
 *   CONNECTING  -> HANDSHAKING     the same, and TLS is to be spoken
 *   SNIFFING    -> OPEN            accepted: the first byte is no TLS's
 *   SNIFFING    -> HANDSHAKING     it is
 *   HANDSHAKING -> OPEN            both sides agree
 *   OPEN        -> HALF            the peer has ended its side; what it still wants is written
 *   OPEN, HALF  -> FINISHING       conn_finish(): output is flushed, then our side is ended
 *   FINISHING   -> LINGERING       input is read and thrown away until the peer ends or time is up:
 *                                  unread bytes would make the kernel reset what we wrote
 *   any         -> CLOSED          on_close has been called, freed after the turn */
#ifndef POLICYPOOL_CONN_H
#define POLICYPOOL_CONN_H

#include <event2/event.h>
#include <stdint.h>

#include "addr.h"
#include "buf.h"
#include "compiler.h"
#include "json_text.h"
#include "scoreboard.h"
#include "span.h"
#include "tls.h"

struct conn;
struct conn_loop;

/* What a peer lets us wait for. */
enum conn_stall {
	CONN_STALL_SENDING, /* the rest of an object that it has begun is to come */
	CONN_STALL_READING  /* the socket takes no more of what is written */
};

struct conn_ops {
	/* A connect in progress succeeded.  May be NULL for accepted ones. */
	void (*on_open)(struct conn *, void *ctx);
	/* One whole object; it borrows until return, as do conn_members(). */
	void (*on_packet)(struct conn *, struct span text, void *ctx);
	/* The stream can't be followed further (errno of frame_next()); nothing more is read. Write
	 * a last answer and conn_finish(), or conn_close().  EPROTOTYPE: it is not TLS where that
	 * is required.  EPROTONOSUPPORT: it is TLS where that is off; the last answer is there. */
	void (*on_fault)(struct conn *, int error, void *ctx);
	/* The peer has ended its side; cut is true when an object was unfinished.  Nothing more
	 * comes. Finish when nothing more is to be written. */
	void (*on_eof)(struct conn *, bool cut, void *ctx);
	/* Gone: error is 0 for an orderly end, ETIMEDOUT for idleness or a connect that took too
	 * long, ETIME for a handshake that did, EPROTO where TLS failed, EBUSY for one handshake
	 * too many, otherwise what the system said; conn_why() has words.  Not called for
	 * conn_close(). */
	void (*on_close)(struct conn *, int error, void *ctx);
	/* The output buffer is empty again.  May be NULL. */
	void (*on_drained)(struct conn *, void *ctx);
	/* The peer lets us wait since now, or no more.  Told anew for each further object
	 * of which only a part is there, and each time that all which was waiting to be read has
	 * been; so a peer that gives or takes a byte now and then can't put it off.  It must not
	 * close the conn.  May be NULL. */
	void (*on_stall)(struct conn *, enum conn_stall, bool stalled, void *ctx);
	/* More memory is held for an unfinished object: conn_unfinished().  May conn_discard(),
	 * finish or close any.  May be NULL. */
	void (*on_grown)(struct conn *, void *ctx);
};

/* max_message bounds one object in bytes.  NULL on ENOMEM. */
struct conn_loop *conn_loop_new(struct event_base *, size_t max_message);
/* All conns must be closed before. */
void conn_loop_free(struct conn_loop *);
/* clock_us() of this turn of the loop, asked for at its first use: what happens in one turn happens
 * at once. */
uint64_t conn_loop_us(struct conn_loop *);
unsigned conn_loop_count(const struct conn_loop *); /* not yet closed */
/* Bytes of memory held by the conns: unfinished objects, what is not sent yet, TLS of
 * accepted ones.  Where that is kept, for as long as the loop. */
const uint64_t *conn_loop_held(const struct conn_loop *);
/* fn is called as each turn ends in which something was written or closed, or more is held.  It
 * must close no conn. */
void conn_loop_at_turn_end(struct conn_loop *, void (*fn)(void *ctx), void *ctx);

enum conn_tls_mode { CONN_TLS_OFF, CONN_TLS_OPTIONAL, CONN_TLS_REQUIRED };

struct conn_tls {
	enum conn_tls_mode mode;
	struct tls_creds *creds; /* of a server; NULL where the mode is OFF; borrowed */
	uint64_t handshake_ms;	 /* that one may take */
	unsigned handshakes;	 /* at once; more are turned off */
};

/* What accepted conns are to speak from now on; handshakes are counted in the row, which is
 * borrowed, NULL for none. */
void conn_loop_secure(struct conn_loop *, const struct conn_tls *, struct scoreboard_row *);

/* Takes over a connected fd; idle_ms closes it after that long without input (0: never).  NULL with
 * errno, fd then still the caller's. */
struct conn *conn_new(struct conn_loop *, int fd, uint64_t idle_ms, const struct conn_ops *,
		      void *ctx);

/* Of one that was just made of an accepted fd, as the last thing that is done with it: reads what
 * is there, if something is to be expected.  The conn may be closed afterwards. */
void conn_read_at_once(struct conn *);

/* Starts connecting; on_open or on_close tells the end, within timeout_ms.  NULL with errno when it
 * failed at once. */
struct conn *conn_connect(struct conn_loop *, const struct addr *, uint64_t timeout_ms,
			  const struct conn_ops *, void *ctx);

struct conn_tls_peer {
	struct tls_creds *creds; /* of a client; NULL: plain */
	const char *name;	 /* see tls_new() */
	uint64_t handshake_ms;
};

/* The same over TLS; on_open once both sides agree.  What is written before goes out then. */
struct conn *conn_connect_tls(struct conn_loop *, const struct addr *, uint64_t timeout_ms,
			      const struct conn_tls_peer *, const struct conn_ops *, void *ctx);

/* In on_packet: what was read of the object while its end was looked for, NULL where it was not
 * one that json_fast.h takes. */
const struct json_text_object *conn_members(const struct conn *);

/* Queues bytes.  0, or -1 with ENOMEM (nothing queued) or ENOTCONN (finishing or closed). */
MUST_CHECK int conn_write(struct conn *, struct span bytes);

/* The same for two spans one after the other that are large together: what the socket takes at once
 * is sent from where it stands, and only the rest copied.  Nothing closes from here. */
enum { CONN_LARGE = 1 << 14 }; /* bytes that are worth a write of their own */
MUST_CHECK int conn_write_large(struct conn *, struct span, struct span);

/* The output buffer itself, to append to directly; follow with conn_flush_later().  NULL when
 * finishing or closed. */
struct buf *conn_output(struct conn *);
void conn_flush_later(struct conn *);

/* Reading stops (backpressure) and goes on, beginning with what is already buffered. */
void conn_pause(struct conn *);
void conn_resume(struct conn *);

/* Not in on_packet: drops what has been read of an unfinished object; nothing more is read. */
void conn_discard(struct conn *);

/* Flush, end our side, linger, close.  on_close follows. */
void conn_finish(struct conn *);

/* Close now, without on_close; freed after the turn.  NULL is fine. */
void conn_close(struct conn *);

void conn_set_idle(struct conn *, uint64_t idle_ms);
size_t conn_queued(const struct conn *); /* bytes not yet given to the socket */
/* Memory that conn_discard() would free; 0 while it is held: whole objects may be among that. */
size_t conn_unfinished(const struct conn *);
/* The context of the accepted conn with the most of an unfinished object, which is waited for in
 * vain where memory is short; of several the last that came.  NULL: nobody has one. */
void *conn_loop_most_unfinished(const struct conn_loop *);
/* Bytes that leave when this turn ends; 0 as well while older ones wait for the socket. */
size_t conn_gathered(const struct conn *);
bool conn_is_open(const struct conn *); /* OPEN or HALF */
/* Nothing to write, no object half read, no handshake under way. */
bool conn_is_idle(const struct conn *);
/* Something has come that was not looked at yet: asks the socket. */
bool conn_has_unread(const struct conn *);
/* The peer's end has come, and nothing before it that was not read: asks the socket.  Of TLS it is
 * not known before it is told. */
bool conn_has_end(const struct conn *);
int conn_fd(const struct conn *);
/* In on_close: a sentence for the error. */
const char *conn_why(const struct conn *, int error);
/* What TLS was agreed upon; NULL for a plain one. */
const char *conn_tls_describe(const struct conn *);

#endif
