/* health_fixture.h - a table of servers, a clock, and what befalls them. */
#ifndef POLICYPOOL_TESTS_HEALTH_FIXTURE_H
#define POLICYPOOL_TESTS_HEALTH_FIXTURE_H

#include "health.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 8, POLICIES = 3, START = 100000 };

static struct policy_conf conf;
static struct verdicts *verdicts;
static struct health *h;
static struct health_view v;
static unsigned changes, kept, panics_on, panics_off;
static unsigned policy_of[SERVERS]; /* POLICIES: nobody is there */
static uint32_t chance;

static uint32_t
chance_of(void)
{
	return chance;
}

/* Of those in this server's policy no more are out than may be. */
static void
check_share(unsigned server)
{
	unsigned all = 0, out = 0, most;

	for (unsigned i = 0; i < SERVERS; i++) {
		struct health_view seen;
		health_snapshot(h, i, &seen);
		all += policy_of[i] == policy_of[server];
		out += policy_of[i] == policy_of[server] && seen.state >= HEALTH_EJECTED &&
		       seen.ejections > 0;
	}
	most = all * conf.eject_share / 100;
	if (most == 0 && all > 1 && conf.eject_share > 0)
		most = 1;
	cr_assert_leq(out, most);
}

static void
on_change(unsigned server, enum health_state from, const struct health_view *now, void *ctx)
{
	struct health_view seen;

	(void)ctx;
	health_snapshot(h, server, &seen);
	cr_assert(seen.state == now->state && seen.failing == now->failing);
	cr_assert(from != now->state || now->failing || changes > 0, "a change that is none");
	if (now->state == HEALTH_EJECTED)
		check_share(server);
	changes++;
}

static void
on_kept(unsigned server, const struct health_view *now, void *ctx)
{
	(void)server;
	(void)ctx;
	cr_assert(now->kept && now->failing);
	kept++;
}

static void
on_panic(unsigned policy, bool on, void *ctx)
{
	(void)policy;
	(void)ctx;
	panics_on += on;
	panics_off += !on;
}

static const struct health_ops ops = {on_change, on_kept, on_panic};

static void
open_health(void)
{
	conf = (struct policy_conf){.eject_after = 3,
				    .eject_share = 50,
				    .eject_time = 2000,
				    .eject_max = 60000,
				    .slow_start = 10000,
				    .check_interval = 1000,
				    .check_rise = 2,
				    .check_fall = 3};
	chance = 0;
	changes = kept = panics_on = panics_off = 0;
	for (unsigned i = 0; i < SERVERS; i++)
		policy_of[i] = POLICIES;
	verdicts = verdicts_new(SERVERS);
	h = health_new(SERVERS, POLICIES, &conf, chance_of, verdicts, &ops, NULL);
	cr_assert_not_null(h);
}

static void
close_health(void)
{
	health_free(h);
	verdicts_free(verdicts);
}

static const struct health_view *
look(unsigned server)
{
	health_snapshot(h, server, &v);
	return &v;
}

#endif
