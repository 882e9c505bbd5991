/* link.c - see link.h. */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"

enum {
	READ_CHUNK = 65536,
	WRITE_SPANS = 128,	/* of them, two a request at most, a system call */
	ONE_ADDRESS_MAX = 8192, /* connections from one address: there are few more ports */
};

static struct slot *
slot_at(const struct link *l, uint64_t n)
{
	return &l->slot[n % l->load->plan->in_flight];
}

static void
watch(struct link *l, bool write)
{
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = l};

	if (write == l->wants_write)
		return;
	l->wants_write = write;
	if (epoll_ctl(l->load->epoll, EPOLL_CTL_MOD, l->wire.fd, &ev) < 0)
		abort();
}

/* What was in flight is lost. */
static void
link_close(struct link *l)
{
	for (; l->head < l->tail; l->head++) {
		l->load->counts->lost += l->load->counting;
		l->load->done++;
	}
	l->load->counts->resumed += wire_is_resumed(&l->wire);
	wire_close(&l->wire);
	l->unsent = l->named = l->tail;
	l->offset = 0;
	buf_clear(&l->in);
	buf_clear(&l->control);
}

static void
link_fail(struct link *l, const char *what)
{
	if (l->load->counts->failed++ == 0)
		(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	link_close(l);
}

static int
link_open(struct link *l)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
	const struct plan *p = l->load->plan;
	bool anew = p->one_a_connection || p->connections > ONE_ADDRESS_MAX;
	int fd = anew ? wire_connect_anew(&p->to, l->load->opened++) : net_connect(&p->to);

	if (fd < 0 || wire_open(&l->wire, fd, l->load->creds, p->resume ? &p->to : NULL) < 0 ||
	    epoll_ctl(l->load->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ||
	    protocol_greeting(p->protocol, &l->control, l->inbox) < 0) {
		link_fail(l, "cannot connect");
		return -1;
	}
	l->wants_write = false;
	reader_init(&l->reader, p->protocol);
	return 0;
}

/* As many requests as may be in flight. */
static void
fill(struct link *l)
{
	struct load *load = l->load;
	const struct plan *p = load->plan;

	while (l->tail - l->head < p->in_flight && !load->ending &&
	       (load->most == 0 || load->asked < load->most)) {
		struct slot *s = slot_at(l, l->tail++);

		s->asked = &p->variant[load->next];
		s->at = load->now;
		l->asked++;
		s->head_n = protocol_head(p->protocol, s->head, p->name, l->inbox, l->asked);
		s->tag = s->head_n > 0 ? l->asked : 0;
		load->next = (load->next + 1) % p->variants;
		load->asked++;
	}
}

static int
put(struct iovec *iov, int n, struct span s, size_t *offset)
{
	size_t skipped = *offset < s.n ? *offset : s.n;

	*offset -= skipped;
	if (skipped == s.n)
		return n;
	iov[n].iov_base = (void *)(uintptr_t)(s.p + skipped);
	iov[n].iov_len = s.n - skipped;
	return n + 1;
}

/* Between two requests, what the protocol wants said goes first. */
static int
gather(const struct link *l, struct iovec *iov)
{
	size_t offset = l->offset, none = 0;
	int n = offset == 0 ? put(iov, 0, buf_span(&l->control), &none) : 0;

	for (uint64_t i = l->unsent; i < l->tail && n + 2 <= WRITE_SPANS; i++) {
		const struct slot *s = slot_at(l, i);

		n = put(iov, n, span_of(s->head, s->head_n), &offset);
		n = put(iov, n, buf_span(&s->asked->text), &offset);
	}
	return n;
}

static void
written(struct link *l, size_t n)
{
	if (l->offset == 0) {
		size_t control = buf_len(&l->control);

		control = control < n ? control : n;
		buf_consume(&l->control, control);
		n -= control;
	}
	n += l->offset;
	while (l->unsent < l->tail) {
		const struct slot *s = slot_at(l, l->unsent);
		size_t whole = s->head_n + buf_len(&s->asked->text);

		if (n < whole)
			break;
		n -= whole;
		l->unsent++;
	}
	l->offset = n;
}

static void
link_write(struct link *l)
{
	while (l->unsent < l->tail || buf_len(&l->control) > 0) {
		struct iovec iov[WRITE_SPANS];
		ssize_t n = wire_send(&l->wire, iov, gather(l, iov));

		if (n < 0 && errno == EAGAIN) {
			watch(l, l->wire.wants_write);
			return;
		}
		if (n < 0) {
			link_fail(l, "cannot send");
			return;
		}
		written(l, (size_t)n);
	}
	if (wire_flush(&l->wire) < 0)
		link_fail(l, "cannot send");
	else
		watch(l, l->wire.wants_write);
}

void
link_go(struct link *l)
{
	fill(l);
	if (l->unsent == l->tail && buf_len(&l->control) == 0)
		return;
	if (l->wire.fd >= 0 || link_open(l) == 0)
		link_write(l);
}

/* ---- replies ---- */

/* The request that a reply answers is at the head now.  False: there is none. */
static bool
answered(struct link *l, uint64_t tag)
{
	uint64_t at = l->head;
	struct slot one;

	if (tag != 0)
		while (at < l->unsent && slot_at(l, at)->tag != tag)
			at++;
	if (at == l->unsent)
		return false;
	if (at != l->head) {
		one = *slot_at(l, at);
		*slot_at(l, at) = *slot_at(l, l->head);
		*slot_at(l, l->head) = one;
	}
	return true;
}

static bool
is_digest(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return s.n == DIGEST_HEX;
}

static void
count(struct link *l, const struct reply *r)
{
	struct load *load = l->load;
	struct counts *c = load->counts;
	const struct slot *s;

	if (!answered(l, r->tag)) {
		c->stray++;
		return;
	}
	s = slot_at(l, l->head++);
	if (l->named < l->head)
		l->named = l->head;
	load->done++;
	load->last = load->now;
	c->answered++;
	if (!load->counting)
		return;
	if (span_eq_str(r->digest, s->asked->digest))
		c->right++;
	else if (is_digest(r->digest))
		c->wrong++;
	else
		c->refused++;
	histogram_add(&c->reply, load->now - s->at);
}

/* The peer has taken the oldest that has no name yet, and calls it so from now on. */
static void
name(struct link *l, uint64_t tag)
{
	if (l->named < l->unsent)
		slot_at(l, l->named++)->tag = tag;
}

static void
understand(struct link *l)
{
	enum frame_result got;
	struct reply r;

	while ((got = reader_next(&l->reader, &l->in, &r)) == FRAME_READY) {
		switch (r.kind) {
		case REPLY_NOTHING: break;
		case REPLY_TAKEN: name(l, r.tag); break;
		case REPLY_PING:
			if (buf_append_str(&l->control, "PONG\r\n") < 0)
				abort();
			break;
		case REPLY_DIGEST:
			count(l, &r);
			if (!l->load->plan->one_a_connection)
				break;
			link_close(l);
			return;
		}
	}
	if (got == FRAME_ERROR)
		link_fail(l, "the reply can't be read");
}

static void
link_read(struct link *l)
{
	char *room = buf_reserve(&l->in, READ_CHUNK);
	ssize_t n = room == NULL ? -1 : wire_receive(&l->wire, room, READ_CHUNK);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		buf_commit(&l->in, (size_t)n);
		understand(l);
	} else {
		if (n == 0)
			errno = ECONNRESET;
		link_fail(l, "the connection ended");
	}
	link_go(l);
}

