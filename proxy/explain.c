/* explain.c - see explain.h. */
#include "explain.h"

#include <string.h>

#include "handoff.h"

/* Looked at as the byte that it is: a bool that is neither must not be read as one. */
static bool
is_bool(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, sizeof byte);
	return byte <= 1;
}

static bool
row_is_sound(const struct explain_row *r, unsigned servers)
{
	return r->server < servers && is_bool(&r->chosen) && is_bool(&r->sight.busy) &&
	       (unsigned)r->sight.verdict < UPSTREAM_VERDICT_COUNT;
}

int
explain_read(struct span message, unsigned servers, struct explain_answer *head,
	     struct explain_row row[EXPLAIN_ROWS])
{
	if (message.n < sizeof *head)
		return -1;
	memcpy(head, message.p, sizeof *head);
	if (handoff_kind_of(message) != HANDOFF_EXPLAIN || head->n > EXPLAIN_ROWS ||
	    message.n != sizeof *head + head->n * sizeof *row || !is_bool(&head->known) ||
	    !is_bool(&head->last))
		return -1;
	if (head->n > 0)
		memcpy(row, message.p + sizeof *head, head->n * sizeof *row);
	for (uint32_t i = 0; i < head->n; i++)
		if (!row_is_sound(&row[i], servers))
			return -1;
	return 0;
}
