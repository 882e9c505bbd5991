/* exit_history.h - how workers ended: the last of them one by one, all of them counted, and whether
 * so many die while starting that the daemon is degraded.  No syscall. */
#ifndef POLICYPOOL_EXIT_HISTORY_H
#define POLICYPOOL_EXIT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a worker came to its end. */
#define EXIT_CAUSES(X)                                   \
	X(EXIT_DIED, "died")                             \
	X(EXIT_DIED_STARTING, "died while starting")     \
	X(EXIT_KILLED_STARTING, "killed while starting") \
	X(EXIT_NO_FORK, "cannot be forked")              \
	X(EXIT_LATE, "not ready in time")                \
	X(EXIT_HUNG, "hung")                             \
	X(EXIT_SANDBOX, "sandbox violation")             \
	X(EXIT_ASKED, "on request")
#define EXIT_ENUM(name, text) name,
enum exit_cause { EXIT_CAUSES(EXIT_ENUM) EXIT_CAUSE_COUNT };
#undef EXIT_ENUM

struct exit_record {
	uint64_t at;  /* clock_ms() */
	uint64_t age; /* ms that it lived */
	unsigned slot;
	pid_t pid;
	int status; /* wait(2); -1: it could not be forked */
	bool served;
	enum exit_cause cause;
};

enum { EXIT_RECORDS = 32 }; /* that are remembered */

/* All zero at first. */
struct exit_history {
	struct exit_record record[EXIT_RECORDS];
	unsigned n; /* ever; record[n % EXIT_RECORDS] is the next */
	uint64_t count[EXIT_CAUSE_COUNT];
	uint64_t since; /* ms: what ended until then does not count for `degraded` */
	bool degraded;
};

void exit_history_add(struct exit_history *, const struct exit_record *);
/* The i-th last, 0 the newest; NULL when there is none. */
const struct exit_record *exit_history_last(const struct exit_history *, unsigned i);
/* Is `degraded` to change?  It begins with 5 deaths while starting within 10 s, and is over when
 * all workers are up and there was none for as long.  *deaths: how many. */
bool exit_history_turns(struct exit_history *, bool all_up, uint64_t now, unsigned *deaths);

const char *exit_cause_text(enum exit_cause);
/* A wait(2) status as text, "signal 9 KILL" or "code 1"; "-" for -1.  Returns out. */
enum { EXIT_STATUS_TEXT = 32 };
const char *exit_status_text(int status, char out[EXIT_STATUS_TEXT]);

#endif
