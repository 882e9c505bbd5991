/* startup: the steps of a start, what each says when it fails, and its status. */
#include "daemon_fixture.h"

#include "startup.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

#include "log_fixture.h"
#include "net.h"
#include "pidfile.h"
#include "takeover.h"
#include "upgrade_internal.h"

static struct event_base *base;
static char told[4096];

static void
begin_launch(void)
{
	begin();
	stderr_to_file();
	log_to_memory();
	base = event_base_new();
	cr_assert_eq(mkdir(conf.runtime_dir, 0700), 0);
}

static void
end_launch(void)
{
	end();
	event_base_free(base);
}

TestSuite(launch, .init = begin_launch, .fini = end_launch, .timeout = 30);

/* ---- the command line ---- */

static const char *complaint; /* of check(); NULL: none */
static unsigned checks;

static int
check(struct settings *s, struct listen_socket *asked, FILE *err)
{
	cr_assert(s->daemon.backlog > 0 && asked->n == 0);
	checks++;
	if (complaint != NULL)
		(void)fprintf(err, "program: %s\n", complaint);
	return complaint != NULL ? -1 : 0;
}

static char *listens; /* a setting of the program: the key's name is what counts */

static size_t
tie(struct settings *s)
{
	static const struct conf_key keys[] = {{.name = "listen", .type = CONF_TEXT, .help = "x"}};

	s->table[0] = (struct conf_table){.key = keys, .n = 1, .settings = &listens};
	return 1;
}

static void
forget(struct settings *s)
{
	(void)s;
}

static const struct settings_kind checked = {sizeof(struct settings), tie, check, forget, forget};

static const char *const usual[] = {"workers", NULL};
static char usual_path[64]; /* of a file that is there or not */
static const struct startup_usage usage = {"program", "program -w 2", usual, NULL, usual_path};

/* In a child, whose output is in DIR/stdout and DIR/stderr: the exit status, 100 for
 * STARTUP_GO_ON. */
static int
started(const char *first, const char *second)
{
	char *argv[] = {(char[]){"program"}, NULL, NULL, NULL}, path[64];
	struct cmdline command = {.argc = 0};
	struct listen_socket asked = {.n = 0};
	int argc = 1, status, more = usual_path[0] != '\0' && first == NULL ? 2 : 0; /* -c FILE */
	pid_t pid;

	checks = 0;
	if (first != NULL)
		argv[argc++] = strdup(first);
	if (second != NULL)
		argv[argc++] = strdup(second);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)snprintf(path, sizeof path, "%s/stdout", dir);
		if (freopen(path, "w", stdout) == NULL)
			_exit(98);
		(void)snprintf(path, sizeof path, "%s/stderr", dir);
		if (freopen(path, "w", stderr) == NULL)
			_exit(98);
		status = startup_settings(&usage, settings_new(&checked), &asked, argc, argv,
					  &command);
		if (status == STARTUP_GO_ON)
			status = checks == 1 && command.argc == argc + more &&
						 command.binary != NULL
					 ? 100
					 : 97;
		(void)fflush(stdout);
		(void)fflush(stderr);
		_exit(status);
	}
	free(argv[1]);
	free(argv[2]);
	return status_of(pid);
}

#define expect_in(file, what) \
	cr_expect(strstr(content(file), what) != NULL, "%s: %s", what, content(file))

Test(launch, fine_settings_go_on_with_the_command_remembered)
{
	cr_expect_eq(started(NULL, NULL), 100);
	cr_expect_str_empty(content("stdout"));
	cr_expect_str_empty(content("stderr"));
	cr_expect_eq(started("--workers", "2"), 100);
}

Test(launch, help_is_on_stdout_and_fine)
{
	cr_expect_eq(started("-h", NULL), 0);
	expect_in("stdout", "usage: program [option ...]");
	expect_in("stdout", "program -w 2");
	expect_in("stdout", "--workers");
	expect_in("stdout", "--help-all lists all");
	cr_expect_null(strstr(content("stdout"), "--backlog"));
	cr_expect_eq(started("--help-all", NULL), 0);
	expect_in("stdout", "--backlog");
}

