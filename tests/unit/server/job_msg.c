/* job_msg: messages about job processes are judged before they are heeded. */
#include "job_msg.h"

#include <criterion/criterion.h>
#include <string.h>

static bool
is_read(const struct job_msg *m)
{
	struct job_msg out;

	return job_msg_read(job_msg_span(m), 4, &out) && memcmp(&out, m, sizeof out) == 0;
}

static struct job_msg
of(enum job_msg_kind kind)
{
	struct job_msg m;

	memset(&m, 0, sizeof m);
	m.kind = kind;
	m.number = 3;
	m.serial = kind == JOB_MSG_STRIKE || kind == JOB_MSG_FAILING ? 0 : 7;
	return m;
}

Test(job_msg, each_kind_is_read_as_it_was_sent)
{
	for (unsigned kind = JOB_MSG_STDIN; kind <= JOB_MSG_RETIRE; kind++) {
		struct job_msg m = of((enum job_msg_kind)kind);

		cr_assert(is_read(&m), "%x", kind);
		m.number = 4;
		cr_assert_not(is_read(&m), "%x: no such process", kind);
	}
}

Test(job_msg, what_is_no_message_is_not_read)
{
	struct job_msg m = of(JOB_MSG_READY), out;

	cr_assert_not(job_msg_read(span_of((char *)&m, sizeof m - 1), 4, &out));
	cr_assert_not(job_msg_read(span_of(NULL, 0), 4, &out));
	m.kind = JOB_MSG_RETIRE + 1;
	cr_assert_not(is_read(&m));
	m.kind = JOB_MSG_NONE;
	cr_assert_not(is_read(&m));
}

Test(job_msg, values_are_within_their_types)
{
	struct job_msg m = of(JOB_MSG_READY);

	m.ready.repeatable = 2;
	cr_assert_not(is_read(&m));
	m = of(JOB_MSG_READY);
	m.serial = 0;
	cr_assert_not(is_read(&m));
	m = of(JOB_MSG_KILL);
	m.kill.end = JOB_END_COUNT;
	cr_assert_not(is_read(&m));
	m = of(JOB_MSG_ENDED);
	m.ended.end = JOB_END_COUNT;
	cr_assert_not(is_read(&m));
	m = of(JOB_MSG_STRIKE);
	m.strike.clear = 2;
	cr_assert_not(is_read(&m));
	m = of(JOB_MSG_STRIKE);
	memset(m.strike.client, 'x', sizeof m.strike.client);
	cr_assert_not(is_read(&m), "the text has no end");
	m = of(JOB_MSG_FAILING);
	memset(m.failing.why, 'x', sizeof m.failing.why);
	cr_assert_not(is_read(&m), "the text has no end");
}

Test(job_msg, each_end_has_a_word)
{
	for (unsigned i = 0; i < JOB_END_COUNT; i++)
		cr_assert(strlen(job_end_text((enum job_end)i)) > 0);
}
