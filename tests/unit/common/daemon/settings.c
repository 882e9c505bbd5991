/* settings: a snapshot lives until its last holder lets go, and then nothing of it is left. */
#include "settings.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct toy {
	struct settings base;
	char *word;
	char *key;
	char *loaded;
};

static const struct conf_key toy_keys[] = {
	{.name = "word", .type = CONF_TEXT, .offset = offsetof(struct toy, word), .fallback = "a"}};
static unsigned keys_forgotten, forgotten;

static size_t
tie(struct settings *s)
{
	s->table[0] = (struct conf_table){.key = toy_keys, .n = 1, .settings = s};
	return 1;
}

static void
forget_keys(struct settings *s)
{
	struct toy *t = (struct toy *)s;

	keys_forgotten++;
	free(t->key);
	t->key = NULL;
}

static void
forget(struct settings *s)
{
	forgotten++;
	free(((struct toy *)s)->loaded);
}

static const struct settings_kind toy = {
	.size = sizeof(struct toy), .tie = tie, .forget_keys = forget_keys, .forget = forget};

static struct settings *
loaded(void)
{
	char *argv[] = {(char[]){"program"}, NULL};
	struct settings *s = settings_new(&toy);
	struct conf_command command;

	cr_assert_not_null(s);
	cr_assert_eq(conf_load(s->table, s->tables, 1, argv, NULL, &command, stderr), 0);
	((struct toy *)s)->key = strdup("secret");
	((struct toy *)s)->loaded = strdup("a thing");
	return s;
}

Test(settings, the_last_holder_frees_all_of_a_snapshot)
{
	struct settings *s = loaded();

	cr_assert_eq(settings_hold(s), s);
	settings_release(s);
	cr_expect_eq(forgotten, 0);
	cr_expect_str_eq(((struct toy *)s)->word, "a", "for the other holder it is as it was");
	cr_expect_str_eq(((struct toy *)s)->key, "secret");
	settings_release(s);
	cr_expect(forgotten == 1 && keys_forgotten == 1);
	settings_release(NULL);
}

Test(settings, a_worker_forgets_the_keys_and_keeps_the_rest)
{
	struct settings *s = loaded();

	settings_forget_keys(s);
	cr_expect(keys_forgotten == 1 && forgotten == 0);
	cr_expect_null(((struct toy *)s)->key);
	cr_expect_str_eq(((struct toy *)s)->loaded, "a thing");
	settings_release(s);
}

Test(settings, both_daemons_settings_are_part_of_each)
{
	struct settings *s = loaded();

	cr_expect_eq(s->refs, 1);
	cr_expect_eq(s->table[1].key, daemon_keys);
	cr_expect_eq(s->table[1].settings, (void *)&s->daemon);
	cr_expect_gt(s->daemon.backlog, 0, "loaded with the defaults");
	settings_release(s);
}

/* What is said of settings of which one word is another. */
static void
refused(const char *option, const char *why)
{
	char *argv[] = {(char[]){"program"}, strdup(option), NULL}, told[512] = "";
	struct settings *s = settings_new(&toy);
	FILE *err = fmemopen(told, sizeof told, "w");
	struct conf_command command;
	struct listen_socket listen = {.n = 1};

	cr_assert_eq(addr_numeric(&listen.at[0].asked, "127.0.0.1", 2100), 0);
	cr_assert_eq(conf_load(s->table, s->tables, 2, argv, NULL, &command, stderr), 0);
	cr_expect_eq(settings_check_daemon(s, false, &listen, "program", err), -1);
	(void)fclose(err);
	cr_expect_not_null(strstr(told, why), "%s, not %s", told, why);
	settings_release(s);
	free(argv[1]);
}

Test(settings, what_both_daemons_have_is_judged)
{
	struct settings *s = loaded();
	struct listen_socket listen = {.n = 1};

	cr_assert_eq(addr_numeric(&listen.at[0].asked, "127.0.0.1", 2100), 0);
	cr_expect_eq(settings_check_daemon(s, false, &listen, "program", stderr), 0);
	settings_release(s);
	refused("--user=no-such-user-here", "program: user: no-such-user-here: ");
	refused("--admin=127.0.0.1:2100", "program: admin: ");
	refused("--admin=no-such-name.invalid:1", "program: admin: no-such-name.invalid:1: ");
	refused("--log=/no/such/folder/log", "program: log: /no/such/folder/log: ");
}