Test(launch, the_version_is_told)
{
	cr_expect_eq(started("-V", NULL), 0);
	cr_expect_str_eq(content("stdout"), "program " POLICYPOOL_VERSION "\n");
}

Test(launch, a_word_too_many_is_named)
{
	cr_expect_eq(started("surplus", NULL), 2);
	expect_in("stderr", "program: surplus: no argument is expected here\n");
	cr_expect_eq(started("--daemon", "no"), 2);
	expect_in("stderr", "yes or no follows a =");
}

Test(launch, an_option_that_is_none_is_named)
{
	cr_expect_eq(started("--no-such", "1"), 2);
	expect_in("stderr", "no-such");
	cr_expect_eq(started("--workers", "x"), 2);
	expect_in("stderr", "--workers");
}

Test(launch, what_the_program_does_not_want_ends_it_with_its_reason)
{
	complaint = "it does not fit";
	cr_expect_eq(started(NULL, NULL), 2);
	cr_expect_str_eq(content("stderr"), "program: it does not fit\n");
	cr_expect_eq(started("-t", NULL), 2);
	cr_expect_eq(started("-T", NULL), 2);
}

Test(launch, a_check_says_that_all_is_fine_and_of_which_file)
{
	char path[64];
	FILE *f;

	cr_expect_eq(started("-t", NULL), 0);
	cr_expect_str_eq(content("stdout"), "program: configuration is ok; no file is read\n");
	(void)snprintf(path, sizeof path, "--config=%s/x.conf", dir);
	f = fopen(strchr(path, '/'), "w");
	cr_assert_not_null(f);
	(void)fprintf(f, "workers = 3\n");
	(void)fclose(f);
	cr_expect_eq(started("-t", path), 0);
	expect_in("stdout", "x.conf is ok\n");
	cr_expect_eq(started("-T", path), 0);
	expect_in("stdout", "workers = 3");
	cr_expect_null(strstr(content("stdout"), "is ok"), "the listing can be read back");
}

Test(launch, the_usual_file_is_read_unless_the_command_says_where_to_listen)
{
	FILE *f;

	(void)snprintf(usual_path, sizeof usual_path, "%s/usual.conf", dir);
	cr_expect_eq(started("-t", NULL), 0, "it need not be there");
	expect_in("stdout", "no file is read");
	f = fopen(usual_path, "w");
	cr_assert_not_null(f);
	(void)fprintf(f, "workers = 3\n");
	(void)fclose(f);
	cr_expect_eq(started("-t", NULL), 0);
	expect_in("stdout", "/usual.conf is ok\n");
	cr_expect_eq(started("-t", "--backlog=9"), 0);
	expect_in("stdout", "/usual.conf is ok\n");
	cr_expect_eq(started("-t", "--listen=2100"), 0);
	expect_in("stdout", "no file is read");
	cr_expect_eq(started("-t", "--config=/dev/null"), 0);
	expect_in("stdout", "/dev/null is ok");
	cr_expect_eq(started(NULL, NULL), 100, "and it is named for a reload and a successor");
}

Test(launch, what_a_predecessor_hands_over_has_to_be_understood)
{
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, "99\n", 1), 0);
	cr_expect_eq(started(NULL, NULL), 2);
	expect_in("stderr", "what is handed over cannot be understood here");
}

/* ---- settings anew ---- */

static struct settings *fresh; /* or NULL */

/* 0, or -1; both ways what is said in `told`. */
static int
reread(const char *option, const char *value)
{
	char *argv[] = {(char[]){"program"}, strdup(option), strdup(value), NULL};
	const struct cmdline c = {.argc = 3, .argv = argv};
	FILE *out = fmemopen(told, sizeof told, "w");
	const struct settings before = {.kind = &checked, .table = {table}, .tables = 1};
	struct listen_socket asked = {.n = 0};

	settings_release(fresh);
	fresh = startup_reread(&c, &before, &asked, out, out);
	(void)fclose(out);
	free(argv[1]);
	free(argv[2]);
	return fresh == NULL ? -1 : 0;
}

