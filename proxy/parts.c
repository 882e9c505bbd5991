/* parts.c - see parts.h. */
#include "parts.h"

#include "access.h"
#include "inbox.h"
#include "launch.h"
#include "log.h"
#include "master.h"
#include "vitals.h"

static void
on_order(void *arg)
{
	inbox_changed(arg);
}

/* Any worker that serves. */
static int
ask_worker(struct span question, void *arg)
{
	struct master *m = arg;
	struct supervisor_member w;

	for (unsigned i = 0; i < supervisor_slots(m->supervisor); i++) {
		supervisor_look_at(m->supervisor, i, &w);
		if (w.state == SLOT_READY && supervisor_tell(m->supervisor, i, question) == 0)
			return 0;
	}
	return -1;
}

int
parts_open_console(struct master *m)
{
	m->pool = (struct console_env){.base = m->base,
				       .balance = &m->settings.proxy.balance,
				       .meter = m->front.meter,
				       .joins = &m->joins,
				       .ledger = m->ledger,
				       .registry = m->front.registry,
				       .tally = m->front.tally,
				       .events = m->events,
				       .watch = m->watch,
				       .changed = on_order,
				       .ask = ask_worker,
				       .ctx = m};
	m->console = console_new(&m->pool);
	if (m->console == NULL) {
		log_errno(LOG_ERROR, "cannot answer an operator", NULL);
		return -1;
	}
	if (m->control != NULL)
		control_add(m->control, console_verbs, m->console);
	return 0;
}

int
parts_open_watch(struct master *m)
{
	struct watch_env env = {.base = m->base,
				.conf = &m->settings.proxy,
				.registry = m->front.registry,
				.permits = m->front.permits,
				.tally = m->front.tally,
				.verdicts = m->verdicts,
				.events = m->events,
				.worker = daemon_slots(&m->settings.daemon),
				.changed = on_order,
				.ctx = m};

	m->watch = watch_new(&env);
	if (m->watch != NULL)
		return 0;
	log_errno(LOG_ERROR, "cannot watch the servers", NULL);
	return -1;
}

int
parts_open_registry(struct master *m)
{
	const struct proxy_conf *c = &m->settings.proxy;
	unsigned workers = daemon_slots(&m->settings.daemon);

	m->front.registry = registry_new(c->max_servers, c->max_policies);
	m->events = events_new();
	m->front.permits = permits_new(c->max_servers,
				       workers + 1); /* the master's probes take some too */
	m->front.tally = tally_new(workers, c->max_servers);
	m->front.verdicts = m->verdicts = verdicts_new(c->max_servers);
	m->front.meter = meter_new(workers, c->max_policies);
	if (m->front.registry != NULL && m->front.tally != NULL)
		m->ledger = ledger_new(m->front.registry, m->front.tally);
	if (m->front.registry == NULL || m->front.permits == NULL || m->front.tally == NULL ||
	    m->front.meter == NULL || m->verdicts == NULL || m->events == NULL ||
	    m->ledger == NULL || inbox_settings(m, &m->venue.addr) < 0 || inbox_begin(m) < 0) {
		log_errno(LOG_ERROR, "cannot make the registry", NULL);
		return -1;
	}
	return 0;
}

int
parts_open_pages(struct master *m)
{
	m->pages = (struct pages){
		.pool = &m->pool, .supervisor = m->supervisor, .status = master_describe, .ctx = m};
	if (launch_admin(&m->settings.daemon, m->base, pages, &m->pages, &m->admin) < 0)
		return -1;
	if (m->admin != NULL)
		admin_add(m->admin, vitals_pages, m->supervisor);
	return 0;
}

void
parts_open_keeper(struct master *m)
{
	const struct proxy_settings *s = &m->settings;
	struct keeper_env env = {.base = m->base,
				 .registry = m->front.registry,
				 .events = m->events,
				 .max_age = s->proxy.state_max_age};
	int error;

	m->journal_path = keeper_path(s->proxy.state_file, s->daemon.daemon, m->name, &error);
	if (error != 0)
		log_event(LOG_ERROR, "out of memory: no journal is kept", NULL);
	if (m->journal_path == NULL)
		return;
	env.path = m->journal_path;
	m->keeper = keeper_new(&env);
	if (!handover_is_on()) /* otherwise all is known, and newer */
		keeper_recall(m->keeper);
	watch_registry(m->watch);
	keeper_changed(m->keeper);
}

int
parts_open_access_log(struct master *m)
{
	const struct proxy_conf *c = &m->settings.proxy;

	m->front.access_fd = master_open_access(c);
	if (m->front.access_fd >= 0 || c->access_log == ACCESS_OFF || c->access_log_file[0] == '\0')
		return 0;
	log_errno(LOG_ERROR, "cannot open the access log", "path=%s",
		  log_quoted(c->access_log_file));
	return -1;
}

int
parts_open_upgrade(struct master *m)
{
	struct upgrade_env env = {.base = m->base,
				  .command = &m->command,
				  .name = m->name,
				  .supervisor = m->supervisor,
				  .reload = m->reload,
				  .timeout = &m->settings.daemon.upgrade_timeout};

	return launch_upgrade(&env, &succession_testator, &succession_heir, m, m->control,
			      &m->upgrade);
}
