/* upgrade: with a successor that is executed, and does as its word says; supervisor, reloads and
 * the control socket are stand-ins. */
#include "upgrade.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "control_fixture.h"
#include "log_fixture.h"
#include "net.h"
#include "sd_notify.h"
#include "status.h"
#include "supervisor_fake.h"

/* ---- the successor: this program, executed under this name ---- */

#define SUCCESSOR "a-successor"

static int its_listener = -1;

static void
tell_predecessor(const char *text)
{
	if (takeover_send(span_str(text)) < 0)
		_exit(90);
}

static void
heir_goes(void *ctx)
{
	struct addr at;
	char text[32];

	(void)ctx;
	(void)snprintf(text, sizeof text, "went");
	if (its_listener >= 0 && net_local(its_listener, &at) == 0)
		(void)snprintf(text, sizeof text, "went %u", (unsigned)addr_port(&at));
	tell_predecessor(text);
}

static void
heir_hears(struct span message, void *ctx)
{
	(void)ctx;
	if (span_eq_str(message, "end"))
		_exit(0);
	if (span_eq_str(message, "fail"))
		_exit(5);
	(void)!takeover_send(message);
}

static void
heir_ends(bool in_charge, void *ctx)
{
	(void)in_charge;
	(void)ctx;
	_exit(0);
}

static void
heir_is_signalled(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	tell_predecessor(sig == SIGHUP ? "HUP" : "USR2");
}

static void
serve(bool listens)
{
	static const struct takeover_ops ops = {heir_goes, heir_hears, heir_ends};
	struct event_base *b = event_base_new();

	if (takeover_open() < 0)
		_exit(91);
	if (listens)
		its_listener = takeover_take(TAKEOVER_LISTEN, NULL);
	(void)event_add(evsignal_new(b, SIGHUP, heir_is_signalled, NULL), NULL);
	(void)event_add(evsignal_new(b, SIGUSR2, heir_is_signalled, NULL), NULL);
	if (takeover_begin(b, &ops, NULL) < 0 || takeover_ready() < 0)
		_exit(92);
	(void)event_base_dispatch(b);
}

/* Until the other end of the channel is closed. */
static void
hang(void)
{
	struct pollfd look = {.fd = -1};
	const char *text = getenv(TAKEOVER_VARIABLE);

	if (text == NULL || (text = strstr(text, "channel ")) == NULL)
		_exit(94);
	look.fd = atoi(text + strlen("channel "));
	(void)poll(&look, 1, -1);
}

/* READY comes from a process that was not the one executed. */
static void
wrap(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fork() == 0)
		serve(true);
	(void)pause();
}

static void
complain(unsigned lines)
{
	for (unsigned i = 1; i <= lines; i++)
		(void)dprintf(STDERR_FILENO, "line %u is wrong\n", i);
	_exit(3);
}

/* It serves, and has ended before anybody looks. */
static void
serve_briefly(void)
{
	if (takeover_open() < 0 || takeover_begin(event_base_new(), NULL, NULL) < 0 ||
	    takeover_ready() < 0)
		_exit(93);
	_exit(4);
}

__attribute__((constructor)) static void
be_successor(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[0], SUCCESSOR) != 0)
		return;
	(void)alarm(60);
	if (strcmp(argv[1], "serves") == 0)
		serve(true);
	else if (strcmp(argv[1], "serves elsewhere") == 0)
		serve(false);
	else if (strcmp(argv[1], "serves briefly") == 0)
		serve_briefly();
	else if (strcmp(argv[1], "is wrapped") == 0)
		wrap();
	else if (strcmp(argv[1], "complains") == 0)
		complain(1);
	else if (strcmp(argv[1], "kills itself") == 0)
		(void)raise(SIGKILL);
	else if (strcmp(argv[1], "hangs") == 0)
		hang();
	_exit(99);
}

/* ---- stand-ins ---- */

static struct reload {
	bool runs, held, again;
	unsigned superseded;
	void (*on_end)(void *ctx);
	void *ctx;
} reloads;

