/* conf_option.c - the command line. */
#include "conf_fixture.h"

TestSuite(conf_option, .fini = clean);

/* ---- the command line ---- */

Test(conf_option, options_are_taken_in_every_spelling)
{
	static const char *const spelled[] = {"-port :1",  "-port=:1",	  "--port :1",
					      "--port=:1", "--listen :1", "--listen=:1"};

	for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
		accepts(spelled[i], NULL);
		cr_expect_str_eq(s.listen, ":1");
	}
}

Test(conf_option, bools_take_no_value_but_after_equals)
{
	accepts("-d", NULL);
	cr_expect(s.detach);
	accepts("--detach", "detach = no");
	cr_expect(s.detach);
	accepts("--no-detach", "detach = yes");
	cr_expect_not(s.detach);
	accepts("--detach=no", "detach = yes");
	cr_expect_not(s.detach);
	accepts("-d=off", "detach = yes");
	cr_expect_not(s.detach);
	accepts("-strict -d", NULL);
	cr_expect(m.strict && s.detach);
	refuses("--no-detach=yes", NULL, "--no-detach: no value is taken");
	accepts("--detach no", NULL);
	cr_expect_eq(command.rest, 2);
}

Test(conf_option, of_an_option_given_twice_the_last_one_counts)
{
	accepts("--workers 3 --listen :1 --workers 4 -port :2 -d --no-detach", NULL);
	cr_expect_eq(s.workers, 4);
	cr_expect_str_eq(s.listen, ":2");
	cr_expect_not(s.detach);
}

Test(conf_option, a_value_may_begin_with_a_dash_or_hold_equals)
{
	accepts("--color --x=y", NULL);
	cr_expect_str_eq(m.color, "--x=y");
	accepts("--color=a=b", NULL);
	cr_expect_str_eq(m.color, "a=b");
	accepts("--color -", NULL);
	cr_expect_str_eq(m.color, "-");
}

Test(conf_option, a_missing_value_is_told)
{
	refuses("--listen", NULL, "--listen: a value is needed");
	refuses("-d -port", NULL, "-port: a value is needed");
	refuses("-c", NULL, "-c: a value is needed");
	refuses("--workers=", NULL, "--workers: a value is needed");
}

Test(conf_option, an_unknown_option_suggests_the_nearest)
{
	refuses("--nonsense", NULL, "--nonsense: no such option");
	cr_expect(hinted, "where the options are listed");
	refuses("", "nonsense = 1", "FILE:1: nonsense: no such key");
	cr_expect_not(hinted, "that is no matter of the command line");
	refuses("--lisen :1", NULL, "--lisen: no such option (did you mean --listen?)");
	refuses("-listen :1", NULL, "-listen: no such option (did you mean --listen?)");
	refuses("--stop_timeout 5", NULL,
		"--stop_timeout: no such option (did you mean --stop-timeout?)");
	refuses("-prot 1", NULL, "-prot: no such option (did you mean -port?)");
	refuses("--hlep", NULL, "--hlep: no such option (did you mean --help?)");
	refuses("--work=3", NULL, "--work: no such option");
	refuses("--zzz", NULL, "--zzz: no such option");
	refuses("-x", NULL, "-x: no such option");
	refuses("-dt", NULL, "-dt: no such option");
	refuses("--d", NULL, "--d: no such option");
	refuses("--no-workers", NULL, "--no-workers: no such option");
	refuses("--=3", NULL, "--: no such option");
	refuses("--workers-workers-workers-workers-workers-workers-workers-workers-workers", NULL,
		"--workers-workers-workers-workers-workers-workers-workers-workers-workers: no such option");
}

Test(conf_option, a_key_of_another_program_is_told_with_that)
{
	refuses("", "wheels = 4", "FILE:1: wheels: no such key here; it is a key of car");
	refuses("", "wheel = 4", "FILE:1: wheel: no such key");
	refuses("--top-speed 9", NULL, "--top-speed: no such option here; it is one of car");
	refuses("--top-speed=9", NULL, "--top-speed: no such option here; it is one of car");
	accepts("--workers 3", NULL);
}

Test(conf_option, options_end_where_the_arguments_begin)
{
	accepts("-d file --workers 9", NULL);
	cr_expect_eq(command.rest, 2);
	cr_expect_eq(s.workers, 2);
	accepts("-d -- -d", NULL);
	cr_expect_eq(command.rest, 3);
	accepts("- x", NULL);
	cr_expect_eq(command.rest, 1);
	accepts("-d", NULL);
	cr_expect_eq(command.rest, 2);
}

Test(conf_option, every_program_has_these_options)
{
	accepts("-t -T", NULL);
	cr_expect(command.check && command.show && !command.help && !command.version);
	accepts("--check --show", NULL);
	cr_expect(command.check && command.show);
	accepts("-V", NULL);
	cr_expect(command.version);
	accepts("--config /dev/null", NULL);
	cr_expect_str_eq(command.file, "/dev/null");
	accepts("-c /nowhere -c=/dev/null", NULL);
	cr_expect_str_eq(command.file, "/dev/null");
}

Test(conf_option, after_help_nothing_is_looked_at)
{
	accepts("-c /nowhere --workers x -h --zzz", NULL);
	cr_expect(command.help);
	cr_expect_eq(s.workers, 2);
	accepts("--version --zzz", NULL);
	cr_expect(command.version && !command.help);
}