Test(launch, what_a_running_daemon_cannot_change_stays_and_is_told)
{
	char folder[64];

	(void)snprintf(folder, sizeof folder, "%s/run", dir);
	cr_assert_eq(reread("--runtime-dir", folder), 0);
	cr_expect_null(strstr(told, "takes effect"), "%s", told);
	cr_assert_eq(reread("--runtime-dir", "/elsewhere"), 0);
	cr_expect_str_eq(fresh->daemon.runtime_dir, conf.runtime_dir);
	cr_expect_not_null(strstr(told, "runtime_dir takes effect at an upgrade or a restart\n"));
	settings_release(fresh);
}

Test(launch, what_can_be_changed_is)
{
	cr_assert_eq(reread("--backlog", "77"), 0);
	cr_expect_eq(fresh->daemon.backlog, 77);
	cr_expect_neq(conf.backlog, 77);
	cr_expect_eq(checks, 1);
	settings_release(fresh);
}

Test(launch, wrong_settings_are_refused_with_a_line)
{
	cr_expect_eq(reread("--workers", "x"), -1);
	cr_expect_not_null(strstr(told, "--workers"));
	complaint = "it does not fit";
	cr_expect_eq(reread("--backlog", "77"), -1);
	cr_expect_not_null(strstr(told, "it does not fit"));
	settings_release(fresh);
}

/* ---- the log ---- */

Test(launch, a_log_that_cannot_be_opened_is_told_and_the_former_goes_on)
{
	FILE *err = fmemopen(told, sizeof told, "w");

	set(&conf.log, "/no/such/folder/log");
	cr_expect_eq(startup_log_anew(&conf, "program", err), -1);
	(void)fclose(err);
	cr_expect_str_eq(told, "log: /no/such/folder/log: No such file or directory\n");
	startup_log_before(&conf, "program");
	expect_logged("cannot open the log of before");
	set_in_dir(&conf.log, "log");
	cr_expect_eq(startup_log_anew(&conf, "program", stderr), 0);
	log_event(LOG_ERROR, "it is another", NULL);
	expect_in("log", "it is another");
	expect_not_logged("it is another");
}

static int
detached(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		stderr_to_file();
		_exit(startup_detach(&conf, "program") == 0 ? 0 : 1);
	}
	return status_of(pid);
}

Test(launch, a_start_without_its_log_fails_and_says_so)
{
	set_in_dir(&conf.log, "log");
	cr_expect_eq(detached(), 0);
	set(&conf.log, "/no/such/folder/log");
	cr_expect_eq(detached(), 1);
	cr_expect(strstr(content("stderr"), "/no/such/folder/log") != NULL ||
			  strstr(logged(), "/no/such/folder/log") != NULL,
		  "%s%s", content("stderr"), logged());
}

static void
forbid_core_files(void)
{
	struct rlimit none = {0, 0};

	cr_assert_eq(setrlimit(RLIMIT_CORE, &none), 0);
}

/* As far as the kernel does not give it to a program, whatever its size. */
Test(launch, a_core_file_that_cannot_be_is_told)
{
	static const char limit[] = "yields nothing: the hard limit of core files is 0";
	FILE *pattern = fopen("/proc/sys/kernel/core_pattern", "r");
	const char *why = pattern != NULL && fgetc(pattern) != '|' ? limit : "";

	set_in_dir(&conf.log, "log");
	if (pattern != NULL)
		(void)fclose(pattern);
	forbid_core_files();
	cr_expect_eq(detached(), 0);
	cr_expect_null(strstr(content("log"), "core"), "none is asked for: %s", content("log"));
	conf.isolation.core = 1 << 20;
	cr_expect_eq(detached(), 0);
	expect_in("log", why);
	cr_expect_eq(started("-t", "--worker-core=1M"), 0);
	expect_in("stderr", why);
	cr_assert_eq(reread("--worker-core", "1M"), 0);
	cr_expect_not_null(strstr(told, why), "%s", told);
	settings_release(fresh);
}

Test(launch, fewer_connections_than_asked_for_are_a_warning)
{
	startup_report_files(&conf);
	expect_not_logged("fewer connections");
	conf.files.asked = 5000;
	conf.worker_connections = 100;
	startup_report_files(&conf);
	if (daemon_files_text(&conf, (char[FD_LIMIT_TEXT]){""}) != NULL)
		expect_logged("level=warn");
}

/* ---- listening ---- */

