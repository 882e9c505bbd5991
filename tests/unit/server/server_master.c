/* server_master: what a server's workers see while its settings change, and when the proxy is told;
 * the workers, the supervisor and the registrar are stand-ins. */
#include "server_master.h"

#include <criterion/criterion.h>
#include <string.h>

#include "log_fixture.h"
#include "supervisor_fake.h"

static struct server_master m;
static struct server_settings before, now;
static char id[] = "100", policy[] = "111", another[] = "222", nothing[] = "", one[] = "1",
	    two[] = "2", three[] = "3";
static char *proxy[] = {one, two, three}, *other_proxy[] = {two};

/* ---- stand-ins ---- */

static struct server_worker_conf seen; /* by the last worker that was started */

static void *
started(struct worker *w, void *conf)
{
	(void)w;
	seen = *(struct server_worker_conf *)conf;
	return &seen;
}

const struct worker_ops server_worker_ops = {.start = started};

static unsigned announced, settled, left, made, freed;
static struct packet_announcement announcement;

struct registrar {
	char proxy[8];
};

static struct registrar registrars[4];

struct registrar *
registrar_new(struct event_base *base, const struct registrar_conf *conf,
	      const struct packet_announcement *a)
{
	struct registrar *r = &registrars[made++];

	(void)base;
	(void)a;
	(void)snprintf(r->proxy, sizeof r->proxy, "%s", conf->proxy);
	return r;
}

void
registrar_free(struct registrar *r)
{
	freed += r != NULL;
}

bool
registrar_is_at(const struct registrar *r, const struct addr *at)
{
	(void)r, (void)at;
	return false;
}

bool
registrar_is_near(const struct registrar *r)
{
	(void)r;
	return true;
}

bool
registrar_is_of(const struct registrar *r, const struct registrar_conf *conf)
{
	return strcmp(r->proxy, conf->proxy) == 0;
}

void
registrar_announce(struct registrar *r, const struct registrar_conf *conf,
		   const struct packet_announcement *a, void (*done)(void *ctx), void *ctx)
{
	cr_expect_str_eq(r->proxy, conf->proxy);
	announcement = *a;
	announced++;
	done(ctx);
}

void
registrar_leave(struct registrar *r, void (*done)(void *ctx), void *ctx)
{
	cr_expect_not_null(r);
	left++;
	done(ctx);
}

void
registrar_start(struct registrar *r)
{
	(void)r;
}

const char *const registrar_states[] = {"joined", NULL};

const char *
registrar_state(const struct registrar *r, uint64_t *since)
{
	(void)r;
	*since = 0;
	return "joined";
}

const char *
registrar_trouble(const struct registrar *r)
{
	(void)r;
	return "";
}

/* ---- job processes: what became of workers ---- */

struct job_processes {
	unsigned forked, ended, heard;
};

static struct job_processes processes;

struct job_processes *
job_processes_new(struct event_base *base, struct job_stats *stats, void (*forget)(void *ctx),
		  void *ctx)
{
	(void)base, (void)stats, (void)forget, (void)ctx;
	return &processes;
}

void
job_processes_free(struct job_processes *p)
{
	(void)p;
}

void
job_processes_after_fork(struct job_processes *p)
{
	(void)p;
}

void
job_processes_each_settings(struct job_processes *p, void (*fn)(struct settings *))
{
	(void)p, (void)fn;
}

void
job_processes_attach(struct job_processes *p, struct supervisor *s)
{
	(void)p, (void)s;
}

void
job_processes_worker_forked(struct job_processes *p, unsigned worker, struct settings *s)
{
	(void)worker, (void)s;
	p->forked++;
}

void
job_processes_worker_ended(struct job_processes *p, unsigned worker)
{
	(void)worker;
	p->ended++;
}

void
job_processes_hear(struct job_processes *p, unsigned worker, const struct job_msg *said)
{
	(void)worker;
	cr_expect(said->kind == JOB_MSG_READY || said->kind == JOB_MSG_KILL);
	p->heard++;
}

bool
job_processes_reaped(struct job_processes *p, pid_t pid, int status)
{
	(void)p, (void)pid, (void)status;
	return false;
}

bool
job_processes_linger(const struct job_processes *p)
{
	(void)p;
	return false;
}

void
master_forget(struct master *of)
{
	(void)of;
}

void
master_settled(void *master)
{
	cr_expect_eq(master, &m);
	settled++;
}

int
listen_socket_ask(struct listen_socket *v, const struct conf_list *listen, const char *fallback,
		  struct host_names *names, const char *program, FILE *err)
{
	(void)v, (void)listen, (void)fallback, (void)names, (void)program, (void)err;
	return -1;
}

int
master_main(struct master *of, const struct master_ops *o, int argc, char *argv[])
{
	(void)of, (void)o, (void)argc, (void)argv;
	return 0;
}

int
master_pages(struct master *of, const struct http_admin_page *p, void *ctx)
{
	(void)of, (void)p, (void)ctx;
	return 0;
}

struct json_object *
master_status(void *master)
{
	(void)master;
	return NULL;
}

const struct http_admin_page server_pages[] = {{NULL, NULL, NULL}};
const struct control_verb job_admin_verbs[] = {{.name = NULL}};

void
job_admin_describe(const struct job_admin *a, struct json_object *o)
{
	(void)a, (void)o;
}

void
job_admin_metrics(const struct job_admin *a, struct prometheus *e)
{
	(void)a, (void)e;
}

