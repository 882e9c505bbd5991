/* supervisor_fake.h - a supervisor without processes, for the tests of what stands on one: it looks
 * as the test says, and remembers what it was told.  Takes the place of supervisor.c and the files
 * below it. */
#ifndef POLICYPOOL_TESTS_SUPERVISOR_FAKE_H
#define POLICYPOOL_TESTS_SUPERVISOR_FAKE_H

#include "supervisor.h"

#include <errno.h>

enum { FAKE_SLOTS = 4, FAKE_MOST = 3 };

static struct supervisor {
	struct event_base *base;
	struct counters *scoreboard;
	struct supervisor_view view;
	struct supervisor_child child[FAKE_SLOTS];
	struct exit_history exits;
	bool stopping;
	unsigned former; /* workers of generations before */

	/* What the next order comes to: 0, or an errno. */
	int scaled, recycled, reopened, renewed;
	bool may_renew;

	/* What it was told. */
	const char *refused; /* the start of a worker */
	unsigned stops, stops_at_once, stop_workers, yields, retired, renewals, workers, slot;
	bool retired_yield;
	struct supervisor_conf conf; /* of the last renewal */
	supervisor_renewed_fn *done;
	void *done_ctx;
	const struct supervisor_succession *succession;
	void *succession_ctx;
} fake;

static inline int
fake_result(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

/* ---- looking ---- */

void
supervisor_snapshot(const struct supervisor *s, struct supervisor_view *v)
{
	*v = s->view;
}

void
supervisor_child_snapshot(const struct supervisor *s, unsigned slot, struct supervisor_child *c)
{
	*c = s->child[slot];
}

const struct exit_history *
supervisor_exits(const struct supervisor *s)
{
	return &s->exits;
}

/* The newest, the only one. */
static inline void
fake_exit(struct exit_record r)
{
	fake.exits = (struct exit_history){.n = 0};
	exit_history_add(&fake.exits, &r);
}

struct counters *
supervisor_scoreboard(struct supervisor *s)
{
	return s->scoreboard;
}

void
supervisor_sum(struct supervisor *s, struct scoreboard_row *out)
{
	counters_sum(s->scoreboard, 0, out);
}

unsigned
supervisor_slots(const struct supervisor *s)
{
	(void)s;
	return FAKE_SLOTS;
}

unsigned
supervisor_most_workers(const struct supervisor *s)
{
	(void)s;
	return FAKE_MOST;
}

unsigned
supervisor_former(const struct supervisor *s)
{
	return s->former;
}

bool
supervisor_stopping(const struct supervisor *s)
{
	return s->stopping;
}

struct event_base *
supervisor_base(const struct supervisor *s)
{
	return s->base;
}

/* ---- commands ---- */

void
supervisor_stop(struct supervisor *s, bool at_once)
{
	s->stops++;
	s->stops_at_once += at_once;
}

void
supervisor_stop_workers(struct supervisor *s)
{
	s->stop_workers++;
}

void
supervisor_refuse_start(struct supervisor *s, unsigned slot, const char *why)
{
	s->slot = slot;
	s->refused = why;
}

void
supervisor_yield(struct supervisor *s)
{
	s->yields++;
}

void
supervisor_retire(struct supervisor *s, bool yield)
{
	s->retired++;
	s->retired_yield = yield;
}

int
supervisor_reopen(struct supervisor *s)
{
	return fake_result(s->reopened);
}

int
supervisor_scale(struct supervisor *s, unsigned workers)
{
	s->workers = workers;
	if (s->scaled == 0)
		s->view.wanted = workers;
	return fake_result(s->scaled);
}

int
supervisor_recycle(struct supervisor *s, unsigned slot)
{
	s->slot = slot;
	return fake_result(s->recycled);
}

int
supervisor_renew(struct supervisor *s, const struct supervisor_conf *conf,
		 supervisor_renewed_fn *done, void *ctx)
{
	s->renewals++;
	s->conf = *conf;
	s->done = done;
	s->done_ctx = ctx;
	return fake_result(s->renewed);
}

bool
supervisor_may_renew(const struct supervisor *s, unsigned workers)
{
	(void)workers;
	return s->may_renew;
}

void
supervisor_succeeded_by(struct supervisor *s, const struct supervisor_succession *with, void *ctx)
{
	s->succession = with;
	s->succession_ctx = ctx;
}

#endif
