/* job_suspects: who breaks the protocol again, and who does not. */
#include "job_suspects.h"

#include <criterion/criterion.h>

Test(job_suspects, once_is_not_again)
{
	struct job_suspects s = {.n = 0};

	cr_expect_not(job_suspects_again(&s, 2));
	cr_expect_not(job_suspects_again(&s, 4));
	cr_expect_eq(s.n, 2);
	cr_expect(job_suspects_again(&s, 2));
	cr_expect(job_suspects_again(&s, 2));
	cr_expect_eq(s.n, 2);
}

Test(job_suspects, an_answer_clears_its_own_payload_alone)
{
	struct job_suspects s = {.n = 0};

	(void)job_suspects_again(&s, 2);
	(void)job_suspects_again(&s, 4);
	job_suspects_clear(&s, 2);
	job_suspects_clear(&s, 6);
	job_suspects_clear(&s, 2 + 2 * JOB_SUSPECTS);
	cr_expect_eq(s.n, 1);
	cr_expect_not(job_suspects_again(&s, 2));
	cr_expect(job_suspects_again(&s, 4));
}

Test(job_suspects, of_two_in_one_place_the_later_is_known)
{
	struct job_suspects s = {.n = 0};

	(void)job_suspects_again(&s, 2);
	cr_expect_not(job_suspects_again(&s, 2 + 2 * JOB_SUSPECTS));
	cr_expect_eq(s.n, 1);
	cr_expect_not(job_suspects_again(&s, 2));
	job_suspects_clear(&s, 2);
	cr_expect_eq(s.n, 0);
}
