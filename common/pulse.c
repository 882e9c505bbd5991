/* pulse.c - see pulse.h. */
#include "pulse.h"

#include <stdio.h>

#include "notify.h"

void
pulse_turn(struct pulse *p, const struct pulse_view *v, uint64_t now)
{
	char text[128];

	if (!notify_is_on())
		return;
	(void)snprintf(text, sizeof text, "%s: %u of %u workers ready%s", v->state, v->ready,
		       v->wanted, v->all_hang ? ", all of them hang" : "");
	notify_status(text);
	if (notify_watchdog() == 0 || v->all_hang || now < p->next)
		return;
	notify_alive();
	p->next = now + notify_watchdog() / 2;
}
