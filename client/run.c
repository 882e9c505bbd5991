/* run.c - see run.h. */
#include "run.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "load.h"
#include "net.h"
#include "printable.h"
#include "progress.h"
#include "summary.h"

enum { OWN_FILES = 16 }; /* descriptors beside connections */
enum { NARRATED = 2048, NAMED = 64, PLACE_WHY = 256 };

struct run {
	const struct client_conf *conf;
	const struct template *template;
	const struct expect *expect;
	const struct proxies *proxies;
	char why[PROXIES_PLACES]
		[PLACE_WHY]; /* a place could not be reached; empty: it was not tried */
	bool narrates;	     /* one request, told event by event */
	struct event_base *base;
	struct event *interrupt, *terminate;
	struct load *load;
	struct progress *progress;
	struct summary summary;
	uint64_t done; /* requests that were answered or failed */
	bool ended;
	enum run_status status;
};

static void narrate(const struct run *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One line at once, also where stdout is a pipe. */
static void
narrate(const struct run *r, const char *fmt, ...)
{
	char text[NARRATED], shown[NARRATED];
	va_list ap;

	if (!r->narrates)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* Most of it is what others say. */
	printf("Client %s: %s\n", r->template->srcid, printable(text, shown, sizeof shown));
	(void)fflush(stdout); /* judged by ferror() at the end */
}

static void
end(struct run *r, enum run_status status)
{
	r->ended = true;
	r->status = status;
	(void)event_base_loopbreak(r->base);
}

static enum run_status
fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "ppool-client: %s: %s\n", what, why);
	return RUN_INCORRECT;
}

/* ---- what the load tells ---- */

static void
on_send(unsigned n, unsigned place, void *ctx)
{
	struct run *r = ctx;
	char at[ADDR_TEXT];

	summary_sent(&r->summary, n);
	narrate(r, "sending to the proxy at %s, policy %s, payload of %zu bytes",
		addr_text(&r->proxies->place[place].at, at), r->template->policy,
		r->template->size);
}

static void
on_unreachable(unsigned place, const char *why, void *ctx)
{
	struct run *r = ctx;
	char at[ADDR_TEXT];

	(void)snprintf(r->why[place], sizeof r->why[place], "%s", why);
	if (r->proxies->n > 1)
		narrate(r, "no connection to the proxy at %s: %s",
			addr_text(&r->proxies->place[place].at, at), why);
}

static void
narrate_answer(const struct run *r, const struct reply *a)
{
	char space[NAMED];
	const char *what = expect_what(r->expect, space, sizeof space);

	if (a->server.n > 0)
		narrate(r, "received reply from server %.*s: %s", SPAN_ARG(a->server), a->payload);
	if (a->verdict == REPLY_CORRECT && r->expect->kind == EXPECT_NONE)
		return;
	if (a->verdict == REPLY_CORRECT)
		narrate(r, "the %s is correct", what);
	else if (a->verdict == REPLY_REFUSED)
		narrate(r, "refused: %s: %s", a->code, a->detail);
	else if (a->server.n > 0 && strcmp(a->mismatch, REPLY_FOREIGN) != 0)
		narrate(r, "the %s is wrong: %s%s", what, a->detail,
			r->expect->kind == EXPECT_DIGEST && r->expect->job->digest == DIGEST_SHA1
				? "; this policy's job may not be sha1: see --expect"
				: "");
	else
		narrate(r, "%s: %s", a->mismatch, a->detail);
}

static void
on_answer(const struct reply *a, uint64_t latency_us, void *ctx)
{
	struct run *r = ctx;

	summary_answer(&r->summary, a, latency_us);
	r->done++;
	if (r->narrates)
		narrate_answer(r, a);
}

static void
on_resend(unsigned n, const char *why, void *ctx)
{
	struct run *r = ctx;

	summary_resent(&r->summary, n, why);
	narrate(r, "%s; sending again", why);
}

static void
on_fail(unsigned n, const char *why, void *ctx)
{
	struct run *r = ctx;

	summary_failed(&r->summary, n, why);
	r->done += n;
	narrate(r, "failed: %s", why);
}

static void
on_stray(void *ctx)
{
	struct run *r = ctx;

	summary_stray(&r->summary);
}

/* How many right replies are wanted: where time bounds them, as many as were sent. */
static uint64_t
wanted(const struct run *r)
{
	return r->conf->duration == 0 || r->summary.sent == 0 ? r->conf->count : r->summary.sent;
}

/* A line for each place that was tried; why where none was. */
static void
tell_unreachable(const struct run *r, const char *why)
{
	char at[ADDR_TEXT];
	bool told = false;

	for (unsigned i = 0; i < r->proxies->n; i++)
		if (r->why[i][0] != '\0') {
			(void)fail(addr_text(&r->proxies->place[i].at, at), r->why[i]);
			told = true;
		}
	if (!told)
		(void)fail(addr_text(&r->proxies->place[0].at, at), why);
}

