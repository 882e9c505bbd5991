/* conn_state.h - the inside of conns, for the files that conn is made of: conn.c, conn_debt.c,
 * conn_input.c, conn_loop.c, conn_tls.c. */
#ifndef POLICYPOOL_CONN_STATE_H
#define POLICYPOOL_CONN_STATE_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "conn.h"
#include "frame.h"
#include "spares.h"
#include "tls.h"

enum {
	READ_CHUNK = 1
		     << 17,  /* bytes read per wake: one conn can't keep the loop from the others */
	LINGER_QUIET = 1000, /* ms without input that end a linger */
	LINGER_MAX = 5000,   /* ms that a linger lasts at most */
	IDLE_KINDS = 8	     /* different time-outs of one loop, at most */
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
	bool held;	/* conn_hold(): deliver nothing, read nothing */
	bool eof;	/* the peer has ended its side */
	bool faulted;	/* the stream can't be followed further */
	bool dirty;	/* on loop->dirty */
	bool owes_rest; /* as told by on_owes() */
	bool owes_taking;
	bool delivering; /* stands in deliver(): more may be waiting */
	bool counted;	 /* among loop->handshaking */
	bool turned_off; /* too many handshakes: to be closed when the turn ends */
	bool tls_writes; /* TLS waits for room in the socket, whatever is in out */
	int error;	 /* what on_close is told after a linger */
	uint64_t idle_ms;
	uint64_t linger_until;	  /* clock_ms() */
	uint64_t handshake_until; /* clock_ms(); 0: no handshake is waited for */
	uint64_t handshake_ms;	  /* that one may take */
	struct tls *tls;	  /* NULL: plain */
	const char *why;	  /* words for the end; NULL: those of the error */
	struct frame frame;
	struct buf in, out;
	uint64_t sent, due; /* bytes ever; those up to which the peer owes taking */
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
	struct conn_tls tls; /* of accepted ones */
	struct scoreboard_row *row;
	struct buf scratch;		/* where input is read to */
	struct jsontext_object members; /* of the object that is being delivered */
	struct spares spares;
	uint64_t now_us; /* of this turn; 0: not asked for yet */
	struct {
		uint64_t ms;
		const struct timeval *tv; /* in libevent's own list: one queue per length */
	} idle[IDLE_KINDS];
};

/* ---- conn.c ---- */

void conn_update_interest(struct conn *);
void conn_set_interest(struct event *, bool wanted, const struct timeval *timeout);
void conn_mark_dirty(struct conn *);
void conn_fail(struct conn *, int error); /* closes, and tells on_close */
void conn_opened(struct conn *);	  /* from connecting or a handshake: it can be used */
void conn_hang_up(struct conn *);	  /* ends our side of the socket and lingers */
void conn_serve_output(struct conn *);

/* ---- conn_input.c ---- */

/* Readable: reads once and delivers.  The conn may be closed afterwards. */
void conn_take_input(struct conn *);
/* Reads and throws away; ends the conn when the peer has ended or has lingered too long. */
void conn_discard_input(struct conn *);
void conn_resume_input(struct conn *); /* delivers what is buffered */

/* ---- conn_loop.c ---- */

/* NULL (no time-out) for 0; fallback is where it is made if it can't be shared. */
const struct timeval *conn_timeout(struct conn_loop *, uint64_t ms, struct timeval *fallback);

/* ---- conn_debt.c: what on_owes is told ---- */

/* After delivery from in; whole: an object has been completed since the last time. */
void conn_judge_rest(struct conn *, bool whole, const struct buf *in);
/* The socket takes no more. */
void conn_judge_taking(struct conn *);
/* The output buffer is empty. */
void conn_has_taken(struct conn *);

/* ---- conn_tls.c: c->tls is set but where another thing is said ---- */

/* Connected: the handshake begins; or accepted by a loop that speaks TLS, c->tls not set yet: what
 * will it be? */
void conn_tls_begin(struct conn *);
/* False when there is nothing to read after all. */
MUST_CHECK bool conn_tls_sniff(struct conn *);
/* The socket is ready for the next step of the handshake. */
void conn_tls_step(struct conn *);
/* Interest while sniffing and shaking hands. */
void conn_tls_interest(struct conn *);
/* As recv(2) and send(2): EAGAIN, or EPROTO with tls_why(). */
ssize_t conn_tls_receive(struct conn *, char *to, size_t room);
ssize_t conn_tls_send(struct conn *, struct span);
/* Gives up what has not begun to speak, or a handshake: it is plain again. */
void conn_tls_abandon(struct conn *);
/* Ends our side.  False while there is no room for it in the socket. */
MUST_CHECK bool conn_tls_bye(struct conn *);
/* The conn is no more: its handshake is not counted any more. */
void conn_tls_forget(struct conn *);

#endif
