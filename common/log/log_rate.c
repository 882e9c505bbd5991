/* log_rate.c - see log_rate.h. */
#include "log_rate.h"

enum { SECOND_US = 1000000 };

static struct log_rate_kind *
find(struct log_rate *r, const char *msg, int level)
{
	for (size_t i = 0; i < LOG_RATE_KINDS - 1; i++) {
		struct log_rate_kind *k = &r->kind[i];
		if (k->msg == NULL)
			*k = (struct log_rate_kind){.msg = msg, .level = level};
		if (k->msg == msg && k->level == level)
			return k;
	}
	r->kind[LOG_RATE_KINDS - 1].msg = "other lines";
	r->kind[LOG_RATE_KINDS - 1].level = level;
	return &r->kind[LOG_RATE_KINDS - 1];
}

/* A line takes so long to be paid off. */
static uint64_t
interval(const struct log_rate *r)
{
	return SECOND_US / r->per_second;
}

static bool
take(const struct log_rate *r, struct log_rate_kind *k, uint64_t now_us)
{
	uint64_t from = k->arrival > now_us ? k->arrival : now_us;

	if (from + interval(r) - now_us > LOG_RATE_BURST * interval(r))
		return false;
	k->arrival = from + interval(r);
	return true;
}

bool
log_rate_admits(struct log_rate *r, const char *msg, int level, uint64_t now_us,
		unsigned long *suppressed)
{
	struct log_rate_kind *k;

	*suppressed = 0;
	if (r->per_second == 0)
		return true;
	k = find(r, msg, level);
	if (!take(r, k, now_us)) {
		k->suppressed++;
		return false;
	}
	*suppressed = k->suppressed;
	k->suppressed = 0;
	return true;
}

const struct log_rate_kind *
log_rate_next(struct log_rate *r, size_t *at, uint64_t now_us, unsigned long *suppressed)
{
	while (*at < LOG_RATE_KINDS) {
		struct log_rate_kind *k = &r->kind[(*at)++];
		if (k->suppressed == 0 || (r->per_second > 0 && !take(r, k, now_us)))
			continue;
		*suppressed = k->suppressed;
		k->suppressed = 0;
		return k;
	}
	return NULL;
}
