/* conn_debt.c - what the peer of a conn owes: the rest of an object, taking what is written.  See
 * on_owes in conn.h. */
#include "conn_state.h"

void
conn_judge_rest(struct conn *c, bool whole, const struct buf *in)
{
	bool owes = c->state == CONN_OPEN && !c->held && !c->eof && !c->faulted &&
		    frame_partial(&c->frame, in);

	if (!(owes || c->owes_rest) || (owes && c->owes_rest && !whole))
		return;
	c->owes_rest = owes;
	if (c->ops->on_owes != NULL && c->state != CONN_CLOSED)
		c->ops->on_owes(c, CONN_REST, owes, c->ctx);
}

void
conn_judge_taking(struct conn *c)
{
	if (c->ops->on_owes == NULL || (c->owes_taking && c->sent < c->due))
		return;
	c->owes_taking = true;
	c->due = c->sent + buf_len(&c->out);
	c->ops->on_owes(c, CONN_TAKING, true, c->ctx);
}

void
conn_has_taken(struct conn *c)
{
	if (!c->owes_taking)
		return;
	c->owes_taking = false;
	c->ops->on_owes(c, CONN_TAKING, false, c->ctx);
}
