/* conf_value.c - what each type of setting takes, and what is said when it does not. */
#include "conf_fixture.h"

TestSuite(conf_value, .fini = clean);

/* ---- values ---- */

Test(conf_value, bools_have_six_words)
{
	static const char *const words[][2] = {{"yes", "no"}, {"true", "false"}, {"on", "off"}};

	for (size_t i = 0; i < 3; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "detach = %s", words[i][0]);
		accepts("", text);
		cr_expect(s.detach);
		(void)snprintf(text, sizeof text, "detach = %s", words[i][1]);
		accepts("", text);
		cr_expect_not(s.detach);
	}
	refuses("--detach=maybe", NULL, "--detach: \"maybe\" is not yes or no");
	refuses("--detach=YES", NULL, "--detach: \"YES\" is not yes or no");
	refuses("--detach=", NULL, "--detach: a value is needed");
}

Test(conf_value, numbers_are_decimal_and_within_their_bounds)
{
	accepts("--workers 1", NULL);
	cr_expect_eq(s.workers, 1);
	accepts("--workers 512", NULL);
	cr_expect_eq(s.workers, 512);
	accepts("--workers 007", NULL);
	cr_expect_eq(s.workers, 7);
	refuses("--workers 0", NULL, "--workers: \"0\" is not within 1 to 512");
	refuses("--workers 513", NULL, "--workers: \"513\" is not within 1 to 512");
	refuses("--workers 18446744073709551617", NULL,
		"--workers: \"18446744073709551617\" is not within 1 to 512");
	refuses("--workers 4294967297", NULL, "--workers: \"4294967297\" is not within 1 to 512");
	refuses("--workers 0x", NULL, "--workers: \"0x\" is not a number");
	refuses("--workers -1", NULL, "--workers: \"-1\" is not a number");
	refuses("--workers=+1", NULL, "--workers: \"+1\" is not a number");
	refuses("--workers 1.5", NULL, "--workers: \"1.5\" is not a number");
}

Test(conf_value, sizes_have_units_of_1024)
{
	static const struct {
		const char *words;
		uint64_t size;
	} cases[] = {{"--max-message 65536", 65536}, {"--max-message 64K", 65536},
		     {"--max-message 64k", 65536},   {"--max-message 2M", 2 << 20},
		     {"--max-message 1G", 1 << 30},  {"--max-message 1024", 1024}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		accepts(cases[i].words, NULL);
		cr_expect_eq(s.max_message, cases[i].size);
	}
	refuses("--max-message 1023", NULL, "--max-message: \"1023\" is not within 1K to 1G");
	refuses("--max-message 2G", NULL, "--max-message: \"2G\" is not within 1K to 1G");
	refuses("--max-message 17179869185G", NULL,
		"--max-message: \"17179869185G\" is not within 1K to 1G");
	refuses("--max-message 64KB", NULL,
		"--max-message: \"64KB\" is not a size (65536, 64K, 1M, 1G)");
	refuses("--max-message K", NULL, "--max-message: \"K\" is not a size (65536, 64K, 1M, 1G)");
}

Test(conf_value, durations_have_units_and_are_seconds_without)
{
	static const struct {
		const char *words;
		uint64_t ms;
	} cases[] = {{"--stop-timeout 250ms", 250},
		     {"--stop-timeout 10s", 10000},
		     {"--stop-timeout 10", 10000},
		     {"--stop-timeout 5m", 300000},
		     {"--stop-timeout 1h", 3600000}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		accepts(cases[i].words, NULL);
		cr_expect_eq(s.stop_timeout, cases[i].ms);
	}
	refuses("--stop-timeout 1d", NULL, "--stop-timeout: \"1d\" is not within 10ms to 1h");
	refuses("--stop-timeout 9ms", NULL, "--stop-timeout: \"9ms\" is not within 10ms to 1h");
	refuses("--stop-timeout 10x", NULL,
		"--stop-timeout: \"10x\" is not a duration (250ms, 10s, 5m, 1h)");
	refuses("--stop-timeout 1.5s", NULL,
		"--stop-timeout: \"1.5s\" is not a duration (250ms, 10s, 5m, 1h)");
}

Test(conf_value, modes_are_octal)
{
	accepts("--mode 0666", NULL);
	cr_expect_eq(s.mode, 0666);
	accepts("--mode 7777", NULL);
	cr_expect_eq(s.mode, 07777);
	refuses("--mode 0680", NULL, "--mode: \"0680\" is not a file mode (0600)");
	refuses("--mode 10000", NULL, "--mode: \"10000\" is not within 0000 to 7777");
}

Test(conf_value, choices_are_told_when_none_fits)
{
	accepts("--log-level error", NULL);
	cr_expect_eq(s.level, 0);
	refuses("--log-level loud", NULL, "--log-level: \"loud\" is none of error, warn, info");
	refuses("--log-level inf", NULL, "--log-level: \"inf\" is none of error, warn, info");
}

Test(conf_value, texts_are_judged_and_measured)
{
	accepts("--name abcde", NULL);
	cr_expect_str_eq(s.name, "abcde");
	refuses("--name abcdef", NULL, "--name: \"abcdef\" is longer than 5 bytes");
	refuses("--name a", NULL, "--name: \"a\" is shorter than 2 bytes");
	refuses("--listen 2100", NULL, "--listen: \"2100\": the port is missing");
}

Test(conf_value, a_text_without_default_may_be_empty_which_is_not_set)
{
	accepts("--name=", NULL);
	cr_expect_str_eq(s.name, "");
	accepts("", "name = ''");
	refuses("--listen=", NULL, "--listen: \"\": the port is missing");
}

Test(conf_value, a_refused_value_is_shown_harmless_and_cut)
{
	refuses("", "workers = \"1\n\t2\"", "FILE:1: workers: \"1\\n\\t2\" is not a number");
	refuses("--workers xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyy", NULL,
		"--workers: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is not a "
		"number");
}

Test(conf_value, lists_come_in_braces_or_with_commas)
{
	accepts("", "networks = { \"a b\", c:1/2,\n\t# a comment inside\n\t'd,e', }");
	cr_expect_eq(s.networks.n, 3);
	cr_expect_str_eq(s.networks.item[0], "a b");
	cr_expect_str_eq(s.networks.item[1], "c:1/2");
	cr_expect_str_eq(s.networks.item[2], "d,e");
	accepts("", "networks = one");
	cr_expect_eq(s.networks.n, 1);
	accepts("--networks a,b,c", NULL);
	cr_expect_eq(s.networks.n, 3);
	cr_expect_str_eq(s.networks.item[2], "c");
}

Test(conf_value, an_empty_list_replaces_the_default)
{
	accepts("", "networks = {}");
	cr_expect_eq(s.networks.n, 0);
	cr_expect_null(s.networks.item);
	accepts("--networks=", NULL);
	cr_expect_eq(s.networks.n, 0);
}

Test(conf_value, each_item_of_a_list_is_judged)
{
	refuses("--networks a,everywhere", NULL, "--networks: \"everywhere\": not a network");
	refuses("--networks a,,b", NULL, "--networks: an item is empty");
	refuses("", "networks = { a, \"\" }", "FILE:1: networks: an item is empty");
	refuses("", "networks = { everywhere }", "FILE:1: networks: \"everywhere\": not a network");
}
