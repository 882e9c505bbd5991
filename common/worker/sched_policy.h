/* sched_policy.h - whether a worker preempts the running process at a wakeup (SCHED_OTHER) or not
 * (SCHED_BATCH); sched(7).
 *
 * Among programs that answer each other it had better not (SCHED_BATCH): more gathers meanwhile and
 * is done at less cost, and the process that would be preempted is often the one that sends. Beside
 * programs that never pause it must (SCHED_OTHER), or it would wait for the end of their time slice
 * each time.  What tells one from the other is how long it has to wait when it wants to run, which
 * the kernel counts in /proc/PID/schedstat (Documentation/scheduler/sched-stats). */
#ifndef POLICYPOOL_SCHED_POLICY_H
#define POLICYPOOL_SCHED_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of the words that the key takes. */
enum sched_policy_mode {
	SCHED_POLICY_AUTO, /* as BATCH, but SCHED_OTHER for a while whenever that makes it wait;
			    INHERIT where the daemon was started with anything else than SCHED_OTHER
			  */
	SCHED_POLICY_INHERIT,
	SCHED_POLICY_BATCH
};

struct sched_policy {
	enum sched_policy_mode mode;
	bool batch;		     /* in force */
	int fd;			     /* the kernel's count; -1: not known */
	uint64_t delay_ns;	     /* that it had waited, and */
	uint64_t runs;		     /* how often it had run, at the last look */
	uint64_t other_until, pause; /* clock_ms(); ms */
};

/* Before the process gives up opening files.  What can't be had is done without, and logged. */
void sched_policy_open(struct sched_policy *, enum sched_policy_mode);
void sched_policy_close(struct sched_policy *);

/* Regularly, a few times a second. */
void sched_policy_tick(struct sched_policy *, uint64_t now_ms);

/* Pure, what sched_policy_tick() goes by: should BATCH be in force from now on, after so many runs
 * since the last look that waited for so long in all? */
bool sched_policy_decide(struct sched_policy *, uint64_t runs, uint64_t delay_ns, uint64_t now_ms);

#endif
