/* conn_internal.h - the inside of conns, for the files that conn is made of.  Calls go down only:
 *
 *   conn.c                       makes and frees conns; events and the end of a turn drive the rest
 *   conn_read.c, conn_write.c    the halves: from the socket to on_packet, from the buffer to it
 *   conn_tls.c                   TLS under both, its handshake
 *   conn_state.c                 state, interest, memory, closing */
#ifndef POLICYPOOL_CONN_INTERNAL_H
#define POLICYPOOL_CONN_INTERNAL_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "buf.h"
#include "conn.h"
#include "frame.h"
#include "tls.h"

enum {
	READ_CHUNK = 1
		     << 17,  /* bytes read per wake: one conn can't keep the loop from the others */
	LINGER_QUIET = 1000, /* ms without input that end a linger */
	LINGER_MAX = 5000,   /* ms that a linger lasts at most */
	IDLE_KINDS = 8,	     /* different time-outs of one loop, at most */
	TLS_HELD = 12 << 10  /* bytes that GnuTLS has for a session, as measured */
};

enum conn_state {
	CONN_CONNECTING,
	CONN_SNIFFING,
	CONN_HANDSHAKING,
	CONN_OPEN,
	CONN_HALF,
	CONN_FINISHING,
	CONN_LINGERING,
	CONN_CLOSED
};

struct conn {
	struct conn_loop *loop;
	const struct conn_ops *ops;
	void *ctx;
	enum conn_state state;
	int fd;
	bool held;	     /* conn_pause(): deliver nothing, read nothing */
	bool eof;	     /* the peer has ended its side */
	bool faulted;	     /* the stream can't be followed further */
	bool dirty;	     /* on loop->dirty */
	bool stalls_sending; /* as told by on_stall() */
	bool stalls_reading;
	bool delivering;  /* stands in deliver(): more may be waiting */
	bool counted;	  /* among loop->handshaking */
	bool accepted;	  /* and not connected by us */
	bool decided;	  /* CONNECTING: it is, to be told when the turn ends: */
	int outcome;	  /* 0, or errno */
	bool begun;	  /* something was read */
	bool greets_tls;  /* and it began as TLS does */
	bool tls_partial; /* TLS holds a part of a record */
	bool tls_writes;  /* TLS waits for room in the socket, whatever is in out */
	int turned_off;	  /* errno with which it is closed when the turn ends; 0: it is not */
	int error;	  /* what on_close is told after a linger */
	uint64_t idle_ms;
	uint64_t linger_until;	  /* clock_ms() */
	uint64_t handshake_until; /* clock_ms(); 0: no handshake is waited for */
	uint64_t handshake_ms;	  /* that one may take */
	struct tls *tls;	  /* NULL: plain */
	const char *why;	  /* words for the end; NULL: those of the error */
	struct frame frame;
	struct buf in, out;
	size_t memory;	      /* counted in loop->memory */
	uint64_t quiet_since; /* clock_ms(): input that is nothing of an object began; 0: none */
	uint64_t sent, due;   /* bytes ever; those up to which the peer has to read */
	struct event rd, wr;
	TAILQ_ENTRY(conn) dirty_link; /* in loop->dirty: to be flushed, resumed or both */
	TAILQ_ENTRY(conn) link;	      /* in loop->open or, closed, in loop->grave */
};

TAILQ_HEAD(conn_list, conn);

struct conn_loop {
	struct event_base *base;
	size_t max_message;
	struct event *turn_end; /* made active by whatever has to be done when the turn ends */
	struct conn_list dirty, open, grave;
	unsigned count, handshaking;
	struct conn_tls tls;	     /* of accepted ones */
	struct event *tickets_clock; /* NULL: they have no TLS */
	struct scoreboard_row *row;
	struct buf scratch;		 /* where input is read to */
	struct json_text_object members; /* of the object that is being delivered */
	struct buf_pool spares;
	uint64_t memory;		/* of all conns */
	void (*at_turn_end)(void *ctx); /* NULL: none */
	void *at_turn_end_ctx;
	uint64_t now_us;     /* of this turn; 0: not asked for yet */
	unsigned vain, skip; /* see conn_read_at_once() */
	struct {
		uint64_t ms;
		const struct timeval *tv; /* in libevent's own list: one queue per length */
	} idle[IDLE_KINDS];
};

/* Something of it may be read. */
static inline bool
conn_wants_read(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->held && !c->eof && !c->faulted;
}

/* ---- conn_state.c ---- */

void conn_update_interest(struct conn *);
void conn_mark_dirty(struct conn *);
void conn_count_held(struct conn *);	  /* its buffers, or its TLS, have changed */
void conn_fail(struct conn *, int error); /* closes, and tells on_close */
void conn_opened(struct conn *);	  /* from connecting or a handshake: it can be used */
void conn_hang_up(struct conn *);	  /* ends our side of the socket and lingers */
/* A handshake is counted from entering to leaving, which clears its clock too; failed: the same as
 * leaving, and nothing where none is under way. */
void conn_handshake_enter(struct conn *);
void conn_handshake_leave(struct conn *);
void conn_handshake_failed(struct conn *);

/* ---- conn_tls.c: c->tls is set but where another thing is said ---- */

/* Connected: the handshake begins; or accepted by a loop that speaks TLS, c->tls not set yet: what
 * will it be? */
void conn_tls_begin(struct conn *);
/* It began as TLS does, with these bytes; or not, or it ended. */
void conn_tls_accept(struct conn *, struct span first);
void conn_tls_refrain(struct conn *, bool ended);
/* The socket is ready for the next step of the handshake. */
void conn_tls_step(struct conn *);
/* As recv(2) and send(2): EAGAIN, or EPROTO with tls_why(). */
ssize_t conn_tls_receive(struct conn *, char *to, size_t room);
ssize_t conn_tls_send(struct conn *, struct span, struct span);
/* Nothing else is to be written: a session's ticket is.  False when the conn died of it. */
MUST_CHECK bool conn_tls_give_ticket(struct conn *);
/* Gives up what has not begun to speak, or a handshake: it is plain again. */
void conn_tls_abandon(struct conn *);
/* Ends our side.  False while there is no room for it in the socket. */
MUST_CHECK bool conn_tls_bye(struct conn *);

/* ---- conn_read.c ---- */

/* Readable: reads once and delivers.  The conn may be closed afterwards. */
void conn_take_input(struct conn *);
/* The same while SNIFFING: what was read tells what it is. */
void conn_take_first(struct conn *);
/* Reads and throws away; ends the conn when the peer has ended or has lingered too long. */
void conn_discard_input(struct conn *);
void conn_resume_input(struct conn *); /* delivers what is buffered */

/* ---- conn_write.c ---- */

/* Writes what is queued; what the socket does not take waits for it.  The conn may be closed
 * afterwards. */
void conn_serve_output(struct conn *);

#endif
