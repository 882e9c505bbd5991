/* trial.c - see trial.h. */
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "job_child.h"
#include "json_text.h"

enum { CHUNK = 65536, LOOK_MS = 5 };

/* ---- starting and ending ---- */

static int
fail(const char *why, FILE *err)
{
	(void)fprintf(err, "ppool-handler: the process cannot be started: %s\n", why);
	return -1;
}

static void
nothing(void *ctx)
{
	(void)ctx;
}

/* As a server's master does. */
static pid_t
fork_process(const struct handler_conf *c, const struct daemon_conf *d, int in, int out)
{
	const struct job_child child = {.conf = c,
					.daemon = d,
					.in = in,
					.out = out,
					.err = STDERR_FILENO,
					.serial = 1,
					.master = getpid(),
					.worker_pid = getpid(),
					.plain = true,
					.forget = nothing};

	(void)fflush(NULL);
	return job_child_fork(&child);
}

static void
close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			(void)close(pair[i]);
}

int
trial_start(struct trial *t, const struct handler_conf *c, const struct daemon_conf *d, FILE *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};

	*t = (struct trial){.to = -1, .from = -1, .longest = (size_t)c->max_reply + JOB_LINE_EXTRA};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
	    (t->pid = fork_process(c, d, in[0], out[1])) < 0) {
		int error = errno;

		t->pid = 0;
		close_pair(in);
		close_pair(out);
		return fail(strerror(error), err);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	t->to = in[1];
	t->from = out[0];
	return 0;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Without waiting: has it ended?  Its status then. */
static bool
reap(struct trial *t, int *status)
{
	pid_t pid = t->pid == 0 ? 0 : waitpid(t->pid, status, WNOHANG);

	if (pid != t->pid || pid == 0)
		return false;
	(void)kill(-t->pid, SIGKILL); /* what it has left behind in its group */
	t->pid = 0;
	return true;
}

static void
release(struct trial *t)
{
	close_end(&t->to);
	close_end(&t->from);
	buf_release(&t->out);
	buf_release(&t->in);
}

int
trial_kill(struct trial *t)
{
	int status = 0;

	if (t->pid > 0 && !reap(t, &status)) {
		if (kill(-t->pid, SIGKILL) < 0) /* it leads no group yet */
			(void)kill(t->pid, SIGKILL);
		while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
			;
		t->pid = 0;
	}
	release(t);
	return status;
}

int64_t
trial_end(struct trial *t, uint64_t ms, int *status)
{
	uint64_t began = clock_ms();
	struct pollfd at[2];

	close_end(&t->to);
	*status = 0;
	while (!reap(t, status)) {
		if (clock_ms() - began >= ms) {
			*status = trial_kill(t);
			return -1;
		}
		/* What it may still say is of no interest, but it may wait for its reader. */
		trial_poll(t, at);
		(void)poll(at, 2, LOOK_MS);
		if (trial_move(t, at) < 0)
			close_end(&t->from);
		buf_clear(&t->in);
		t->taken = 0;
	}
	release(t);
	return (int64_t)(clock_ms() - began);
}

const char *
trial_status_text(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	else
		(void)snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
	return out;
}

/* ---- lines ---- */

static int
put_payload(struct buf *out, struct span payload, bool base64)
{
	return base64 ? digest_base64(out, payload) : json_text_quote(out, payload);
}

int
trial_send(struct trial *t, uint64_t number, struct span payload, bool base64, uint64_t timeout_ms)
{
	struct job_line line = {.policy = span_str("\"check\""),
				.srcid = span_str(number == TRIAL_NUMBER_READY ? "\"\"" : "\"1\""),
				.base64 = base64,
				.timeout = timeout_ms};
	struct buf text = BUF_INIT;
	char head[JOB_LINE_HEAD];
	int result = put_payload(&text, payload, base64);

	line.payload = buf_span(&text);
	if (result == 0 && !base64) /* without its quotes */
		line.payload = span_of(line.payload.p + 1, line.payload.n - 2);
	if (result == 0)
		result = buf_append(&t->out, head, job_line_head(head, number));
	if (result == 0)
		result = job_line_rest(&t->out, &line);
	buf_release(&text);
	return result;
}

void
trial_poll(const struct trial *t, struct pollfd at[2])
{
	at[0] = (struct pollfd){.fd = buf_len(&t->out) > 0 ? t->to : -1, .events = POLLOUT};
	at[1] = (struct pollfd){.fd = t->said_all ? -1 : t->from, .events = POLLIN};
}

static void
write_some(struct trial *t)
{
	struct span s = buf_span(&t->out);
	ssize_t n = write(t->to, s.p, s.n);

	if (n > 0)
		buf_consume(&t->out, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_end(&t->to); /* it has closed its end: what it said before counts */
}

static int
read_some(struct trial *t)
{
	char *room = buf_reserve(&t->in, CHUNK);
	ssize_t n = room == NULL ? -1 : read(t->from, room, CHUNK);

	if (room == NULL)
		return -1;
	if (n > 0)
		buf_commit(&t->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		t->said_all = true;
	return 0;
}

int
trial_move(struct trial *t, const struct pollfd at[2])
{
	if (at[0].fd >= 0 && at[0].revents != 0)
		write_some(t);
	return at[1].fd >= 0 && at[1].revents != 0 ? read_some(t) : 0;
}

/* A server says the same to its client. */
static void
bound(const struct trial *t, struct job_answer *a)
{
	if (a->kind != JOB_ANSWER_PAYLOAD || a->text.n <= t->longest - JOB_LINE_EXTRA)
		return;
	a->kind = JOB_ANSWER_ERROR;
	a->text = span_str("the reply is larger than handler_max_reply");
	a->escaped = a->base64 = false;
}

enum trial_result
trial_next(struct trial *t, struct job_answer *out, struct span *line, const char **why)
{
	struct span s;
	const char *end;

	buf_consume(&t->in, t->taken);
	t->taken = 0;
	s = buf_span(&t->in);
	end = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;
	*line = s;
	if (end == NULL && s.n <= t->longest)
		return t->said_all ? TRIAL_ENDED : TRIAL_NOTHING;
	if (end == NULL || (size_t)(end - s.p) > t->longest) {
		*why = "it is longer than handler_max_reply allows";
		return TRIAL_BROKEN;
	}
	*line = span_of(s.p, (size_t)(end - s.p));
	t->taken = line->n + 1;
	*why = job_line_read(*line, out);
	bound(t, out);
	return *why == NULL ? TRIAL_ANSWERED : TRIAL_BROKEN;
}

enum trial_result
trial_await(struct trial *t, uint64_t ms, struct job_answer *out, struct span *line,
	    const char **why)
{
	uint64_t began = clock_ms(), over;
	struct pollfd at[2];
	enum trial_result r;

	while ((r = trial_next(t, out, line, why)) == TRIAL_NOTHING) {
		over = clock_ms() - began;
		if (over >= ms)
			break;
		trial_poll(t, at);
		if (poll(at, 2, (int)(ms - over)) < 0 && errno != EINTR)
			break;
		if (trial_move(t, at) < 0) {
			*why = strerror(ENOMEM);
			return TRIAL_BROKEN;
		}
	}
	return r;
}
