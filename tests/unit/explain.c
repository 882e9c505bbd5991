/* explain: what a worker answers is read, and believed only where it can be true. */
#include "explain.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "handoff.h"

enum { SERVERS = 4 };

static char message[sizeof(struct explain_answer) + EXPLAIN_ROWS * sizeof(struct explain_row)];
static struct explain_answer head;
static struct explain_row row[EXPLAIN_ROWS];

static size_t
make(uint32_t n)
{
	memset(message, 0, sizeof message);
	head = (struct explain_answer){
		.kind = HANDOFF_EXPLAIN, .token = 7, .n = n, .known = true, .last = true};
	memcpy(message, &head, sizeof head);
	return sizeof head + n * sizeof(struct explain_row);
}

static int
look(size_t n)
{
	return explain_read(span_of(message, n), SERVERS, &head, row);
}

/* Of the second row. */
static void
put(size_t offset, const void *value, size_t n)
{
	memcpy(message + sizeof head + sizeof *row + offset, value, n);
}

Test(explain, an_answer_is_read_with_its_rows)
{
	const uint32_t server = SERVERS - 1;
	size_t n = make(2);

	put(offsetof(struct explain_row, server), &server, sizeof server);
	cr_assert_eq(look(n), 0);
	cr_assert(head.token == 7 && head.n == 2 && head.known && head.last);
	cr_assert_eq(row[1].server, server);
	cr_assert_eq(look(make(0)), 0);
	cr_assert_eq(look(make(EXPLAIN_ROWS)), 0);
}

Test(explain, what_is_cut_or_too_long_is_none)
{
	size_t n = make(2);

	for (size_t i = 0; i < n; i++)
		cr_assert_eq(look(i), -1, "%zu bytes", i);
	cr_assert_eq(look(n + 1), -1);
	head.n = UINT32_MAX;
	memcpy(message, &head, sizeof head);
	cr_assert_eq(look(n), -1);
	head.n = EXPLAIN_ROWS + 1;
	memcpy(message, &head, sizeof head);
	cr_assert_eq(look(sizeof message), -1);
}

Test(explain, a_server_that_can_not_be_is_none)
{
	for (uint64_t server = SERVERS; server <= UINT32_MAX; server = server * 2 + 1) {
		size_t n = make(2);
		const uint32_t value = (uint32_t)server;
		put(offsetof(struct explain_row, server), &value, sizeof value);
		cr_assert_eq(look(n), -1, "server %u", value);
	}
}

Test(explain, values_that_no_program_writes_are_none)
{
	const int verdicts[] = {-1, UPSTREAM_VERDICT_COUNT, 1 << 30};
	const unsigned char neither = 2;
	const size_t flag[] = {offsetof(struct explain_row, chosen),
			       offsetof(struct explain_row, sight.busy)};

	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		size_t n = make(2);
		put(offsetof(struct explain_row, sight.verdict), &verdicts[i], sizeof *verdicts);
		cr_assert_eq(look(n), -1, "verdict %d", verdicts[i]);
	}
	for (size_t i = 0; i < sizeof flag / sizeof *flag; i++) {
		size_t n = make(2);
		put(flag[i], &neither, 1);
		cr_assert_eq(look(n), -1);
	}
	size_t n = make(0);
	memcpy(message + offsetof(struct explain_answer, last), &neither, 1);
	cr_assert_eq(look(n), -1);
}
