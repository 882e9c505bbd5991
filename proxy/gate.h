/* gate.h - whose requests are taken: networks that are allowed and denied, and so many requests a
 * second from an address and for a srcid. */
#ifndef POLICYPOOL_GATE_H
#define POLICYPOOL_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "attr.h"
#include "meter.h"
#include "packet.h"
#include "settings.h"
#include "span.h"

struct gate;

/* Makes *out what conf asks for; NULL where that is nothing.  Rates that are those of former (NULL:
 * none) go on with its accounts.  Shared with every child forked later.  0, or -1 with errno. */
MUST_CHECK int gate_open(struct gate **out, const struct proxy_conf *conf,
			 const struct gate *former);
void gate_free(struct gate *); /* NULL is fine */

struct gate_refusal {
	enum packet_code code;
	const char *why;      /* a constant sentence */
	unsigned retry_after; /* ms; 0: never */
	enum meter_gate by;
};

/* False with *refusal.  What is admitted counts; now in clock_us(). */
MUST_CHECK bool gate_admits(struct gate *, const struct addr *client, struct span policy,
			    struct span srcid, uint64_t now, struct gate_refusal *refusal);

#endif