static void
on_end(enum load_end how, const char *why, void *ctx)
{
	struct run *r = ctx;

	if (how == LOAD_UNREACHABLE) {
		tell_unreachable(r, why);
		end(r, RUN_UNREACHABLE);
	} else {
		end(r, summary_all_correct(&r->summary, wanted(r)) ? RUN_CORRECT : RUN_INCORRECT);
	}
}

static const struct load_ops load_ops = {
	.on_send = on_send,
	.on_unreachable = on_unreachable,
	.on_answer = on_answer,
	.on_resend = on_resend,
	.on_fail = on_fail,
	.on_stray = on_stray,
	.on_end = on_end,
};

static void
on_signal(evutil_socket_t signo, short what, void *ctx)
{
	struct run *r = ctx;

	(void)signo;
	(void)what;
	load_stop(r->load, "interrupted");
	end(r, RUN_INCORRECT);
}

/* ---- the run ---- */

/* More connections than this process may have descriptors are as many as it may. */
static void
fit_parallel(struct load_conf *conf)
{
	unsigned long limit = net_raise_nofile((unsigned long)conf->parallel + OWN_FILES);
	unsigned fits = limit > OWN_FILES ? (unsigned)(limit - OWN_FILES) : 1;

	if (fits >= conf->parallel)
		return;
	(void)fprintf(stderr,
		      "ppool-client: --parallel: %u lowered to %u: the limit of open files is %lu "
		      "(ulimit -n)\n",
		      conf->parallel, fits, limit);
	conf->parallel = fits;
}

static int
prepare(struct run *r, const struct client_settings *s, struct template *t, struct tls_creds *tls)
{
	struct load_conf conf = client_settings_load(s, r->proxies, r->expect);

	conf.tls = tls;
	fit_parallel(&conf);
	r->base = event_base_new();
	if (r->base == NULL)
		return -1;
	r->interrupt = evsignal_new(r->base, SIGINT, on_signal, r);
	r->terminate = evsignal_new(r->base, SIGTERM, on_signal, r);
	if (r->interrupt == NULL || event_add(r->interrupt, NULL) < 0 || r->terminate == NULL ||
	    event_add(r->terminate, NULL) < 0)
		return -1;
	if (!r->conf->quiet && isatty(STDERR_FILENO) == 1) {
		/* With a duration alone the count is as good as none. */
		const struct progress_goal goal = {
			.total = conf.duration > 0 && r->conf->count == 1 ? 0 : conf.count,
			.limit_ms = conf.duration};
		r->progress = progress_new(r->base, STDERR_FILENO, &goal, &r->done);
		if (r->progress == NULL)
			return -1;
	}
	r->load = load_new(r->base, &conf, t, &load_ops, r);
	return r->load == NULL ? -1 : 0;
}

static void
drive(struct run *r)
{
	uint64_t began = clock_us();

	load_start(r->load);
	/* The loop forgets a break from before it began. */
	if (!r->ended && event_base_dispatch(r->base) < 0)
		load_stop(r->load, "event loop failed");
	r->summary.elapsed_us = clock_us() - began;
	progress_free(r->progress);
	r->progress = NULL;
}

/* 0, or -1 with errno: nobody shall take half a summary for a whole one. */
static int
report(struct run *r)
{
	const struct summary *s = &r->summary;

	assert(s->sent == s->correct + s->wrong + s->refused + s->failed);
	if (r->conf->json && summary_print_json(s, stdout) < 0)
		return -1;
	if (!r->conf->json && !r->conf->quiet && !r->narrates)
		summary_print(s, stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}

static void
release(struct run *r)
{
	progress_free(r->progress);
	load_free(r->load);
	if (r->interrupt != NULL)
		event_free(r->interrupt);
	if (r->terminate != NULL)
		event_free(r->terminate);
	if (r->base != NULL)
		event_base_free(r->base);
	summary_free(&r->summary);
}

enum run_status
run(const struct client_settings *s, const struct proxies *proxies, struct template *t,
    const struct expect *e, struct tls_creds *tls)
{
	const struct client_conf *c = &s->client;
	struct run r = {
		.conf = c, .template = t, .expect = e, .proxies = proxies, .status = RUN_INCORRECT};

	r.narrates = c->count == 1 && c->duration == 0 && !c->quiet && !c->json;
	summary_init(&r.summary);
	if (prepare(&r, s, t, tls) < 0) {
		r.status = fail("cannot begin", strerror(errno));
	} else {
		drive(&r);
		if (r.status != RUN_UNREACHABLE && report(&r) < 0)
			r.status = fail("standard output", strerror(errno));
	}
	release(&r);
	return r.status;
}
