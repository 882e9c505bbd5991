/* fair_queue.c - see fair_queue.h. */
#include "fair_queue.h"

void
fair_queue_init(struct fair_queue *queue)
{
	TAILQ_INIT(&queue->turn);
	queue->n = queue->clients = 0;
}

/* The first of a client in this queue; NULL when it has none here. */
static struct request *
lead_of(const struct fair_queue *queue, const struct request_places *places)
{
	struct request *q;

	LIST_FOREACH(q, &places->lead, place)
		if (q->queue == queue)
			return q;
	return NULL;
}

static void
become_lead(struct fair_queue *queue, struct request *q)
{
	TAILQ_INIT(&q->behind);
	q->behind_n = 0;
	q->queue = queue;
	LIST_INSERT_HEAD(&q->places->lead, q, place);
	queue->clients++;
}

static void
be_lead_no_more(struct fair_queue *queue, struct request *q)
{
	LIST_REMOVE(q, place);
	q->queue = NULL;
	queue->clients--;
}

void
fair_queue_push(struct fair_queue *queue, struct request *q)
{
	struct request *lead = lead_of(queue, q->places);

	queue->n++;
	if (lead != NULL) {
		TAILQ_INSERT_TAIL(&lead->behind, q, link);
		lead->behind_n++;
		return;
	}
	become_lead(queue, q);
	TAILQ_INSERT_TAIL(&queue->turn, q, link);
}

/* What stands behind from comes to stand behind to. */
static void
hand_over(struct request *from, struct request *to)
{
	TAILQ_CONCAT(&to->behind, &from->behind, link);
	to->behind_n += from->behind_n;
	from->behind_n = 0;
}

void
fair_queue_push_first(struct fair_queue *queue, struct request *q)
{
	struct request *lead = lead_of(queue, q->places);

	queue->n++;
	become_lead(queue, q);
	if (lead != NULL) {
		TAILQ_REMOVE(&queue->turn, lead, link);
		be_lead_no_more(queue, lead);
		TAILQ_INSERT_TAIL(&q->behind, lead, link);
		q->behind_n = 1;
		hand_over(lead, q);
	}
	TAILQ_INSERT_HEAD(&queue->turn, q, link);
}

struct request *
fair_queue_first(const struct fair_queue *queue)
{
	return TAILQ_FIRST(&queue->turn);
}

static void
remove_lead(struct fair_queue *queue, struct request *lead, bool served)
{
	struct request *next = TAILQ_FIRST(&lead->behind);

	be_lead_no_more(queue, lead);
	if (next != NULL) {
		TAILQ_REMOVE(&lead->behind, next, link);
		lead->behind_n--;
		become_lead(queue, next);
		hand_over(lead, next);
		if (served)
			TAILQ_INSERT_TAIL(&queue->turn, next, link);
		else
			TAILQ_INSERT_BEFORE(lead, next, link);
	}
	TAILQ_REMOVE(&queue->turn, lead, link);
}

void
fair_queue_remove(struct fair_queue *queue, struct request *q, bool served)
{
	struct request *lead;

	queue->n--;
	if (q->queue == queue) {
		remove_lead(queue, q, served);
		return;
	}
	lead = lead_of(queue, q->places);
	TAILQ_REMOVE(&lead->behind, q, link);
	lead->behind_n--;
}

unsigned
fair_queue_ahead(const struct fair_queue *queue, const struct request_places *places)
{
	const struct request *lead = lead_of(queue, places);
	uint64_t own = lead == NULL ? 0 : lead->behind_n + UINT64_C(1);
	uint64_t rounds = (own + 1) * queue->clients;

	return rounds < queue->n ? (unsigned)rounds : queue->n;
}
