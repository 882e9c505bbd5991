/* reload_turns: whose turn it is, and what is told of it; the supervisor is a stand-in, which
 * renews when the test says so. */
#include "reload.h"

#include <stdlib.h>

#include "control_fixture.h"
#include "log_fixture.h"
#include "supervisor_fake.h"

static struct event_base *base;
static struct reload *reload;
static unsigned taken, kept, undone, ends;
static const char *noted, *refused; /* NULL: nothing */

static int
take(void *ctx, FILE *notes, FILE *err)
{
	(void)ctx;
	taken++;
	if (noted != NULL)
		(void)fprintf(notes, "%s", noted);
	if (refused != NULL)
		(void)fprintf(err, "%s", refused);
	return refused != NULL ? -1 : 0;
}

static void
settings(void *ctx, struct supervisor_conf *out)
{
	(void)ctx;
	*out = (struct supervisor_conf){.workers = 7};
}

static void
keep(void *ctx)
{
	(void)ctx;
	kept++;
}

static void
undo(void *ctx)
{
	(void)ctx;
	undone++;
}

static const struct reload_ops reload_ops = {take, settings, keep, undo};

static void
on_end(void *ctx)
{
	cr_assert_eq(ctx, &ends);
	ends++;
}

static bool no_memory;

/* In the place of the library's. */
char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = no_memory ? NULL : malloc(n);

	return copy != NULL ? memcpy(copy, s, n) : NULL;
}

static void
open_reload(void)
{
	log_to_memory();
	base = event_base_new();
	fake = (struct supervisor){.base = base,
				   .may_renew = true,
				   .view = {.state = "running", .wanted = 7, .generation = 3}};
	reload = reload_new(base, &reload_ops, NULL);
	cr_assert_not_null(reload);
	reload_attach(reload, &fake);
	reload_on_end(reload, on_end, &ends);
}

static void
close_reload(void)
{
	forget_answers();
	reload_free(reload);
	reload_free(NULL);
	event_base_free(base);
}

TestSuite(reload_turns, .init = open_reload, .fini = close_reload, .timeout = 20);

static void
turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
ask(void)
{
	reload_request(reload);
	turn();
}

/* NULL, or why it is refused. */
static const char *
order(unsigned number)
{
	const char *error = NULL;

	cr_assert_null(reload_verbs[0].run(call_as(number, NULL, NULL), &error, reload));
	turn();
	return error;
}

static void
come_up(void)
{
	fake.done(true, "", fake.done_ctx);
	reload_settled(reload, true);
	turn();
}

static const char *
status(const char *key)
{
	static char text[256];
	struct json_object *o = json_object_new_object(), *v = NULL;

	reload_add_status(reload, o);
	(void)snprintf(text, sizeof text, "%s",
		       json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "");
	(void)json_object_put(o);
	return text;
}

/* ---- one ---- */

Test(reload_turns, it_begins_from_the_loop_with_what_the_settings_ask_for)
{
	reload_request(reload);
	cr_expect_eq(taken, 0, "whatever asked for it goes on first");
	turn();
	cr_expect_eq(taken, 1);
	cr_expect(reload_runs(reload));
	cr_expect_eq(fake.conf.workers, 7);
	cr_expect_str_empty(status("reloaded"));
	come_up();
	cr_expect_eq(kept, 1);
	cr_expect_eq(undone, 0);
	cr_expect(fake.retired == 1 && fake.retired_yield);
	cr_expect_not(reload_runs(reload));
	cr_expect_eq(ends, 1);
	cr_expect_str_not_empty(status("reloaded"));
	expect_logged("msg=\"reloaded\" generation=3 workers=7");
}

Test(reload_turns, it_runs_until_the_pool_has_been_told)
{
	cr_assert_null(order(0));
	fake.done(true, "", fake.done_ctx);
	turn();
	cr_expect(reload_runs(reload));
	cr_expect_eq(answer[0].n, 0);
	cr_expect_eq(fake.retired, 0);
	reload_settled(reload, false);
	cr_expect(fake.retired == 1 && !fake.retired_yield);
	cr_expect_eq(answer[0].n, 1);
	cr_expect_str_eq(told(answer[0].data, "done"), "reloaded");
	cr_expect_str_eq(told(answer[0].data, "generation"), "3");
	cr_expect_str_eq(told(answer[0].data, "workers"), "7");
}

Test(reload_turns, notes_are_logged_line_by_line_and_answered_as_one)
{
	noted = "a is fixed\nb is fixed\n";
	cr_assert_null(order(0));
	come_up();
	cr_expect_eq(lines_with("reloaded, but not all of it"), 2);
	cr_expect_str_eq(told(answer[0].data, "note"), "a is fixed; b is fixed");
}

Test(reload_turns, what_is_wrong_is_logged_line_by_line_answered_and_in_the_status)
{
	refused = "x.conf:1: a\nx.conf:2: b\n";
	cr_assert_null(order(0));
	cr_expect_eq(lines_with("the settings before stay in force"), 2);
	cr_expect_str_eq(answer[0].error, "x.conf:1: a; x.conf:2: b");
	cr_expect_str_eq(status("reload_error"), "x.conf:1: a; x.conf:2: b");
	cr_expect_str_empty(status("reloaded"));
	cr_expect_eq(fake.renewals, 0);
	cr_expect(undone == 0 && kept == 0, "nothing was changed");
	refused = NULL;
	ask();
	come_up();
	cr_expect_str_empty(status("reload_error"), "forgotten with the next one that succeeds");
}

