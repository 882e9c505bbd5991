/* conf.c - settings: the order of force, listings, origins. */
#include <signal.h>

#include "conf_fixture.h"

TestSuite(conf, .fini = clean);

/* ---- defaults ---- */

Test(conf, without_file_and_options_the_defaults_hold)
{
	accepts("", NULL);
	cr_expect_not(s.detach);
	cr_expect_eq(s.workers, 2);
	cr_expect_eq(s.max_message, 1 << 20);
	cr_expect_eq(s.stop_timeout, 10000);
	cr_expect_eq(s.mode, 0600);
	cr_expect_str_eq(s.listen, ":2100");
	cr_expect_str_eq(s.name, "");
	cr_expect_eq(s.level, 2);
	cr_expect_eq(s.networks.n, 2);
	cr_expect_str_eq(s.networks.item[1], "::1");
	cr_expect_str_eq(m.color, "blue");
	cr_expect_not(m.strict);
}

Test(conf, freed_settings_are_empty)
{
	accepts("", NULL);
	conf_free(tables, TABLES);
	cr_expect_null(s.listen);
	cr_expect_null(s.networks.item);
	cr_expect_eq(s.networks.n, 0);
	conf_free(tables, TABLES);
}

/* ---- the order of force ---- */

Test(conf, a_file_overrules_defaults_and_the_command_line_the_file)
{
	accepts("--workers 5 --color red", "workers = 4\nmax_message = 2K\ncolor = green\n");
	cr_expect_eq(s.workers, 5);
	cr_expect_eq(s.max_message, 2048);
	cr_expect_str_eq(m.color, "red");
	cr_expect_str_eq(command.loaded, path);
}

Test(conf, a_file_not_named_by_the_command_line_may_be_absent)
{
	char program[] = "program", *argv[] = {program, NULL};

	cr_expect_eq(conf_load(tables, TABLES, 1, argv, "/nowhere/x.conf", &command, stderr), 0);
	cr_expect_null(command.loaded);
	cr_expect_null(command.file);
	conf_free(tables, TABLES);
	accepts("", "workers = 9\n");
	conf_free(tables, TABLES);
	cr_expect_eq(conf_load(tables, TABLES, 1, argv, path, &command, stderr), 0);
	cr_expect_eq(s.workers, 9);
	cr_expect_str_eq(command.loaded, path);
}

Test(conf, every_wrong_option_is_told)
{
	refuses("--workers x --mode 9 --color red --zzz", NULL,
		"--zzz: no such option\n--workers: \"x\" is not a number\n"
		"--mode: \"9\" is not a file mode (0600)");
	refuses("--mode 9", "workers = x",
		"FILE:1: workers: \"x\" is not a number\n--mode: \"9\" is not a file mode (0600)");
}

/* ---- listings ---- */

