/* master: fresh settings for a running daemon are taken whole or not at all, kept, or undone; the
 * program is the test's. */
#include "master.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_fixture.h"
#include "net.h"

struct toy {
	struct settings base;
	char *word, *listen;
	bool key; /* loaded, and not forgotten */
};

static const struct conf_key toy_keys[] = {
	{.name = "word", .type = CONF_TEXT, .offset = offsetof(struct toy, word), .fallback = "a"},
	{.name = "listen", .type = CONF_TEXT, .offset = offsetof(struct toy, listen)}};

static struct master m;
static char dir[] = "/tmp/master-XXXXXX", file[64], logfile[64], config[80];
static char *words[] = {(char[]){"program"}, config, NULL};
static char told[4096];
static unsigned freed, keys_forgotten, undone, served, forked;
static bool refuses;	      /* take() of the program */
static struct settings *held; /* by the program, of what it was told to take */
static char former_word[32];  /* as keep() found it */

static const char *
word_of(const struct settings *s)
{
	return ((const struct toy *)(const void *)s)->word;
}

static size_t
tie(struct settings *s)
{
	s->table[0] = (struct conf_table){.key = toy_keys, .n = 2, .settings = s};
	return 1;
}

static int
check(struct settings *s, struct listen_socket *asked, FILE *err)
{
	struct conf_list list = {&((struct toy *)s)->listen, 1};

	((struct toy *)s)->key = true;
	if (strcmp(word_of(s), "wrong") == 0)
		(void)fprintf(err, "program: word: that is a wrong word\n");
	return strcmp(word_of(s), "wrong") == 0 ||
			       listen_socket_ask(asked, &list, "", &s->names, "program", err) < 0
		       ? -1
		       : 0;
}

static void
forget_keys(struct settings *s)
{
	keys_forgotten += ((struct toy *)s)->key;
	((struct toy *)s)->key = false;
}

static void
forget(struct settings *s)
{
	(void)s;
	freed++;
}

static const struct settings_kind kind = {.size = sizeof(struct toy),
					  .tie = tie,
					  .check = check,
					  .forget_keys = forget_keys,
					  .forget = forget};

static int
take_it(struct master *of, struct settings *fresh, const struct listen_socket *at, FILE *err)
{
	cr_assert(of == &m && fresh != m.settings && at->at[0].fd >= 0);
	if (refuses) {
		(void)fprintf(err, "the program refuses\n");
		return -1;
	}
	held = settings_hold(fresh);
	return 0;
}

static void
keep_it(struct master *of, const struct settings *former)
{
	cr_assert(of == &m && former != m.settings);
	(void)snprintf(former_word, sizeof former_word, "%s", word_of(former));
}

static void
undo_it(struct master *of)
{
	cr_assert_eq(of, &m);
	undone++;
	settings_release(held);
}

static void
serving(struct master *of)
{
	cr_assert_eq(of, &m);
	served++;
}

static uint64_t
leave_timeout(const struct master *of)
{
	cr_assert_eq(of, &m);
	return 77;
}

static void
in_worker(unsigned slot, void *of)
{
	cr_assert(slot == 3 && of == &m);
	forked++;
}

static const struct startup_usage usage = {.program = "program"};
static const struct master_ops ops = {.usage = &usage,
				      .settings = &kind,
				      .leave_timeout = leave_timeout,
				      .serving = serving,
				      .after_fork = in_worker,
				      .take = take_it,
				      .keep = keep_it,
				      .undo = undo_it};

/* What stands in the file that the daemon was started with. */
static void
write_settings(const char *word, const char *listen, const char *more)
{
	FILE *f = fopen(file, "w");

	cr_assert_not_null(f);
	(void)fprintf(f,
		      "word = %s\nlisten = \"%s\"\nlog = \"%s\"\nruntime_dir = \"%s\"\n"
		      "workers = 2\n%s\n",
		      word, listen, logfile, dir, more);
	cr_assert_eq(fclose(f), 0);
}

