/* handler_bench.c - see handler_bench.h. */
#include "handler_bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "histogram.h"
#include "printable.h"
#include "trial.h"

enum { ENDING_MS = 500 }; /* of a process whose output has ended, until it has */

struct bench_process {
	struct trial trial;
	uint64_t number, sent_us;
	bool busy;
};

struct bench {
	const struct handler_bench *conf;
	struct bench_process process[HANDLER_PROCESSES_MAX];
	struct pollfd at[2 * HANDLER_PROCESSES_MAX];
	struct histogram latency; /* us */
	uint64_t jobs, errors;
	uint64_t until_ms; /* nothing is sent after it */
	FILE *err;
};

static int
fail(const struct bench *b, const char *what, const char *why)
{
	char shown[160];

	(void)fprintf(b->err, "ppool-handler: bench: %s: %s\n", what,
		      printable(why, shown, sizeof shown));
	return -1;
}

static int
send_job(struct bench *b, struct bench_process *p)
{
	p->sent_us = clock_us();
	p->busy = true;
	return trial_send(&p->trial, ++p->number, b->conf->payload, b->conf->base64,
			  b->conf->handler->job_timeout) == 0
		       ? 0
		       : fail(b, "a job", strerror(ENOMEM));
}

/* 0 once it is ready, or -1 with why not. */
static int
await_ready(struct bench *b, struct bench_process *p)
{
	static const char what[] = "a process is not ready";
	struct job_answer answer;
	struct span line;
	const char *why = "out of memory";
	char text[100];
	int status;

	switch (trial_await(&p->trial, b->conf->handler->start_timeout, &answer, &line, &why)) {
	case TRIAL_ANSWERED:
		return answer.kind != JOB_ANSWER_ERROR ? 0 : fail(b, what, "it says so");
	case TRIAL_NOTHING: return fail(b, what, "no answer within handler_start_timeout");
	case TRIAL_BROKEN: return fail(b, what, why);
	case TRIAL_ENDED: break;
	}
	if (trial_end(&p->trial, ENDING_MS, &status) < 0)
		return fail(b, what, "it has closed its standard output");
	return fail(b, what, trial_status_text(status, text, sizeof text));
}

/* All start at the same time, as in a worker. */
static int
start_all(struct bench *b)
{
	const struct handler_conf *c = b->conf->handler;

	for (unsigned i = 0; i < c->processes; i++)
		b->process[i].trial = (struct trial){.to = -1, .from = -1};
	for (unsigned i = 0; i < c->processes; i++)
		if (trial_start(&b->process[i].trial, c, b->conf->daemon, b->err) < 0 ||
		    trial_send(&b->process[i].trial, TRIAL_NUMBER_READY, span_of(NULL, 0), false,
			       c->start_timeout) < 0)
			return -1;
	for (unsigned i = 0; i < c->processes; i++)
		if (await_ready(b, &b->process[i]) < 0)
			return -1;
	return 0;
}

static int
count(struct bench *b, struct bench_process *p, const struct job_answer *a)
{
	if (a->number != p->number || !p->busy)
		return fail(b, "a process",
			    "it answers another job; ppool-handler check tells more");
	histogram_add(&b->latency, clock_us() - p->sent_us);
	p->busy = false;
	b->jobs++;
	b->errors += a->kind == JOB_ANSWER_ERROR;
	return 0;
}

/* What it has said.  The next job goes out at once. */
static int
take(struct bench *b, struct bench_process *p)
{
	struct job_answer answer;
	struct span line;
	const char *why;

	for (;;) {
		switch (trial_next(&p->trial, &answer, &line, &why)) {
		case TRIAL_NOTHING: return 0;
		case TRIAL_ENDED: return fail(b, "a process", "it has ended");
		case TRIAL_BROKEN: return fail(b, "a process: no answer", why);
		case TRIAL_ANSWERED: break;
		}
		if (count(b, p, &answer) < 0)
			return -1;
		if (clock_ms() < b->until_ms && send_job(b, p) < 0)
			return -1;
	}
}

static bool
is_busy(const struct bench *b)
{
	for (unsigned i = 0; i < b->conf->handler->processes; i++)
		if (b->process[i].busy)
			return true;
	return false;
}

static int
drive(struct bench *b)
{
	unsigned n = b->conf->handler->processes;

	b->until_ms = clock_ms() + b->conf->duration;
	for (unsigned i = 0; i < n; i++)
		if (send_job(b, &b->process[i]) < 0)
			return -1;
	while (is_busy(b)) {
		int moved;

		for (unsigned i = 0; i < n; i++)
			trial_poll(&b->process[i].trial, &b->at[2 * i]);
		moved = poll(b->at, 2 * n, (int)b->conf->handler->job_timeout);
		if (moved == 0)
			return fail(b, "a process", "no answer within job_timeout");
		for (unsigned i = 0; i < n && moved > 0; i++)
			if (trial_move(&b->process[i].trial, &b->at[2 * i]) < 0 ||
			    take(b, &b->process[i]) < 0)
				return -1;
	}
	return 0;
}

static void
tell(const struct bench *b, uint64_t took_us, FILE *out)
{
	const struct histogram *h = &b->latency;

	(void)fprintf(out, "%-9s %u, payload of %zu bytes\n", "processes",
		      b->conf->handler->processes, b->conf->payload.n);
	(void)fprintf(out, "%-9s %" PRIu64 " in %.3f s, %" PRIu64 " of them errors\n", "jobs",
		      b->jobs, (double)took_us / 1e6, b->errors);
	(void)fprintf(out, "%-9s %.0f jobs/s\n", "rate", (double)b->jobs * 1e6 / (double)took_us);
	(void)fprintf(out, "%-9s p50 %.3f  p99 %.3f  max %.3f ms\n", "latency",
		      (double)histogram_quantile(h, 0.5) / 1e3,
		      (double)histogram_quantile(h, 0.99) / 1e3, (double)h->max / 1e3);
}

int
handler_bench(const struct handler_bench *conf, FILE *out, FILE *err)
{
	struct bench *b = calloc(1, sizeof *b);
	uint64_t began;
	int result;

	if (b == NULL) {
		(void)fprintf(err, "ppool-handler: bench: %s\n", strerror(ENOMEM));
		return 1;
	}
	b->conf = conf;
	b->err = err;
	result = start_all(b);
	began = clock_us();
	if (result == 0)
		result = drive(b);
	if (result == 0)
		tell(b, clock_us() - began, out);
	if (result == 0 && b->errors == b->jobs)
		result = fail(b, "no job was done", "each was answered by an error");
	for (unsigned i = 0; i < conf->handler->processes; i++)
		(void)trial_kill(&b->process[i].trial);
	free(b);
	return result == 0 ? 0 : 1;
}