static char *
shown(void (*show)(const struct conf_table *, size_t, FILE *))
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	show(tables, TABLES, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

Test(conf, what_is_shown_reads_back_to_the_same)
{
	char *first, *second;

	accepts("-d --workers 77 --max-message 3073 --stop-timeout 90s --mode 1 --log-level error",
		"networks = { \"a\\\"b\", 'c\\\\d', \"e,f\\n${HOME}\" }\ncolor = 'x # \\' \"\ty'\n");
	first = shown(conf_show);
	accepts("", first);
	cr_expect(s.detach);
	cr_expect_eq(s.workers, 77);
	cr_expect_eq(s.max_message, 3073);
	cr_expect_eq(s.stop_timeout, 90000);
	cr_expect_eq(s.mode, 1);
	cr_expect_eq(s.level, 0);
	cr_expect_str_eq(s.networks.item[0], "a\"b");
	cr_expect_str_eq(s.networks.item[1], "c\\d");
	cr_expect_str_eq(s.networks.item[2], "e,f\n${HOME}");
	cr_expect_str_eq(m.color, "x # ' \"\ty");
	second = shown(conf_show);
	cr_expect_str_eq(first, second);
	free(first);
	free(second);
}

Test(conf, what_is_shown_is_a_commented_file)
{
	char *text;

	accepts("--networks= --name xy", NULL);
	text = shown(conf_show);
	cr_expect_str_eq(text, "# go to the background\ndetach = no\n\n"
			       "# processes\nworkers = 2\n\n"
			       "# largest packet\nmax_message = 1M\n\n"
			       "# time to stop\nstop_timeout = 10s\n\n"
			       "# of the socket\nmode = 0600\n\n"
			       "# where to serve\nlisten = \":2100\"\n\n"
			       "# what it is called\nname = \"xy\"\n\n"
			       "# how much is told: error, warn, info\nlog_level = info\n\n"
			       "# who may come\nnetworks = {}\n\n"
			       "# of the paint\ncolor = \"blue\"\n\n"
			       "# be strict\nstrict = no\n");
	free(text);
}

static void
help_all(const struct conf_table *t, size_t n, FILE *out)
{
	conf_help(t, n, NULL, out);
}

static void
help_usual(const struct conf_table *t, size_t n, FILE *out)
{
	static const char *const usual[] = {"workers", "listen", NULL};

	conf_help(t, n, usual, out);
}

Test(conf, the_usual_help_has_what_is_named_in_that_order)
{
	char *text = shown(help_usual);
	const char *workers = strstr(text, "--workers N"), *listen = strstr(text, "--listen TEXT");

	cr_expect(workers != NULL && listen != NULL && workers < listen);
	cr_expect_null(strstr(text, "--log-level"));
	cr_expect_not_null(strstr(text, "--help-all "));
	cr_expect_null(strstr(text, "one:"));
	free(text);
	text = shown(help_all);
	cr_expect(strncmp(text, "one:\n", 5) == 0 && strstr(text, "\n\nthe other:\n") != NULL);
	free(text);
}

Test(conf, help_tells_every_spelling_and_default)
{
	char *text = shown(help_all);

	cr_expect_not_null(
		strstr(text, "\n  -port, --listen TEXT          where to serve (default :2100)\n"));
	cr_expect_not_null(strstr(text, "  -d, --detach                  go to the background\n"));
	cr_expect_not_null(strstr(
		text,
		"  --log-level WORD              how much is told (error, warn, info; default info)\n"));
	cr_expect_not_null(strstr(text, "  -c, --config FILE             "));
	cr_expect_not_null(strstr(text, "  -V, --version                 "));
	free(text);
}

Test(conf, help_is_wrapped_at_90_columns)
{
	static const struct conf_key wide[] = {
		{.name = "a_name_that_is_much_too_long_to_leave_room",
		 .type = CONF_BOOL,
		 .help = "words and words and words and words and words and words and words and words and words and words "
			 "and words and words and words and words and words and words"}};
	const struct conf_table table = {wide, 1, &s, NULL, NULL, NULL, NULL};
	char *text;
	size_t size, lines = 0;
	FILE *out = open_memstream(&text, &size);

	conf_help(&table, 1, NULL, out);
	cr_assert_eq(fclose(out), 0);
	for (char *p = text, *line; (line = strsep(&p, "\n")) != NULL; lines++)
		cr_expect_leq(strlen(line), 90, "%s", line);
	cr_expect_geq(lines, 8);
	free(text);
}

/* ---- origins ---- */

static bool
given(const char *name)
{
	return conf_is_given(tables, TABLES, &command, name);
}

Test(conf, a_value_remembers_whether_it_was_given)
{
	accepts("--no-strict -port :1", "workers = 2\nlisten = :2\nnetworks = {}");
	cr_expect(given("workers"), "though it is the default");
	cr_expect(given("networks"));
	cr_expect(given("listen"));
	cr_expect(given("strict"));
	cr_expect_not(given("stop_timeout"));
}

/* ---- tables that are wrong ---- */

static void
load_table(const struct conf_key *key, size_t n)
{
	struct conf_table table = {key, n, &s, NULL, NULL, NULL, NULL};
	char program[] = "program", *argv[] = {program, NULL};

	cr_expect_eq(conf_load(&table, 1, 1, argv, NULL, &command, stderr), 0);
}

Test(conf, an_impossible_default_is_a_bug, .signal = SIGABRT)
{
	load_table(
		&(struct conf_key){
			.name = "a", .type = CONF_INT, .fallback = "9", .max = 8, .help = ""},
		1);
}

Test(conf, a_zero_that_is_out_of_range_is_a_bug, .signal = SIGABRT)
{
	load_table(
		&(struct conf_key){.name = "a", .type = CONF_INT, .min = 1, .max = 8, .help = ""},
		1);
}

Test(conf, a_key_in_two_rows_is_a_bug, .signal = SIGABRT)
{
	static const struct conf_key twice[] = {{.name = "a", .type = CONF_BOOL},
						{.name = "a", .type = CONF_BOOL}};

	load_table(twice, 2);
}

/* ---- lists that each option adds to ---- */

static const char *
judge_pair(const char *const item[], size_t n, size_t *at)
{
	for (*at = 1; *at < n; ++*at)
		if (strcmp(item[*at], item[*at - 1]) == 0)
			return "it is the one before";
	return NULL;
}

static const struct conf_key peers[] = {{.name = "networks",
					 .original = "peer",
					 .type = CONF_LIST,
					 .offset = offsetof(struct settings, networks),
					 .judge = judge_network,
					 .judge_all = judge_pair,
					 .adds = true,
					 .help = "which"}};

/* The items, parted by blanks; or what was wrong. */
static const char *
peers_of(const char *file, const char *options)
{
	struct conf_table table = {.key = peers, .n = 1, .settings = &s};
	static char text[512];
	char name[] = "/tmp/peers-XXXXXX", program[] = "program", *said = NULL, *all[8] = {program};
	char copy[128], *rest = copy;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	int fd = mkstemp(name), argc = 1;

	cr_assert(fd >= 0 && write(fd, file, strlen(file)) == (ssize_t)strlen(file));
	cr_assert_eq(close(fd), 0);
	(void)snprintf(copy, sizeof copy, "%s", options);
	while (options[0] != '\0' && (all[argc] = strsep(&rest, " ")) != NULL)
		argc++;
	if (conf_load(&table, 1, argc, all, name, &command, err) == 0)
		for (size_t i = 0; i < s.networks.n; i++)
			(void)fprintf(err, "%s%s", i > 0 ? " " : "", s.networks.item[i]);
	cr_assert_eq(fclose(err), 0);
	(void)unlink(name);
	(void)snprintf(text, sizeof text, "%s", said);
	free(said);
	conf_free(&table, 1);
	return text;
}

Test(conf, an_option_adds_to_such_a_list_and_the_first_overrules_the_file)
{
	cr_expect_str_eq(peers_of("networks = { a, b }", ""), "a b");
	cr_expect_str_eq(peers_of("networks = a", ""), "a");
	cr_expect_str_eq(peers_of("networks = \"\"", ""), "");
	cr_expect_str_eq(peers_of("networks = { a, b }", "-peer c"), "c");
	cr_expect_str_eq(peers_of("networks = a", "-peer c,d --networks=a"), "c d a");
	cr_expect_str_eq(peers_of("networks = a", "-peer c --networks= -peer d"), "d");
	cr_expect_str_eq(peers_of("networks = a", "--networks="), "");
}

Test(conf, a_list_is_judged_as_a_whole_wherever_it_comes_from)
{
	cr_expect_not_null(strstr(peers_of("\nnetworks = { a, b, b }", ""),
				  ":2: networks: \"b\": it is the one before"));
	cr_expect_not_null(strstr(peers_of("", "-peer a -peer b -peer b"),
				  "-peer: \"b\": it is the one before"));
	cr_expect_not_null(strstr(peers_of("networks = { a, \"\" }", ""), "an item is empty"));
	cr_expect_not_null(strstr(peers_of("", "-peer everywhere"), "not a network"));
}