void
link_event(struct link *l, unsigned events)
{
	if (l->wire.fd >= 0 && (events & EPOLLOUT))
		link_write(l);
	if (l->wire.fd < 0 || (events & ~(unsigned)EPOLLOUT) == 0)
		return;
	if (l->wire.shaking)
		link_go(l);
	else
		do
			link_read(l);
		while (wire_pending(&l->wire));
}

/* ---- all of them ---- */

static bool
overdue(const struct link *l)
{
	uint64_t timeout = l->load->plan->timeout_us;

	for (uint64_t i = l->head; timeout > 0 && i < l->tail; i++)
		if (l->load->now - slot_at(l, i)->at > timeout)
			return true;
	return false;
}

void
links_tick(struct load *load)
{
	for (unsigned i = 0; i < load->links; i++) {
		struct link *l = &load->link[i];

		if (overdue(l)) {
			errno = ETIMEDOUT;
			link_fail(l, "no reply");
		}
		if (l->wire.fd < 0)
			link_go(l);
	}
}

int
links_new(struct load *load, unsigned links, unsigned process)
{
	load->link = calloc(links, sizeof *load->link);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->link == NULL || load->epoll < 0)
		return -1;
	for (; load->links < links; load->links++) {
		struct link *l = &load->link[load->links];

		*l = (struct link){.load = load, .wire = {.fd = -1}};
		(void)snprintf(l->inbox, sizeof l->inbox, "i.%u-%u.%u", process, (unsigned)getpid(),
			       load->links);
		l->slot = calloc(load->plan->in_flight, sizeof(struct slot));
		if (l->slot == NULL)
			return -1;
	}
	return 0;
}

void
links_free(struct load *load)
{
	for (unsigned i = 0; i < load->links; i++) {
		link_close(&load->link[i]);
		buf_release(&load->link[i].in);
		buf_release(&load->link[i].control);
		free(load->link[i].slot);
	}
	free(load->link);
	if (load->epoll >= 0)
		(void)close(load->epoll);
}
