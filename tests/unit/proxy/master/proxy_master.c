/* proxy_master: what workers say goes to the part that it is for, and the access log goes with the
 * settings; pool, console, supervisor and successor are stand-ins. */
#include "proxy_master.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "log_fixture.h"
#include "proxy_takeover.h"
#include "show_pool.h"
#include "supervisor_fake.h"

static struct proxy_master m = {.pool.journal_lock = -1, .access_fd = -1, .former_access_fd = -1};
static struct proxy_settings before, fresh;
static struct supervisor_ops workers;

/* ---- stand-ins ---- */

static unsigned registered, incidents, answers, tells, told_slot, forwards, changes;
static struct worker_msg_failure incident;
static struct buf told;
static bool elsewhere, silent, deaf[FAKE_SLOTS];

void
pool_register(struct pool *p, struct span message, struct buf *answer)
{
	cr_assert(p == &m.pool && message.n > 0);
	registered++;
	cr_assert(silent || buf_append_str(answer, "the answer") == 0);
}

void
pool_changed(void *p)
{
	cr_assert_eq(p, &m.pool);
	changes++;
}

const struct proxy_conf *
pool_conf(void *p)
{
	return &((struct pool *)p)->rules.settings->proxy;
}

void
health_monitor_incident(struct health_monitor *w, const struct worker_msg_failure *i)
{
	cr_assert_eq(w, m.pool.watch);
	incidents++;
	incident = *i;
}

static unsigned loops;

void
health_monitor_loop(struct health_monitor *w, const char *server)
{
	cr_assert_eq(w, m.pool.watch);
	cr_assert_str_eq(server, "0123456789abcdef");
	loops++;
}

static struct admin_cmds_env console_env;

struct admin_cmds *
admin_cmds_new(const struct admin_cmds_env *env)
{
	console_env = *env;
	return (struct admin_cmds *)(void *)&console_env;
}

void
admin_cmds_answer(struct admin_cmds *c, struct span message)
{
	cr_assert(c == m.console && message.n == sizeof(uint32_t));
	answers++;
}

void
admin_cmds_free(struct admin_cmds *c)
{
	(void)c;
}

void
admin_cmds_after_fork(struct admin_cmds *c)
{
	(void)c;
}

void
show_meter(struct json_object *o, const struct worker_stats *meter)
{
	(void)o, (void)meter;
}

void
show_permits(struct json_object *o, const struct registry *r, const struct permits *p)
{
	(void)o, (void)r, (void)p;
}

const struct control_verb admin_cmds_verbs[1];
const struct http_admin_page pages[1];
const struct worker_ops proxy_worker_ops;
const struct settings_kind proxy_settings_kind;

int
supervisor_send(struct supervisor *s, unsigned slot, struct span message)
{
	cr_assert_eq(s, &fake);
	if (deaf[slot]) {
		errno = EAGAIN;
		return -1;
	}
	tells++;
	told_slot = slot;
	buf_clear(&told);
	return buf_append_span(&told, message);
}

static int passed;

void
supervisor_pass(struct supervisor *s, int fd)
{
	(void)s;
	passed = fd;
}

bool
proxy_takeover_forward(struct upgrade *u, unsigned slot, struct span message)
{
	cr_assert(u == m.base.upgrade && slot < FAKE_SLOTS && message.n > 0);
	forwards++;
	return elsewhere;
}

int
proxy_takeover_answer(const struct proxy_takeover_head *head, struct span answer)
{
	cr_assert_eq(head->slot, 7);
	buf_clear(&told);
	return buf_append_span(&told, answer);
}

bool
proxy_takeover_read(struct span *message, struct proxy_takeover_head *head)
{
	*head = (struct proxy_takeover_head){
		.slot = span_eq_str(*message, "to 3") ? 3 : 7,
		.wants_answer = !span_eq_str(*message, "no answer wanted")};
	return !span_eq_str(*message, "not understood");
}

int
proxy_takeover_give(struct upgrade *u, const struct registry *r)
{
	(void)u, (void)r;
	return 0;
}

static bool no_memory;
static unsigned kept, undone, settled;

int
pool_take_rules(struct pool *p, struct settings *s, const struct listen_socket *at)
{
	(void)at;
	cr_assert(p == &m.pool && s == &fresh.base);
	return no_memory ? -1 : 0;
}

void
pool_keep_rules(struct pool *p)
{
	(void)p;
	kept++;
}

void
pool_undo_rules(struct pool *p)
{
	(void)p;
	undone++;
}

int
pool_open(struct pool *p, struct event_base *base, struct settings *s, const char *name,
	  const struct listen_socket *self)
{
	(void)p, (void)base, (void)s, (void)name, (void)self;
	return 0;
}

int
pool_begin(struct pool *p, struct supervisor *s)
{
	(void)p, (void)s;
	return 0;
}

void
pool_keep_registry(struct pool *p)
{
	(void)p;
}

void
pool_close(struct pool *p)
{
	(void)p;
}

void
pool_after_fork(struct pool *p, unsigned slot)
{
	(void)p, (void)slot;
}

