/* exit_history.c - see exit_history.h. */
#include "exit_history.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	DEGRADED_DEATHS = 5, /* so many deaths while starting ... */
	DEGRADED_MS = 10000  /* ... within this time */
};

void
exit_history_add(struct exit_history *h, const struct exit_record *r)
{
	h->record[h->n++ % EXIT_RECORDS] = *r;
	h->count[r->cause]++;
}

const struct exit_record *
exit_history_last(const struct exit_history *h, unsigned i)
{
	if (i >= EXIT_RECORDS || i >= h->n)
		return NULL;
	return &h->record[(h->n - 1 - i) % EXIT_RECORDS];
}

bool
exit_history_turns(struct exit_history *h, bool all_up, uint64_t now, unsigned *deaths)
{
	const struct exit_record *r;
	unsigned n = 0;

	for (unsigned i = 0; (r = exit_history_last(h, i)) != NULL && now - r->at < DEGRADED_MS;
	     i++)
		n += r->at > h->since && !r->served && r->cause != EXIT_ASKED;
	*deaths = n;
	if (h->degraded ? !all_up || n > 0 : n < DEGRADED_DEATHS)
		return false;
	h->degraded = !h->degraded;
	return true;
}

#define EXIT_TEXT(name, text) text,

const char *
exit_cause_text(enum exit_cause c)
{
	static const char *const text[] = {EXIT_CAUSES(EXIT_TEXT)};

	return text[c];
}

const char *
exit_status_text(int status, char out[EXIT_STATUS_TEXT])
{
	const char *name;

	if (status < 0) {
		(void)snprintf(out, EXIT_STATUS_TEXT, "-");
	} else if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		(void)snprintf(out, EXIT_STATUS_TEXT, "signal %d %s", WTERMSIG(status),
			       name != NULL ? name : "?");
	} else {
		(void)snprintf(out, EXIT_STATUS_TEXT, "code %d", WEXITSTATUS(status));
	}
	return out;
}
