/* handler_check, and trial below it: handlers in sed and sh, one that is fine and one for each
 * fault. */
#include "handler_check.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "trial.h"

#define ECHO \
	"s/^{\"job\":\\([0-9]*\\),.*\"payload\":\"\\(.*\\)\"}$/{\"job\":\\1,\"payload\":\"\\2\"}/"

/* That the handler would have. */
static const struct daemon_conf server = {
	.max_message = 1 << 20,
	.isolation = {.level = ISOLATION_UNFILTERED, .umask = 022},
};

static struct handler_conf
conf_of(char *const *words, size_t n)
{
	static char empty[] = "";
	struct handler_conf c = {.kind = HANDLER_EXEC,
				 .command = {(char **)(void *)(uintptr_t)words, n},
				 .module = empty,
				 .directory = empty,
				 .processes = 1,
				 .job_timeout = 20000,
				 .start_timeout = 20000,
				 .grace = 1000,
				 .max_reply = 2 << 20};

	(void)snprintf(c.program, sizeof c.program, "%s", words[0]);
	return c;
}

/* What is said of a handler, in text; its status. */
static int
check_of(struct handler_conf *c, char text[8192])
{
	FILE *out = fmemopen(text, 8192, "w");
	int status;

	(void)signal(SIGPIPE, SIG_IGN); /* as process_init() does */
	cr_assert_not_null(out);
	status = handler_check(c, &server, out);
	cr_assert_eq(fclose(out), 0);
	return status;
}

/* A script of sh, which reads its jobs by itself, has to fail with these words in one line. */
static void
expect_failure(const char *script, uint64_t timeout, const char *check, const char *said)
{
	char sh[] = "/bin/sh", flag[] = "-c", *copy = strdup(script), text[8192], line[300];
	char *words[] = {sh, flag, copy};
	struct handler_conf c = conf_of(words, 3);

	c.job_timeout = c.start_timeout = timeout;
	cr_assert_eq(check_of(&c, text), 1, "%s", text);
	(void)snprintf(line, sizeof line, "FAIL %s", check);
	cr_assert_not_null(strstr(text, line), "%s: %s", script, text);
	cr_assert_not_null(strstr(strstr(text, line), said), "%s: %s", script, text);
	free(copy);
}

Test(handler_check, a_handler_that_keeps_to_the_protocol_passes)
{
	char sed[] = "/bin/sed", unbuffered[] = "-u", script[] = ECHO, text[8192];
	char *words[] = {sed, unbuffered, script};
	struct handler_conf c = conf_of(words, 3);

	cr_assert_eq(check_of(&c, text), 0, "%s", text);
	cr_assert_null(strstr(text, "FAIL"), "%s", text);
	cr_assert_not_null(strstr(text, "12 checks: 12 ok, 0 failed, 0 not tried\n"), "%s", text);
}

Test(handler_check, one_that_does_not_start_is_tried_no_further)
{
	char text[8192], no_program[] = "/nonexistent/program";
	char *words[] = {no_program};
	struct handler_conf c = conf_of(words, 1);

	cr_assert_eq(check_of(&c, text), 1);
	cr_assert_not_null(strstr(text, "FAIL start"), "%s", text);
	cr_assert_not_null(strstr(text, "ended with status 127 before it was ready"), "%s", text);
	cr_assert_not_null(strstr(text, "12 checks: 0 ok, 1 failed, 11 not tried\n"), "%s", text);
	expect_failure("while read l; do :; done", 200, "start", "no answer after 200 ms");
	expect_failure("read l; kill -SEGV $$", 20000, "start", "was ended by signal 11");
	expect_failure("echo hello; cat >/dev/null", 20000, "start", "hello");
}

#define READY "read l; echo '{\"job\":0}'; "

Test(handler_check, each_fault_is_told_by_its_name)
{
	expect_failure(READY "read l; exit 3", 20000, "number",
		       "ended with status 3 during the job");
	expect_failure(READY "while read l; do echo '{\"job\":5,\"payload\":\"\"}'; done", 20000,
		       "number", "job 1 was answered as job 5");
	expect_failure(READY "while read l; do printf '{\"job\":1'; sleep 30; done", 200, "number",
		       "half a line after 200 ms: {\"job\":1");
	expect_failure(READY "exec sed -u -e '" ECHO ";p'", 20000, "number",
		       "job"); /* the second line comes at once or with the next job */
	expect_failure(READY "exec >&-; cat >/dev/null; sleep 30", 20000, "number",
		       "closed its standard output during the job");
}

/* What to do is in the line below. */
Test(handler_check, an_answer_without_its_number_is_told_what_it_lacks)
{
	static const char form[] = "\n              an answer gives its job's number back";

	expect_failure("while read l; do echo '{\"payload\":\"\"}'; done", 20000, "start", form);
	expect_failure("echo hello; cat >/dev/null", 20000, "start",
		       "\n              standard output is for answers alone");
}

