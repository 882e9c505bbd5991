/* reload: one runs, one is remembered, and each caller is told of the one that read what it meant.
 */
#include "reload.h"

#include "control_fixture.h"
#include "supervisor_fixture.h"

static struct reload *reload;
static unsigned taken, undone, kept;
static bool refuse;
static void (*while_taking)(unsigned caller_number); /* called once, of caller 1 */

static int
take(void *ctx, FILE *notes, FILE *err)
{
	(void)ctx;
	taken++;
	if (taken == 1 && while_taking != NULL)
		while_taking(1);
	(void)fprintf(refuse ? err : notes, "settings %u\n", taken);
	return refuse ? -1 : 0;
}

static void
settings(void *ctx, struct supervisor_conf *out)
{
	(void)ctx;
	*out = conf;
	out->slots = supervisor_slots(sup);
}

static void
keep(void *ctx)
{
	(void)ctx;
	kept++;
	reload_settled(reload, true);
}

static void
undo(void *ctx)
{
	(void)ctx;
	undone++;
}

static const struct reload_ops reload_ops = {take, settings, keep, undo};

static void
look(void *ctx)
{
	(void)ctx;
	reload_resume(reload);
}

static void
open_reload(void)
{
	open_world();
	conf.slots = 8;
	ops.on_room = look;
	reload = reload_new(base, &reload_ops, NULL);
	cr_assert_not_null(reload);
}

TestSuite(reload, .init = open_reload, .fini = close_world, .timeout = 60);

static void
order(unsigned caller_number)
{
	const char *error = "";

	cr_assert_null(reload_verbs[0].run(call_as(caller_number, NULL, NULL), &error, reload));
	cr_assert_not_null(answer[caller_number].waits, "%s", error);
}

static const char *
note(unsigned caller_number)
{
	struct json_object *v = NULL;

	if (answer[caller_number].data == NULL ||
	    !json_object_object_get_ex(answer[caller_number].data, "note", &v))
		return answer[caller_number].error;
	return json_object_get_string(v);
}

/* ---- an order while one runs ---- */

static void
order_during_a_reload(void)
{
	static bool first, second;

	if (world->ups == 1 && !first) {
		first = true;
		reload_attach(reload, sup);
		atomic_store(&world->hang_start, true); /* the new workers take their time */
		order(0);
	} else if (first && !second && reload_runs(reload)) {
		second = true;
		order(1);
		order(2);
		cr_assert_eq(taken, 1);
		atomic_store(&world->hang_start, false);
	}
	if (answer[1].n == 1 && answer[2].n == 1 && !supervisor_stopping(sup))
		stop();
}

Test(reload, an_order_while_one_runs_is_told_of_the_next)
{
	cr_assert_eq(run(order_during_a_reload), 0);
	cr_assert_eq(answer[0].n, 1);
	cr_expect_str_eq(note(0), "settings 1");
	cr_expect_str_eq(note(1), "settings 2",
			 "it was told of settings that were read before it asked");
	cr_expect_str_eq(note(2), "settings 2");
	cr_expect_eq(taken, 2, "one reads for both");
	cr_expect_eq(kept, 2);
}

/* ---- and when the one that runs fails ---- */

static void
order_during_one_that_fails(void)
{
	static bool first;

	if (world->ups == 1 && !first) {
		first = true;
		reload_attach(reload, sup);
		atomic_store(&world->fail_start, true);
		while_taking = order;
		order(0);
	}
	if (answer[0].n == 1)
		atomic_store(&world->fail_start, false);
	if (answer[1].n == 1 && !supervisor_stopping(sup))
		stop();
}

Test(reload, the_next_is_not_told_that_the_one_before_failed)
{
	cr_assert_eq(run(order_during_one_that_fails), 0);
	cr_expect_str_eq(note(0), "the new workers do not start");
	cr_expect_eq(undone, 1);
	cr_expect_str_eq(note(1), "settings 2");
}

/* ---- refused ---- */

static void
order_what_is_refused(void)
{
	static bool first;

	if (world->ups == 1 && !first) {
		first = refuse = true;
		reload_attach(reload, sup);
		order(0);
	}
	if (answer[0].n == 1 && !supervisor_stopping(sup))
		stop();
}

Test(reload, settings_that_are_wrong_change_no_worker)
{
	cr_assert_eq(run(order_what_is_refused), 0);
	cr_expect_str_eq(note(0), "settings 1");
	cr_expect_eq(world->starts, 2);
	cr_expect(kept == 0 && undone == 0);
}
