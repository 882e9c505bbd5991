/* job_pipe.c - see job_pipe.h. */
#include "job_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	CHUNK = 1 << 16, /* bytes read at a time: as much as a pipe has */
	DRAIN_MAX = 256	 /* chunks: whoever else has the pipe may write without end */
};

/* ---- from the process ---- */

/* What was taken of in goes.  False once the pipe has been closed. */
static bool
deliver_line(struct job_pipe *p, struct buf *in, const char *newline)
{
	struct span all = buf_span(in);
	struct span line = span_of(all.p, (size_t)(newline - all.p));

	p->looked_at = 0;
	if (line.n > p->max_line) {
		p->ops->on_end(p->ctx, JOB_PIPE_TOO_LONG);
		return false;
	}
	p->delivering = in == &p->part ? line.n + 1 : 0;
	p->ops->on_line(p->ctx, line, all.n > line.n + 1);
	p->delivering = 0;
	if (!job_pipe_is_open(p))
		return false;
	buf_consume(in, line.n + 1);
	return true;
}

static bool
deliver(struct job_pipe *p, struct buf *in)
{
	struct span all;
	const char *newline;

	while (all = buf_span(in), all.n > p->looked_at) {
		newline = memchr(all.p + p->looked_at, '\n', all.n - p->looked_at);
		if (newline == NULL)
			break;
		if (!deliver_line(p, in, newline))
			return false;
	}
	p->looked_at = all.n;
	return true;
}

/* What is left of the scratch is the beginning of a line. */
static int
keep(struct job_pipe *p, struct buf *in)
{
	if (in == p->scratch && buf_append_span(&p->part, buf_span(in)) < 0)
		return -1;
	return buf_len(&p->part) > p->max_line ? 1 : 0;
}

static void
take(struct job_pipe *p, struct buf *in)
{
	int kept = 0;

	if (deliver(p, in)) {
		kept = keep(p, in);
		if (kept != 0)
			p->ops->on_end(p->ctx, kept > 0 ? JOB_PIPE_TOO_LONG : JOB_PIPE_CLOSED);
		else if (buf_len(&p->part) > 0)
			p->ops->on_part(p->ctx);
	}
	if (in == p->scratch)
		buf_clear(in);
	if (job_pipe_is_open(p) && buf_len(&p->part) == 0)
		buf_release(&p->part);
}

/* One read.  As read(2); 0 also when nothing more can be read. */
static ssize_t
receive(struct job_pipe *p)
{
	struct buf *in = buf_len(&p->part) > 0 ? &p->part : p->scratch;
	char *room = buf_reserve(in, CHUNK);
	ssize_t n;

	if (room == NULL)
		return 0;
	do
		n = read(p->out, room, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != EAGAIN ? 0 : n;
	buf_commit(in, (size_t)n);
	take(p, in);
	return n;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct job_pipe *p = arg;

	(void)fd;
	(void)what;
	if (receive(p) == 0)
		p->ops->on_end(p->ctx, JOB_PIPE_CLOSED);
}

void
job_pipe_drain(struct job_pipe *p)
{
	for (int i = 0; i < DRAIN_MAX && job_pipe_is_open(p) && receive(p) > 0; i++)
		;
}

bool
job_pipe_has_input(const struct job_pipe *p)
{
	int n;

	return buf_len(&p->part) > p->delivering || (ioctl(p->out, FIONREAD, &n) == 0 && n > 0);
}

/* ---- to the process ---- */

static size_t
line_size(const struct job_pipe *p)
{
	return p->line[0].n + p->line[1].n;
}

bool
job_pipe_is_writing(const struct job_pipe *p)
{
	return p->sent < line_size(p);
}

/* What is left of a part of the line after the bytes sent. */
static struct iovec
left_of(struct span part, size_t before, size_t sent)
{
	size_t gone = sent > before ? sent - before : 0;

	if (gone > part.n)
		gone = part.n;
	return (struct iovec){.iov_base = (void *)(uintptr_t)(part.p + gone),
			      .iov_len = part.n - gone};
}

/* 1: all is written; 0: there is no more room; -1 with errno. */
static int
write_on(struct job_pipe *p)
{
	while (job_pipe_is_writing(p)) {
		struct iovec v[2] = {left_of(p->line[0], 0, p->sent),
				     left_of(p->line[1], p->line[0].n, p->sent)};
		ssize_t n = writev(p->in, v, 2);

		if (n >= 0)
			p->sent += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -1;
	}
	return 1;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct job_pipe *p = arg;
	int done = write_on(p);

	(void)fd;
	(void)what;
	if (done == 0)
		return;
	(void)event_del(&p->writable);
	if (done < 0)
		p->ops->on_end(p->ctx, JOB_PIPE_CLOSED);
}

int
job_pipe_write(struct job_pipe *p, uint64_t number, struct span rest)
{
	int done;

	p->line[0] = span_of(p->head, job_line_head(p->head, number));
	p->line[1] = rest;
	p->sent = 0;
	done = write_on(p);
	return done == 0 ? event_add(&p->writable, NULL) : done < 0 ? -1 : 0;
}

bool
job_pipe_is_unread(const struct job_pipe *p)
{
	int n;

	return ioctl(p->in, FIONREAD, &n) == 0 && n >= 0 && (size_t)n >= p->sent;
}

/* ---- both ---- */

static bool
is_non_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

int
job_pipe_open(struct job_pipe *p, struct event_base *base, int in, int out, size_t max_line,
	      struct buf *scratch, const struct job_pipe_ops *ops, void *ctx)
{
	int saved;

	*p = (struct job_pipe){.in = in,
			       .out = out,
			       .max_line = max_line,
			       .scratch = scratch,
			       .ops = ops,
			       .ctx = ctx};
	errno = EINVAL;
	if (is_non_blocking(in) && is_non_blocking(out) &&
	    event_assign(&p->readable, base, out, EV_READ | EV_PERSIST, on_readable, p) == 0 &&
	    event_assign(&p->writable, base, in, EV_WRITE | EV_PERSIST, on_writable, p) == 0 &&
	    event_add(&p->readable, NULL) == 0)
		return 0;
	saved = errno;
	(void)close(in);
	(void)close(out);
	p->in = p->out = -1;
	errno = saved;
	return -1;
}

void
job_pipe_close(struct job_pipe *p)
{
	if (!job_pipe_is_open(p))
		return;
	(void)event_del(&p->readable);
	(void)event_del(&p->writable);
	(void)close(p->in);
	(void)close(p->out);
	p->in = p->out = -1;
	p->line[0] = p->line[1] = span_of(NULL, 0);
	p->sent = 0;
	p->looked_at = 0;
	buf_release(&p->part);
}