static struct addr
loopback(void)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, "127.0.0.1", 0), 0);
	return a;
}

static enum listen_owner owner;

/* Somebody else's, at *at. */
static int
taken(struct addr *at)
{
	int fd;

	*at = loopback();
	fd = net_listen(at, 1);
	cr_assert(fd >= 0 && net_local(fd, at) == 0);
	return fd;
}

Test(launch, the_address_is_then_the_one_that_was_taken)
{
	struct addr at = loopback();
	int fd = startup_listen(&conf, &at, true, &owner);

	cr_expect(net_is_listening(fd));
	cr_expect_neq(addr_port(&at), 0);
	(void)close(fd);
}

Test(launch, an_address_that_another_process_is_about_to_leave_is_waited_for)
{
	struct addr at;
	int other = taken(&at), fd;
	pid_t pid = fork();

	if (pid == 0) { /* until it is waited for */
		while (lines_with("waiting for the address") == 0)
			(void)poll(NULL, 0, 1);
		_exit(0);
	}
	(void)close(other);
	fd = startup_listen(&conf, &at, true, &owner);
	cr_expect_eq(lines_with("waiting for the address"), 1);
	cr_expect_eq(status_of(pid), 0);
	cr_expect(net_is_listening(fd));
	(void)close(fd);
}

Test(launch, an_address_that_stays_in_use_is_told)
{
	struct addr at;
	char text[ADDR_TEXT];
	int other = taken(&at);

	cr_expect_eq(startup_listen(&conf, &at, true, &owner), -1);
	expect_logged("cannot listen");
	expect_logged(addr_text(&at, text));
	(void)close(other);
}

/* In a successor: the items that it is told of, beside its channel. */
static void
inherit_items(const char *more)
{
	char text[256];
	int line[2];

	cr_assert_eq(channel_pair(line), 0);
	(void)snprintf(text, sizeof text, "1\nchannel %d x\n%s", line[1], more);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	cr_assert_eq(takeover_open(), 0);
}

Test(launch, a_socket_that_is_handed_over_is_taken)
{
	struct addr at, wanted;
	char more[64];
	int other = taken(&at);

	wanted = at;
	(void)snprintf(more, sizeof more, "listen %d x\n", other);
	inherit_items(more);
	cr_expect_eq(startup_listen(&conf, &wanted, true, &owner), other);
	cr_expect(addr_eq(&wanted, &at));
	(void)close(other);
}

Test(launch, fresh_settings_listen_without_waiting)
{
	struct addr at = loopback(), other;
	int busy = taken(&other), fd = startup_listen_anew(&conf, &at);

	cr_expect(net_is_listening(fd));
	cr_expect_neq(addr_port(&at), 0);
	errno = 0;
	cr_expect_eq(startup_listen_anew(&conf, &other), -1);
	cr_expect_eq(errno, EADDRINUSE);
	expect_not_logged("waiting");
	(void)close(busy);
	(void)close(fd);
}

/* ---- the control socket ---- */

static const struct control_verb verbs[] = {{.name = NULL}};

static int
open_control(bool unique, struct control **k)
{
	return startup_control(&conf, base, "x", unique, verbs, NULL, k);
}

Test(launch, the_control_socket_is_in_the_runtime_folder)
{
	struct control *k = NULL;
	char path[64];

	(void)snprintf(path, sizeof path, "%s/run/x.sock", dir);
	cr_assert_eq(open_control(false, &k), 0);
	cr_assert_not_null(k);
	cr_expect_str_eq(control_path(k), path);
	cr_expect_eq(access(path, F_OK), 0);
	startup_restore(&conf, k);
	expect_not_logged("had been removed");
	cr_assert_eq(unlink(path), 0);
	startup_restore(&conf, k);
	expect_logged("the control socket had been removed: put back");
	cr_expect_eq(access(path, F_OK), 0);
	startup_restore(&conf, NULL);
	control_free(k);
}

Test(launch, none_is_wanted)
{
	struct control *k = NULL;

	set(&conf.control, "none");
	cr_expect_eq(open_control(true, &k), 0);
	cr_expect_null(k);
	expect_not_logged("control");
}

