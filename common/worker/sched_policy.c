/* sched_policy.c - see sched_policy.h. */
#include "sched_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

enum {
	FEW = 32,	   /* runs say nothing: one long wait is no program that never pauses */
	LONG = 500000,	   /* ns that a run waits on the average: somebody never pauses */
	PAUSE_MIN = 10000, /* ms until it is tried again; */
	PAUSE_MAX = PAUSE_MIN << 6 /* doubled each time that it comes to the same at once */
};

/* Does nothing where it is in force already. */
static void
put_in_force(struct sched_policy *s, bool batch)
{
	const struct sched_param none = {0};

	if (batch == s->batch)
		return;
	if (sched_setscheduler(0, batch ? SCHED_BATCH : SCHED_OTHER, &none) < 0) {
		log_errno(s->mode == SCHED_POLICY_BATCH ? LOG_WARN : LOG_VERBOSE,
			  "scheduling stays as it is", NULL);
		s->mode = SCHED_POLICY_INHERIT; /* nor will it be allowed later */
		return;
	}
	s->batch = batch;
}

/* The second and the third number; false with errno where they can't be had.  A kernel that does
 * not count says 0, also of a process that runs. */
static bool
count(const struct sched_policy *s, uint64_t *delay_ns, uint64_t *runs)
{
	char text[128];
	ssize_t got = s->fd < 0 ? -1 : pread(s->fd, text, sizeof text - 1, 0);

	if (got < 0)
		return false;
	text[got] = '\0';
	if (sscanf(text, "%*u %" SCNu64 " %" SCNu64, delay_ns, runs) == 2 && *runs > 0)
		return true;
	errno = ENODATA;
	return false;
}

void
sched_policy_close(struct sched_policy *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

/* What an operator has asked of the system stands. */
static enum sched_policy_mode
possible(struct sched_policy *s)
{
	if (sched_getscheduler(0) != SCHED_OTHER)
		return SCHED_POLICY_INHERIT;
	s->fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	if (count(s, &s->delay_ns, &s->runs))
		return SCHED_POLICY_AUTO;
	log_errno(LOG_VERBOSE, "scheduling stays as it is: waits are not counted", NULL);
	sched_policy_close(s);
	return SCHED_POLICY_INHERIT;
}

void
sched_policy_open(struct sched_policy *s, enum sched_policy_mode mode)
{
	*s = (struct sched_policy){.mode = mode, .fd = -1, .pause = PAUSE_MIN};
	if (mode == SCHED_POLICY_AUTO)
		s->mode = possible(s);
	put_in_force(s, s->mode != SCHED_POLICY_INHERIT);
}

bool
sched_policy_decide(struct sched_policy *s, uint64_t runs, uint64_t delay_ns, uint64_t now_ms)
{
	if (!s->batch)
		return now_ms >= s->other_until;
	if (runs < FEW)
		return true;
	if (delay_ns / runs <= LONG) {
		s->pause = PAUSE_MIN;
		return true;
	}
	s->other_until = now_ms + s->pause;
	if (s->pause < PAUSE_MAX)
		s->pause *= 2;
	return false;
}

void
sched_policy_tick(struct sched_policy *s, uint64_t now_ms)
{
	uint64_t delay_ns, runs, waited, ran;

	if (s->mode != SCHED_POLICY_AUTO || !count(s, &delay_ns, &runs))
		return;
	waited = delay_ns - s->delay_ns;
	ran = runs - s->runs;
	if (s->batch && ran < FEW)
		return; /* they count at the next look */
	s->delay_ns = delay_ns;
	s->runs = runs;
	put_in_force(s, sched_policy_decide(s, ran, waited, now_ms));
}
