/* job_admin: what operators see and order of a handler, as the control socket and the pages call
 * it; the supervisor and the caller are stand-ins. */
#include "job_admin.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control_fixture.h"
#include "log_fixture.h"
#include "status.h"
#include "supervisor_fake.h"

static struct handler_conf conf;
static struct job_admin a;
static const char *error;

static const struct handler_conf *
in_force(void *ctx)
{
	cr_expect_eq(ctx, &a);
	return &conf;
}

static void
open_admin(void)
{
	log_to_memory();
	conf = (struct handler_conf){.kind = HANDLER_EXEC, .processes = 2, .name = "upper"};
	fake.child[0] = (struct supervisor_child){.pid = 100, .state = SLOT_READY};
	a = (struct job_admin){&fake, job_stats_new(FAKE_SLOTS), job_strikes_new(), in_force, &a};
	cr_assert(a.stats != NULL && a.strikes != NULL);
	job_strikes_set(a.strikes, 2, 60000);
	call.may_change = true;
	error = NULL;
}

static void
close_admin(void)
{
	job_stats_free(a.stats);
	job_strikes_free(a.strikes);
}

TestSuite(job_admin, .init = open_admin, .fini = close_admin);

static struct json_object *
ask(const char *verb, const char *first, const char *second)
{
	const struct control_verb *v = job_admin_verbs;

	while (strcmp(v->name, verb) != 0)
		v++;
	return v->run(call_as(0, first, second), &error, &a);
}

static const char *
cell(struct json_object *rows, size_t row, const char *key)
{
	struct json_object *v = NULL;

	cr_assert(json_object_object_get_ex(json_object_array_get_idx(rows, row), key, &v), "%s",
		  key);
	return v == NULL ? "null" : json_object_get_string(v);
}

Test(job_admin, a_row_is_a_process_of_a_worker_that_lives)
{
	uint64_t now = clock_ms();
	struct json_object *rows;

	job_stats_started(a.stats, 0, 0, 1, getpid(), now);
	job_stats_ready(a.stats, 0, 0, 1);
	job_stats_begin(job_stats_cell(a.stats, 0, 0), span_str("7"), now);
	rows = ask("handlers", NULL, NULL);
	cr_assert_eq(json_object_array_length(rows), 2, "worker 1 has none");
	cr_assert_str_eq(cell(rows, 0, "state"), "busy");
	cr_assert_str_eq(cell(rows, 0, "client"), "7");
	cr_assert_str_eq(cell(rows, 0, "jobs"), "1");
	cr_assert_str_neq(cell(rows, 0, "rss_kib"), "0");
	cr_assert_str_eq(cell(rows, 0, "last_end"), "null");
	cr_assert_str_eq(cell(rows, 1, "state"), "down");
	cr_assert_str_eq(cell(rows, 1, "client"), "null");
	(void)json_object_put(rows);
}

Test(job_admin, a_process_goes_through_its_states)
{
	static const char *const wanted[] = {"starting", "idle", "busy", "idle", "ending", "down"};
	struct job_stats_cell *c = job_stats_cell(a.stats, 0, 1);

	for (unsigned i = 0; i < 6; i++) {
		struct json_object *rows;
		switch (i) {
		case 0: job_stats_started(a.stats, 0, 1, 5, 99999999, 1); break;
		case 1: job_stats_ready(a.stats, 0, 1, 5); break;
		case 2: job_stats_begin(c, span_str("x"), 1); break;
		case 3: job_stats_end(c); break;
		case 4: job_stats_ending(a.stats, 0, 1); break;
		default: job_stats_ended(a.stats, 0, 1, JOB_END_TIMEOUT, 9);
		}
		rows = ask("handlers", NULL, NULL);
		cr_assert_str_eq(cell(rows, 1, "state"), wanted[i], "%u", i);
		if (i == 5) {
			cr_assert_str_eq(cell(rows, 1, "restarts"), "1");
			cr_assert_str_eq(cell(rows, 1, "last_end"), "timeout");
			cr_assert_str_eq(cell(rows, 1, "last_exit"), "signal 9 KILL");
		}
		(void)json_object_put(rows);
	}
}

