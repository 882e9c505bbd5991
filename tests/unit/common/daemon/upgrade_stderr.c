/* upgrade_stderr: what a successor says until it is in charge. */
#include "upgrade_internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log_fixture.h"

static struct upgrade u;
static struct event_base *base;
static int its;

static void
open_pipe(void)
{
	int end[2];

	log_to_memory();
	base = event_base_new();
	cr_assert_eq(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	u.errors = end[0];
	its = end[1];
	u.on_errors = event_new(base, u.errors, EV_READ | EV_PERSIST, upgrade_on_stderr, &u);
	cr_assert_eq(event_add(u.on_errors, NULL), 0);
}

static void
close_pipe(void)
{
	event_free(u.on_errors);
	event_base_free(base);
}

TestSuite(upgrade_stderr, .init = open_pipe, .fini = close_pipe, .timeout = 20);

static void
says(const char *text)
{
	cr_assert_eq(write(its, text, strlen(text)), (ssize_t)strlen(text));
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

Test(upgrade_stderr, each_line_is_logged_and_the_last_one_kept)
{
	says("one\ntwo\n");
	expect_logged("what=one");
	expect_logged("what=two");
	cr_expect_str_eq(u.said, "two");
}

Test(upgrade_stderr, a_line_may_come_in_pieces)
{
	says("a lo");
	cr_expect_str_empty(u.said);
	expect_not_logged("a lo");
	says("ng line\n");
	cr_expect_str_eq(u.said, "a long line");
	cr_expect_eq(lines_with("the successor says"), 1);
}

Test(upgrade_stderr, empty_lines_are_none)
{
	says("last words\n\n\n");
	cr_expect_str_eq(u.said, "last words");
	cr_expect_eq(lines_with("the successor says"), 1);
}

Test(upgrade_stderr, a_line_that_is_too_long_is_cut)
{
	char text[2 * UPGRADE_SAID + 2];

	memset(text, 'x', sizeof text - 2);
	(void)snprintf(text + sizeof text - 2, 2, "\n");
	says(text);
	cr_expect_eq(strlen(u.said), UPGRADE_SAID - 1);
	says("short\n");
	cr_expect_str_eq(u.said, "short");
}

Test(upgrade_stderr, what_is_not_whole_at_the_end_is_a_line)
{
	says("no newline");
	upgrade_hear_end(&u);
	cr_expect_str_eq(u.said, "no newline");
	expect_not_logged("said more");
}

Test(upgrade_stderr, more_than_a_few_lines_are_counted)
{
	char text[16];

	for (unsigned i = 1; i <= 25; i++) {
		(void)snprintf(text, sizeof text, "line%u\n", i);
		says(text);
	}
	cr_expect_eq(lines_with("the successor says"), 20);
	cr_expect_str_eq(u.said, "line25", "the last one counts, logged or not");
	upgrade_hear_end(&u);
	expect_logged("suppressed=5");
	says("anew\n");
	expect_logged("what=anew");
}

Test(upgrade_stderr, one_that_says_much_does_not_hold_the_loop_up)
{
	char page[4096];
	ssize_t n, left = 0;

	memset(page, '\n', sizeof page);
	cr_assert_gt(fcntl(its, F_SETPIPE_SZ, 1 << 20), 0);
	while ((n = write(its, page, sizeof page)) > 0)
		left += n;
	upgrade_read_stderr(&u);
	while ((n = read(u.errors, page, sizeof page)) > 0)
		left -= n;
	cr_expect_eq(left, 16 * 4096, "as much as one turn reads");
}

Test(upgrade_stderr, its_end_is_looked_for_once)
{
	(void)close(its);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_eq(event_pending(u.on_errors, EV_READ, NULL), 0, "the loop would turn for ever");
}
