/* deaths.c - the supervisor's memory of workers that ended; see supervisor_state.h. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "log.h"
#include "supervisor_state.h"

enum {
	DEGRADED_DEATHS = 5, /* so many deaths while starting ... */
	DEGRADED_MS = 10000  /* ... within this time */
};

const struct supervisor_death *
supervisor_death(const struct supervisor *s, unsigned i)
{
	if (i >= SUPERVISOR_DEATHS || i >= s->deaths)
		return NULL;
	return &s->death[(s->deaths - 1 - i) % SUPERVISOR_DEATHS];
}

#define END_TEXT(name, text) text,

const char *
supervisor_end_text(enum supervisor_end e)
{
	static const char *const text[] = {SUPERVISOR_ENDS(END_TEXT)};

	return text[e];
}

uint64_t
supervisor_ends(const struct supervisor *s, enum supervisor_end e)
{
	return s->ends[e];
}

const char *
supervisor_exit_text(int status, char out[SUPERVISOR_EXIT])
{
	const char *name;

	if (status < 0) {
		(void)snprintf(out, SUPERVISOR_EXIT, "-");
	} else if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		(void)snprintf(out, SUPERVISOR_EXIT, "signal %d %s", WTERMSIG(status),
			       name != NULL ? name : "?");
	} else {
		(void)snprintf(out, SUPERVISOR_EXIT, "code %d", WEXITSTATUS(status));
	}
	return out;
}

static enum supervisor_end
how_it_ended(const struct member *m, int status, bool asked)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return END_SANDBOX;
	if (m->hung)
		return END_HUNG;
	if (asked)
		return END_ASKED;
	if (m->was_ready)
		return END_DIED;
	return m->state == SLOT_KILLED ? END_LATE : END_DIED_STARTING;
}

void
supervisor_remember(struct supervisor *s, struct member *m, int status, bool asked)
{
	struct supervisor_death *d = &s->death[s->deaths++ % SUPERVISOR_DEATHS];
	uint64_t now = clock_ms();
	char text[SUPERVISOR_EXIT];

	*d = (struct supervisor_death){.at = now,
				       .age = now - m->born,
				       .slot = m->index,
				       .pid = m->pid,
				       .status = status,
				       .served = m->was_ready,
				       .end = how_it_ended(m, status, asked)};
	m->last_end = (int)d->end;
	s->ends[d->end]++;
	log_event(d->end == END_ASKED ? LOG_VERBOSE : LOG_WARN, "worker ended",
		  "worker=%u worker_pid=%d why=%s exit=%s", m->index, (int)m->pid,
		  log_quoted(supervisor_end_text(d->end)),
		  log_quoted(supervisor_exit_text(status, text)));
}

static unsigned
recent_start_deaths(const struct supervisor *s, uint64_t now)
{
	const struct supervisor_death *d;
	unsigned n = 0;

	for (unsigned i = 0; (d = supervisor_death(s, i)) != NULL && now - d->at < DEGRADED_MS; i++)
		n += !d->served && d->end != END_ASKED;
	return n;
}

void
supervisor_judge_degraded(struct supervisor *s)
{
	unsigned n = recent_start_deaths(s, clock_ms());
	bool all_up = supervisor_count(s, SLOT_READY) >= s->target;

	if (!s->degraded && n >= DEGRADED_DEATHS) {
		s->degraded = true;
		log_event(LOG_ERROR, "degraded: workers die while starting", "deaths=%u", n);
	} else if (s->degraded && all_up && n == 0) {
		s->degraded = false;
		log_event(LOG_INFO, "no longer degraded", NULL);
	}
}
