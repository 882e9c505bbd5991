/* channel_queue.c - see channel_queue.h. */
#include "channel_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { PAUSE_MS = 20 }; /* where the socket does not tell when to go on */

struct message {
	TAILQ_ENTRY(message) link;
	enum channel_tag tag;
	int passed; /* a descriptor of its own, or -1 */
	size_t n;
	char body[];
};

struct channel_queue {
	int fd;
	pid_t owner; /* a forked child has a copy, which is not its to send */
	const char *peer;
	struct event *writable, *pause;
	TAILQ_HEAD(messages, message) kept;
	unsigned n;
	size_t bytes;
	bool told_lost; /* since the last time that nothing was kept */
	void (*empty)(void *ctx);
	void *ctx;
};

static void on_writable(evutil_socket_t, short, void *);
static void on_pause_over(evutil_socket_t, short, void *);

static void
free_events(struct channel_queue *o)
{
	if (o->writable != NULL)
		event_free(o->writable);
	if (o->pause != NULL)
		event_free(o->pause);
}

struct channel_queue *
channel_queue_new(struct event_base *base, int fd, const char *peer)
{
	struct channel_queue *o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	*o = (struct channel_queue){.fd = fd, .owner = getpid(), .peer = peer};
	TAILQ_INIT(&o->kept);
	o->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, o);
	o->pause = evtimer_new(base, on_pause_over, o);
	if (o->writable != NULL && o->pause != NULL)
		return o;
	free_events(o);
	free(o);
	return NULL;
}

static void
drop_first(struct channel_queue *o)
{
	struct message *m = TAILQ_FIRST(&o->kept);

	TAILQ_REMOVE(&o->kept, m, link);
	o->n--;
	o->bytes -= sizeof *m + m->n;
	if (m->passed >= 0)
		(void)close(m->passed);
	free(m);
}

static void
drop_all(struct channel_queue *o)
{
	while (o->n > 0)
		drop_first(o);
}

void
channel_queue_free(struct channel_queue *o)
{
	if (o == NULL)
		return;
	drop_all(o);
	free_events(o);
	free(o);
}

unsigned
channel_queue_kept(const struct channel_queue *o)
{
	return o->n;
}

static void
tell_if_empty(struct channel_queue *o)
{
	void (*empty)(void *) = o->empty;

	if (o->n > 0 || empty == NULL)
		return;
	o->empty = NULL;
	empty(o->ctx);
}

void
channel_queue_when_empty(struct channel_queue *o, void (*empty)(void *), void *ctx)
{
	o->empty = empty;
	o->ctx = ctx;
	tell_if_empty(o);
}

/* ---- keeping ---- */

/* The socket is full, or too many descriptors are on their way: not for what is wrong with the
 * message or the other side. */
static bool
is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

static struct message *
make(enum channel_tag tag, struct span body, int passed)
{
	struct message *m = malloc(sizeof *m + body.n);

	if (m == NULL)
		return NULL;
	*m = (struct message){.tag = tag, .passed = -1, .n = body.n};
	if (body.n > 0)
		memcpy(m->body, body.p, body.n);
	if (passed >= 0 && (m->passed = fcntl(passed, F_DUPFD_CLOEXEC, 0)) < 0) {
		int saved = errno;
		free(m);
		errno = saved;
		return NULL;
	}
	return m;
}

static void
tell_lost(struct channel_queue *o)
{
	if (o->peer != NULL && !o->told_lost)
		log_event(LOG_ERROR, "messages are lost: too many are kept already",
			  "for=%s kept=%u bytes=%zu", o->peer, o->n, o->bytes);
	o->told_lost = true;
}

static int
keep(struct channel_queue *o, enum channel_tag tag, struct span body, int passed)
{
	struct message *m;

	if (body.n > CHANNEL_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (o->bytes + sizeof *m + body.n > CHANNEL_QUEUE_MAX) {
		tell_lost(o);
		errno = EAGAIN;
		return -1;
	}
	m = make(tag, body, passed);
	if (m == NULL)
		return -1;
	if (o->n == 0 && event_add(o->writable, NULL) < 0) {
		if (m->passed >= 0)
			(void)close(m->passed);
		free(m);
		errno = ENOMEM;
		return -1;
	}
	if (o->n == 0 && o->peer != NULL)
		log_event(LOG_VERBOSE, "messages are kept until they are read", "for=%s", o->peer);
	TAILQ_INSERT_TAIL(&o->kept, m, link);
	o->n++;
	o->bytes += sizeof *m + m->n;
	return 0;
}

int
channel_queue_send(struct channel_queue *o, enum channel_tag tag, struct span body, int passed)
{
	if (o->n > 0)
		return keep(o, tag, body, passed);
	if (channel_send_with(o->fd, tag, body, passed) == 0)
		return 0;
	return is_full(errno) ? keep(o, tag, body, passed) : -1;
}

/* ---- sending what is kept ---- */

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	const struct channel_queue *o = arg;

	(void)fd;
	(void)what;
	if (o->n > 0)
		(void)event_add(o->writable, NULL);
}

/* Descriptors on their way are a user's, over all sockets, and memory is everybody's: this one is
 * writable all the time.  Without a timer it is looked at in every turn. */
static void
pause_sending(const struct channel_queue *o)
{
	struct timeval tv = clock_timeval(PAUSE_MS);

	if (event_add(o->pause, &tv) == 0)
		(void)event_del(o->writable);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel_queue *o = arg;
	struct message *m;

	(void)what;
	while ((m = TAILQ_FIRST(&o->kept)) != NULL) {
		if (channel_send_with(fd, m->tag, span_of(m->body, m->n), m->passed) < 0) {
			if (is_full(errno)) {
				if (errno != EAGAIN)
					pause_sending(o);
				return;
			}
			drop_all(o); /* the other side has gone, which its channel's end tells */
			break;
		}
		drop_first(o);
	}
	(void)event_del(o->writable);
	o->told_lost = false;
	tell_if_empty(o);
}

void
channel_queue_finish(struct channel_queue *o, int limit_ms)
{
	uint64_t end = clock_ms() + (uint64_t)limit_ms;
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	while (o->n > 0 && o->owner == getpid()) {
		uint64_t now = clock_ms();
		int n = now < end ? poll(&p, 1, (int)(end - now)) : 0;
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		if (n > 0)
			on_writable(o->fd, EV_WRITE, o);
		if (evtimer_pending(o->pause, NULL))
			(void)poll(NULL, 0, PAUSE_MS);
	}
	if (o->n > 0 && o->peer != NULL && o->owner == getpid())
		log_event(LOG_ERROR, "messages are lost: they were not read in time",
			  "for=%s kept=%u", o->peer, o->n);
}