Test(job_admin, a_process_of_a_larger_crew_is_shown_until_it_ends)
{
	struct json_object *rows;

	job_stats_started(a.stats, 3, 7, 1, getpid(), 1);
	rows = ask("handlers", NULL, NULL);
	cr_assert_eq(json_object_array_length(rows), 3);
	cr_assert_str_eq(cell(rows, 2, "worker"), "3");
	cr_assert_str_eq(cell(rows, 2, "process"), "7");
	(void)json_object_put(rows);
}

Test(job_admin, without_a_handler_there_is_nothing_to_show_and_that_is_said)
{
	conf.kind = HANDLER_NONE;
	cr_assert_null(ask("handlers", NULL, NULL));
	cr_assert(strstr(error, "no handler") != NULL);
	error = NULL;
	cr_assert_null(ask("strikes", "clear", NULL));
	cr_assert(strstr(error, "no handler") != NULL);
	cr_assert_null(job_admin_handlers(&a));
	cr_assert_null(job_admin_strikes(&a));
	job_stats_failing(a.stats, 0, "of former settings", 1);
	cr_assert_null(job_admin_trouble(&a));
}

Test(job_admin, strikes_are_told_and_cleared)
{
	char text[JOB_STRIKES_TEXT];
	struct json_object *o;

	(void)job_strikes_add(a.strikes, 0xaa, JOB_END_SELF, "first", clock_ms());
	(void)job_strikes_add(a.strikes, 0xaa, JOB_END_TIMEOUT, "se\x1b[2Jcond", clock_ms());
	(void)job_strikes_add(a.strikes, 0xbb00, JOB_END_SELF, "", clock_ms());
	o = ask("strikes", NULL, NULL);
	cr_assert_eq(json_object_array_length(o), 2);
	for (size_t i = 0; i < 2; i++) {
		bool twice = strcmp(cell(o, i, "count"), "2") == 0;
		cr_assert_str_eq(cell(o, i, "fingerprint"),
				 job_strikes_text(twice ? 0xaa : 0xbb00, text));
		cr_assert_str_eq(cell(o, i, "refused"), twice ? "true" : "false");
		cr_assert_str_eq(cell(o, i, "last_cause"), twice ? "timeout" : "ended");
		cr_assert_str_eq(cell(o, i, "srcid"), twice ? "se\\u001b[2Jcond" : "null");
	}
	(void)json_object_put(o);
	o = ask("strikes", "clear", job_strikes_text(0xaa, text));
	cr_assert_str_eq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			 "{\"cleared\":1}");
	(void)json_object_put(o);
	cr_assert_null(ask("strikes", "clear", text));
	cr_assert(strstr(error, "no payload") != NULL);
	(void)json_object_put(ask("strikes", "clear", NULL));
	cr_assert(job_strikes_is_empty(a.strikes));
	expect_logged("strikes cleared");
}

Test(job_admin, bad_orders_are_refused_with_the_reason)
{
	(void)job_strikes_add(a.strikes, 0xaa, JOB_END_SELF, "1", clock_ms());
	cr_assert_null(ask("strikes", "clear", "aa"));
	cr_assert(strstr(error, "16 hex digits") != NULL);
	cr_assert_null(ask("strikes", "all", NULL));
	cr_assert(strstr(error, "nothing but clear") != NULL);
	call.may_change = false;
	cr_assert_null(ask("strikes", "clear", NULL));
	cr_assert(strstr(error, "only root") != NULL);
	cr_assert_not(job_strikes_is_empty(a.strikes));
	(void)json_object_put(ask("strikes", NULL, NULL));
}

Test(job_admin, a_handler_that_fails_degrades_the_status)
{
	struct json_object *o = json_object_new_object();

	status_add_text(o, "state", "running");
	job_stats_failing(a.stats, 0, "signal 11 SEGV", 1);
	job_stats_answered(job_stats_row(a.stats, 0), JOB_OUTCOME_FAILED);
	job_admin_describe(&a, o);
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "state")), "degraded");
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "handler_degraded")),
			 "signal 11 SEGV");
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "job")), "upper");
	cr_assert_eq(json_object_get_int(
			     json_object_object_get(json_object_object_get(o, "jobs"), "failed")),
		     1);
	status_add_text(o, "state", "stopping");
	job_admin_describe(&a, o);
	cr_assert_str_eq(json_object_get_string(json_object_object_get(o, "state")), "stopping");
	(void)json_object_put(o);
}
