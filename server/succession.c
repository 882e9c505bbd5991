/* succession.c - see succession.h. */
#include "succession.h"

#include "launch.h"
#include "log.h"
#include "master.h"

/* ---- from the predecessor ---- */

static void
on_go(void *arg)
{
	struct master *m = arg;

	daemon_take_over();
	if (m->control != NULL)
		control_go(m->control);
	log_event(LOG_INFO, "took over", NULL);
	daemon_ready();
}

static void
on_said(struct span message, void *arg)
{
	(void)arg;
	log_event(LOG_WARN, "the predecessor said what nobody understands", "bytes=%zu", message.n);
}

const struct handover_ops succession_heir = {on_go, on_said};

/* ---- to the successor ---- */

static int
gather(struct upgrade *u, void *arg)
{
	struct master *m = arg;
	char text[ADDR_TEXT];

	upgrade_give(u, HANDOVER_LISTEN, m->venue.fd, addr_text(&m->venue.addr, text), false);
	launch_give(u, m->control, m->admin);
	return 0;
}

/* The registration is the successor's: it has announced itself by the same id. */
static void
handed_over(void *arg)
{
	struct master *m = arg;

	launch_given(m->upgrade, m->control, &m->admin);
	registrar_free(m->registrar);
	m->registrar = NULL;
}

const struct upgrade_ops succession_testator = {gather, handed_over, on_said};
