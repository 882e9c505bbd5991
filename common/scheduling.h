/* scheduling.h - whether a worker interrupts whoever runs when something comes for it; sched(7).
 *
 * Among programs that answer each other it had better not (SCHED_BATCH): more gathers meanwhile and
 * is done at less cost, and whoever would be interrupted is often the one that sends.  Beside
 * programs that never pause it must (SCHED_OTHER), or it would wait for the end of their time slice
 * each time.  What tells one from the other is how long it has to wait when it wants to run, which
 * the kernel counts in /proc/PID/schedstat (Documentation/scheduler/sched-stats). */
#ifndef POLICYPOOL_SCHEDULING_H
#define POLICYPOOL_SCHEDULING_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of the words that the key takes. */
enum scheduling_mode {
	SCHEDULING_AUTO, /* as BATCH, but SCHED_OTHER for a while whenever that makes it wait;
			    INHERIT where the daemon was started with anything else than SCHED_OTHER
			  */
	SCHEDULING_INHERIT,
	SCHEDULING_BATCH
};

struct scheduling {
	enum scheduling_mode mode;
	bool batch;		     /* in force */
	int fd;			     /* the kernel's count; -1: not known */
	uint64_t delay_ns;	     /* that it had waited, and */
	uint64_t runs;		     /* how often it had run, at the last look */
	uint64_t other_until, pause; /* clock_ms(); ms */
};

/* Before the process gives up opening files.  What can't be had is done without, and logged. */
void scheduling_open(struct scheduling *, enum scheduling_mode);
void scheduling_close(struct scheduling *);

/* Regularly, a few times a second. */
void scheduling_look(struct scheduling *, uint64_t now_ms);

/* Pure, what scheduling_look() goes by: should BATCH be in force from now on, after so many runs
 * since the last look that waited for so long in all? */
bool scheduling_judge(struct scheduling *, uint64_t runs, uint64_t delay_ns, uint64_t now_ms);

#endif