Test(launch, one_that_was_asked_for_and_cannot_be_had_ends_the_start)
{
	struct control *k = NULL;

	set(&conf.control, "/no/such/folder/x.sock");
	cr_expect_eq(open_control(false, &k), -1);
	cr_expect_null(k);
	expect_logged("level=error");
	expect_logged("path=/no/such/folder/x.sock");
}

Test(launch, one_that_was_not_is_done_without)
{
	struct control *k = NULL, *other = NULL;

	cr_assert_eq(open_control(false, &other), 0);
	cr_assert_not_null(other);
	cr_expect_eq(open_control(false, &k), 0);
	cr_expect_null(k);
	expect_logged("no control socket");
	cr_expect_eq(open_control(true, &k), -1, "where the name stands for one daemon alone");
	expect_logged("another daemon of this name is running");
	control_free(other);
	set(&conf.runtime_dir, "/proc/no/such");
	cr_expect_eq(open_control(true, &k), 0);
	expect_logged("the runtime folder cannot be used");
}

Test(launch, one_that_is_handed_over_is_adopted)
{
	struct control *first = NULL, *k = NULL;
	char more[128];

	cr_assert_eq(open_control(true, &first), 0);
	(void)snprintf(more, sizeof more, "control %d %s\n", dup(control_fd(first)),
		       control_path(first));
	inherit_items(more);
	cr_assert_eq(open_control(true, &k), 0);
	cr_assert_not_null(k);
	cr_expect_neq(control_fd(k), control_fd(first));
	control_hand_over(first);
	control_free(first);
	control_go(k);
	cr_expect_eq(access(control_path(k), F_OK), 0);
	control_free(k);
}

/* ---- pages ---- */

static const struct http_admin_page pages[] = {{NULL, NULL, NULL}};

static int
open_pages(const char *where, struct http_admin **a)
{
	struct host_names names = {.former = NULL};

	set(&conf.admin, where);
	cr_assert_eq(daemon_find_admin(&conf, &names, "program", stderr), 0);
	host_names_forget(&names);
	return startup_admin(&conf, base, pages, NULL, a);
}

Test(launch, without_a_place_there_are_no_pages)
{
	struct http_admin *a = NULL;

	cr_expect_eq(open_pages("", &a), 0);
	cr_expect_null(a);
}

Test(launch, a_port_alone_is_for_this_machine)
{
	struct http_admin *a = NULL;
	struct addr at, wanted = loopback();

	cr_assert_eq(open_pages("0", &a), 0);
	cr_assert_not_null(a);
	cr_assert_eq(net_local(http_admin_fd(a, 0), &at), 0);
	addr_set_port(&at, 0);
	cr_expect(addr_eq(&at, &wanted));
	expect_logged("pages for operators");
	http_admin_free(a);
}

/* The pages' second address is that one; the sockets that there are. */
static unsigned
sockets_with_other(const char *host)
{
	struct http_admin *a = NULL;
	struct addr first, other;
	unsigned n = 0;

	conf.admin_n = 2;
	conf.admin_at[0] = loopback();
	cr_assert_eq(addr_numeric(&conf.admin_at[1], host, 0), 0);
	cr_assert_eq(startup_admin(&conf, base, pages, NULL, &a), 0);
	cr_assert_eq(net_local(http_admin_fd(a, 0), &first), 0);
	while (http_admin_fd(a, n) >= 0) {
		cr_assert_eq(net_local(http_admin_fd(a, n++), &other), 0);
		cr_expect_eq(addr_port(&other), addr_port(&first));
	}
	http_admin_free(a);
	return n;
}

Test(launch, pages_are_at_a_names_other_address_too_where_this_machine_has_it)
{
	cr_expect_eq(sockets_with_other("127.0.0.2"), 2);
	cr_expect_eq(sockets_with_other("192.0.2.1"), 1);
}

Test(launch, pages_that_cannot_be_had_end_the_start)
{
	struct http_admin *a = NULL;
	char text[ADDR_TEXT];
	struct addr at;
	int other = taken(&at);

	cr_expect_eq(open_pages(addr_text(&at, text), &a), -1);
	cr_expect_null(a);
	cr_expect_eq(lines_with("cannot listen for operators"), 1);
	(void)close(other);
}

/* ---- workers ---- */

