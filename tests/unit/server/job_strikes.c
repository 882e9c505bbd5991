/* job_strikes: which payloads are answered unrun, as workers see it. */
#include "job_strikes.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

static struct job_strikes *s;

static void
open_strikes(void)
{
	s = job_strikes_new();
	cr_assert_not_null(s);
	job_strikes_set(s, 2, 1000);
}

static void
close_strikes(void)
{
	job_strikes_free(s);
	job_strikes_free(NULL);
}

TestSuite(job_strikes, .init = open_strikes, .fini = close_strikes);

static uint64_t
print_of(const char *policy, const char *payload)
{
	return job_strikes_fingerprint(s, span_str(policy), span_str(payload));
}

static unsigned
add(uint64_t print, uint64_t now)
{
	return job_strikes_add(s, print, JOB_END_TIMEOUT, "7", now);
}

static unsigned
count(void)
{
	unsigned at = 0, n = 0;

	while (job_strikes_next(s, &at) != NULL)
		n++;
	cr_assert_eq(job_strikes_is_empty(s), n == 0);
	return n;
}

Test(job_strikes, a_fingerprint_is_of_policy_and_payload)
{
	uint64_t print = print_of("111", "x");

	cr_assert_eq(print, print_of("111", "x"));
	cr_assert_neq(print, print_of("111", "y"));
	cr_assert_neq(print, print_of("112", "x"));
	cr_assert_neq(print_of("11", "1x"), print);
	cr_assert_neq(print_of("", ""), 0);
}

Test(job_strikes, a_payload_is_out_after_so_many_strikes)
{
	uint64_t print = print_of("111", "x");

	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_NONE);
	cr_assert_eq(add(print, 1), 1);
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_SOME);
	cr_assert_eq(add(print, 2), 2);
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_OUT);
	cr_assert_eq(job_strikes_standing(s, print_of("111", "y")), JOB_STRIKES_NONE);
	cr_assert_eq(count(), 1);
}

Test(job_strikes, an_answer_makes_strikes_void)
{
	uint64_t print = print_of("111", "x");

	(void)add(print, 1);
	cr_assert(job_strikes_clear(s, print));
	cr_assert_not(job_strikes_clear(s, print));
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_NONE);
	cr_assert_eq(add(print, 2), 1, "counted anew");
}

Test(job_strikes, the_last_strike_is_told)
{
	uint64_t print = print_of("111", "x");
	const struct job_strike *k;
	unsigned at = 0;

	(void)job_strikes_add(s, print, JOB_END_TIMEOUT, "first", 10);
	(void)job_strikes_add(s, print, JOB_END_SELF, "second", 30);
	k = job_strikes_next(s, &at);
	cr_assert_not_null(k);
	cr_assert(k->fingerprint == print && k->count == 2 && k->out);
	cr_assert(k->first == 10 && k->last == 30 && k->end == JOB_END_SELF);
	cr_assert_str_eq(k->client, "second");
	cr_assert_null(job_strikes_next(s, &at));
}

Test(job_strikes, a_strike_is_forgotten_after_its_time)
{
	uint64_t old = print_of("111", "old"), young = print_of("111", "young");

	(void)add(old, 1000);
	(void)add(young, 1500);
	job_strikes_expire(s, 1999);
	cr_assert_eq(count(), 2);
	job_strikes_expire(s, 2000);
	cr_assert_eq(count(), 1);
	cr_assert_eq(job_strikes_standing(s, old), JOB_STRIKES_NONE);
	cr_assert_eq(job_strikes_standing(s, young), JOB_STRIKES_SOME);
	(void)add(young, 2400);
	job_strikes_expire(s, 2500);
	cr_assert_eq(job_strikes_standing(s, young), JOB_STRIKES_OUT, "by its last one");
}

Test(job_strikes, another_limit_judges_those_that_are_known)
{
	uint64_t print = print_of("111", "x");

	(void)add(print, 1);
	job_strikes_set(s, 1, 1000);
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_OUT);
	job_strikes_set(s, 3, 1000);
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_SOME);
	job_strikes_set(s, 0, 1000);
	cr_assert_eq(job_strikes_standing(s, print), JOB_STRIKES_NONE);
	cr_assert_eq(count(), 0);
	cr_assert_eq(add(print, 2), 0, "none is counted");
	cr_assert_eq(count(), 0);
}

Test(job_strikes, a_full_set_loses_the_oldest)
{
	enum { MORE = JOB_STRIKES_WAYS + 3, STEP = JOB_STRIKES_SETS << 1 };
	uint64_t print = 2;

	for (unsigned i = 0; i < MORE; i++)
		(void)add(print + i * STEP, 1 + i);
	cr_assert_eq(count(), JOB_STRIKES_WAYS);
	for (unsigned i = 0; i < MORE; i++)
		cr_assert_eq(job_strikes_standing(s, print + i * STEP),
			     i < 3 ? JOB_STRIKES_NONE : JOB_STRIKES_SOME, "%u", i);
	cr_assert_eq(job_strikes_clear_all(s), JOB_STRIKES_WAYS);
	cr_assert_eq(count(), 0);
}

Test(job_strikes, what_a_worker_says_is_bounded)
{
	cr_assert_eq(add(0, 1), 0);
	cr_assert_eq(add(1, 1), 0);
	cr_assert_eq(count(), 0);
	(void)add(UINT64_MAX, 1);
	cr_assert_eq(count(), 1);
	cr_assert_eq(job_strikes_standing(s, UINT64_MAX - 1), JOB_STRIKES_SOME);
	cr_assert(job_strikes_clear(s, UINT64_MAX));
}

Test(job_strikes, a_worker_sees_what_is_published_later)
{
	uint64_t print = print_of("111", "x");
	int fd[2], status;
	char word;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		(void)!read(fd[0], &word, 1);
		_exit(!job_strikes_is_empty(s) && print_of("111", "x") == print &&
				      job_strikes_standing(s, print) == JOB_STRIKES_OUT
			      ? 0
			      : 1);
	}
	(void)add(print, 1);
	(void)add(print, 2);
	cr_assert_eq(write(fd[1], "x", 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

Test(job_strikes, a_fingerprint_as_text)
{
	char text[JOB_STRIKES_TEXT];
	uint64_t print;

	cr_assert_str_eq(job_strikes_text(0xab, text), "00000000000000ab");
	cr_assert(job_strikes_parse("00000000000000ab", &print) && print == 0xab);
	cr_assert(job_strikes_parse("FFFFFFFFFFFFFFFF", &print) && print == UINT64_MAX);
	cr_assert_not(job_strikes_parse("", &print));
	cr_assert_not(job_strikes_parse("ab", &print));
	cr_assert_not(job_strikes_parse("00000000000000abc", &print));
	cr_assert_not(job_strikes_parse("0x000000000000ab", &print));
	cr_assert_not(job_strikes_parse("-0000000000000ab", &print));
}
