/* health: random lives, and what must hold in each. */
#include "health_fixture.h"

TestSuite(health_random, .init = open_health, .fini = close_health);

/* ---- whatever happens ---- */

static void
check_all(uint64_t now)
{
	for (unsigned p = 0; p < POLICIES; p++) {
		unsigned open = 0, all = 0, good = 0;
		for (unsigned i = 0; i < SERVERS; i++)
			good += policy_of[i] == p && look(i)->state < HEALTH_EJECTED &&
				v.state != HEALTH_NEW && !v.failing;
		for (unsigned i = 0; i < SERVERS; i++) {
			enum server_health_kind kind = server_health_kind(verdicts, i);
			if (policy_of[i] != p)
				continue;
			all++;
			health_snapshot(h, i, &v);
			cr_assert(!v.held || v.state == HEALTH_NEW || v.state == HEALTH_PROBING);
			open += kind != SERVER_HEALTH_SHUT;
			cr_assert(!look(i)->failing || v.state < HEALTH_EJECTED);
			cr_assert(!v.kept || v.failing);
			cr_assert(v.since <= now);
			cr_assert(v.state != HEALTH_EJECTED || v.until <= v.since + conf.eject_max);
			if (v.panic)
				cr_assert_neq(kind, SERVER_HEALTH_SHUT);
			if (kind == SERVER_HEALTH_SHUT)
				cr_assert(v.state == HEALTH_EJECTED || v.held);
			if (v.state == HEALTH_EJECTED && !v.panic)
				cr_assert_eq(kind, SERVER_HEALTH_SHUT);
			if (kind == SERVER_HEALTH_LAST)
				cr_assert(v.failing && good > 0);
			cr_assert(kind != SERVER_HEALTH_TRIAL || v.unproved);
			cr_assert(kind != SERVER_HEALTH_RAMP || v.state == HEALTH_SLOW);
		}
		cr_assert(all == 0 || open > 0, "nobody of a policy may be used");
	}
	for (unsigned i = 0; i < SERVERS; i++)
		if (policy_of[i] == POLICIES)
			cr_assert_eq(server_health_kind(verdicts, i), SERVER_HEALTH_OPEN);
}

static void
random_event(unsigned *seed, uint64_t now)
{
	unsigned s = (unsigned)rand_r(seed) % SERVERS, p = (unsigned)rand_r(seed) % POLICIES;
	enum failure_cause cause = (enum failure_cause)((unsigned)rand_r(seed) %
							FAILURE_CAUSE_COUNT);
	bool used = policy_of[s] != POLICIES, coin = rand_r(seed) & 1;

	switch (rand_r(seed) % 12) {
	case 0:
		health_begin(h, s, p, coin, rand_r(seed) % 4 ? HEALTH_ANNOUNCED : HEALTH_RECALLED,
			     now);
		policy_of[s] = p;
		break;
	case 1:
		if (coin) {
			health_end(h, s);
			policy_of[s] = POLICIES;
		}
		break;
	case 2: health_success(h, s, now); break;
	case 3: health_announced(h, s, now); break;
	case 4:
		health_tick(h, now);
		if (coin)
			health_late(h, s, now);
		break;
	case 5:
	case 6:
		if (!used || !health_is_due(h, s, now))
			break;
		health_started(h, s);
		if (coin)
			health_passed(h, s, rand_r(seed) & 1, now);
		else
			health_missed(h, s, cause, now);
		break;
	default: health_incident(h, s, cause, now, coin ? now - 1 : 0); break;
	}
}

Test(health_random, random_lives_keep_what_must_hold, .timeout = 60)
{
	for (unsigned round = 0; round < 2000; round++) {
		unsigned seed = round;
		uint64_t now = START;
		open_health();
		conf.eject_share = (unsigned)rand_r(&seed) % 101;
		conf.eject_after = (unsigned)rand_r(&seed) % 4;
		conf.slow_start = rand_r(&seed) % 3 ? 500 : 0;
		for (unsigned step = 0; step < 300; step++) {
			now += (unsigned)rand_r(&seed) % 400;
			chance = (uint32_t)rand_r(&seed) * 2u;
			random_event(&seed, now);
			check_all(now);
		}
		close_health();
	}
	open_health();
}
