/* overload.c - see overload.h. */
#include "overload.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_MIN = 100, RETRY_AFTER_MAX = 60000 }; /* ms */

unsigned
overload_retry_after(const struct line *line)
{
	uint64_t ms = service_rate_wait(&line->pace, line->queue.n);

	if (ms == 0)
		return OVERLOAD_RETRY_MS;
	return ms < RETRY_AFTER_MIN   ? RETRY_AFTER_MIN
	       : ms > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
				      : (unsigned)ms;
}

/* Is there one that an operator lets take requests? */
static bool
any_enabled(const struct registry_snapshot *r, const struct registry_snapshot_policy *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (registry_snapshot_server(r, p->server[i])->admin == REGISTRY_ENABLED)
			return true;
	return false;
}

enum packet_code
overload_expired(const struct registry_snapshot *r, const struct line *line,
		 const struct registry_snapshot_policy *p, char why[OVERLOAD_WHY])
{
	if (line->replaced || p->n == 0) {
		(void)snprintf(why, OVERLOAD_WHY, "no server of policy %s is registered",
			       line->policy);
		return PACKET_NO_SERVER;
	}
	if (!any_enabled(r, p)) {
		(void)snprintf(why, OVERLOAD_WHY,
			       "every server of policy %s is draining or disabled", line->policy);
		return PACKET_NO_SERVER;
	}
	if (line->why[0] != '\0') {
		(void)snprintf(why, OVERLOAD_WHY, "no server of policy %s could be reached: %s",
			       line->policy, line->why);
		return PACKET_UPSTREAM_FAILED;
	}
	(void)snprintf(why, OVERLOAD_WHY, "every server of policy %s is busy", line->policy);
	return PACKET_OVERLOADED;
}

bool
overload_too_large(const struct registry_snapshot *r, const struct proxy_conf *conf,
		   const struct registry_snapshot_policy *p, size_t bytes)
{
	if (p->n == 0 || bytes <= conf->plain_message)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (registry_snapshot_server(r, p->server[i])->pooled)
			return false;
	return true;
}

/* The time that a request which has come now may still wait for a server. */
static uint64_t
patience(const struct policy_conf *conf)
{
	return conf->request_timeout > 0 && conf->request_timeout < conf->queue_timeout
		       ? conf->request_timeout
		       : conf->queue_timeout;
}

const char *
overload_to_wait(const struct wait_queues *lines, const struct proxy_conf *conf,
		 const struct line *line, const struct request *q, char why[OVERLOAD_WHY])
{
	unsigned ahead = fair_queue_ahead(&line->queue, q->places);
	uint64_t wait = service_rate_wait(&line->pace, ahead), limit = patience(line->conf);

	if (wait_queues_waiting(lines) >= conf->queue_length)
		return "too many requests wait for a server: queue_length";
	if (line->queue.n >= line->conf->queue_length) {
		(void)snprintf(why, OVERLOAD_WHY,
			       "%u requests wait for a server of policy %s: policy_queue_length",
			       line->queue.n, line->policy);
		return why;
	}
	if (wait <= limit)
		return NULL;
	(void)snprintf(why, OVERLOAD_WHY,
		       "%u requests of policy %s are ahead, for about %llums; it may wait %llums",
		       ahead, line->policy, (unsigned long long)wait, (unsigned long long)limit);
	return why;
}
