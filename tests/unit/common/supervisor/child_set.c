/* child_set: one in another's place, how many, and other settings. */
#include "supervisor_fixture.h"

TestSuite(child_set, .init = open_world, .fini = close_world, .timeout = 30);

static void
recycle_then_stop(void)
{
	static bool asked;

	if (supervisor_stopping(sup))
		return;
	if (world->ups == 1 && !asked) {
		asked = true;
		cr_assert_eq(supervisor_recycle(sup, 99), -1);
		cr_assert_eq(errno, ESRCH);
		cr_assert_eq(supervisor_recycle(sup, 0), 0);
	}
	if (asked)
		cr_assert_geq(count(SLOT_READY), 2, "the successor comes first");
	if (world->exits == 1 && count(SLOT_READY) == 2)
		stop();
}

Test(child_set, a_recycled_worker_stays_until_its_successor_serves)
{
	cr_assert_eq(run(recycle_then_stop), 0);
	cr_assert(world->starts == 3 && world->exits == 3);
	cr_assert_eq(world->yields, 1, "its successor accepts; at the end nobody does");
}

static void
scale_then_stop(void)
{
	static unsigned at;
	static const unsigned wanted[] = {4, 1, 3};
	struct supervisor_view v;

	supervisor_snapshot(sup, &v);
	if (world->ups == 0 || supervisor_stopping(sup))
		return;
	if (at > 0 && (v.ready != wanted[at - 1] || count(SLOT_VACANT) != 5 - wanted[at - 1]))
		return;
	if (at == 3) {
		stop();
		return;
	}
	cr_assert_eq(supervisor_scale(sup, wanted[at++]), 0);
	cr_assert_eq(supervisor_scale(sup, 0), -1);
	cr_assert_eq(supervisor_scale(sup, 5), -1, "a slot stays free for a successor");
	cr_assert_eq(errno, ERANGE);
}

Test(child_set, the_number_of_workers_can_be_changed)
{
	cr_assert_eq(run(scale_then_stop), 0);
	cr_assert_eq(world->exits, world->starts);
	cr_assert_eq(world->yields, 3, "those that are one too many, and not at the end");
}

/* ---- generations ---- */

static struct supervisor_conf next;
static _Atomic unsigned renewed, failed;

static void
on_renewed(bool up, const char *why, void *ctx)
{
	(void)ctx;
	if (up)
		atomic_fetch_add(&renewed, 1);
	else
		atomic_fetch_add(&failed, 1);
	cr_assert_eq(up, why == NULL);
}

static unsigned
of_generation(unsigned generation, enum slot_state state)
{
	struct supervisor_child m;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_child_snapshot(sup, i, &m);
		n += m.generation == generation && m.state == state;
	}
	return n;
}

static void
renew_then_stop(void)
{
	static bool asked, retired;

	if (world->ups == 1 && !asked) {
		asked = true;
		next = conf;
		next.workers = 3;
		cr_assert(supervisor_may_renew(sup, 3));
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
		cr_assert_not(supervisor_may_renew(sup, 1), "one at a time");
		cr_assert_eq(supervisor_scale(sup, 1), -1);
		cr_assert_eq(errno, EBUSY);
	}
	if (asked && !retired)
		cr_assert_eq(of_generation(1, SLOT_READY), 2, "the old serve until they are told");
	if (renewed == 1 && !retired) {
		cr_assert_eq(of_generation(2, SLOT_READY), 3);
		cr_assert_eq(supervisor_former(sup), 2);
		retired = true;
		supervisor_retire(sup, true);
	}
	if (retired && supervisor_former(sup) == 0 && !supervisor_stopping(sup)) {
		cr_assert_eq(count(SLOT_READY), 3);
		stop();
	}
}

Test(child_set, a_new_generation_is_up_before_the_old_one_leaves)
{
	cr_assert_eq(run(renew_then_stop), 0);
	cr_assert_eq(world->starts, 5);
	cr_assert_eq(world->ups, 1, "told once");
}

static void
renew_in_vain(void)
{
	static bool asked;
	struct supervisor_view v;

	if (world->ups == 1 && !asked) {
		asked = true;
		atomic_store(&world->fail_start, true);
		next = conf;
		next.workers = 1;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	}
	if (failed == 1 && count(SLOT_VACANT) == conf.slots - 2 && !supervisor_stopping(sup)) {
		supervisor_snapshot(sup, &v);
		cr_assert(v.wanted == 2 && v.ready == 2 && v.generation == 1);
		stop();
	}
}

Test(child_set, a_generation_that_does_not_start_leaves_the_old_one)
{
	cr_assert_eq(run(renew_in_vain), 0);
	cr_assert_eq(world->starts, 2);
	cr_assert_eq(renewed, 0);
}

static void
kill_while_renewing(void)
{
	static unsigned stage;

	if (world->ups == 1 && stage == 0) {
		stage = 1;
		next = conf;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (stage == 1 && renewed == 1) {
		stage = 2;
		supervisor_retire(sup, true);
	}
	if (stage == 2 && count(SLOT_VACANT) == conf.slots - 2 && !supervisor_stopping(sup)) {
		cr_assert_eq(of_generation(2, SLOT_READY), 2);
		stop();
	}
}

Test(child_set, an_old_worker_that_dies_meanwhile_is_not_replaced_by_one_of_the_old_settings)
{
	cr_assert_eq(run(kill_while_renewing), 0);
	cr_assert_eq(world->starts, 4);
}

static void
renew_with_few_slots(void)
{
	static unsigned stage;

	if (world->ups == 1 && stage == 0) {
		stage = 1;
		cr_assert_eq(supervisor_scale(sup, 4), 0);
	}
	if (stage == 1 && count(SLOT_READY) == 4) {
		stage = 2;
		next = conf;
		next.workers = 4;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	}
	if (stage == 2 && renewed == 1) {
		stage = 3;
		cr_assert_eq(of_generation(2, SLOT_READY), 1, "as many as slots were free");
		cr_assert_not(supervisor_may_renew(sup, 4));
		supervisor_retire(sup, true);
	}
	if (stage == 3 && of_generation(2, SLOT_READY) == 4 && !supervisor_stopping(sup))
		stop();
}

Test(child_set, where_slots_are_few_the_rest_follows_as_the_old_leave)
{
	cr_assert_eq(run(renew_with_few_slots), 0);
}

static void
stop_while_renewing(void)
{
	static bool asked;

	if (world->ups != 1 || asked)
		return;
	asked = true;
	next = conf;
	cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	supervisor_stop(sup, false);
	cr_assert_eq(failed, 1, "it is told that it is off");
}

Test(child_set, a_stop_ends_what_was_coming_up)
{
	cr_assert_eq(run(stop_while_renewing), 0);
	cr_assert_eq(renewed, 0);
}
