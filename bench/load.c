/* load.c - the load generator of the bench: keeps requests in flight on some connections, checks
 * the digest in every reply, and prints what it counted as one JSON object.
 *
 *   slots of a link:   head ..... unsent ..... tail        (numbers that only grow; slot n %
 * in_flight) | awaits its reply | to be written |
 *
 * One process, one loop, so that it takes the same from the machine whomever it asks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "histogram.h"
#include "net.h"
#include "plan.h"
#include "wire.h"

enum {
	READ_CHUNK = 65536,
	WRITE_SPANS = 64,	/* requests a system call, at most */
	EVENTS = 256,		/* a turn */
	PATIENCE_US = 10000000, /* without any reply: the peer is stuck */
	DRAIN_US = 2000000	/* for what is in flight at the end */
};

struct slot {
	const struct variant *asked;
	uint64_t at; /* clock_us(): queued */
};

struct link {
	struct load *load;
	struct wire wire; /* closed: to be opened */
	bool wants_write;
	struct slot *slot;
	uint64_t head, unsent, tail;
	size_t offset; /* bytes of slot `unsent` that are written */
	struct reader reader;
	struct buf in;
};

struct load {
	const struct plan *plan;
	struct tls_creds *creds; /* NULL: plain */
	int epoll;
	struct link *link;
	unsigned next;			 /* variant */
	unsigned opened;		 /* connections */
	uint64_t now;			 /* clock_us() of this turn */
	uint64_t begun, last;		 /* counting began; the last reply came */
	uint64_t asked, answered;	 /* in all */
	uint64_t correct, wrong, failed; /* counted; failed: connections */
	bool counting, ending;
	struct histogram latency; /* us */
};

/* ---- one link ---- */

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

static void
link_close(struct link *l)
{
	wire_close(&l->wire);
	l->head = l->unsent = l->tail;
	l->offset = 0;
	buf_clear(&l->in);
}

