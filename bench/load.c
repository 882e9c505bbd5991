/* load.c - the load generator of the bench: keeps requests in flight on some connections, checks
 * the digest in every reply, and prints what it counted as one JSON object.
 *
 * One process, one loop, so that it takes the same from the machine whomever it asks; or several of
 * them with --loads, for one loop sends in bursts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "link.h"
#include "net.h"

enum {
	TICK_US = 50000,
	PATIENCE_US = 10000000, /* without any reply: the peer is stuck */
	DRAIN_US = 2000000	/* for what is in flight at the end */
};

/* ---- the run of one process ---- */

static void
turn(struct load *load)
{
	struct epoll_event ev[LINK_EVENTS];
	int n = epoll_wait(load->epoll, ev, LINK_EVENTS, TICK_US / 1000);
	uint64_t before = load->now;

	load->now = clock_us();
	for (int i = 0; i < n; i++)
		link_event(ev[i].data.ptr, ev[i].events);
	if (load->plan->persist && load->now / TICK_US != before / TICK_US)
		links_tick(load);
	if (load->counting && n > 0)
		histogram_add(&load->counts->turn, clock_us() - load->now);
}

static bool
give_up(struct load *load)
{
	if (load->plan->persist)
		return false;
	if (load->now - load->last > PATIENCE_US) {
		(void)fprintf(stderr, "load: no reply for %d s\n", PATIENCE_US / 1000000);
		load->counts->failed++;
		return true;
	}
	return load->counts->failed > 100 + load->plan->connections;
}

static void
count(struct load *load)
{
	uint64_t start = load->now, cpu, wait;
	const struct plan *p = load->plan;
	struct counts *c = load->counts;

	load->counting = true;
	counts_processor(&cpu, &wait);
	while (!give_up(load) &&
	       (p->count > 0 ? c->answered < load->most : load->now - start < p->run_us))
		turn(load);
	c->counted_us = load->now - start;
	counts_processor(&c->cpu_us, &c->wait_us);
	c->cpu_us -= cpu;
	c->wait_us -= wait;
}

/* What is in flight is waited for, so that nobody sees connections break; with persist it counts,
 * and what has not come by then is lost. */
static void
drain(struct load *load)
{
	bool persist = load->plan->persist;
	uint64_t until = load->now + DRAIN_US + load->plan->timeout_us;

	load->counting = persist;
	load->ending = true;
	while (load->done < load->asked && (persist || load->counts->failed == 0) &&
	       load->now < until)
		turn(load);
}

static void
run(struct load *load)
{
	uint64_t start = load->now = load->last = clock_us();

	for (unsigned i = 0; i < load->links; i++)
		link_go(&load->link[i]);
	while (load->now - start < load->plan->warm_us && !give_up(load))
		turn(load);
	count(load);
	drain(load);
}

/* ---- all processes ---- */

/* What falls to the nth of them. */
static unsigned
share(uint64_t all, unsigned nth, unsigned of)
{
	return (unsigned)(all / of + (nth < all % of));
}

static int
one(const struct plan *p, struct tls_creds *creds, struct counts *counts, unsigned nth)
{
	struct load load = {.plan = p,
			    .creds = creds,
			    .counts = counts,
			    .epoll = -1,
			    .next = p->variants / p->loads * nth,
			    .most = share(p->count, nth, p->loads)};
	int status = links_new(&load, share(p->connections, nth, p->loads), nth);

	if (status < 0)
		perror("load");
	else
		run(&load);
	links_free(&load);
	return status;
}

/* The last part is done here, and those before by children.  Returns how many went wrong. */
static unsigned
all(const struct plan *p, struct tls_creds *creds, struct counts *counts)
{
	unsigned begun = 0, failed = 0;
	int status;

	for (; begun + 1 < p->loads; begun++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(one(p, creds, &counts[begun], begun) < 0);
		if (pid < 0) {
			perror("load");
			failed++;
			break;
		}
	}
	failed += one(p, creds, &counts[begun], begun) < 0;
	while (wait(&status) > 0 || errno == EINTR)
		failed += status != 0;
	return failed;
}

/* The sum is there after them. */
static int
measure(const struct plan *p, struct tls_creds *creds)
{
	size_t size = (p->loads + 1) * sizeof(struct counts);
	struct counts *counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				     -1, 0);
	struct counts *sum = counts == MAP_FAILED ? NULL : &counts[p->loads];
	unsigned failed;
	bool good;

	if (sum == NULL) {
		perror("load");
		return 2;
	}
	failed = all(p, creds, counts);
	for (unsigned i = 0; i < p->loads; i++)
		counts_add(sum, &counts[i]);
	counts_print(sum, p);
	good = failed == 0 && sum->right > 0 &&
	       (p->persist ||
		sum->wrong + sum->refused + sum->lost + sum->failed + sum->stray == 0);
	(void)munmap(counts, size);
	return good ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	struct plan plan;
	struct tls_creds *creds = NULL;
	const struct tls_files anybody = {.verify = TLS_VERIFY_NO};
	int status = 2;

	if (plan_read(&plan, argc, argv) == 0) {
		(void)net_raise_nofile(plan.connections + 64UL);
		if (plan.tls)
			creds = tls_creds_load(TLS_CLIENT, &anybody, "load", stderr);
		if (!plan.tls || creds != NULL)
			status = measure(&plan, creds);
		tls_creds_unref(creds);
	}
	plan_free(&plan);
	return status;
}
