/* master_upgrade.c - see master_internal.h: a master as the predecessor and as the successor of
 * another. */
#include "master_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "takeover.h"
#include "tls_tickets.h"

/* ---- from the predecessor ---- */

static void
on_go(void *arg)
{
	struct master *m = arg;

	daemon_take_over();
	listen_socket_in_charge(&m->listen);
	if (m->control != NULL)
		control_go(m->control);
	upgrade_in_charge(m->upgrade);
	m->ops->took_over(m);
	daemon_ready();
}

static void
hear(struct master *m, void (*hears)(struct span, void *), struct span message)
{
	if (hears != NULL)
		hears(message, m);
	else
		log_event(LOG_WARN, "the predecessor said what nobody understands", "bytes=%zu",
			  message.n);
}

static void
from_predecessor(struct span message, void *arg)
{
	struct master *m = arg;

	hear(m, m->ops->from_predecessor, message);
}

static void
on_end(bool in_charge, void *arg)
{
	struct master *m = arg;

	if (in_charge)
		supervisor_stop(m->supervisor, true);
	else
		master_leave(m);
}

static const struct takeover_ops as_successor = {on_go, from_predecessor, on_end};

/* ---- to the successor ---- */

/* Sessions of clients can be resumed with the successor.  Without it they shake hands in full. */
static void
give_tickets(struct upgrade *u)
{
	int fd = tls_tickets_give();

	if (fd >= 0)
		upgrade_give(u, TAKEOVER_TICKETS, fd, "-", true);
	else if (errno != ENOENT)
		log_errno(LOG_WARN, "cannot pass the secret of session tickets on", NULL);
}

static void
give_listener(struct upgrade *u, const struct listen_place *p)
{
	char about[ADDR_TEXT + sizeof TAKEOVER_GIVEN];
	size_t n = strlen(addr_text(&p->addr, about));

	if (p->fd < 0)
		return;
	if (addr_is_unix(&p->addr) && p->owner == LISTEN_GIVEN)
		(void)snprintf(about + n, sizeof about - n, "%s", TAKEOVER_GIVEN);
	upgrade_give(u, TAKEOVER_LISTEN, p->fd, about, false);
}

static int
gather(struct upgrade *u, void *arg)
{
	struct master *m = arg;

	if (m->ops->give != NULL && m->ops->give(m) < 0)
		return -1;
	for (unsigned i = 0; i < m->listen.n; i++)
		give_listener(u, &m->listen.at[i]);
	give_tickets(u);
	startup_restore(&m->settings->daemon, m->control);
	startup_give(u, m->control, m->admin);
	return 0;
}

static void
handed_over(void *arg)
{
	struct master *m = arg;

	startup_given(m->upgrade, m->control, &m->admin);
	listen_socket_given(&m->listen);
	if (m->ops->given != NULL)
		m->ops->given(m);
}

static void
from_successor(struct span message, void *arg)
{
	struct master *m = arg;

	hear(m, m->ops->from_successor, message);
}

static uint64_t
upgrade_timeout(void *arg)
{
	const struct master *m = arg;
	uint64_t ms = m->settings->daemon.upgrade_timeout;

	return m->ops->start_timeout != NULL ? ms + m->ops->start_timeout(m) : ms;
}

static const struct upgrade_ops as_predecessor = {
	.gather = gather,
	.handed_over = handed_over,
	.on_data = from_successor,
	.timeout = upgrade_timeout,
};

int
master_open_upgrade(struct master *m)
{
	struct upgrade_env env = {.base = m->base,
				  .command = &m->command,
				  .name = m->name,
				  .supervisor = m->supervisor,
				  .reload = m->reload,
				  .detached = m->settings->daemon.daemon};

	m->upgrade = upgrade_new(&env, &as_predecessor, m);
	if (m->upgrade == NULL || takeover_begin(m->base, &as_successor, m) < 0) {
		log_errno(LOG_ERROR, "cannot prepare for upgrades", NULL);
		return -1;
	}
	if (m->control != NULL)
		control_add(m->control, upgrade_verbs, m->upgrade);
	return 0;
}