static void
link_fail(struct link *l, const char *what)
{
	struct load *load = l->load;

	if (load->failed++ == 0)
		(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	link_close(l);
}

static int
link_open(struct link *l)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
	const struct plan *p = l->load->plan;
	int fd = p->one_a_connection ? wire_connect_anew(&p->to, l->load->opened++)
				     : net_connect(&p->to);

	if (fd < 0 || wire_open(&l->wire, fd, l->load->creds) < 0 ||
	    epoll_ctl(l->load->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		link_fail(l, "cannot connect");
		return -1;
	}
	l->wants_write = false;
	reader_init(&l->reader, l->load->plan->protocol);
	return 0;
}

/* As many requests as may be in flight. */
static void
fill(struct link *l)
{
	struct load *load = l->load;
	const struct plan *p = load->plan;

	while (l->tail - l->head < p->in_flight && !load->ending &&
	       (p->count == 0 || load->asked < p->count)) {
		l->slot[l->tail++ % p->in_flight] = (struct slot){&p->variant[load->next],
								  load->now};
		load->next = (load->next + 1) % p->variants;
		load->asked++;
	}
}

static int
gather(const struct link *l, struct iovec *iov)
{
	size_t offset = l->offset;
	int n = 0;

	for (uint64_t i = l->unsent; i < l->tail && n < WRITE_SPANS; i++) {
		struct span s = buf_span(&l->slot[i % l->load->plan->in_flight].asked->text);

		iov[n].iov_base = (void *)(uintptr_t)(s.p + offset);
		iov[n++].iov_len = s.n - offset;
		offset = 0;
	}
	return n;
}

static void
written(struct link *l, size_t n)
{
	n += l->offset;
	while (l->unsent < l->tail) {
		size_t whole = buf_len(&l->slot[l->unsent % l->load->plan->in_flight].asked->text);

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
	while (l->unsent < l->tail) {
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

/* Sends what may be sent, over a new connection where there is none. */
static void
link_go(struct link *l)
{
	fill(l);
	if (l->unsent < l->tail && (l->wire.fd >= 0 || link_open(l) == 0))
		link_write(l);
}

static void
count(struct link *l, struct span digest)
{
	struct load *load = l->load;
	const struct slot *s = &l->slot[l->head++ % load->plan->in_flight];
	bool right = span_eq_str(digest, s->asked->digest);

	load->answered++;
	load->last = load->now;
	if (!load->counting)
		return;
	load->correct += right;
	load->wrong += !right;
	histogram_add(&load->latency, load->now - s->at);
}

static void
link_read(struct link *l)
{
	char *room = buf_reserve(&l->in, READ_CHUNK);
	ssize_t n = room == NULL ? -1 : wire_receive(&l->wire, room, READ_CHUNK);
	enum frame_result got;
	struct span digest;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (n == 0)
			errno = ECONNRESET;
		link_fail(l, "the connection ended");
		link_go(l);
		return;
	}
	buf_commit(&l->in, (size_t)n);
	while (l->head < l->unsent &&
	       (got = reader_next(&l->reader, &l->in, &digest)) != FRAME_MORE) {
		if (got == FRAME_ERROR) {
			link_fail(l, "the reply can't be read");
			break;
		}
		count(l, digest);
		if (l->load->plan->one_a_connection)
			link_close(l);
	}
	link_go(l);
}

/* ---- the run ---- */

static void
turn(struct load *load)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(load->epoll, ev, EVENTS, 100);

	load->now = clock_us();
	for (int i = 0; i < n; i++) {
		struct link *l = ev[i].data.ptr;

		if (l->wire.fd >= 0 && (ev[i].events & EPOLLOUT))
			link_write(l);
		if (l->wire.fd < 0 || (ev[i].events & ~(unsigned)EPOLLOUT) == 0)
			continue;
		if (l->wire.shaking)
			link_go(l);
		else
			do
				link_read(l);
			while (wire_pending(&l->wire));
	}
}

static void
begin_counting(struct load *load)
{
	load->counting = true;
	load->begun = load->now;
}

/* True when the run is over. */
static bool
judge_time(struct load *load, uint64_t start)
{
	const struct plan *p = load->plan;

	if (!load->counting && load->now - start >= p->warm_us)
		begin_counting(load);
	if (load->failed > 100 + p->connections || load->now - load->last > PATIENCE_US)
		return true;
	if (p->count > 0)
		return load->answered >= p->count;
	return load->counting && load->now - load->begun >= p->run_us;
}

static double
seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void
report(const struct load *load, uint64_t counted_us)
{
	double seconds = counted_us > 0 ? (double)counted_us / 1e6 : 1e-6;
	struct rusage used = {0};

	(void)getrusage(RUSAGE_SELF, &used);
	printf("{\"requests\":%llu,\"all\":%llu,\"wrong\":%llu,\"failed\":%llu,\"seconds\":%.3f,"
	       "\"rate\":%.1f,\"bytes_per_second\":%.0f,\"p50_us\":%llu,\"p99_us\":%llu,"
	       "\"p999_us\":%llu,\"max_us\":%llu,\"cpu\":%.3f}\n",
	       (unsigned long long)load->correct, (unsigned long long)load->answered,
	       (unsigned long long)load->wrong, (unsigned long long)load->failed, seconds,
	       (double)load->correct / seconds,
	       (double)load->correct * (double)load->plan->size / seconds,
	       (unsigned long long)histogram_quantile(&load->latency, 0.5),
	       (unsigned long long)histogram_quantile(&load->latency, 0.99),
	       (unsigned long long)histogram_quantile(&load->latency, 0.999),
	       (unsigned long long)load->latency.max,
	       seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
}

/* What is in flight is waited for, uncounted, so that nobody sees connections break. */
static void
drain(struct load *load)
{
	uint64_t until = load->now + DRAIN_US;

	load->counting = false;
	load->ending = true;
	while (load->answered < load->asked && load->failed == 0 && load->now < until)
		turn(load);
}

static void
run(struct load *load)
{
	uint64_t start = load->now = load->last = clock_us(), counted;

	for (unsigned i = 0; i < load->plan->connections; i++)
		link_go(&load->link[i]);
	if (load->plan->warm_us == 0)
		begin_counting(load);
	while (!judge_time(load, start))
		turn(load);
	counted = load->counting ? load->now - load->begun : 0;
	drain(load);
	report(load, counted);
}

static int
links_new(struct load *load)
{
	const struct plan *p = load->plan;

	load->link = calloc(p->connections, sizeof *load->link);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->link == NULL || load->epoll < 0)
		return -1;
	for (unsigned i = 0; i < p->connections; i++) {
		load->link[i] = (struct link){.load = load, .wire = {.fd = -1}};
		load->link[i].slot = calloc(p->in_flight, sizeof(struct slot));
		if (load->link[i].slot == NULL)
			return -1;
	}
	return 0;
}

static void
links_free(struct load *load)
{
	for (unsigned i = 0; load->link != NULL && i < load->plan->connections; i++) {
		if (load->link[i].slot != NULL)
			link_close(&load->link[i]);
		buf_release(&load->link[i].in);
		free(load->link[i].slot);
	}
	free(load->link);
	if (load->epoll >= 0)
		(void)close(load->epoll);
}

int
main(int argc, char *argv[])
{
	struct plan plan;
	struct load load = {.plan = &plan, .epoll = -1};
	const struct tls_files anybody = {.verify = TLS_VERIFY_NO};
	int status = 2;

	if (plan_read(&plan, argc, argv) == 0) {
		(void)net_raise_nofile(plan.connections + 64UL);
		if (plan.tls)
			load.creds = tls_creds_load(TLS_CLIENT, &anybody, "load", stderr);
		if (plan.tls && load.creds == NULL)
			plan.connections = 0;
		else if (links_new(&load) < 0)
			perror("load");
		else
			run(&load);
		status = load.correct > 0 && load.wrong == 0 && load.failed == 0 ? 0 : 1;
		links_free(&load);
		tls_creds_unref(load.creds);
	}
	plan_free(&plan);
	return status;
}
