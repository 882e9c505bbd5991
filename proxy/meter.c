/* meter.c - see meter.h. */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The last row of each keeps what the dead had counted. */
struct meter {
	unsigned workers, policies;
	size_t bytes;
	struct meter_row *row;	   /* [workers + 1]; the mapping begins here */
	struct meter_queue *queue; /* [workers + 1][policies] */
};

#define METER_TEXT(name) #name,
static const char *const clock_text[] = {METER_CLOCKS(METER_TEXT)};
static const char *const gate_text[] = {METER_GATES(METER_TEXT)};
#undef METER_TEXT

const char *
meter_clock_text(enum meter_clock clock)
{
	return clock_text[clock];
}

const char *
meter_gate_text(enum meter_gate gate)
{
	return gate_text[gate];
}

struct meter *
meter_new(unsigned workers, unsigned policies)
{
	struct meter *m = calloc(1, sizeof *m);
	size_t rows = (size_t)workers + 1;
	void *at;

	if (m == NULL)
		return NULL;
	m->workers = workers;
	m->policies = policies;
	m->bytes = rows * sizeof *m->row + rows * policies * sizeof *m->queue;
	at = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED) {
		free(m);
		errno = ENOMEM;
		return NULL;
	}
	m->row = at;
	m->queue = (struct meter_queue *)(void *)(m->row + rows);
	return m;
}

void
meter_free(struct meter *m)
{
	if (m == NULL)
		return;
	(void)munmap(m->row, m->bytes);
	free(m);
}

struct meter_row *
meter_row(struct meter *m, unsigned worker)
{
	return &m->row[worker];
}

struct meter_queue *
meter_queue(struct meter *m, unsigned worker, unsigned policy)
{
	return &m->queue[(size_t)worker * m->policies + policy];
}

void
meter_gauge(_Atomic uint64_t *now, _Atomic uint64_t *max, uint64_t value)
{
	scoreboard_set(now, value);
	if (value > scoreboard_get(max))
		scoreboard_set(max, value);
}

static void
add(_Atomic uint64_t *into, const _Atomic uint64_t *from)
{
	scoreboard_add(into, scoreboard_get(from));
}

static void
highest(_Atomic uint64_t *into, const _Atomic uint64_t *from)
{
	if (scoreboard_get(from) > scoreboard_get(into))
		scoreboard_set(into, scoreboard_get(from));
}

static void
add_row(struct meter_row *into, const struct meter_row *from)
{
	for (unsigned i = 0; i < PACKET_CODE_COUNT; i++)
		add(&into->error[i], &from->error[i]);
	for (unsigned i = 0; i < METER_CLOCK_COUNT; i++)
		add(&into->timeout[i], &from->timeout[i]);
	for (unsigned i = 0; i < METER_GATE_COUNT; i++)
		add(&into->gate[i], &from->gate[i]);
	add(&into->queued, &from->queued);
	add(&into->buffered, &from->buffered);
	highest(&into->queued_max, &from->queued_max);
	highest(&into->buffered_max, &from->buffered_max);
}

static void
add_queue(struct meter_queue *into, const struct meter_queue *from)
{
	add(&into->queued, &from->queued);
	highest(&into->queued_max, &from->queued_max);
	add(&into->refused, &from->refused);
	add(&into->expired, &from->expired);
	add(&into->turned_away, &from->turned_away);
}

void
meter_fold(struct meter *m, unsigned worker)
{
	struct meter_row *row = meter_row(m, worker);

	scoreboard_set(&row->queued, 0);
	scoreboard_set(&row->buffered, 0);
	add_row(meter_row(m, m->workers), row);
	memset(row, 0, sizeof *row);
	for (unsigned i = 0; i < m->policies; i++) {
		struct meter_queue *queue = meter_queue(m, worker, i);
		scoreboard_set(&queue->queued, 0);
		add_queue(meter_queue(m, m->workers, i), queue);
		memset(queue, 0, sizeof *queue);
	}
}

void
meter_sum(struct meter *m, struct meter_row *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned w = 0; w <= m->workers; w++)
		add_row(out, meter_row(m, w));
}

void
meter_sum_queue(struct meter *m, unsigned policy, struct meter_queue *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned w = 0; w <= m->workers; w++)
		add_queue(out, meter_queue(m, w, policy));
}
