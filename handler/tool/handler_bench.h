/* handler_bench.h - ppool-handler bench: how many jobs a second a handler does, and how long each
 * takes, with nothing but pipes around it. */
#ifndef POLICYPOOL_HANDLER_BENCH_H
#define POLICYPOOL_HANDLER_BENCH_H

#include <stdio.h>

#include "daemon.h"
#include "handler_conf.h"
#include "span.h"

struct handler_bench {
	const struct handler_conf *handler; /* as many processes as its `processes` */
	const struct daemon_conf *daemon;
	struct span payload;
	bool base64;	   /* the payload is bytes */
	uint64_t duration; /* ms */
};

/* A few lines on out.  0; 1 with a line on err where a process did not answer rightly. */
int handler_bench(const struct handler_bench *, FILE *out, FILE *err);

#endif