Test(reload_turns, workers_that_do_not_come_up_undo_it)
{
	cr_assert_null(order(0));
	fake.done(false, "the new workers do not start", fake.done_ctx);
	cr_expect(undone == 1 && kept == 0);
	cr_expect_str_eq(answer[0].error, "the new workers do not start");
	cr_expect_eq(fake.retired, 0);
	cr_expect_eq(ends, 1);
}

Test(reload_turns, one_that_failed_is_told_to_have_failed_also_where_memory_is_short)
{
	cr_assert_null(order(0));
	no_memory = true;
	fake.done(false, "the new workers do not start", fake.done_ctx);
	no_memory = false;
	cr_expect_str_eq(answer[0].error, "out of memory");
	expect_logged("the settings before stay in force");
	expect_not_logged("msg=\"reloaded\"");
	cr_expect_str_empty(status("reloaded"));
}

Test(reload_turns, a_renewal_that_cannot_begin_undoes_it)
{
	fake.renewed = ENOMEM;
	cr_assert_null(order(0));
	cr_expect_eq(undone, 1);
	cr_expect_str_eq(answer[0].error, strerror(ENOMEM));
	cr_expect_not(reload_runs(reload));
}

/* ---- one after the other ---- */

Test(reload_turns, of_many_that_are_asked_for_meanwhile_one_follows)
{
	ask();
	for (int i = 0; i < 5; i++)
		ask();
	cr_expect_eq(taken, 1);
	come_up();
	cr_expect_eq(taken, 2);
	come_up();
	cr_expect_eq(taken, 2);
	cr_expect_not(reload_runs(reload));
}

Test(reload_turns, it_waits_for_room)
{
	fake.may_renew = false;
	cr_assert_null(order(0));
	cr_expect_eq(taken, 0);
	reload_resume(reload);
	cr_expect_eq(taken, 0);
	fake.may_renew = true;
	reload_resume(reload);
	cr_expect_eq(taken, 1);
	come_up();
	cr_expect_eq(answer[0].n, 1);
	cr_expect_not_null(answer[0].data);
}

Test(reload_turns, settings_that_want_more_room_than_there_is_are_undone_and_tried_again)
{
	fake.renewed = EBUSY;
	cr_assert_null(order(0));
	cr_expect(taken == 1 && undone == 1);
	cr_expect_not(reload_runs(reload));
	cr_expect_eq(answer[0].n, 0, "it is not over");
	cr_expect_str_empty(status("reload_error"));
	fake.renewed = 0;
	reload_resume(reload);
	cr_expect_eq(taken, 2);
	come_up();
	cr_expect_str_eq(told(answer[0].data, "done"), "reloaded");
}

Test(reload_turns, a_daemon_that_stops_answers_who_waits)
{
	fake.may_renew = false;
	cr_assert_null(order(0));
	fake.stopping = true;
	reload_resume(reload);
	cr_expect_str_eq(answer[0].error, "the daemon stops");
	cr_expect_eq(taken, 0);
	cr_expect_not(reload_runs(reload));
}

Test(reload_turns, a_caller_that_leaves_is_not_answered_and_changes_nothing)
{
	cr_assert_null(order(0));
	cr_assert_null(order(1));
	caller_leaves(0);
	come_up();
	cr_expect_eq(answer[0].n, 0);
	cr_expect_eq(taken, 2, "caller 1 meant what is there by now");
	come_up();
	cr_expect_eq(answer[1].n, 1);
}

/* ---- beside an upgrade ---- */

Test(reload_turns, while_held_none_begins_and_afterwards_what_was_remembered)
{
	reload_pause(reload);
	ask();
	cr_expect_eq(taken, 0);
	reload_resume(reload);
	cr_expect_eq(taken, 0);
	cr_expect(strstr(order(0), "an upgrade is under way") != NULL);
	cr_expect_null(answer[0].waits);
	reload_release(reload);
	turn();
	cr_expect_eq(taken, 1);
	come_up();
	cr_expect_eq(taken, 1);
}

Test(reload_turns, what_was_remembered_before_waits_too)
{
	fake.may_renew = false;
	ask();
	reload_pause(reload);
	fake.may_renew = true;
	reload_resume(reload);
	cr_expect_eq(taken, 0);
	reload_release(reload);
	turn();
	cr_expect_eq(taken, 1);
	come_up();
}

Test(reload_turns, released_without_an_order_nothing_follows)
{
	reload_pause(reload);
	reload_release(reload);
	turn();
	cr_expect_eq(taken, 0);
}

Test(reload_turns, who_waited_when_another_process_has_read_the_settings_is_answered)
{
	fake.may_renew = false;
	cr_assert_null(order(0));
	reload_pause(reload);
	cr_expect_not(reload_supersede(reload), "nobody has asked since");
	cr_expect_str_eq(told(answer[0].data, "done"), "reloaded, by an upgrade");
	fake.may_renew = true;
	reload_resume(reload);
	turn();
	cr_expect_eq(taken, 0, "nothing runs here any more");
}

Test(reload_turns, what_is_asked_for_after_that_is_the_other_processes_to_do)
{
	reload_pause(reload);
	ask();
	cr_expect(reload_supersede(reload));
	cr_expect_not(reload_supersede(reload), "once");
	turn();
	cr_expect_eq(taken, 0);
}
