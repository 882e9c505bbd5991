/* worker_cmds: the verbs that every daemon has, as the control socket calls them; the supervisor is
 * a stand-in. */
#include "worker_cmds.h"

#include "control_fixture.h"

#include <signal.h>
#include <string.h>

#include "log_fixture.h"
#include "supervisor_fake.h"

static const char *error;

static void
begin(void)
{
	log_to_memory();
	fake = (struct supervisor){.base = event_base_new(),
				   .scoreboard = scoreboard_new(FAKE_SLOTS),
				   .view = {.state = "running", .wanted = 1, .ready = 1}};
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		fake.child[i] = (struct supervisor_child){
			.replaces = -1, .last_status = -1, .last_cause = -1};
}

static void
end(void)
{
	forget_answers();
	counters_free(fake.scoreboard);
	event_base_free(fake.base);
}

TestSuite(worker_cmds, .init = begin, .fini = end, .timeout = 20);

static const struct control_verb *
verb(const char *name)
{
	const struct control_verb *v = worker_cmds;

	while (v->name != NULL && strcmp(v->name, name) != 0)
		v++;
	cr_assert_not_null(v->name, "%s", name);
	return v;
}

static struct json_object *
run(const char *name, const char *first, const char *second)
{
	error = NULL;
	return verb(name)->run(call_as(0, first, second), &error, &fake);
}

static void
refused(const char *name, const char *first, const char *second, const char *why)
{
	cr_assert_null(run(name, first, second), "%s %s", name, first);
	cr_assert(error != NULL && strstr(error, why) != NULL, "%s %s: %s, not %s", name, first,
		  error, why);
	cr_assert_null(answer[0].waits);
}

static void
done(const char *name, const char *first, const char *second, const char *what)
{
	struct json_object *o = run(name, first, second);

	cr_assert_not_null(o, "%s: %s", name, error);
	cr_expect_str_eq(told(o, "done"), what);
	expect_logged("by_uid=1234");
	(void)json_object_put(o);
}

Test(worker_cmds, what_changes_something_needs_the_right_to_it_and_looking_does_not)
{
	static const char *const changing[] = {"stop", "reopen", "scale", "recycle"};

	for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
		cr_expect(verb(changing[i])->changes, "%s", changing[i]);
	cr_expect_not(verb("workers")->changes);
	cr_expect_not(verb("deaths")->changes);
}

Test(worker_cmds, stop_drains_and_stop_now_does_not_wait)
{
	done("stop", NULL, NULL, "stopping");
	cr_expect(fake.stops == 1 && fake.stops_at_once == 0);
	done("stop", "now", NULL, "stopping at once");
	cr_expect(fake.stops == 2 && fake.stops_at_once == 1);
	refused("stop", "later", NULL, "nothing but now can follow");
	cr_expect_eq(fake.stops, 2);
}

Test(worker_cmds, reopen_tells_why_the_log_cannot_be_opened)
{
	done("reopen", NULL, NULL, "log opened anew");
	fake.reopened = ENOSPC;
	refused("reopen", NULL, NULL, strerror(ENOSPC));
}

Test(worker_cmds, scale_wants_a_number_that_there_is_room_for)
{
	static const char *const wrong[] = {NULL,	 "",   "0",   "4", "-1",
					    " 1",	 "1x", "1.5", "x", "99999999999999999999",
					    "4294967297"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refused("scale", wrong[i], NULL, "from 1 to 3");
	cr_expect_eq(fake.workers, 0);
	cr_assert_null(run("scale", "3", NULL));
	cr_expect_eq(fake.workers, 3);
	cr_expect_not_null(answer[0].waits, "it is answered when they serve");
	caller_leaves(0);
	fake.scaled = EBUSY;
	refused("scale", "1", NULL, "not now");
}

Test(worker_cmds, recycle_wants_the_slot_of_a_worker)
{
	refused("recycle", NULL, NULL, "the slot of a worker is needed");
	refused("recycle", "4", NULL, "the slot of a worker is needed");
	fake.recycled = ESRCH;
	refused("recycle", "3", NULL, "no worker serves in that slot");
	cr_expect_eq(fake.slot, 3);
	fake.recycled = EBUSY;
	refused("recycle", "0", NULL, "no slot is free for its successor");
	fake.recycled = 0;
	fake.child[1].replaces = 0;
	cr_assert_null(run("recycle", "0", NULL));
	cr_expect_not_null(answer[0].waits, "it is answered when its successor serves");
	caller_leaves(0);
}

Test(worker_cmds, workers_are_listed_where_there_is_one_or_another_follows)
{
	struct json_object *list, *one;

	fake.child[1].state = SLOT_READY;
	fake.child[1].pid = 77;
	fake.child[3].state = SLOT_COOLING;
	fake.child[3].deaths = 5;
	fake.child[3].last_status = 9;
	fake.child[3].last_cause = EXIT_DIED;
	list = run("workers", NULL, NULL);
	cr_assert_eq(json_object_array_length(list), 2);
	one = json_object_array_get_idx(list, 0);
	cr_expect_str_eq(told(one, "slot"), "1");
	cr_expect_str_eq(told(one, "pid"), "77");
	cr_expect_str_eq(told(one, "state"), "ready");
	cr_expect_null(told(one, "last_exit"));
	one = json_object_array_get_idx(list, 1);
	cr_expect_str_eq(told(one, "slot"), "3");
	cr_expect_str_eq(told(one, "state"), "cooling");
	cr_expect_str_eq(told(one, "restarts"), "5");
	cr_expect_str_eq(told(one, "last_exit"), "signal 9 KILL");
	cr_expect_str_eq(told(one, "last_why"), "died");
	(void)json_object_put(list);
}

Test(worker_cmds, deaths_are_listed)
{
	struct json_object *list = run("deaths", NULL, NULL), *one;

	cr_assert_eq(json_object_array_length(list), 0);
	(void)json_object_put(list);
	fake_exit((struct exit_record){
		.at = 1, .age = 2500, .slot = 2, .pid = 9, .status = 256, .cause = EXIT_HUNG});
	list = run("deaths", NULL, NULL);
	cr_assert_eq(json_object_array_length(list), 1);
	one = json_object_array_get_idx(list, 0);
	cr_expect_str_eq(told(one, "slot"), "2");
	cr_expect_str_eq(told(one, "why"), "hung");
	cr_expect_str_eq(told(one, "exit"), "code 1");
	cr_expect_str_eq(told(one, "age_s"), "2.5");
	(void)json_object_put(list);
}
