/* procstat.h - what a process uses, from proc(5). */
#ifndef POLICYPOOL_PROCSTAT_H
#define POLICYPOOL_PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

#include "attr.h"

struct procstat {
	uint64_t cpu_ms;   /* user and system, since it began */
	uint64_t resident; /* bytes */
};

/* 0, or -1 with errno. */
MUST_CHECK int procstat_read(pid_t, struct procstat *);

#endif