Test(handler_check, where_each_answer_is_an_error_one_more_check_has_failed)
{
	char sed[] = "/bin/sed", unbuffered[] = "-u", text[8192],
	     script[] = "s/^{\"job\":0,.*/{\"job\":0}/;t;"
			"s/^{\"job\":\\([0-9]*\\),.*$/{\"job\":\\1,\"error\":\"no\"}/";
	char *words[] = {sed, unbuffered, script};
	struct handler_conf c = conf_of(words, 3);

	cr_assert_eq(check_of(&c, text), 1, "%s", text);
	cr_assert_not_null(strstr(text, "FAIL answers"), "%s", text);
	cr_assert_not_null(strstr(text, "13 checks: 12 ok, 1 failed, 0 not tried\n"), "%s", text);
}

Test(handler_check, one_that_ends_at_a_job_does_the_others)
{
	char text[8192], sh[] = "/bin/sh", flag[] = "-c",
			 script[] = "exec sed -u -e '/\xf0\x9f\x98\x80/Q3' -e '" ECHO "'";
	char *words[] = {sh, flag, script};
	struct handler_conf c = conf_of(words, 3);

	cr_assert_eq(check_of(&c, text), 1);
	cr_assert_not_null(strstr(text, "FAIL emoji"), "%s", text);
	cr_assert_not_null(strstr(text, "12 checks: 11 ok, 1 failed, 0 not tried\n"), "%s", text);
}

Test(handler_check, one_that_outlives_its_standard_input_is_told)
{
	expect_failure("trap '' TERM; sed -u '" ECHO "'; sleep 30", 20000, "end",
		       "still runs 1000 ms after the end of its standard input");
}

Test(handler_check, a_reply_that_a_server_would_refuse_is_an_error)
{
	char sed[] = "/bin/sed", unbuffered[] = "-u", script[] = ECHO, text[8192];
	char *words[] = {sed, unbuffered, script};
	struct handler_conf c = conf_of(words, 3);

	c.max_reply = (1 << 20) - 1;
	cr_assert_eq(check_of(&c, text), 0, "%s", text);
	cr_assert_not_null(strstr(text, "an error: the reply is larger than handler_max_reply\n"),
			   "%s", text);
}

Test(trial, an_answer_has_to_fit_a_line)
{
	char sh[] = "/bin/sh", flag[] = "-c",
	     script[] = READY "read l; head -c 100000 /dev/zero | tr '\\0' x; sleep 30";
	char *words[] = {sh, flag, script};
	struct handler_conf c = conf_of(words, 3);
	struct job_answer answer;
	struct span line;
	const char *why;
	struct trial t;

	c.max_reply = 1000;
	cr_assert_eq(trial_start(&t, &c, &server, stderr), 0);
	cr_assert_eq(trial_send(&t, 0, span_of(NULL, 0), false, 1000), 0);
	cr_assert_eq(trial_await(&t, 20000, &answer, &line, &why), TRIAL_ANSWERED);
	cr_assert_eq(trial_send(&t, 1, span_str("x"), false, 1000), 0);
	cr_assert_eq(trial_await(&t, 20000, &answer, &line, &why), TRIAL_BROKEN);
	cr_assert_str_eq(why, "it is longer than handler_max_reply allows");
	(void)trial_kill(&t);
}

Test(trial, its_environment_is_that_of_a_server)
{
	char sh[] = "/bin/sh", flag[] = "-c",
	     script[] =
		     "read l; echo \"{\\\"job\\\":0,\\\"payload\\\":\\\"$(env | grep -v ^PPOOL_PROCESS | sort | tr '\\n' ' ') $(pwd)\\\"}\"";
	char more[] = "A=b", setting[] = "mode=fast", *env[] = {more}, *settings[] = {setting};
	char *words[] = {sh, flag, script};
	struct handler_conf c = conf_of(words, 3);
	struct job_answer answer;
	struct span line;
	const char *why;
	struct trial t;

	c.env = (struct conf_list){env, 1};
	c.setting = (struct conf_list){settings, 1};
	cr_assert_eq(setenv("SECRET", "1", 1), 0);
	cr_assert_eq(trial_start(&t, &c, &server, stderr), 0);
	cr_assert_eq(trial_send(&t, 0, span_of(NULL, 0), false, 1000), 0);
	cr_assert_eq(trial_await(&t, 20000, &answer, &line, &why), TRIAL_ANSWERED);
	cr_assert(span_eq_str(answer.text,
			      "A=b LANG=C.UTF-8 PATH=/usr/bin:/bin PPOOL_mode=fast PWD=/  /"),
		  "%.*s", SPAN_ARG(answer.text));
	(void)trial_kill(&t);
}
