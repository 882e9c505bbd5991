/* summary.h - the outcome of all requests, in numbers.
 *
 *   sent == correct + wrong + refused + failed, once nothing is in flight */
#ifndef POLICYPOOL_SUMMARY_H
#define POLICYPOOL_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "counts.h"
#include "histogram.h"
#include "reply.h"

enum { SUMMARY_CODES = 32 }; /* of errors, told apart */

struct summary {
	uint64_t sent, correct, wrong, refused, failed;
	uint64_t resent;	  /* again, since their connection was lost; counted once as sent */
	uint64_t stray;		  /* packets that answered nothing */
	uint64_t elapsed_us;	  /* set by the caller */
	uint64_t min_us;	  /* shortest latency; meaningless without any */
	struct histogram latency; /* us, of replies of type 2, right or wrong */
	struct counts servers;	  /* replies of type 2 by srcid */
	struct counts refusals;	  /* by code */
	/* The first message of each code, at the place that it has there. */
	char message[SUMMARY_CODES][REPLY_TEXT];
	struct counts failures;	  /* by reason */
	struct counts mismatches; /* wrong ones by kind */
	struct counts resends;	  /* by reason */
};

/* Release: summary_free(). */
void summary_init(struct summary *);
void summary_free(struct summary *);

void summary_sent(struct summary *, uint64_t n);
void summary_answer(struct summary *, const struct reply *, uint64_t latency_us);
void summary_failed(struct summary *, uint64_t n, const char *why);
void summary_resent(struct summary *, uint64_t n, const char *why);
void summary_stray(struct summary *);

/* n requests and as many right replies, and nothing else. */
bool summary_all_correct(const struct summary *, uint64_t n);

/* Answers a second. */
double summary_rate(const struct summary *);

/* For people, a few lines. */
void summary_print(const struct summary *, FILE *);

/* One JSON object and a newline.  0, or -1 with ENOMEM. */
MUST_CHECK int summary_print_json(const struct summary *, FILE *);

#endif
