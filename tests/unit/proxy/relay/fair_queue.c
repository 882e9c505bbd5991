/* fair_queue: clients take turns. */
#include "fair_queue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 5, MANY = 1000 };

static struct fair_queue queue, other;
static struct request_places places[CLIENTS];
static struct request *request[CLIENTS][MANY]; /* made when first used */

static struct request *
make(int client, int i)
{
	struct request **at = &request[client][i], *q;

	if (*at == NULL)
		*at = request_new(NULL, NULL, span_of(NULL, 0), span_of(NULL, 0));
	q = *at;
	cr_assert_not_null(q);
	q->places = &places[client];
	q->tries = (unsigned)i;
	return q;
}

static void
push(struct fair_queue *into, int client, int i)
{
	fair_queue_push(into, make(client, i));
}

static void
open_queue(void)
{
	fair_queue_init(&queue);
	fair_queue_init(&other);
}

static void
close_queue(void)
{
	for (int c = 0; c < CLIENTS; c++)
		for (int i = 0; i < MANY; i++)
			free(request[c][i]);
}

TestSuite(queue, .init = open_queue, .fini = close_queue);

/* Serves all; as text, "A0 B0 A1 ". */
static void
served(struct fair_queue *from, const char *wanted)
{
	char text[256] = "";
	struct request *q;

	while ((q = fair_queue_first(from)) != NULL) {
		size_t used = strlen(text);
		fair_queue_remove(from, q, true);
		(void)snprintf(text + used, sizeof text - used, "%c%u ",
			       'A' + (int)(q->places - places), q->tries);
	}
	cr_assert_str_eq(text, wanted);
	cr_assert(from->n == 0 && from->clients == 0);
}

Test(queue, clients_take_turns_and_keep_their_own_order)
{
	for (int i = 0; i < 3; i++)
		push(&queue, 0, i);
	push(&queue, 1, 0);
	push(&queue, 2, 0);
	push(&queue, 1, 1);
	cr_assert(queue.n == 6 && queue.clients == 3);
	served(&queue, "A0 B0 C0 A1 B1 A2 ");
}

Test(queue, who_has_one_waits_for_one_of_who_has_a_thousand)
{
	for (int i = 0; i < MANY; i++)
		push(&queue, 0, i);
	push(&queue, 1, 0);
	fair_queue_remove(&queue, fair_queue_first(&queue), true);
	cr_assert_eq(fair_queue_first(&queue), request[1][0]);
}

Test(queue, what_comes_back_is_the_next_and_its_client_goes_on_behind_it)
{
	for (int i = 0; i < 3; i++)
		push(&queue, 0, i);
	push(&queue, 1, 0);
	struct request *q = fair_queue_first(&queue);
	fair_queue_remove(&queue, q, true); /* B0 A1 A2 */
	fair_queue_push_first(&queue, q);
	cr_assert(queue.n == 4 && queue.clients == 2);
	served(&queue, "A0 B0 A1 A2 ");
	push(&queue, 0, 1);
	fair_queue_push_first(&queue, make(1, 0));
	served(&queue, "B0 A1 ");
}

Test(queue, several_that_come_back_last_first_are_in_their_order_again)
{
	push(&queue, 0, 3);
	push(&queue, 1, 0);
	for (int i = 2; i >= 0; i--)
		fair_queue_push_first(&queue, make(0, i));
	served(&queue, "A0 B0 A1 A2 A3 ");
}

Test(queue, who_gives_up_leaves_its_place_to_its_clients_next)
{
	for (int i = 0; i < 3; i++)
		push(&queue, 0, i);
	push(&queue, 1, 0);
	fair_queue_remove(&queue, request[0][1], false);
	fair_queue_remove(&queue, request[0][0], false);
	served(&queue, "A2 B0 ");
}

Test(queue, a_client_may_wait_in_several)
{
	for (int i = 0; i < 4; i++)
		push(i % 2 ? &other : &queue, 0, i);
	push(&other, 1, 0);
	served(&other, "A1 B0 A3 ");
	served(&queue, "A0 A2 ");
}

Test(queue, what_is_ahead_counts_turns_not_requests)
{
	cr_assert_eq(fair_queue_ahead(&queue, &places[0]), 0);
	for (int i = 0; i < 100; i++)
		push(&queue, 0, i);
	cr_assert_eq(fair_queue_ahead(&queue, &places[0]), 100);
	cr_assert_eq(fair_queue_ahead(&queue, &places[1]), 1);
	push(&queue, 1, 0);
	cr_assert_eq(fair_queue_ahead(&queue, &places[1]), 4,
		     "its own, and at most two of each before that");
	cr_assert_eq(fair_queue_ahead(&queue, &places[2]), 2);
}

/* Against the simplest thing that could be right: each client's own list, and a list of clients. */
Test(queue, any_sequence_leaves_nobody_out_and_nobody_twice)
{
	unsigned seed = 7;
	int next[CLIENTS] = {0}, due[CLIENTS] = {0};
	unsigned n = 0;

	for (int step = 0; step < 200000; step++) {
		int client = rand_r(&seed) % CLIENTS;
		if (rand_r(&seed) % 2 && next[client] - due[client] < MANY) {
			push(&queue, client, next[client] % MANY);
			next[client]++;
			n++;
		} else if (n > 0) {
			struct request *q = fair_queue_first(&queue);
			client = (int)(q->places - places);
			fair_queue_remove(&queue, q, true);
			if (rand_r(&seed) % 4 == 0) {
				fair_queue_push_first(&queue, q);
				cr_assert_eq(fair_queue_first(&queue), q);
				continue;
			}
			cr_assert_eq(q, request[client][due[client] % MANY],
				     "out of its client's order");
			due[client]++;
			n--;
		}
		cr_assert_eq(queue.n, n);
	}
}
