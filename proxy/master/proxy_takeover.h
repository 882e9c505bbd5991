/* proxy_takeover.h - what crosses between a proxy and its successor beside what every daemon hands
 * over: the registry, and registrations that still come to the former workers. */
#ifndef POLICYPOOL_PROXY_TAKEOVER_H
#define POLICYPOOL_PROXY_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "registry.h"
#include "span.h"
#include "upgrade.h"

/* Fills the registry with what was handed over.  1, 0 when nothing was, or -1 with the reason
 * logged. */
MUST_CHECK int proxy_takeover_recall(struct registry *);

/* The registry as it stands, for upgrade_give().  0, or -1 with the reason logged. */
MUST_CHECK int proxy_takeover_give(struct upgrade *, const struct registry *);

/* In front of a registration that a worker handed over, to the successor, and of the answer, back;
 * the same binary form is understood alone. */
struct proxy_takeover_head {
	uint32_t form;
	uint32_t slot; /* of the worker */
	uint32_t wants_answer;
};

/* A registration as the worker in a slot handed it over goes to the successor as well.  True when
 * the answer comes from there. */
bool proxy_takeover_forward(struct upgrade *, unsigned slot, struct span message);

/* From a successor: the answer.  0, or -1 with errno. */
MUST_CHECK int proxy_takeover_answer(const struct proxy_takeover_head *, struct span answer);

/* What came from the other one: *message is then what follows the head.  False for what is in
 * another form, which is logged. */
bool proxy_takeover_read(struct span *message, struct proxy_takeover_head *);

#endif
