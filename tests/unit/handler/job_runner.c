/* job_runner: lines in, lines out, whatever comes. */
#include "runner_fixture.h"

static void
begin(void)
{
	runner_begin((struct job_runner_conf){
		.kind = JOB_RUNNER_MODULE, .max_message = 1000, .module = MODULES "upper.so"});
}

Test(job_runner, ends_when_nobody_has_jobs)
{
	begin();
	EXITS(0);
	begin();
	(void)runner_ask(READY);
	EXITS(0);
	cr_assert_str_eq(runner_said(), "<6>upper stops\n");
}

Test(job_runner, ends_quietly_when_nobody_takes_its_answer)
{
	begin();
	(void)runner_ask(READY);
	(void)close(runner.out);
	cr_assert_eq(write(runner.in, READY "\n", strlen(READY) + 1), (ssize_t)strlen(READY) + 1);
	cr_assert_eq(runner_reap(), 0, "%s", runner_said());
}

Test(job_runner, takes_lines_in_pieces_and_several_at_once)
{
	const char *two = "{\"job\":1,\"payload\":\"a\"}\n{\"job\":2,\"payload\":\"b\"}\n";

	begin();
	for (const char *p = READY "\n"; *p != '\0'; p++)
		cr_assert_eq(write(runner.in, p, 1), 1);
	(void)runner_hear();
	cr_assert_eq(write(runner.in, two, strlen(two)), (ssize_t)strlen(two));
	cr_assert_str_eq(runner_hear(), "{\"job\":1,\"payload\":\"A\"}");
	cr_assert_str_eq(runner_hear(), "{\"job\":2,\"payload\":\"B\"}");
	EXITS(0);
}

Test(job_runner, says_what_is_wrong_with_a_line_and_ends)
{
	begin();
	cr_assert_str_eq(runner_ask("hello"), "");
	EXITS(1);
	SAID("<3>a line that is no job: no JSON object\n");
}

Test(job_runner, takes_no_line_without_an_end)
{
	static char text[1 << 20];

	memset(text, 'x', sizeof text);
	begin();
	while (write(runner.in, text, sizeof text) > 0)
		continue;
	EXITS(1);
	SAID("<3>the worker's pipes: Message too long\n");
}
