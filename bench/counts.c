/* counts.c - see counts.h. */
#include "counts.h"

#include <stdio.h>
#include <sys/resource.h>

void
counts_processor(uint64_t *cpu_us, uint64_t *wait_us)
{
	unsigned long long on = 0, waited = 0;
	FILE *f = fopen("/proc/self/schedstat", "re");
	struct rusage used = {0};

	if (f != NULL) {
		if (fscanf(f, "%llu %llu", &on, &waited) != 2)
			waited = 0;
		(void)fclose(f);
	}
	(void)getrusage(RUSAGE_SELF, &used);
	*cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		  (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	*wait_us = waited / 1000;
}

static void
add(struct histogram *h, const struct histogram *more)
{
	h->count += more->count;
	if (more->max > h->max)
		h->max = more->max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->bucket[i] += more->bucket[i];
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

void
counts_add(struct counts *c, const struct counts *more)
{
	double busy = share(more->cpu_us, more->counted_us);

	c->answered += more->answered;
	c->right += more->right;
	c->wrong += more->wrong;
	c->refused += more->refused;
	c->lost += more->lost;
	c->failed += more->failed;
	c->stray += more->stray;
	c->resumed += more->resumed;
	c->cpu_us += more->cpu_us;
	c->wait_us += more->wait_us;
	if (more->counted_us > c->counted_us)
		c->counted_us = more->counted_us;
	if (busy > c->busiest)
		c->busiest = busy;
	add(&c->reply, &more->reply);
	add(&c->turn, &more->turn);
}

bool
counts_bottleneck(const struct counts *c)
{
	return c->busiest >= 0.9 ||
	       2 * histogram_quantile(&c->turn, 0.5) > histogram_quantile(&c->reply, 0.5);
}

void
counts_print(const struct counts *c, const struct plan *p)
{
	double seconds = c->counted_us > 0 ? (double)c->counted_us / 1e6 : 1e-6;
	const struct {
		const char *name;
		uint64_t value;
	} whole[] = {{"requests", c->right},
		     {"all", c->answered},
		     {"wrong", c->wrong},
		     {"refused", c->refused},
		     {"lost", c->lost},
		     {"failed", c->failed},
		     {"stray", c->stray},
		     {"resumed", c->resumed},
		     {"p50_us", histogram_quantile(&c->reply, 0.5)},
		     {"p99_us", histogram_quantile(&c->reply, 0.99)},
		     {"p999_us", histogram_quantile(&c->reply, 0.999)},
		     {"max_us", c->reply.max},
		     {"turn_us", histogram_quantile(&c->turn, 0.5)}};

	for (unsigned i = 0; i < sizeof whole / sizeof *whole; i++)
		printf("%s\"%s\":%llu", i == 0 ? "{" : ",", whole[i].name,
		       (unsigned long long)whole[i].value);
	printf(",\"seconds\":%.3f,\"rate\":%.1f,\"bytes_per_second\":%.0f", seconds,
	       (double)c->right / seconds, (double)c->right * (double)p->size / seconds);
	printf(",\"busy\":%.3f,\"waited\":%.3f,\"loads\":%u,\"bottleneck\":%s}\n", c->busiest,
	       share(c->wait_us, c->counted_us) / p->loads, p->loads,
	       counts_bottleneck(c) ? "true" : "false");
	if (counts_bottleneck(c))
		(void)fprintf(stderr,
			      "load: the bottleneck is the load: it takes %.2f of a processor, "
			      "and a turn of its loop %llu us (p50); see --loads\n",
			      c->busiest, (unsigned long long)histogram_quantile(&c->turn, 0.5));
}