void
pool_worker_ended(struct pool *p, unsigned slot)
{
	(void)p, (void)slot;
}

void
pool_handed_over(struct pool *p)
{
	(void)p;
}

/* ---- the store ---- */

static unsigned store_begun, store_left, store_given;

void
pool_store_begin(struct pool_store *ps)
{
	(void)ps;
	store_begun++;
}

void
pool_store_wait(struct pool_store *ps)
{
	(void)ps;
}

int
pool_store_give(const struct pool_store *ps, struct upgrade *u)
{
	(void)ps;
	(void)u;
	store_given++;
	return 0;
}

void
pool_store_leave(struct pool_store *ps, void (*done)(void *), void *ctx)
{
	(void)ps;
	store_left++;
	done(ctx);
}

bool
pool_store_reaped(struct pool_store *ps, pid_t pid, int status)
{
	(void)ps;
	(void)status;
	return pid == 4711;
}

void
pool_store_reopen(struct pool_store *ps)
{
	(void)ps;
}

struct json_object *
pool_store_show(const struct pool_store *ps)
{
	(void)ps;
	return json_object_new_object();
}

struct json_object *
pool_store_show_proxies(const struct pool_store *ps)
{
	(void)ps;
	return json_object_new_array();
}

void
pool_forget(struct pool *p)
{
	(void)p;
}

void
master_forget(struct master *of)
{
	(void)of;
}

void
master_settled(void *master)
{
	cr_assert_eq(master, &m);
	settled++;
}

struct json_object *
master_status(void *master)
{
	(void)master;
	return NULL;
}

int
master_pages(struct master *of, const struct http_admin_page *p, void *ctx)
{
	(void)of, (void)p, (void)ctx;
	return 0;
}

/* ---- */

static char dir[] = "/tmp/proxy-master-XXXXXX", path[2][64], nothing[] = "";

static void
open_master(void)
{
	log_to_memory();
	cr_assert_not_null(mkdtemp(dir));
	for (unsigned i = 0; i < 2; i++)
		(void)snprintf(path[i], sizeof path[i], "%s/access-%u", dir, i);
	before.proxy = fresh.proxy = (struct proxy_conf){.access_log = ACCESS_LOG_ALL};
	before.proxy.access_log_file = path[0];
	fresh.proxy.access_log_file = path[1];
	m.base.settings = &before.base;
	m.base.supervisor = &fake;
	m.pool.rules.settings = &before;
	m.pool.events = events_new();
	proxy_master_ops.workers(&workers);
	cr_assert_eq(proxy_master_ops.open(&m.base), 0);
}

static void
close_master(void)
{
	proxy_master_ops.close(&m.base);
	events_free(m.pool.events);
	buf_release(&told);
	for (unsigned i = 0; i < 2; i++)
		(void)unlink(path[i]);
	(void)rmdir(dir);
}

TestSuite(proxy_master, .init = open_master, .fini = close_master, .timeout = 30);

/* ---- what workers say ---- */

static void
say(unsigned slot, const void *message, size_t n)
{
	workers.from_worker(slot, span_of(message, n), &m);
}

static const uint32_t registration = WORKER_MSG_REGISTRATION, explanation = WORKER_MSG_EXPLAIN;

Test(proxy_master, a_registration_is_answered_to_its_worker)
{
	say(2, &registration, sizeof registration);
	cr_assert(registered == 1 && forwards == 1 && tells == 1 && told_slot == 2);
	cr_assert(span_eq_str(buf_span(&told), "the answer"));
	silent = true;
	say(2, &registration, sizeof registration);
	cr_assert(registered == 2 && tells == 1);
}

Test(proxy_master, while_a_successor_is_in_charge_it_answers)
{
	elsewhere = true;
	say(1, &registration, sizeof registration);
	cr_assert(forwards == 1 && registered == 1 && tells == 0);
}

Test(proxy_master, a_worker_that_does_not_read_loses_the_answer_and_it_is_said)
{
	deaf[1] = true;
	say(1, &registration, sizeof registration);
	expect_logged("cannot answer a registration\" worker=1");
}

Test(proxy_master, failures_are_the_watchs_and_answers_the_consoles)
{
	struct worker_msg_loop l = {.kind = WORKER_MSG_LOOP, .server = "0123456789abcdef"};
	struct worker_msg_failure f = {.kind = WORKER_MSG_FAILURE, .server = 3, .at = UINT64_MAX};

	m.pool.registry = registry_new(4, 1);
	say(0, &f, sizeof f);
	cr_assert(incidents == 1 && incident.server == 3);
	cr_assert_lt(incident.at, UINT64_MAX, "never in the future");
	say(0, &f, sizeof f - 1);
	cr_assert_eq(incidents, 1);
	say(0, &explanation, sizeof explanation);
	cr_assert_eq(answers, 1);
	say(0, &l, sizeof l);
	say(0, &l, sizeof l - 1);
	cr_assert_eq(loops, 1);
	registry_free(m.pool.registry);
	m.pool.registry = NULL;
}

