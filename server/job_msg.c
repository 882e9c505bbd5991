/* job_msg.c - see job_msg.h. */
#include "job_msg.h"

#include <string.h>

const char *
job_end_text(enum job_end end)
{
#define JOB_END_TEXT(name, text) text,
	static const char *const texts[] = {JOB_ENDS(JOB_END_TEXT)};
#undef JOB_END_TEXT

	return texts[end];
}

static bool
is_ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
is_sound(const struct job_msg *m)
{
	switch (m->kind) {
	case JOB_MSG_STDIN:
	case JOB_MSG_STDOUT: return m->serial != 0;
	case JOB_MSG_ENDED: return m->serial != 0 && m->ended.end < JOB_END_COUNT;
	case JOB_MSG_READY: return m->serial != 0 && m->ready.repeatable <= 1;
	case JOB_MSG_RETIRE:
	case JOB_MSG_KILL:
		return m->serial != 0 && m->kill.end < JOB_END_COUNT &&
		       is_ended(m->kill.why, sizeof m->kill.why);
	case JOB_MSG_STRIKE:
		return m->strike.end < JOB_END_COUNT && m->strike.clear <= 1 &&
		       is_ended(m->strike.client, sizeof m->strike.client);
	case JOB_MSG_FAILING:
		return m->failing.failing <= 1 && is_ended(m->failing.why, sizeof m->failing.why);
	default: return false;
	}
}

bool
job_msg_read(struct span message, unsigned processes, struct job_msg *out)
{
	if (message.n != sizeof *out)
		return false;
	memcpy(out, message.p, sizeof *out);
	return out->number < processes && is_sound(out);
}