void
reload_pause(struct reload *r)
{
	r->held = true;
}

void
reload_release(struct reload *r)
{
	r->held = false;
}

bool
reload_runs(const struct reload *r)
{
	return r->runs;
}

bool
reload_supersede(struct reload *r)
{
	r->superseded++;
	return r->again;
}

void
reload_on_end(struct reload *r, void (*fn)(void *ctx), void *ctx)
{
	r->on_end = fn;
	r->ctx = ctx;
}

void
status_add_text(struct json_object *o, const char *key, const char *value)
{
	(void)json_object_object_add(o, key, json_object_new_string(value));
}

void
status_add_number(struct json_object *o, const char *key, uint64_t value)
{
	(void)json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

/* ---- the daemon ---- */

static struct event_base *base;
static struct upgrade *upgrade;
static struct upgrade_env env;
static struct cmdline command;
static char word[32], binary[256];
static char *words[] = {(char[]){SUCCESSOR}, word, NULL};
static uint64_t timeout = 20000;
static int listener, extra;
static struct addr at;
static unsigned gathers, hand_overs;
static int gather_error;
static bool took_listener, took_pidfile;
static char said[256]; /* by the successor, each followed by a semicolon */

static int
gather(struct upgrade *u, void *ctx)
{
	(void)ctx;
	gathers++;
	cr_assert(reloads.held, "it has read the settings after this");
	extra = memfd_create("extra", MFD_CLOEXEC);
	upgrade_give(u, TAKEOVER_REGISTRY, extra, "-", true);
	upgrade_give(u, TAKEOVER_LISTEN, listener, "127.0.0.1", false);
	errno = gather_error;
	return gather_error == 0 ? 0 : -1;
}

static void
handed_over(void *ctx)
{
	(void)ctx;
	hand_overs++;
	took_listener = upgrade_took(upgrade, TAKEOVER_LISTEN);
	took_pidfile = upgrade_took(upgrade, TAKEOVER_PIDFILE);
	cr_assert_str_empty(said, "it went ahead before all was its own");
}

static void
on_data(struct span message, void *ctx)
{
	size_t n = strlen(said);

	(void)ctx;
	(void)snprintf(said + n, sizeof said - n, "%.*s;", SPAN_ARG(message));
}

static uint64_t
timeout_in_force(void *ctx)
{
	(void)ctx;
	return timeout;
}

static const struct upgrade_ops ops = {gather, handed_over, on_data, timeout_in_force};

static void
open_upgrade(void)
{
	ssize_t n = readlink("/proc/self/exe", binary, sizeof binary - 1);

	cr_assert_gt(n, 0);
	(void)unsetenv("NOTIFY_SOCKET");
	sd_notify_open();
	log_to_memory();
	base = event_base_new();
	fake.base = base;
	fake.view = (struct supervisor_view){.state = "running", .stop_timeout = 20000};
	command = (struct cmdline){.argc = 2, .argv = words, .binary = binary};
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	listener = net_listen(&at, 5);
	cr_assert(listener >= 0 && net_local(listener, &at) == 0);
	env = (struct upgrade_env){.base = base,
				   .command = &command,
				   .name = "ppool-x-1",
				   .supervisor = &fake,
				   .reload = &reloads,
				   .detached = true};
	upgrade = upgrade_new(&env, &ops, NULL);
	cr_assert(upgrade != NULL && fake.succession != NULL && reloads.on_end != NULL);
}

static void
close_upgrade(void)
{
	if (upgrade != NULL) {
		upgrade_stop(upgrade);
		(void)!upgrade_send(upgrade, span_str("end"));
	}
	upgrade_free(upgrade);
	forget_answers();
	event_base_free(base);
}

TestSuite(upgrade, .init = open_upgrade, .fini = close_upgrade, .timeout = 60);

static int reaped = -1; /* wait(2) status of the last child */

/* A turn of the daemon's loop, and its children reaped. */
static void
turn(void)
{
	pid_t pid;

	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	while ((pid = waitpid(-1, &reaped, WNOHANG)) > 0)
		fake.succession->on_other_child(pid, reaped, fake.succession_ctx);
	(void)poll(NULL, 0, 1);
}

#define UNTIL(condition)     \
	while (!(condition)) \
	turn()

static bool
heard(const char *what)
{
	return strstr(said, what) != NULL;
}

static void
start(const char *what)
{
	(void)snprintf(word, sizeof word, "%s", what);
	upgrade_request(upgrade);
	turn();
}

/* An order over the control socket; NULL, or why it is refused. */
static const char *
order(unsigned number)
{
	const char *error = "";

	cr_assert_null(upgrade_verbs[0].run(call_as(number, NULL, NULL), &error, upgrade));
	return error;
}

static const char *
status(const char *key)
{
	static char text[640];
	struct json_object *o = json_object_new_object(), *v = NULL;

	upgrade_add_status(upgrade, o);
	(void)snprintf(text, sizeof text, "%s",
		       json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "");
	(void)json_object_put(o);
	return text;
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* The old one goes on as if nothing had been. */
static void
goes_on(const char *why)
{
	cr_expect(strstr(status("upgrade_error"), why) != NULL, "%s, not %s",
		  status("upgrade_error"), why);
	expect_logged("not upgraded");
	cr_expect_not(upgrade_is_on(upgrade));
	cr_expect_not(upgrade_is_over(upgrade));
	cr_expect_not(reloads.held, "reloads wait for ever");
	cr_expect_eq(hand_overs, 0);
	cr_expect_eq(reloads.superseded, 0);
	cr_expect(fake.yields == 0 && fake.stop_workers == 0 && fake.stops == 0);
	cr_expect_eq(upgrade_send(upgrade, span_str("x")), -1);
	cr_expect_eq(errno, ESRCH);
	cr_expect_geq(fcntl(listener, F_GETFD), 0, "what was only lent is closed");
}

/* ---- it goes well ---- */

Test(upgrade, the_successor_serves_then_all_is_its_own_and_this_one_drains)
{
	char wanted[32];

	cr_assert_null(order(0));
	(void)snprintf(word, sizeof word, "serves");
	turn();
	cr_expect(upgrade_is_on(upgrade) && !upgrade_is_over(upgrade));
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_eq(hand_overs, 1);
	cr_expect(took_listener && !took_pidfile);
	cr_expect_eq(reloads.superseded, 1, "who waited for a reload has it");
	cr_expect_eq(fake.yields, 1);
	cr_expect_eq(fake.stop_workers, 0);
	cr_expect_eq(answer[0].n, 1);
	cr_expect_str_eq(told(answer[0].data, "done"), "upgraded");
	cr_expect_eq(kill((pid_t)atoi(told(answer[0].data, "pid")), 0), 0, "it lives");
	cr_expect_str_empty(status("upgrade_error"));
	expect_logged("this process ends when its workers are done");
	UNTIL(heard("went"));
	(void)snprintf(wanted, sizeof wanted, "went %u;", (unsigned)addr_port(&at));
	cr_expect_str_eq(said, wanted, "the listening socket is the same");
	cr_expect_eq(fcntl(extra, F_GETFD), -1, "what was the successor's alone is closed here");
	cr_expect_geq(fcntl(listener, F_GETFD), 0);
	cr_expect(reloads.held, "nothing is read here any more");
}

Test(upgrade, messages_go_both_ways)
{
	start("serves");
	UNTIL(upgrade_is_over(upgrade));
	UNTIL(heard("went"));
	cr_assert_eq(upgrade_send(upgrade, span_str("hello")), 0);
	UNTIL(heard("hello;"));
}

Test(upgrade, workers_that_nobody_follows_at_their_place_end_like_at_a_stop)
{
	start("serves elsewhere");
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_not(took_listener);
	cr_expect_eq(fake.yields, 0);
	cr_expect_eq(fake.stop_workers, 1);
}

Test(upgrade, this_process_is_not_upgraded_again)
{
	start("serves");
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_str_eq(order(0), "this process has handed over already");
	upgrade_request(upgrade);
	turn();
	expect_logged("no upgrade");
	cr_expect_eq(gathers, 1);
	upgrade_stop(upgrade);
	cr_assert_eq(upgrade_send(upgrade, span_str("lives")), 0);
	UNTIL(heard("lives;"));
}

Test(upgrade, what_was_ordered_meanwhile_is_the_successors_to_do)
{
	reloads.again = true;
	start("serves");
	upgrade_request(upgrade);
	UNTIL(upgrade_is_over(upgrade));
	UNTIL(heard("HUP;") && heard("USR2;"));
	turn();
	cr_expect_eq(gathers, 1, "not this process once more");
}

Test(upgrade, without_such_orders_it_is_not_signalled)
{
	start("serves");
	UNTIL(upgrade_is_over(upgrade));
	UNTIL(heard("went"));
	cr_assert_eq(upgrade_send(upgrade, span_str("after")), 0);
	UNTIL(heard("after;"));
	cr_expect_not(heard("HUP"));
	cr_expect_not(heard("USR2"));
}

/* ---- who is told which process is in charge ---- */

static int
open_manager(char path[64])
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(path, 64, "/tmp/upgrade-%d", (int)getpid());
	(void)snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
	cr_assert_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	sd_notify_open();
	return fd;
}

Test(upgrade, the_service_manager_is_told_the_successors_pid_and_nothing_more_by_this_one)
{
	char path[64], got[128], wanted[64];
	int manager = open_manager(path);
	ssize_t n;

	upgrade_free(upgrade);
	env.detached = false;
	upgrade = upgrade_new(&env, &ops, NULL);
	cr_assert_null(order(0));
	(void)snprintf(word, sizeof word, "serves");
	cr_expect_eq(recv(manager, got, sizeof got, 0), -1, "it is not in charge yet");
	UNTIL(upgrade_is_over(upgrade));
	(void)unlink(path);
	n = recv(manager, got, sizeof got - 1, 0);
	cr_assert_gt(n, 0);
	got[n] = '\0';
	(void)snprintf(wanted, sizeof wanted, "MAINPID=%s", told(answer[0].data, "pid"));
	cr_expect(strncmp(got, wanted, strlen(wanted)) == 0, "%s, not %s", got, wanted);
	cr_expect_not(sd_notify_is_on());
	(void)close(manager);
}

/* Neither detached nor below a service manager: this process is the one that somebody watches. */
static void
stay(void)
{
	upgrade_free(upgrade);
	env.detached = false;
	upgrade = upgrade_new(&env, &ops, NULL);
	start("serves");
	UNTIL(upgrade_is_over(upgrade));
	expect_logged("this process stays as its parent");
	UNTIL(heard("went"));
	cr_expect(fake.succession->forward(SIGHUP, upgrade), "signals are the successor's");
	UNTIL(heard("HUP;"));
}

Test(upgrade, where_nobody_can_be_told_this_process_stays_until_the_successor_fails)
{
	stay();
	cr_assert_eq(upgrade_send(upgrade, span_str("fail")), 0);
	UNTIL(fake.stops > 0);
	cr_expect_eq(fake.stops_at_once, 1, "nobody accepts any more");
}

Test(upgrade, a_successor_that_ends_well_does_not_hurry_the_workers_of_this_one)
{
	stay();
	cr_assert_eq(upgrade_send(upgrade, span_str("end")), 0);
	UNTIL(lines_with("the master in charge has ended") > 0);
	cr_expect_eq(fake.stops, 0);
}

Test(upgrade, before_it_is_over_signals_are_this_processes)
{
	cr_expect_not(fake.succession->forward(SIGHUP, upgrade));
	cr_expect_not(fake.succession->forward(SIGTERM, upgrade));
	cr_expect_not(fake.succession->waits(upgrade), "there was none before this one");
	start("hangs");
	cr_expect_not(fake.succession->forward(SIGHUP, upgrade));
}

/* ---- it does not ---- */

Test(upgrade, a_binary_that_cannot_be_executed)
{
	unsigned before = descriptors();

	(void)snprintf(binary, sizeof binary, "/no/such/binary");
	cr_assert_null(order(0));
	turn();
	UNTIL(answer[0].n == 1);
	goes_on("/no/such/binary: No such file or directory");
	cr_expect(strstr(answer[0].error, "No such file") != NULL, "%s", answer[0].error);
	cr_expect_eq(descriptors(), before);
	cr_expect_eq(fcntl(extra, F_GETFD), -1);
}

Test(upgrade, one_that_ends_is_told_of_with_its_last_words)
{
	start("complains");
	UNTIL(!upgrade_is_on(upgrade));
	goes_on("the successor ended with code 3: line 1 is wrong");
	expect_logged("the successor says");
}

Test(upgrade, one_that_is_killed_is_told_of_with_the_signal)
{
	start("kills itself");
	UNTIL(!upgrade_is_on(upgrade));
	goes_on("the successor ended with signal 9");
}

Test(upgrade, one_that_is_never_ready_is_killed_in_time)
{
	timeout = 50;
	cr_assert_null(order(0));
	(void)snprintf(word, sizeof word, "hangs");
	UNTIL(answer[0].n == 1);
	goes_on("the successor was not ready in time");
	cr_expect_str_eq(answer[0].error, "the successor was not ready in time");
	UNTIL(reaped != -1); /* the intermediate, which ends as that does */
	cr_expect(WIFSIGNALED(reaped) && WTERMSIG(reaped) == SIGKILL, "%x", (unsigned)reaped);
}

Test(upgrade, one_that_serves_and_dies_before_it_is_let_go)
{
	siginfo_t info;

	(void)snprintf(word, sizeof word, "serves briefly");
	upgrade_request(upgrade);
	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	cr_assert(upgrade_is_on(upgrade));
	cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	UNTIL(!upgrade_is_on(upgrade));
	goes_on("the successor ended with code 4");
}

Test(upgrade, a_wrapper_that_does_not_exec_the_daemon_is_refused)
{
	start("is wrapped");
	UNTIL(!upgrade_is_on(upgrade));
	goes_on("a wrapper has to exec the daemon");
}

Test(upgrade, what_cannot_be_gathered_starts_nothing)
{
	unsigned before = descriptors();

	gather_error = ENOSPC;
	start("serves");
	goes_on("No space left on device");
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
	cr_expect_eq(descriptors(), before);
}

Test(upgrade, a_failure_is_forgotten_with_the_next_one_that_succeeds)
{
	start("complains");
	UNTIL(!upgrade_is_on(upgrade));
	cr_assert_str_not_empty(status("upgrade_error"));
	start("serves");
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_str_empty(status("upgrade_error"));
}

Test(upgrade, a_daemon_that_stops_ends_the_successor_on_its_way)
{
	start("hangs");
	cr_assert(upgrade_is_on(upgrade));
	fake.stopping = true;
	upgrade_stop(upgrade);
	cr_expect_not(upgrade_is_on(upgrade));
	cr_expect_str_eq(status("upgrade_error"), "the daemon stops");
	while (waitpid(-1, NULL, 0) > 0)
		;
	upgrade_stop(upgrade);
	cr_expect_str_eq(order(0), "not now: it stops");
}

Test(upgrade, a_daemon_that_is_freed_meanwhile_leaves_nothing_behind)
{
	start("hangs");
	cr_assert(upgrade_is_on(upgrade));
	upgrade_free(upgrade);
	upgrade = NULL;
	upgrade_free(upgrade);
	upgrade_resume(upgrade);
}

/* ---- one at a time, and each at its time ---- */

Test(upgrade, one_is_started_at_a_time_and_another_is_remembered)
{
	start("hangs");
	cr_expect_eq(gathers, 1);
	cr_expect_str_eq(order(0), "an upgrade is under way");
	start("serves");
	turn();
	cr_expect_eq(gathers, 1);
	upgrade_stop(upgrade);
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_eq(gathers, 2, "the one remembered followed");
}

Test(upgrade, a_second_caller_is_refused_while_the_first_one_waits)
{
	reloads.runs = true;
	cr_assert_null(order(0));
	cr_expect_str_eq(order(1), "an upgrade is under way");
	cr_expect_null(answer[1].waits);
	caller_leaves(0);
	cr_expect_null(order(1), "the first one has gone");
	caller_leaves(1);
}

Test(upgrade, a_caller_that_leaves_changes_nothing)
{
	(void)snprintf(word, sizeof word, "serves");
	cr_assert_null(order(0));
	turn();
	caller_leaves(0);
	UNTIL(upgrade_is_over(upgrade));
	cr_expect_eq(answer[0].n, 0);
}

Test(upgrade, it_waits_for_the_end_of_a_reload)
{
	reloads.runs = true;
	start("serves");
	turn();
	cr_expect_eq(gathers, 0);
	expect_logged("an upgrade is asked for, and has to wait");
	reloads.runs = false;
	reloads.on_end(reloads.ctx);
	UNTIL(upgrade_is_over(upgrade));
}

Test(upgrade, it_waits_until_the_daemon_is_up)
{
	fake.view.state = "starting";
	start("serves");
	turn();
	cr_expect_eq(gathers, 0);
	fake.view.state = "running";
	upgrade_resume(upgrade);
	UNTIL(upgrade_is_over(upgrade));
}

Test(upgrade, an_order_by_signal_is_one)
{
	(void)snprintf(word, sizeof word, "serves");
	fake.succession->on_upgrade(fake.succession_ctx);
	UNTIL(upgrade_is_over(upgrade));
}

Test(upgrade, one_that_waits_when_the_daemon_stops_is_told_so)
{
	reloads.runs = true;
	cr_assert_null(order(0));
	fake.stopping = true;
	UNTIL(answer[0].n == 1);
	cr_expect_str_eq(answer[0].error, "not now: it stops");
	cr_expect_eq(gathers, 0);
}

Test(upgrade, other_children_are_none_of_its_business)
{
	start("hangs");
	fake.succession->on_other_child(getpid(), 1 << 8, fake.succession_ctx);
	cr_expect(upgrade_is_on(upgrade));
	cr_expect_eq(fake.stops, 0);
}

/* ---- in a successor ---- */

static const struct takeover_ops successor = {heir_goes, heir_hears, heir_ends};

Test(upgrade, a_successor_reloads_and_is_upgraded_once_it_has_taken_over)
{
	char text[128];
	int line[2], parent[2];

	upgrade_free(upgrade);
	cr_assert_eq(channel_pair(line), 0);
	cr_assert_eq(channel_pair(parent), 0);
	(void)snprintf(text, sizeof text, "1\nchannel %d x\nparent %d 77\n", line[1], parent[1]);
	cr_assert_eq(setenv(TAKEOVER_VARIABLE, text, 1), 0);
	cr_assert_eq(takeover_open(), 0);
	upgrade = upgrade_new(&env, &ops, NULL);
	cr_expect(reloads.held);
	cr_assert_eq(takeover_begin(base, &successor, NULL), 0);
	cr_expect_str_eq(status("parent_pid"), "77");
	start("serves");
	cr_expect_eq(gathers, 0);
	cr_assert_eq(channel_send(line[0], CHANNEL_GO, span_of(NULL, 0)), 0);
	turn();
	upgrade_in_charge(upgrade);
	cr_expect_not(reloads.held);
	UNTIL(upgrade_is_over(upgrade));
	/* The process that stays learns over the line which one is in charge. */
	cr_expect_gt(recv(parent[0], text, sizeof text, MSG_DONTWAIT), 0);
	cr_expect(strncmp(text, "master ", 7) == 0);
	takeover_close();
}