const char *
job_admin_trouble(const struct job_admin *a)
{
	(void)a;
	return NULL;
}

/* ---- */

static struct server_settings
settings_of(char *its_policy, char **its_proxy)
{
	return (struct server_settings){.server = {.id = id,
						   .policy = its_policy,
						   .revproc = {its_proxy, 1},
						   .host = nothing,
						   .proxy.name = nothing,
						   .slots = 1}};
}

/* The proxies that it is at, in the order of the list. */
static const char *
joined(void)
{
	static char text[64];

	text[0] = '\0';
	for (unsigned i = 0; i < registrar_set_count(m.proxies); i++)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
			       i > 0 ? " " : "", registrar_set_at(m.proxies, i).proxy);
	return text;
}

static void
turn(void)
{
	cr_assert_geq(event_base_loop(m.base.base, EVLOOP_NONBLOCK), 0);
}

static void
open_server(void)
{
	log_to_memory();
	m.base.base = event_base_new();
	before = settings_of(policy, proxy);
	now = settings_of(another, proxy);
	m.base.settings = &before.base;
	m.base.supervisor = &fake;
	cr_assert_eq(addr_numeric(&m.base.listen.at[0].addr, "127.0.0.1", 2105), 0);
	m.base.listen.n = 1;
	cr_assert_eq(server_master_ops.open(&m.base), 0);
	cr_assert_eq(made, 1);
}

TestSuite(server_master, .init = open_server, .timeout = 30);

static const struct server_worker_conf *
worker(void)
{
	struct supervisor_ops ops = {.after_fork = NULL};

	server_master_ops.workers(&ops);
	cr_assert_eq(ops.worker.start(NULL, &m), &seen);
	return &seen;
}

/* As the master does when fresh settings are taken, and when they are kept. */
static void
reload_to(struct server_settings *fresh, bool same_place)
{
	m.base.former = m.base.settings;
	m.base.settings = &fresh->base;
	m.base.same_place = same_place;
}

static void
keep(void)
{
	const struct settings *s = m.base.former;

	m.base.former = NULL;
	server_master_ops.keep(&m.base, s);
}

Test(server_master, a_worker_has_the_settings_that_it_was_forked_with)
{
	cr_expect_str_eq(worker()->policy, "111");
	cr_expect_null(seen.former_policy);
	reload_to(&now, true);
	cr_expect_str_eq(worker()->policy, "222");
	cr_expect_str_eq(seen.former_policy, "111", "clients of both come meanwhile");
	keep();
	cr_expect_str_eq(worker()->policy, "222");
	cr_expect_null(seen.former_policy);
}

Test(server_master, settings_of_the_same_policy_have_no_former_one)
{
	now = settings_of(policy, proxy);
	reload_to(&now, true);
	cr_expect_null(worker()->former_policy);
	keep();
	cr_expect(announced == 1 && settled == 1 && fake.retired == 0);
}

Test(server_master, another_policy_at_the_same_place_is_announced_once_the_former_workers_left)
{
	fake.former = 2;
	reload_to(&now, true);
	keep();
	cr_expect(fake.retired == 1 && fake.retired_yield && announced == 0 && settled == 0);
	server_master_ops.on_room(&m);
	cr_expect_eq(announced, 0);
	fake.former = 0;
	server_master_ops.on_room(&m);
	cr_expect(announced == 1 && settled == 1);
	cr_expect_str_eq(announcement.policy, "222");
	server_master_ops.on_room(&m);
	cr_expect_eq(announced, 1);
}

Test(server_master, another_policy_elsewhere_is_announced_at_once)
{
	fake.former = 2;
	reload_to(&now, false);
	keep();
	cr_expect(fake.retired == 0 && announced == 1 && settled == 1);
}

Test(server_master, another_proxy_is_joined_and_the_former_one_left)
{
	now = settings_of(policy, other_proxy);
	reload_to(&now, true);
	keep();
	cr_expect(left == 1 && made == 2 && announced == 1 && settled == 1);
	cr_expect_str_eq(joined(), "2");
	now.server.revproc.n = 0;
	server_master_ops.announce(&m.base, master_settled);
	cr_expect(left == 2 && made == 2 && settled == 2);
	cr_expect_str_eq(joined(), "");
	cr_expect_eq(freed, 0, "they stand in their callbacks");
	turn();
	cr_expect_eq(freed, 2);
}

Test(server_master, of_several_proxies_a_reload_adds_and_leaves_some_and_the_others_stay)
{
	now = settings_of(policy, proxy);
	now.server.revproc.n = 3;
	reload_to(&now, true);
	keep();
	cr_expect(made == 3 && left == 0 && announced == 3 && settled == 1);
	cr_expect_str_eq(joined(), "1 2 3");
	now.server.revproc = (struct conf_list){proxy + 1, 2};
	server_master_ops.announce(&m.base, master_settled);
	cr_expect(made == 3 && left == 1 && announced == 5 && settled == 2);
	cr_expect_str_eq(joined(), "2 3");
}

Test(server_master, a_server_that_stops_takes_leave_and_one_without_a_proxy_just_stops)
{
	server_master_ops.leave(&m.base, master_settled);
	cr_expect(left == 1 && settled == 1);
	server_master_ops.given(&m.base);
	server_master_ops.leave(&m.base, master_settled);
	cr_expect(left == 1 && settled == 2);
}
