/* conf_fixed: keys whose values a running process keeps. */
#include "conf.h"

#include <criterion/criterion.h>
#include <string.h>

struct settings {
	bool yes;
	unsigned number, mode, free;
	char *text;
};

#define AT(member) offsetof(struct settings, member)
static const struct conf_key keys[] = {
	{.name = "yes", .type = CONF_BOOL, .offset = AT(yes), .fixed = true, .help = "x"},
	{.name = "number",
	 .type = CONF_INT,
	 .offset = AT(number),
	 .max = 99,
	 .fixed = true,
	 .help = "x"},
	{.name = "mode", .type = CONF_MODE, .offset = AT(mode), .fixed = true, .help = "x"},
	{.name = "free", .type = CONF_INT, .offset = AT(free), .max = 99, .help = "x"},
	{.name = "text", .type = CONF_TEXT, .offset = AT(text), .fixed = true, .help = "x"},
};

static struct settings before, now;
static struct conf_table t_before = {keys, sizeof keys / sizeof *keys, &before, NULL, NULL, NULL,
				     NULL},
			 t_now = {keys, sizeof keys / sizeof *keys, &now, NULL, NULL, NULL, NULL};
static char told[200];

static void
load(const struct conf_table *t, const char *text)
{
	char program[] = "p", *argv[16] = {program}, *save, line[200];
	struct conf_command command;
	int argc = 1;

	(void)snprintf(line, sizeof line, "%s", text);
	for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	cr_assert_eq(conf_load(t, 1, argc, argv, NULL, &command, stderr), 0);
}

static void
note(const char *name, void *ctx)
{
	(void)ctx;
	(void)strcat(strcat(told, name), " ");
}

static void
keep(const char *was, const char *is)
{
	load(&t_before, was);
	load(&t_now, is);
	told[0] = '\0';
	cr_assert_eq(conf_keep_fixed(&t_now, &t_before, 1, note, NULL), 0);
}

static void
clean(void)
{
	conf_free(&t_before, 1);
	conf_free(&t_now, 1);
}

TestSuite(conf_fixed, .fini = clean);

Test(conf_fixed, what_differs_is_kept_and_told_in_the_order_of_the_keys)
{
	keep("--yes --number 3 --mode 0600 --free 5 --text one",
	     "--number 4 --mode 0640 --free 6 --text two");
	cr_assert_str_eq(told, "yes number mode text ");
	cr_assert(now.yes && now.number == 3 && now.mode == 0600);
	cr_assert_str_eq(now.text, "one");
	cr_assert_neq(now.text, before.text, "a copy of its own");
	cr_assert_eq(now.free, 6, "this one may change");
}

Test(conf_fixed, what_is_the_same_is_not_told)
{
	keep("--number 3 --free 1 --text a", "--number 3 --free 2 --text a");
	cr_assert_str_eq(told, "");
	cr_assert_str_eq(now.text, "a");
}