Test(launch, the_supervisor_has_what_the_settings_say)
{
	struct supervisor_conf s;

	conf.workers = 3;
	conf.stop_timeout = 4000;
	conf.worker_timeout = 5000;
	conf.worker_max_requests = 6;
	conf.worker_max_memory = 7;
	conf.busy_poll = 8;
	startup_supervisor_conf(&conf, 9, &s);
	cr_expect_eq(s.workers, 3);
	cr_expect_eq(s.slots, daemon_slots(&conf));
	cr_expect_eq(s.stop_timeout, 4000);
	cr_expect_eq(s.worker_timeout, 5000);
	cr_expect_eq(s.worker_max_requests, 6);
	cr_expect_eq(s.worker_max_memory, 7);
	cr_expect_eq(s.busy_poll, 8);
	cr_expect_eq(s.leave_timeout, 9);
	cr_expect_gt(s.start_timeout, 0);
	cr_expect(s.pause_min > 0 && s.pause_max > s.pause_min);
}

Test(launch, a_supervisor_is_made_with_its_slots)
{
	const struct supervisor_ops ops = {.after_fork = NULL};
	struct supervisor_conf wanted;
	struct supervisor *s;

	conf.workers = 2;
	startup_supervisor_conf(&conf, 10, &wanted);
	s = startup_supervisor(&wanted, base, &ops, NULL);
	cr_assert_not_null(s);
	cr_expect_eq(supervisor_slots(s), daemon_slots(&conf));
	supervisor_free(s);
}

/* ---- upgrades ---- */

static bool
gives(const struct upgrade *u, enum takeover_kind kind, int fd)
{
	for (unsigned i = 0; i < u->bequest.n; i++)
		if (u->bequest.item[i].kind == kind && u->bequest.item[i].fd == fd &&
		    !u->bequest.item[i].mine)
			return true;
	return false;
}

static struct control *
with_pidfile(void)
{
	struct control *k = NULL;

	set_in_dir(&conf.pidfile, "p");
	cr_assert_eq(daemon_pidfile(&conf, "x"), 0);
	cr_assert_eq(open_control(true, &k), 0);
	cr_assert_not_null(k);
	return k;
}

Test(launch, a_successor_is_given_control_socket_pidfile_and_pages)
{
	struct upgrade u = {.channel = -1};
	struct control *k = with_pidfile();
	struct http_admin *a = NULL;
	const char *path;

	cr_assert_eq(open_pages("0", &a), 0);
	startup_give(&u, k, a);
	cr_expect_eq(u.bequest.n, 3);
	cr_expect(gives(&u, TAKEOVER_CONTROL, control_fd(k)));
	cr_expect(gives(&u, TAKEOVER_PIDFILE, pidfile_held(&path)));
	cr_expect(gives(&u, TAKEOVER_LISTEN, http_admin_fd(a, 0)));
	takeover_env_drop(&u.bequest);
	daemon_end();
	startup_give(&u, NULL, NULL);
	cr_expect_eq(u.bequest.n, 0);
	http_admin_free(a);
	control_free(k);
}

Test(launch, what_the_successor_has_taken_is_left_alone_and_the_pages_are_given_up)
{
	struct upgrade u = {.taken = " control pidfile "};
	struct control *k = with_pidfile();
	struct http_admin *a = NULL;

	cr_assert_eq(open_pages("0", &a), 0);
	startup_given(&u, k, &a);
	cr_expect_null(a);
	control_free(k);
	daemon_end();
	cr_expect_eq(access(conf.pidfile, F_OK), 0);
	(void)snprintf(told, sizeof told, "%s/x.sock", conf.runtime_dir);
	cr_expect_eq(access(told, F_OK), 0);
}

Test(launch, what_it_has_not_taken_stays_this_ones_to_remove)
{
	struct upgrade u = {.taken = " listen "};
	struct control *k = with_pidfile();
	struct http_admin *a = NULL;

	startup_given(&u, k, &a);
	control_free(k);
	daemon_end();
	cr_expect_eq(access(conf.pidfile, F_OK), -1);
	(void)snprintf(told, sizeof told, "%s/x.sock", conf.runtime_dir);
	cr_expect_eq(access(told, F_OK), -1);
}