Test(proxy_master, anything_else_is_said_in_the_log)
{
	uint32_t kind = WORKER_MSG_END;

	say(2, &kind, sizeof kind);
	say(2, "x", 1);
	expect_logged("a worker said what nobody understands\" worker=2 bytes=4");
	expect_logged("bytes=1");
	cr_assert(tells == 0 && registered == 0 && incidents == 0 && answers == 0);
}

/* ---- an upgrade ---- */

Test(proxy_master, what_a_predecessor_passes_on_is_registered_and_answered_where_that_is_wanted)
{
	proxy_master_ops.from_predecessor(span_str("wanted"), &m);
	cr_assert(registered == 1 && span_eq_str(buf_span(&told), "the answer"));
	buf_clear(&told);
	proxy_master_ops.from_predecessor(span_str("no answer wanted"), &m);
	cr_assert(registered == 2 && buf_len(&told) == 0);
	proxy_master_ops.from_predecessor(span_str("not understood"), &m);
	cr_assert_eq(registered, 2);
}

Test(proxy_master, a_successors_answer_goes_to_the_worker)
{
	proxy_master_ops.from_successor(span_str("to 3"), &m);
	cr_assert(tells == 1 && told_slot == 3);
	proxy_master_ops.from_successor(span_str("not understood"), &m);
	cr_assert_eq(tells, 1);
}

/* ---- operators ---- */

static int
ask(void)
{
	told_slot = 99;
	return console_env.ask(span_str("which?"), console_env.ctx);
}

Test(proxy_master, a_question_goes_to_one_worker_that_serves)
{
	fake.child[0].state = SLOT_STARTING;
	fake.child[1].state = SLOT_DRAINING;
	cr_assert_eq(ask(), -1);
	fake.child[2].state = fake.child[3].state = SLOT_READY;
	cr_assert(ask() == 0 && told_slot == 2);
	deaf[2] = true;
	cr_assert(ask() == 0 && told_slot == 3);
	deaf[3] = true;
	cr_assert_eq(ask(), -1);
}

Test(proxy_master, an_order_changes_the_pool_and_settings_are_those_in_force)
{
	console_env.changed(console_env.ctx);
	cr_assert_eq(changes, 1);
	cr_assert_eq(console_env.conf(console_env.ctx), &before.proxy);
	m.pool.rules.settings = &fresh;
	cr_assert_eq(console_env.conf(console_env.ctx), &fresh.proxy);
}

/* ---- the access log ---- */

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* 0, or -1 with what is said in `said`. */
static char said[256];

static int
take(void)
{
	FILE *err = fmemopen(said, sizeof said, "w");
	int rc = proxy_master_ops.take(&m.base, &fresh.base, &m.base.listen, err);

	(void)fclose(err);
	return rc;
}

Test(proxy_master, the_access_log_of_fresh_settings_is_kept_and_the_former_closed)
{
	int former = m.access_fd;

	cr_assert(is_open(former) && take() == 0);
	cr_assert(m.access_fd != former && is_open(m.access_fd) && m.former_access_fd == former);
	proxy_master_ops.keep(&m.base, &before.base);
	cr_assert(is_open(m.access_fd) && !is_open(former) && m.former_access_fd == -1);
	cr_assert(kept == 1 && settled == 1);
	cr_assert_eq(events_count(m.pool.events, EVENT_RELOADED), 1);
}

Test(proxy_master, fresh_settings_that_are_undone_give_the_former_access_log_back)
{
	int former = m.access_fd, next;

	cr_assert_eq(take(), 0);
	next = m.access_fd;
	proxy_master_ops.undo(&m.base);
	cr_assert(m.access_fd == former && is_open(former) && !is_open(next));
	cr_assert(undone == 1 && settled == 0);
}

Test(proxy_master, one_that_cannot_be_had_is_refused_with_its_reason)
{
	char nowhere[] = "/no/such/folder/access";
	int former = m.access_fd;

	fresh.proxy.access_log_file = nowhere;
	cr_assert_eq(take(), -1);
	cr_assert_str_eq(said,
			 "access_log_file: /no/such/folder/access: No such file or directory\n");
	cr_assert_eq(m.access_fd, former);
	fresh.proxy.access_log_file = path[1];
	no_memory = true;
	cr_assert_eq(take(), -1);
	cr_assert_str_eq(said, "out of memory\n");
	cr_assert(m.access_fd == former && m.former_access_fd == -1);
}

Test(proxy_master, without_a_file_there_is_none_to_open_or_to_reopen)
{
	fresh.proxy.access_log_file = nothing;
	cr_assert_eq(take(), 0);
	cr_assert_eq(m.access_fd, -1);
	workers.on_reopen(&m);
	cr_assert_eq(passed, 0);
	proxy_master_ops.undo(&m.base);
	workers.on_reopen(&m);
	cr_assert(passed == m.access_fd && is_open(passed));
}

Test(proxy_master, a_worker_closes_the_former_access_log)
{
	int former = m.access_fd;

	cr_assert_eq(take(), 0);
	proxy_master_ops.after_fork(1, &m);
	cr_assert(!is_open(former) && is_open(m.access_fd));
	m.former_access_fd = -1;
}