static void
open_master(void)
{
	struct conf_command command;

	log_to_memory();
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(file, sizeof file, "%s/x.conf", dir);
	(void)snprintf(logfile, sizeof logfile, "%s/log", dir);
	(void)snprintf(config, sizeof config, "--config=%s", file);
	write_settings("old", "127.0.0.1:0", "");
	m = (struct master){.ops = &ops,
			    .command = {.argc = 2, .argv = words},
			    .settings = settings_new(&kind),
			    .listen = {.n = 0}};
	cr_assert_eq(
		conf_load(m.settings->table, m.settings->tables, 2, words, NULL, &command, stderr),
		0);
	cr_assert_eq(check(m.settings, &m.listen, stderr), 0);
	cr_assert_eq(listen_socket_begin(&m.listen, &m.settings->daemon), 0);
}

static void
close_master(void)
{
	listen_socket_close(&m.listen, NULL);
	settings_release(m.settings);
	(void)unlink(file);
	(void)unlink(logfile);
	(void)rmdir(dir);
}

TestSuite(master, .init = open_master, .fini = close_master, .timeout = 30);

/* 0, or -1; what is said in `told`. */
static int
take(void)
{
	FILE *out = fmemopen(told, sizeof told, "w");
	int rc = master_reload_ops.take(&m, out, out);

	(void)fclose(out);
	return rc;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* All is as before, and nothing is left aside. */
static void
refused(const char *why)
{
	struct settings *s = m.settings;
	unsigned before = freed;
	int fd = m.listen.at[0].fd;

	cr_assert_eq(take(), -1);
	cr_expect(strstr(told, why) != NULL, "%s, not %s", told, why);
	cr_expect(m.settings == s && m.former == NULL && m.listen.at[0].fd == fd);
	cr_expect_eq(freed, before + 1, "the fresh ones alone");
	cr_expect(net_is_listening(fd));
}

Test(master, a_file_that_is_wrong_changes_nothing)
{
	write_settings("new", "127.0.0.1:0", "no_such_key = 1");
	refused("no_such_key");
	write_settings("wrong", "127.0.0.1:0", "");
	refused("a wrong word");
}

Test(master, what_the_program_cannot_have_changes_nothing)
{
	refuses = true;
	write_settings("new", "127.0.0.2:0", "");
	refused("the program refuses");
	cr_expect_str_eq(word_of(m.settings), "old");
}

/* A place that is free, as text. */
static int
somewhere(char text[ADDR_TEXT])
{
	struct addr at;
	int fd;

	cr_assert_eq(addr_numeric(&at, "127.0.0.2", 0), 0);
	fd = net_listen(&at, 1);
	cr_assert(fd >= 0 && net_local(fd, &at) == 0);
	(void)addr_text(&at, text);
	return fd;
}

Test(master, a_place_that_is_taken_changes_nothing)
{
	char text[ADDR_TEXT];
	int fd = somewhere(text);

	write_settings("new", text, "");
	refused("cannot listen on 127.0.0.2:");
	(void)close(fd);
}

Test(master, a_log_that_cannot_be_opened_changes_nothing_and_frees_the_place)
{
	char text[ADDR_TEXT];
	struct addr at;
	const char *why;
	char host[ADDR_HOST];
	uint16_t port;

	(void)close(somewhere(text));
	(void)snprintf(logfile, sizeof logfile, "/proc/no/log");
	write_settings("new", text, "");
	refused("/proc/no/log");
	(void)snprintf(logfile, sizeof logfile, "%s/log", dir);
	cr_assert(addr_split(text, host, &port, &why) == 0 && addr_numeric(&at, host, port) == 0);
	cr_expect_geq(net_listen(&at, 1), 0, "it listens there for nobody");
}

Test(master, what_is_taken_is_in_force_for_new_workers_and_can_be_undone)
{
	struct settings *former = m.settings;
	int before = m.listen.at[0].fd, next;
	struct supervisor_conf s;

	write_settings("new", "127.0.0.2:0", "backlog = 78");
	cr_assert_eq(take(), 0, "%s", told);
	cr_expect_str_eq(word_of(m.settings), "new");
	cr_expect_eq(m.settings->daemon.backlog, 78);
	cr_expect(m.former == former && m.former_listen.at[0].fd == before);
	next = m.listen.at[0].fd;
	cr_expect(next != before && is_open(before));
	master_reload_ops.conf(&m, &s);
	cr_expect(s.workers == 2 && s.leave_timeout == 77);
	master_reload_ops.undo(&m);
	cr_expect(m.settings == former && m.former == NULL && m.listen.at[0].fd == before);
	cr_expect(undone == 1 && freed == 1, "by nobody is the fresh snapshot held any more");
	cr_expect(net_is_listening(before) && !is_open(next));
}

Test(master, what_is_kept_frees_the_former_after_the_program_has_seen_it)
{
	int before = m.listen.at[0].fd;

	write_settings("new", "127.0.0.2:0", "");
	cr_assert_eq(take(), 0, "%s", told);
	master_reload_ops.keep(&m);
	cr_expect(served == 1 && freed == 1 && keys_forgotten == 1);
	cr_expect_str_eq(former_word, "old");
	cr_expect_not(m.same_place);
	cr_expect(m.former == NULL && !is_open(before) && net_is_listening(m.listen.at[0].fd));
	settings_release(held);
}

/* The program goes on with texts of a snapshot that is not in force any more. */
Test(master, what_the_program_holds_outlives_two_reloads)
{
	struct settings *kept;

	write_settings("one", "127.0.0.1:0", "");
	cr_assert_eq(take(), 0, "%s", told);
	master_reload_ops.keep(&m);
	cr_expect(m.same_place);
	kept = held;
	for (unsigned i = 0; i < 2; i++) {
		write_settings("two", "127.0.0.1:0", "");
		cr_assert_eq(take(), 0, "%s", told);
		master_reload_ops.keep(&m);
		settings_release(held);
	}
	cr_expect_str_eq(word_of(kept), "one");
	cr_expect_eq(freed, 2, "the first, and one of the others");
	settings_release(kept);
	cr_expect_eq(freed, 3);
}

Test(master, the_same_place_keeps_its_socket)
{
	int fd = m.listen.at[0].fd;

	write_settings("new", "127.0.0.1:0", "backlog = 78");
	cr_assert_eq(take(), 0, "%s", told);
	cr_expect_eq(m.listen.at[0].fd, fd);
	master_reload_ops.undo(&m);
	cr_expect(net_is_listening(fd));
}

Test(master, a_worker_closes_what_is_the_formers_alone_and_has_no_key)
{
	int before = m.listen.at[0].fd;

	write_settings("new", "127.0.0.2:0", "");
	cr_assert_eq(take(), 0, "%s", told);
	master_after_fork(3, &m);
	cr_expect_not(is_open(before));
	cr_expect(net_is_listening(m.listen.at[0].fd));
	cr_expect(keys_forgotten == 2 && freed == 0 && forked == 1);
	cr_expect_str_eq(word_of(m.former), "old", "workers may still need to know");
	settings_release(m.former);
	settings_release(held);
}

Test(master, what_cannot_change_while_it_runs_is_told_and_stays)
{
	char *folder = strdup(m.settings->daemon.runtime_dir);

	write_settings("new", "127.0.0.1:0", "");
	cr_assert_eq(take(), 0);
	cr_expect_null(strstr(told, "takes effect"));
	master_reload_ops.undo(&m);
	write_settings("new", "127.0.0.1:0", "pidfile = \"/elsewhere\"");
	cr_assert_eq(take(), 0, "%s", told);
	cr_expect_not_null(strstr(told, "pidfile takes effect at an upgrade or a restart\n"));
	cr_expect_str_empty(m.settings->daemon.pidfile);
	cr_expect_str_eq(m.settings->daemon.runtime_dir, folder);
	master_reload_ops.undo(&m);
	free(folder);
}
